# %% [markdown]
# # A minimalist version of BERT (50 points)
#
# {colab}
#
# You write the parts of BERT that matter: attention, the residual connection with its layer
# normalization, and the layer made of them. Your BERT then takes over weights that were trained on
# billions of words, and you train it further, until it tells how a sentence judges the film it is
# about: from 0, very negative, to 4, very positive.
#
# Your code goes into two files, `bert.py` and `classifier.py`. This notebook is the way through:
# it sets things up, checks each part as soon as you have written it, trains, plots, and packs what
# you hand in. Libraries that contain a BERT are not allowed in your code; PyTorch is.
#
# | part | what | points |
# |:--|:--|--:|
# | (a) | `BertSelfAttention.attention` in `bert.py` | 10 |
# | (b) | `BertSelfAttention.forward` in `bert.py` | 8 |
# | (c) | `BertLayer.add_norm` in `bert.py` | 8 |
# | (d) | `BertLayer.forward` in `bert.py` | 8 |
# | (e) | the training step, in `train` of `classifier.py` | 8 |
# | (f) | nothing to write: you train your BERT, and hand in `result.log` | 8 |
#
# Figure 1 shows where (a) to (d) stand in one layer. BERT-base is a stack of twelve of them.
#
# ![Figure 1: one layer of BERT. The hidden states go into three linear layers, query, key and
# value, whose results enter (a), attention; together they are (b), self-attention. Its result goes
# through (c), add_norm: a dense layer, dropout, the sum with the layer's input, layer
# normalization. Below, the same with the feed-forward network in the place of self-attention and
# the first row's result as its input. Both rows together are (d), the layer.](figures/layer.svg)
#
# *Figure 1: one layer of BERT.*
#
# The same letters stand for the same sizes here, in the comments of the code, and in its errors:
#
# | | | BERT-base |
# |:--|:--|--:|
# | $B$ | sentences in a batch | |
# | $T$ | tokens in a sentence, padding included | at most 512 |
# | $H$ | hidden size: the numbers that stand for one token | 768 |
# | $A$ | attention heads | 12 |
# | $d_k = H / A$ | size of a head | 64 |
#
# ## How the files fit together
#
# | file | what it does | |
# |:--|:--|:--|
# | `bert.py` | attention, the layer, the whole model | **you write (a) to (d)** |
# | `classifier.py` | a classifier, its training; the program that you run | **you write (e)** |
# | `experiment.py` | the program's options, sentences in batches, a progress bar | given |
# | `base_bert.py`, `config.py` | read a checkpoint: its weights, its sizes | given |
# | `tokenizer.py` | cuts text into WordPieces and numbers them | given |
# | `utils.py` | the attention mask; writes and reads `result.log` | given |
# | `sanity_check.py` | compares your BERT with stored values, stage by stage | given |
# | `../data/prepare.py` | fetches sentences and weights | given |
#
# A sentence goes through them in this order: `tokenizer.py` makes ids of it, `BertModel` in
# `bert.py` looks up a vector for each id and passes the vectors through all layers, and
# `BertSentClassifier` in `classifier.py` makes five scores of the vector of the first token,
# `[CLS]`. All of it is short enough to read, and reading it helps. Whatever you add (a helper
# function, say) must stand in `bert.py` or `classifier.py`, for no other module is handed in.

# %% [markdown]
# ## Set-up
#
# **On Colab**: choose *Runtime > Change runtime type > T4 GPU*, then run the next cell. It connects
# your Google Drive and puts the course's files into a folder there, since Colab forgets everything
# else when you leave. You edit `bert.py` by a double click on it in the file browser (the folder
# symbol on the left); save with Ctrl-S.
#
# **On a laptop**: follow `setup.md`. The next cell then has nothing to do.

# %% tags=["skip-execution"]
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

COURSE = "{repository}"  # the course's git repository; "" asks you to upload the zip you got
FOLDER = Path("/content/drive/MyDrive/nlp-coursework")  # where your work is kept

if "google.colab" in sys.modules:
    from google.colab import drive, files

    drive.mount("/content/drive")
    if any(FOLDER.glob("**/q2/bert.py")):
        print("Your files of last time are there.")
    elif COURSE:
        subprocess.run(["git", "clone", "--depth", "1", COURSE, FOLDER], check=False)
    else:
        for content in files.upload().values():
            zipfile.ZipFile(io.BytesIO(content)).extractall(FOLDER)
    found = sorted(FOLDER.glob("**/q2/bert.py"))
    if found:
        os.chdir(found[0].parent)
    else:
        print(f"{FOLDER} holds no q2/bert.py: check COURSE or the zip, and run this cell again.")
print(f"Working in {Path.cwd()}")

# %% [markdown]
# The next cell installs what is missing. It leaves PyTorch alone: Colab brings one that fits its
# GPU.

# %% tags=["skip-execution"]
import importlib.util
import subprocess
import sys

PACKAGES = {  # the name to import: the name to install
    "datasets": "datasets",
    "huggingface_hub": "huggingface_hub",
    "matplotlib": "matplotlib",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "tqdm": "tqdm",
}
missing = [package for name, package in PACKAGES.items() if not importlib.util.find_spec(name)]
if not missing:
    print("Nothing is missing.")
elif subprocess.run([sys.executable, "-m", "pip", "install", *missing], check=False).returncode:
    print(f"pip could not install {', '.join(missing)}: read above why, and run this cell again.")
else:
    print(f"Installed: {', '.join(missing)}.")

# %%
import os
import sys
from pathlib import Path

import torch

# Makes `!python` below the Python of this notebook, also where its environment is not activated.
os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]

if torch.cuda.is_available():
    print(f"GPU: {torch.cuda.get_device_name()}.")
else:
    print("No GPU here. On Colab: Runtime > Change runtime type > T4 GPU. On a laptop: go on, and")
    print("train the small checkpoint.")

# %% [markdown]
# ## Data and weights
#
# The sentences come from film reviews, one a line, as `label ||| sentence`. `prepare.py` gets SST-5
# (Socher et al., 2013), and a set of the same kind where that cannot be reached. It prints how the
# labels are distributed: note the share of the largest class, which is what guessing would earn.

# %% tags=["skip-execution"]
# !python ../data/prepare.py sst

# %% [markdown]
# The weights of BERT-base, 440 MB, are downloaded when training first asks for them. For a
# rehearsal, and for where there is no GPU, `prepare.py` gets all-MiniLM-L6-v2, too: a BERT of 6
# layers with $H = 384$, made for speed.

# %% tags=["skip-execution"]
# !python ../data/prepare.py weights

# %% [markdown]
# ## (a) Attention (10 points)
#
# Each token sends a *query* to all tokens of its sentence, and each of them answers with a *key*:
# the better the two agree, the more of that token's *value* flows back. With one row a token in
# $Q$, $K$ and $V$, this is one line for a whole sentence:
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_k}} + M\right) V$$
#
# - $Q K^\top$ holds a score for every pair of tokens. Were the entries of a query and a key
#   independent with variance 1, their product would have variance $d_k$; the division brings it
#   back to 1, so that the softmax does not start saturated.
# - $M$ is the **additive mask**, `attention_mask`: 0 where a key is a token, and a large negative
#   number, here $-10000$, where it is padding, which the exponential of the softmax turns into a
#   weight of 0.
# - The $A$ heads do this side by side, each on its own $d_k$ columns; at the end their results are
#   written next to each other, head after head.
#
# | | shape |
# |:--|:--|
# | `key`, `query`, `value` | $[B, A, T, d_k]$ |
# | `attention_mask` | $[B, 1, 1, T]$ |
# | returned | $[B, T, H]$ |
#
# Write `BertSelfAttention.attention` in `bert.py`, save the file, and run the check. The checks in
# this notebook are for you: they carry no points, and they find many mistakes, but not all.
#
# <details><summary>A hint</summary>
#
# Write the shape at the end of each line. The scores have two axes of length $T$: one counts the
# queries, the other the keys, and only one of them is summed over when values are averaged. Before
# the heads can be joined, the two axes that become one, $A$ and $d_k$, must be neighbours, in this
# order.
# </details>

# %% tests="q2_attention" points=10 code="bert.py:BertSelfAttention.attention"
from importlib import reload
from math import log

import torch

import bert
from config import BertConfig

reload(bert)  # what you saved last
torch.manual_seed(0)
config = BertConfig(hidden_size=12, num_attention_heads=3, attention_probs_dropout_prob=0.5)
self_attention = bert.BertSelfAttention(config).eval()


def attend(*inputs):
    return self_attention.attention(*(tensor.clone() for tensor in inputs))


key, query, value = torch.randn(3, 2, 3, 5, 4)  # each [B, heads, T, d_k]
mask = torch.zeros(2, 1, 1, 5)
context = attend(key, query, value, mask)
assert isinstance(context, torch.Tensor), (
    f"`attention` returns a {type(context).__name__}; expected is one tensor of shape [B, T, H]"
)
assert context.shape == (2, 5, 12), (
    f"`attention` returns the shape {list(context.shape)}, expected [B, T, H] = [2, 5, 12]"
)
assert not context.isnan().any(), (
    "`attention` returns NaN, though nothing is padding: does your code hide all keys?"
)
assert torch.equal(context, attend(key, query, value, mask)), (
    "two equal calls differ: is a dropout at work that `eval()` does not switch off?"
)

# If all values are 1, so is every weighted mean of them.
assert torch.allclose(attend(key, query, torch.ones_like(value), mask), torch.ones(2, 5, 12)), (
    "with values of 1 everywhere the result is not 1 everywhere: do the weights that a query gives "
    "to the keys sum to 1 (which axis does the softmax run over?), and do they meet the values?"
)

# If the values of each head are the head's number, the result shows where the heads end up.
numbers = torch.arange(3.0)[:, None, None].expand_as(value)
found = attend(key, query, numbers, mask)[0, 0].round().int().tolist()
assert found == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2], (
    "the heads are mixed up when they are joined: the first 4 numbers of a token should come from "
    "head 0, the next 4 from head 1. Which axes stood next to each other?"
)

# Two keys, d_k = 4, and a score of 2 log 3 before the division: weights of 3/4 and 1/4 after it.
key, query, value = torch.zeros(3, 1, 3, 2, 4)
key[..., 0, 0], query[..., 0], value[..., 0, :] = 2 * log(3), 1, 1
weight = attend(key, query, value, torch.zeros(1, 1, 1, 2))[0, 0, 0].item()
assert abs(weight - 0.75) < 1e-4, (
    f"a weight is {weight:.3f} where it should be 0.750: work this example out by hand, and look "
    "at what the scores are divided by, and when"
)

# If all tokens but one are padding, every query gets the value of that one.
key, query, value = torch.randn(3, 2, 3, 5, 4)
mask = torch.full((2, 1, 1, 5), -1e9)  # any large negative number stands for padding
mask[..., 2] = 0
only = value[:, :, 2].flatten(1)  # [B, heads, d_k] -> [B, H]
assert torch.allclose(attend(key, query, value, mask), only[:, None].expand(2, 5, 12), atol=1e-5), (
    "padding still has weight: `attention_mask` is to be added, and before the softmax"
)
print("(a) passes its checks.")

# %% [markdown]
# ## (b) Self-attention (8 points)
#
# Where do queries, keys and values come from? In *self*-attention all three are made from the same
# hidden states $X$, each by a linear layer of its own. For head $i$:
#
# $$\mathrm{head}_i = \mathrm{Attention}(X W_i^Q,\; X W_i^K,\; X W_i^V)$$
#
# One linear layer holds the matrices of all heads side by side. `transform` is given: it applies
# such a layer and deals the result out to the heads, $[B, T, H] \to [B, A, T, d_k]$.
#
# Write `BertSelfAttention.forward`. Its check runs your (a), too.
#
# <details><summary>A hint</summary>
#
# Mind the order in which `attention` wants its arguments; naming them in the call keeps you from
# mixing them up.
# </details>

# %% tests="q2_self_attention" points=8 code="bert.py:BertSelfAttention.forward"
from importlib import reload

import torch

import bert
from config import BertConfig

reload(bert)
torch.manual_seed(0)
config = BertConfig(hidden_size=12, num_attention_heads=3)
self_attention = bert.BertSelfAttention(config).eval()
hidden_states = torch.randn(2, 5, 12)
mask = torch.zeros(2, 1, 1, 5)
mask[..., 3:] = -10000  # the last two of the five tokens are padding


def forward(hidden_states):
    return self_attention(hidden_states.clone(), mask.clone())


before = forward(hidden_states)
assert isinstance(before, torch.Tensor) and before.shape == (2, 5, 12), (
    "`forward` should return one tensor of the shape of `hidden_states`, [B, T, H]"
)

(before * torch.randn(2, 5, 12)).sum().backward()
for name in ("query", "key", "value"):
    assert getattr(self_attention, name).weight.grad is not None, (
        f"the linear layer `{name}` has no part in the result: each of the three has its own use"
    )

other_padding = hidden_states.clone()
other_padding[:, 3:] = 100
assert torch.allclose(forward(other_padding)[:, :3], before[:, :3], atol=1e-5), (
    "what stands in the padding changes the tokens: does the mask reach `attention`?"
)

with torch.no_grad():
    # A bias of the keys raises all scores of one query alike, and the softmax does not see it.
    self_attention.key.bias += 3
    assert torch.allclose(forward(hidden_states), before, atol=1e-4), (
        "the bias of `key` changes the result, which it cannot: are keys and queries exchanged?"
    )
    # Queries of zero agree with every key equally.
    self_attention.query.weight.zero_()
    self_attention.query.bias.zero_()
    mean = self_attention.value(hidden_states)[:, :3].mean(dim=1, keepdim=True)  # [B, 1, H]
    assert torch.allclose(forward(hidden_states), mean.expand(2, 5, 12), atol=1e-5), (
        "with queries of zero every token should get the plain mean of the values: which layer "
        "makes the values, and what happens to the result of `attention`?"
    )
print("(b) passes its checks.")

# %% [markdown]
# ## (c) Add and norm (8 points)
#
# What a sub-layer computes passes one more linear layer and is *added* to what came in; layer
# normalization then gives each token's vector mean 0 and variance 1, up to a learned scale and
# shift:
#
# $$\mathrm{LayerNorm}\bigl(x + \mathrm{Dropout}(\mathrm{dense}(y))\bigr)$$
#
# Here $x$ is `input`, $[B, T, H]$, and $y$ is `output`, $[B, T, D]$, where $D$ is whatever
# `dense_layer` takes. The sum is the **residual connection**: on its way back the gradient has a
# path around every sub-layer, which is why twelve of them can be trained.
#
# Write `BertLayer.add_norm` with the three modules that it is handed.
#
# <details><summary>A hint</summary>
#
# At what point of the formula do the two ways, with and without the sub-layer, meet? Nothing but
# the last step may touch $x$ itself.
# </details>

# %% tests="q2_add_norm" points=8 code="bert.py:BertLayer.add_norm"
from importlib import reload
from unittest import mock

import torch
import torch.nn.functional as F

import bert
from config import BertConfig

reload(bert)
torch.manual_seed(0)
layer = bert.BertLayer(BertConfig(hidden_size=12, num_attention_heads=3, intermediate_size=20))
layer.eval()
dense, norm = torch.nn.Linear(20, 12), torch.nn.LayerNorm(12)
dropout = torch.nn.Dropout(1.0).eval()  # in training it drops everything, in evaluation nothing
x, y = torch.randn(2, 5, 12), torch.randn(2, 5, 20)


def add_norm():
    return layer.add_norm(x.clone(), y.clone(), dense, dropout, norm)


with torch.no_grad():
    result = add_norm()
    assert isinstance(result, torch.Tensor) and result.shape == (2, 5, 12), (
        "`add_norm` should return one tensor of the shape of `input`, [B, T, H]"
    )
    assert result.mean(dim=-1).abs().max() < 1e-4, (
        "the numbers of a token do not have mean 0: is the layer normalization the last step?"
    )
    assert (result.var(dim=-1, correction=0) - 1).abs().max() < 1e-2, (
        "the numbers of a token do not have variance 1: is the layer normalization the last step?"
    )
    assert not torch.allclose(result, norm(x)), (
        "in evaluation no dropout may drop anything, but LayerNorm(input) is all that is left: "
        "does the sub-layer reach the sum, and is `dropout` used as it is handed over?"
    )
    layer.train(), dropout.train()
    assert torch.allclose(add_norm(), norm(x), atol=1e-5), (
        "when the dropout drops all it gets, LayerNorm(input) should be left: what does the "
        "dropout stand before and after, and where does the residual connection start?"
    )
    # A dropout that doubles what it gets shows how often it is applied.
    with mock.patch.object(
        F, "dropout", lambda x, p=0.5, training=True, inplace=False: x * (1 + p * training)
    ):
        assert torch.allclose(add_norm(), norm(x + 2 * dense(y)), atol=1e-5), (
            "in training, `dropout` is not applied once to the result of `dense_layer`: how often, "
            "and to what, does your code apply it?"
        )
    layer.eval(), dropout.eval()
    dense.weight.zero_()
    dense.bias.zero_()
    assert torch.allclose(add_norm(), norm(x), atol=1e-5), (
        "with a dense layer that gives zeros, LayerNorm(input) should be left: what is added to "
        "what?"
    )
print("(c) passes its checks.")

# %% [markdown]
# ## (d) The layer (8 points)
#
# A layer has two sub-layers, the two rows of figure 1. In the first, tokens look at each other; in
# the second, a small network works on each token alone:
#
# $$\mathrm{FFN}(x) = \mathrm{GELU}(x W_1 + b_1)\, W_2 + b_2$$
#
# Its inner vectors have size `intermediate_size`, in BERT-base $4H = 3072$. Each sub-layer is
# closed by an `add_norm` with modules of its own. Write `BertLayer.forward`,
# $[B, T, H] \to [B, T, H]$. Its check runs (a) to (c), too.
#
# <details><summary>A hint</summary>
#
# Follow figure 1 with a finger, and find $W_1$ and $W_2$ in it. A dense layer that `add_norm`
# applies is not applied a second time outside. Both residual connections start where their row
# starts.
# </details>

# %% tests="q2_layer" points=8 code="bert.py:BertLayer.forward"
from importlib import reload

import torch
import torch.nn.functional as F

import bert
from config import BertConfig

reload(bert)
torch.manual_seed(0)
layer = bert.BertLayer(BertConfig(hidden_size=12, num_attention_heads=3, intermediate_size=20))
layer.eval()
hidden_states, mask = torch.randn(2, 5, 12), torch.zeros(2, 1, 1, 5)
mask[..., 3:] = -10000  # the last two of the five tokens are padding
result = layer(hidden_states.clone(), mask.clone())
assert isinstance(result, torch.Tensor) and result.shape == (2, 5, 12), (
    "`forward` should return one tensor of the shape of `hidden_states`, [B, T, H]"
)

(result * torch.randn(2, 5, 12)).sum().backward()
unused = [name for name, weight in layer.named_parameters() if weight.grad is None]
assert not unused, (
    f"these weights have no part in the result: {', '.join(unused)}. Find them in figure 1"
)

with torch.no_grad():
    other_padding = hidden_states.clone()
    other_padding[:, 3:] = 100
    assert torch.allclose(layer(other_padding, mask.clone())[:, :3], result[:, :3], atol=1e-5), (
        "what stands in the padding changes the tokens: does the mask reach `self_attention`?"
    )
    for dense in (layer.attention_dense, layer.out_dense):
        dense.weight.zero_()
        dense.bias.zero_()
    shift = layer.attention_layer_norm.bias.normal_()
    only_norms = F.layer_norm(F.layer_norm(hidden_states, [12]) + shift, [12])
    assert torch.allclose(layer(hidden_states.clone(), mask.clone()), only_norms, atol=1e-4), (
        "with both sub-layers giving zeros, the two normalizations should be left, one after the "
        "other: where does each residual connection start?"
    )
print("(d) passes its checks.")

# %% [markdown]
# ## Is it BERT?
#
# `sanity_check.py` runs your model on a small set of weights and compares each stage with values
# that another implementation computed. It names the first stage that differs, and by how much. Go
# on when all stages are equal: a mistake that is left in here costs accuracy later, and is much
# harder to find there.

# %%
# !python sanity_check.py

# %% [markdown]
# ## (e) The training step (8 points)
#
# BERT turns a sentence into the vector of its `[CLS]` token, and a linear layer turns that into a
# score $z_k$ for each of the five labels. The loss of a batch is the mean cross-entropy with the
# right labels $y$,
#
# $$L = -\frac{1}{B} \sum_{b=1}^{B} \log \frac{e^{z_{b, y_b}}}{\sum_k e^{z_{b, k}}} ,$$
#
# and a step moves all weights a little against its gradient: **forward, loss, backward, update**.
# In `train` of `classifier.py` everything around this step is given, the batches and the optimizer
# (AdamW) included. Write the step; leave the batch's loss in `loss`.
#
# The check trains a stand-in for BERT, a mean of word vectors, on four sentences. It does not need
# the parts before.
#
# <details><summary>A hint</summary>
#
# Read in PyTorch's documentation whether `F.cross_entropy` wants probabilities, their logarithms or
# plain scores. And `backward` *adds* to the gradients that are there: what is left from the batch
# before?
# </details>

# %% tests="q2_train" points=8 code="classifier.py:train"
import io
import math
from contextlib import redirect_stderr
from importlib import reload
from tempfile import TemporaryDirectory
from unittest import mock

import torch

import classifier
from config import BertConfig
from utils import read_result_log

reload(classifier)


class BagOfWords(torch.nn.Module):
    """Stands in for BERT: a sentence is the mean of its words' vectors."""

    config = BertConfig(hidden_size=16, num_attention_heads=1)

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(8, 16)

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        return cls()

    def forward(self, input_ids, attention_mask):
        return {"pooler_output": self.words(input_ids).mean(dim=1)}


def batch(ids, labels):
    ids = torch.tensor(ids)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids),
            "labels": torch.tensor(labels), "sentences": ["..."] * len(labels)}


# Two batches of two sentences; the words of the first do not occur in the second.
batches = [batch([[0, 1], [2, 3]], [0, 1]), batch([[4, 5], [6, 7]], [0, 2])]
data = classifier.Data(batches, batches, batches, num_labels=3, sizes={"train_sentences": 4})
options = "--epochs 8 --lr 0.05 --batch_size 2 --hidden_dropout_prob 0"
args = classifier.get_args(options.split())
models = []
with TemporaryDirectory() as folder, redirect_stderr(io.StringIO()), mock.patch.multiple(
    classifier,
    BertModel=BagOfWords,
    RESULT_LOG=f"{folder}/result.log",
    load_data=lambda args: data,
    save_model=lambda model, *_: models.append(model),
):
    classifier.train(args)
    epochs = read_result_log(f"{folder}/result.log").epochs

losses = [epoch.train_loss for epoch in epochs]
assert all(map(math.isfinite, losses)) and min(losses) >= 0, (
    f"the losses of the epochs are {losses}: a cross-entropy is finite and never negative. What "
    "does your loss function expect, scores or logarithms of probabilities?"
)
assert abs(losses[0] - math.log(3)) < 0.5, (
    f"the first loss is {losses[0]:.2f}; a model that knows nothing of 3 labels has about "
    "log 3 = 1.10. Is `loss` the mean over the batch?"
)
assert losses[-1] < losses[0] / 4, (
    f"the loss goes from {losses[0]:.2f} to {losses[-1]:.2f} in 8 epochs, which is too slow: does "
    "every batch update the weights, against its gradient, and does the loss see plain scores?"
)
assert epochs[-1].dev_accuracy == 1, (
    "the loss falls, and yet the four sentences do not get their labels: is `labels` what the loss "
    "compares with?"
)
gradient = models[-1].bert.words.weight.grad  # of the last batch, which holds the words 4 to 7
assert gradient is None or not gradient[:4].any(), (
    "after the last batch the gradient still holds something of the first one"
)
print("(e) passes its checks.")

# %% [markdown]
# ## (f) Train it (8 points)
#
# First a rehearsal with the small checkpoint on 64 sentences, which shows within a minute whether
# everything is in its place. It runs in a folder of its own, since every run overwrites the
# `result.log` of the folder where it is started.

# %% tags=["skip-execution"]
# !mkdir -p rehearsal
# !cd rehearsal && python ../classifier.py --epochs 1 --limit 64 \
#     --checkpoint data/checkpoints/all-MiniLM-L6-v2

# %% [markdown]
# Then in earnest: with a GPU, BERT-base for three epochs, each of which takes about 2 min 20 s on
# Colab's T4; without one, the small checkpoint for two, of about two minutes each on two cores.

# %% tags=["skip-execution"]
import torch

if torch.cuda.is_available():
    options = "--epochs 3 --lr 1e-5 --use_gpu"
else:
    options = "--epochs 2 --lr 5e-5 --batch_size 32 --checkpoint data/checkpoints/all-MiniLM-L6-v2"
# !python classifier.py --option finetune {options}

# %% [markdown]
# `python classifier.py --help` lists all options; `--option pretrain` keeps BERT's weights as they
# are and trains only the last linear layer, which is quick, and worse. Accuracies to expect on the
# dev sentences of SST-5: 0.50 to 0.53 with BERT-base, 0.45 to 0.48 with the small checkpoint, 0.38
# to 0.40 with a frozen BERT-base, and 0.26 from always saying the most frequent label.
#
# Training writes four files here. You hand in the first:
#
# - `result.log`: arguments, how the run began (its weights and sentences, the first losses), a line
#   an epoch, the final accuracies. Grading may begin the run again with your code and compare, so
#   train with the code that you hand in. Make a copy of the log before you experiment further, and
#   hand in a complete run on all the data, as it is.
# - `finetune-3-1e-05.pt`: the weights after the epoch with the best dev accuracy.
# - `dev-output.txt` and `test-output.txt`: what that model says of each sentence.

# %% tests="q2_result" points=8 code="result.log"
import math
from pathlib import Path

from utils import read_result_log

assert Path("result.log").is_file(), (
    f"there is no result.log in {Path.cwd().name}/: run the training above. If you ran it from "
    "another folder, move the file here"
)
log = read_result_log(Path("result.log"))
assert log.epochs, "result.log holds no finished epoch: let the training run to its end"
assert log.status == "complete", (
    f"the run in result.log is not complete ({log.status or 'it has no end'}): train again, and "
    "let it finish"
)
assert len(log.epochs) == int(log.settings["epochs"]), (
    f"result.log holds {len(log.epochs)} epochs where {log.settings['epochs']} were asked for"
)
limit = log.settings.get("limit", "None")
assert limit == "None", f"this run saw only {limit} sentences: train again without --limit"
losses = [epoch.train_loss for epoch in log.epochs]
assert all(map(math.isfinite, losses)) and min(losses) >= 0, (
    f"the losses are {losses}: a cross-entropy is finite and never negative. Look at (e)"
)
assert len(losses) == 1 or losses[-1] < losses[0], (
    f"the loss does not fall from first to last epoch: {losses}. Is the learning rate too high?"
)
print(f"{log.settings['checkpoint']}, {log.settings['option']}, {len(log.epochs)} epochs: accuracy "
      f"{log.dev.accuracy:.3f} on dev, {log.test.accuracy:.3f} on test. The log is complete.")

# %% [markdown]
# ### How did it go?
#
# A good run shows a falling loss. Where accuracy goes on rising on the training sentences while it
# stands still or drops on dev, the model has begun to learn its sentences by heart.

# %% tags=["skip-execution"]
from pathlib import Path

import matplotlib.pyplot as plt

from utils import read_result_log


def plot_log(path: Path) -> None:
    """Draw loss and accuracy over the epochs of a result.log."""
    epochs = read_result_log(path).epochs
    numbers = [epoch.epoch for epoch in epochs]
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
    left.plot(numbers, [epoch.train_loss for epoch in epochs], "o-", label="train")
    left.set(xlabel="epoch", ylabel="mean cross-entropy (nats)", title="Loss", xticks=numbers)
    right.plot(numbers, [epoch.train_accuracy for epoch in epochs], "o-", label="train")
    right.plot(numbers, [epoch.dev_accuracy for epoch in epochs], "s-", label="dev")
    right.set(xlabel="epoch", ylabel="share of right labels", title="Accuracy", xticks=numbers)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    plt.show()


if Path("result.log").is_file():
    plot_log(Path("result.log"))
else:
    print("There is no result.log to plot yet: training writes it.")

# %% [markdown]
# ### What does it get wrong?
#
# These are dev sentences on which your model is furthest off. Read them: is the model wrong, or the
# label, or are words missing that only the whole review would give?

# %% tags=["skip-execution"]
from pathlib import Path

import classifier


def furthest_off(count: int) -> list[tuple[int, int, str]]:
    """The `count` worst predictions of dev-output.txt, as (label, prediction, sentence)."""
    labels = dict(classifier.create_data("data/sst-dev.txt", "valid"))
    rows = []
    for line in Path("dev-output.txt").read_text(encoding="utf-8").splitlines():
        prediction, _, sentence = line.partition(" ||| ")
        if sentence in labels:  # it is not where the data was prepared anew since
            rows.append((labels[sentence], int(prediction), sentence))
    return sorted(rows, key=lambda row: -abs(row[0] - row[1]))[:count]


if Path("dev-output.txt").is_file():
    print("label  prediction  sentence")
    for label, prediction, sentence in furthest_off(10):
        print(f"{label:5}  {prediction:10}  {sentence}")
else:
    print("There is no dev-output.txt yet: training writes it at its end.")

# %% [markdown]
# ## Hand in
#
# 1. Save this notebook.
# 2. Open `collect_submission.sh` in the folder above this one, and set `ID` to your student id.
# 3. Run the next cell. It says what is still missing, or which zip it wrote and what is in it. On
#    Colab it downloads the zip, too.
# 4. Upload the zip to the course's learning platform.

# %% tags=["skip-execution"]
# !bash ../collect_submission.sh

# %% tags=["skip-execution"]
import sys
from pathlib import Path

if "google.colab" in sys.modules:
    from google.colab import files

    for path in Path("..").glob("*_coding.zip"):
        files.download(str(path))
