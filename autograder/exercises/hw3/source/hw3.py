# %% [markdown]
# # Transformers, from the inside out (40 points)
#
# {colab}
#
# First attention on paper: what it can do with a single query, and what it cannot. Then an encoder
# that picks the right ending of a short story out of four. Then an encoder-decoder that reads a
# text and writes the answer to a question. You write the small pieces that stand between a data set
# and a trained model: those in which most mistakes are made, and most of them without a message.
#
# | task | what | points |
# |:--|:--|--:|
# | **1** | **Diving into attention**, written | **12** |
# | 1.1 | attention as copying | 3 |
# | 1.2 | an average of two values | 4 |
# | 1.3 | what a single head cannot do reliably | 4 |
# | 1.4 | what attention costs | 1 |
# | **2** | **Multiple choice on SWAG**, with an encoder | **14** |
# | 2.1 | from sentences to batches | 4 |
# | 2.2 | a model of the library, and its trainer | 3 |
# | 2.3 | a model of your own | 5 |
# | 2.4 | both models, compared | 2 |
# | **3** | **Answers in words: T5 on SQuAD**, with an encoder-decoder | **14** |
# | 3.1 | text to text: from questions to batches | 5 |
# | 3.2 | training | 2 |
# | 3.3 | an answer in words | 2 |
# | 3.4 | written: the paper behind it | 5 |
#
# You hand this in as a group: one notebook, with everybody's name in it. Written answers stand in
# this notebook: a double click on *YOUR ANSWER HERE* opens the cell, Shift-Enter closes it.
# Formulas are LaTeX between dollar signs: `$a_i = 1$` becomes $a_i = 1$. Each subtask ends with a
# cell for the comments of another group. Leave these cells as they are, marks and all.
#
# The notebook works by itself, on Colab (*Runtime > Change runtime type > T4 GPU*) and on a laptop.
# The tasks do not need each other: begin with whichever you like.

# %% [markdown] name="members"
# **Members of the group** (full names, one on each line):
#
# -

# %% [markdown]
# ## Set-up
#
# The first cell installs what is missing. PyTorch is left alone: Colab brings one that fits its
# GPU. The second imports what all tasks need, in about 20 s on Colab. Run both whenever you come
# back.

# %% tags=["skip-execution"]
from importlib.util import find_spec

PACKAGES = {  # the name to import: the name to install
    "accelerate": "accelerate",
    "datasets": "datasets",
    "evaluate": "evaluate",
    "sklearn": "scikit-learn",
    "transformers": "transformers",
}
missing = [package for name, package in PACKAGES.items() if not find_spec(name)]
if missing:
    get_ipython().run_line_magic("pip", f"install --quiet {' '.join(missing)}")
print(f"Installed: {', '.join(missing)}." if missing else "Nothing is missing.")

# %%
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import evaluate
import numpy as np
import torch
from datasets import Dataset, DatasetDict, load_dataset
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DistilBertConfig,
    DistilBertModel,
    DistilBertPreTrainedModel,
    EvalPrediction,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    T5ForConditionalGeneration,
    Trainer,
    TrainingArguments,
)

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(f"This notebook computes on: {device}.")

# What libraries remark is printed. On stderr, nbgrader's Validate would take it for a failure.
logging.basicConfig(format="%(message)s", stream=sys.stdout)
logging.captureWarnings(True)
for library in ("transformers", "datasets", "huggingface_hub"):
    for handler in logging.getLogger(library).handlers:
        handler.setStream(sys.stdout)


def attempt(part: str, function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a function of yours; where it is still to be written, say so in a sentence."""
    try:
        return function(*args, **kwargs)
    except NotImplementedError:
        raise AssertionError(f"{part} is still to be written") from None


def needs(*names: str) -> None:
    """Stop where something is not there yet that stands in another cell above."""
    missing = [name for name in names if name not in globals()]
    assert not missing, f"this needs `{'`, `'.join(missing)}` from above, which is not there yet"


def tell_stand_in(checkpoint: str) -> None:
    """Say so where a small model of this course lies in the place of the real checkpoint."""
    if stand_in := getattr(AutoConfig.from_pretrained(checkpoint), "stand_in", None):
        print(f"*** {checkpoint}: {stand_in} ***")


def tell_best(trainer: Trainer) -> None:
    """Say which weights a trainer's model has after the training."""
    loaded = trainer.state.best_model_checkpoint or "no checkpoint: the last weights stay"
    print(f"Best evaluation: step {trainer.state.best_global_step}. Loaded: {loaded}.")


# %% [markdown]
# # Task 1: diving into attention (12 points)
#
# A *query* $q \in \mathbb{R}^d$ looks for something among $n$ *keys*
# $k_1, \dots, k_n \in \mathbb{R}^d$, and each key has a *value* $v_1, \dots, v_n \in \mathbb{R}^d$
# to hand over. Query and key are compared by their dot product, and the softmax makes *weights* of
# the scores. What comes out is the weighted sum of the values:
#
# $$a_i = \frac{\exp(q^\top k_i)}{\sum_{j=1}^{n} \exp(q^\top k_j)}
# \qquad\qquad o = \sum_{i=1}^{n} a_i v_i$$
#
# Each $a_i$ is a number; $o$ is a vector of $\mathbb{R}^d$ like the values. The factor $1/\sqrt{d}$
# that transformers put in front of the scores is left out here: it can be taken into $q$.
#
# ![Four keys; the weights that three queries of the same direction and growing length give to
# them, as bars; the longer the query, the nearer the largest weight comes to
# one](figures/attention-weights.svg)
#
# The figure shows what the length of a query does. All three point in the same direction; the
# longer one is, the larger are the differences between its scores, and the more the softmax
# favours the best.
#
# Answer in formulas and one or two sentences each. A result needs its reason.

# %% [markdown]
# ## 1.1 Attention as copying (3 points)
#
# **(a)** Why can $a = (a_1, \dots, a_n)$ be read as a categorical distribution over the $n$ keys?
# (1 point)

# %% [markdown] written="hw3_1_1a" points=1
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5: all $a_i$ are positive (or: not negative), since the exponential is.
# - 0.5: they sum to 1, since the denominator is the sum of all numerators.
#
# **An answer with full marks.** A categorical distribution over $n$ outcomes is $n$ numbers that
# are not negative and sum to one. Every $a_i$ is a quotient of exponentials, hence $a_i > 0$, and
# $\sum_i a_i = \sum_i \exp(q^\top k_i) / \sum_j \exp(q^\top k_j) = 1$.
# ### END SOLUTION

# %% [markdown]
# **(b)** For which queries does a single $a_j$ take nearly all the weight? Say what has to hold for
# the scores, how large the difference has to be, and what $q$ then looks like. (1 point)

# %% [markdown] written="hw3_1_1b" points=1
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5: $q^\top k_j$ is far above every other $q^\top k_i$. "Above" without "far" earns 0.25: the
#   softmax of close scores is nearly flat.
# - 0.5: how far, or what $q$ looks like: a gap well over $\log n$; or $q$ aligned with $k_j$ (more
#   than with any other key) and long.
#
# **An answer with full marks.** Let $g$ be the distance from $q^\top k_j$ to the second-best score.
# Then $a_j \ge 1 / (1 + (n - 1) e^{-g})$, which is close to 1 as soon as $g$ is well over
# $\log n$. So $q^\top k_j \gg q^\top k_i$ for all $i \ne j$: the query points where $k_j$ points,
# and not where the others do, and it is long.
# ### END SOLUTION

# %% [markdown]
# **(c)** What is $o$ in the case of (b), and what does attention do there, in plain words?
# (1 point)

# %% [markdown] written="hw3_1_1c" points=1
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5: $o \approx v_j$.
# - 0.5: the meaning: the value of the key that was found is copied to the output, as in looking up
#   a key in a dictionary.
#
# **An answer with full marks.** With $a_j \approx 1$ and all other weights near 0 the sum is
# $o \approx v_j$: attention looks up the key that fits the query, and copies its value.
# ### END SOLUTION

# %% [markdown] name="comment_1_1"
# ⟶ **Comments on 1.1**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 1.1**

# %% [markdown]
# ## 1.2 An average of two (4 points)
#
# To copy is not enough: a model wants to combine what it finds. It may have the sum of two values,
# and want one of them back; or it may want equal parts of both.
#
# Beside some questions there is a **self-check**: a cell in which you write your result as code,
# for small matrices of fixed numbers, and see whether it holds for them. It carries no points, and
# numbers prove nothing: the derivation is yours to write. Run the next cell first.

# %% cellView="form" jupyter={"source_hidden": true}
# @title What the self-checks use (nothing to write here)
_generator = torch.Generator().manual_seed(31)
_directions = torch.linalg.qr(
    torch.randn(8, 8, generator=_generator, dtype=torch.float64)
).Q  # [8, 8], orthonormal columns

B, C = _directions[:, :3], _directions[:, 3:5]  # [8, 3] and [8, 2]: the columns are b_i and c_j
K = _directions[:, :6].T  # [6, 8]: the rows are orthonormal keys
mu = _directions[:, 2:8].T  # [6, 8]: the rows are orthonormal means
V = torch.randn(6, 8, generator=_generator, dtype=torch.float64)  # [6, 8]: the rows are values
b, c = 1, 4  # which two of the six rows are meant


def _read(question: str, name: str, given: Any, shape: list[int]) -> Tensor | None:
    """What somebody filled in, as a tensor of a shape; where it is none, say so."""
    if given is None:
        print(f"{question}: {name} is not filled in yet.")
        return None
    try:
        found = torch.as_tensor(given, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        print(f"{question}: {name} should be a tensor, and is a {type(given).__name__}.")
        return None
    if list(found.shape) != shape:
        print(f"{question}: {name} has shape {list(found.shape)}, where {shape} was expected.")
        return None
    return found


def _say(question: str, what: str, distance: float, near: float) -> None:
    """Print how far a result is from what was asked for, and whether that is near enough."""
    holds = "It holds." if distance < near else "It does not hold."
    print(f"{question}: {what}: {distance:.3f} at most. {holds}")


def check_projection(M: Any) -> None:
    """Whether M takes v_b + v_c to v_b, for a hundred vectors of the two spaces."""
    if (M := _read("1.2 (a)", "M", M, [8, 8])) is not None:
        v_b = torch.randn(100, 3, generator=_generator, dtype=torch.float64) @ B.T  # [100, 8]
        v_c = torch.randn(100, 2, generator=_generator, dtype=torch.float64) @ C.T  # [100, 8]
        far = ((v_b + v_c) @ M.T - v_b).norm(dim=1).max().item()
        _say("1.2 (a)", "distance of M(v_b + v_c) from v_b", far, 1e-3)


def check_average(q: Any) -> None:
    """Whether q gives half of v_b and half of v_c, for the keys in K."""
    if (q := _read("1.2 (b)", "q", q, [8])) is not None:
        weights = F.softmax(K @ q, dim=0)  # [6]
        print("The weights of the six keys:", *(f"{weight:.3f}" for weight in weights))
        far = (weights @ V - (V[b] + V[c]) / 2).norm().item()
        _say("1.2 (b)", "distance of o from (v_b + v_c) / 2", far, 0.05)


def check_noisy_average(q: Any, alpha: float = 1e-6) -> None:
    """Whether q gives half of v_b and half of v_c, for a hundred draws of all six keys."""
    if (q := _read("1.3 (a)", "q", q, [8])) is not None:
        noise = torch.randn(100, 6, 8, generator=_generator, dtype=torch.float64)
        weights = F.softmax((mu + alpha**0.5 * noise) @ q, dim=1)  # [100, 6]
        print("The mean weights:", *(f"{weight:.3f}" for weight in weights.mean(dim=0)))
        far = (weights @ V - (V[b] + V[c]) / 2).norm(dim=1).max().item()
        _say("1.3 (a)", "distance of o from (v_b + v_c) / 2", far, 0.1)


print("The self-checks are ready.")

# %% [markdown]
# **(a)** Somewhere inside a model there is a vector $v = v_b + v_c$. Of its parts we know that
# $v_b$ lies in the span of $b_1, \dots, b_m$ and $v_c$ in the span of $c_1, \dots, c_p$, that the
# $b_i$ are orthonormal and so are the $c_j$, and that the two spans are orthogonal:
# $b_i^\top c_j = 0$ for all $i$ and $j$. Give a matrix $M$ with
#
# $$M (v_b + v_c) = v_b$$
#
# for all such $v_b$ and $v_c$, and show that it does this. It will help to write the basis vectors
# as the columns of two matrices, $B \in \mathbb{R}^{d \times m}$ and
# $C \in \mathbb{R}^{d \times p}$. (2 points)

# %% [markdown] written="hw3_1_2a" points=2
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 0.5: $C$ drops out, since $B^\top C = 0$.
# - 0.5: $B^\top v_b$ gives the coordinates of $v_b$, since $B^\top B = I$.
# - 1: back from coordinates to the vector, $M = B B^\top = \sum_i b_i b_i^\top$.
#
# $M = B^\top$ alone gives the coordinates of $v_b$ and not $v_b$: half the answer, 1 point.
# $M = I - C C^\top$ also does what is asked, and earns full marks with its reason.
#
# **An answer with full marks.** There are coordinates $x$ and $y$ with $v_b = B x$ and $v_c = C y$.
# Since the bases are orthonormal and orthogonal to each other, $B^\top B = I$ and $B^\top C = 0$.
# Take $M = B B^\top$. Then $M (v_b + v_c) = B (B^\top B) x + B (B^\top C) y = B x = v_b$.
# ### END SOLUTION

# %%
# A self-check for 1.2 (a): write M as code, from B [8, 3] and C [8, 2]. No points.
M = None

check_projection(M)

# %% [markdown]
# **(b)** Now the keys are orthonormal: $k_i^\top k_j = 0$ for $i \ne j$, and $k_i^\top k_i = 1$.
# Give a query $q$, made of the keys, for which
#
# $$o \approx \tfrac{1}{2} (v_b + v_c)$$
#
# for two of them, $b \ne c$, and show how good the approximation is. (2 points)

# %% [markdown] written="hw3_1_2b" points=2
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 1: $q = \beta (k_b + k_c)$.
# - 0.5: $\beta$ is large: well over $\log n$. The sum $k_b + k_c$ itself, without a factor, does
#   not earn this half point: the other keys keep their share.
# - 0.5: the weights are worked out: scores $\beta, \beta$ and 0 elsewhere, so $a_b = a_c \to 1/2$.
#
# A $q$ orthogonal to $k_b$ and $k_c$ is wrong: it lets all the other keys in. Different factors
# for $k_b$ and $k_c$ are wrong, too: the larger one takes all.
#
# **An answer with full marks.** Take $q = \beta (k_b + k_c)$ with $\beta > 0$. As the keys are
# orthonormal, $q^\top k_b = q^\top k_c = \beta$ and $q^\top k_i = 0$ for all others, so
# $a_b = a_c = e^\beta / (2 e^\beta + n - 2)$. For $\beta$ well over $\log n$ the rest,
# $n - 2$, does not count beside $2 e^\beta$: both weights go to $1/2$, all others to 0.
# ### END SOLUTION

# %%
# A self-check for 1.2 (b): write q as code, from the keys K[b] and K[c], each [8]. No points.
q = None

check_average(q)

# %% [markdown] name="comment_1_2"
# ⟶ **Comments on 1.2**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 1.2**

# %% [markdown]
# ## 1.3 What a single head cannot do reliably (4 points)
#
# Keys are computed from data, and never the same twice. Let them be drawn at random:
# $k_i \sim \mathcal{N}(\mu_i, \Sigma_i)$, independently of each other. The means $\mu_i$ are known,
# and orthonormal: $\mu_i^\top \mu_j = 0$ for $i \ne j$, and $\mu_i^\top \mu_i = 1$.
#
# **(a)** Let $\Sigma_i = \alpha I$ for all $i$, with a vanishingly small $\alpha > 0$. Give a query
# $q$, made of the means, with $o \approx \frac{1}{2} (v_b + v_c)$, and say why it works.
# (2 points)

# %% [markdown] written="hw3_1_3a" points=2
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 1: $q = \beta (\mu_b + \mu_c)$ with a large $\beta$ (0.5 without the large factor).
# - 0.5: $k_i \approx \mu_i$, since $\alpha$ vanishes.
# - 0.5: hence the scores are about $\beta$, $\beta$ and 0, and the weights those of 1.2 (b).
#
# A $q$ made of the keys, $\beta (k_b + k_c)$, earns 1 point in all: the keys are not known when
# the query is chosen. That $\beta$ must not be too large (the noise in a score has the standard
# deviation $\beta \sqrt{2 \alpha}$, at most) is a good remark, and not asked for.
#
# **An answer with full marks.** Take $q = \beta (\mu_b + \mu_c)$ with $\beta$ well over $\log n$.
# As $\alpha$ vanishes, each $k_i$ is close to its mean, so $q^\top k_b \approx q^\top \mu_b =
# \beta$, likewise $q^\top k_c \approx \beta$, and $q^\top k_i \approx 0$ for all others. As in 1.2
# (b), $a_b \approx a_c \approx 1/2$.
# ### END SOLUTION

# %%
# A self-check for 1.3 (a): write q as code, from the means mu[b] and mu[c], each [8]. No points.
q = None

check_noisy_average(q)

# %% [markdown]
# **(b)** Some features are noisy in their *length*, though not in their direction. Let
#
# $$\Sigma_b = \alpha I + \tfrac{1}{2} \mu_b \mu_b^\top$$
#
# with the same vanishing $\alpha$, and $\Sigma_i = \alpha I$ for all other $i$, as before. Here
# $\mu_b \mu_b^\top$ is a matrix, the outer product. What does $k_b$ look like now? With your query
# of (a): what happens to $o$ from one draw of the keys to the next? And what does that say about
# one attention head, and about several? (2 points)

# %% [markdown] written="hw3_1_3b" points=2
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 0.5: $k_b \approx \gamma \mu_b$ with $\gamma \sim \mathcal{N}(1, 1/2)$: noise along $\mu_b$.
# - 0.5: the scores are $\beta \gamma$ for $b$ and $\beta$ for $c$, no longer equal.
# - 0.5: $o$ swings between $v_b$ (where $\gamma$ is over 1) and $v_c$ (where it is under 1).
# - 0.5: one head cannot average reliably; several heads, whose outputs are averaged, get nearer to
#   $(v_b + v_c)/2$, since the swings average out.
#
# "The variance of $o$ grows", without where it swings to, earns half of the third item.
#
# **An answer with full marks.** Along $\mu_b$ the variance is $\alpha + 1/2$, in all other
# directions it vanishes. So $k_b \approx \gamma \mu_b$ with $\gamma \sim \mathcal{N}(1, 1/2)$,
# while $k_c \approx \mu_c$. The scores are $\beta \gamma$ and $\beta$, and of the weight that the
# two share $b$ gets $1 / (1 + e^{-\beta (\gamma - 1)})$. As $\beta$ is large, this is nearly 1
# where $\gamma > 1$ and nearly 0 where $\gamma < 1$: in about half of the draws $o \approx v_b$, in
# the other half $o \approx v_c$, and hardly ever the average. A single head thus cannot average
# reliably. Several heads whose keys are noisy independently of each other, and whose outputs are
# averaged, swing less; two heads, one that looks for $\mu_b$ and one that looks for $\mu_c$, give
# the average whatever the length of $k_b$, as long as $\gamma$ stays well over 0.
# ### END SOLUTION

# %% [markdown] name="comment_1_3"
# ⟶ **Comments on 1.3**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 1.3**

# %% [markdown]
# ## 1.4 What attention costs (1 point)
#
# In self-attention every token of a sequence asks with a query of its own, and all of them offer
# their keys and values.
#
# **(a)** How do memory and time of *one* self-attention layer grow with the number of tokens $l$?
# Say where this comes from.
#
# **(b)** And the time of $N$ layers? ((a) and (b) together 0.5 points)

# %% [markdown] written="hw3_1_4ab" points=0.5
# ### BEGIN SOLUTION
# **What to look for (0.5 points).**
#
# - 0.25: (a) both $O(l^2)$, since each of the $l$ tokens is compared with each of the $l$. With the
#   width $d$: time $O(l^2 d)$, memory $O(l^2 + l d)$. Either form is right.
# - 0.25: (b) $N$ times that, $O(N l^2)$, since layers come one after another.
#
# **An answer with full marks.** (a) There is a score for each pair of tokens, $l^2$ in all, which
# have to be computed (a dot product of length $d$ each) and kept: $O(l^2)$ in time and memory.
# (b) One layer needs the output of the one before: $N$ times as long, $O(N l^2)$.
# ### END SOLUTION

# %% [markdown]
# **(c)** A model has $N = 10$ layers and reads $l = 10{,}000$ tokens. Count $l^2$ operations for
# each layer, and nothing else. How many seconds does it take on a computer that does 10 million
# operations in a second? Write the number; an expression will do. (0.5 points, graded
# automatically)

# %% solution="hw3_1_4c"
### BEGIN SOLUTION
seconds = 10 * 10_000**2 / 10_000_000
### END SOLUTION

# %% tests="hw3_1_4c" points=0.5
needs("seconds")
assert isinstance(seconds, (int, float)) and not isinstance(seconds, bool), (
    f"`seconds` should be a number, and is a {type(seconds).__name__}"
)
assert 1 < seconds < 10**6, (
    f"{seconds:g} seconds: check the powers of ten. How many operations are there in all?"
)
print("1.4 (c) is a number, and a possible one.")

# %% [markdown] name="comment_1_4"
# ⟶ **Comments on 1.4**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 1.4**

# %% [markdown]
# # Task 2: multiple choice on SWAG (14 points)
#
# SWAG (Zellers et al., 2018) asks how a situation goes on: two sentences, of which the second
# breaks off, and four endings, of which one fits. Its wrong endings were written by a language
# model and chosen so that simple statistics do not give them away. Guessing is right in 25 of 100
# cases.
#
# **How an encoder chooses.** It does not see the four endings at once. Each of them makes a
# sequence of its own, `[CLS] sent1 [SEP] sent2 ending [SEP]`, and the model gives each sequence a
# single number, its *logit*. The four logits of an example then go through one softmax:
#
# $$p(\text{ending } i) = \frac{\exp(z_i)}{\sum_{j=0}^{3} \exp(z_j)}
# \qquad\qquad L = -\log p(\text{right ending})$$
#
# The endings thus compete, although no sequence sees another. For the encoder there is nothing but
# a batch of sequences, $4B$ of them for $B$ examples. Most of this task is about keeping in mind
# which four belong together.
#
# ![Two examples with four sequences of different lengths each become eight rows, example by
# example; the rows are padded to the longest; then four rows each become one example
# again](figures/flatten-and-pad.svg)
#
# The data comes from the hub: 73,546 examples for training, 20,006 for validation, and 20,005 for a
# test whose labels are kept secret (they are $-1$). About half a minute on
# Colab.

# %%
DISTILBERT = "distilbert/distilbert-base-uncased"

swag = load_dataset("allenai/swag", "regular")
tell_stand_in(DISTILBERT)
print({split: len(rows) for split, rows in swag.items()})
for column, value in swag["train"][0].items():
    print(f"{column:12} {value}")

# %% [markdown]
# ## 2.1 From sentences to batches (4 points)
#
# **(a)** What do the columns `sent1`, `sent2`, `ending0` to `ending3` and `label` mean? Look at a
# few examples, in all three splits. (0.5 points, written)

# %% [markdown] written="hw3_2_1_columns" points=0.5
# ### BEGIN SOLUTION
# **What to look for (0.5 points).**
#
# - 0.25: `sent1` is the first sentence, the situation; `sent2` is how the second sentence begins.
# - 0.25: `ending0` to `ending3` are four ways to end the second sentence, one of them right;
#   `label` is the number of the right one, 0 to 3. (That it is $-1$ in the test split is a good
#   remark, and not needed.)
#
# **An answer with full marks.** `sent1` is a whole sentence which describes a situation. `sent2` is
# the beginning of the next one, often only its subject. `ending0` to `ending3` are four ways in
# which that second sentence may go on, and `label` says which of them is right: 0, 1, 2 or 3. In
# the test split it is $-1$, since those labels are secret.
# ### END SOLUTION

# %% [markdown]
# **(b)** A person should be able to read an example. Write `explain_example`, which prints it like
# this (0.5 points):
#
#     Context: A cat sleeps on a warm roof.
#     A- It wakes and stretches.
#     B- It paints the door.
#     C- It rings twice.
#     D- It melts in the sun.
#     Ground truth: option A

# %% solution="hw3_2_1_explain"
def explain_example(example: dict[str, Any]) -> None:
    """Print an example of SWAG: its context, its four endings A to D, and which is right.

    An ending is shown with the beginning of its sentence, `sent2`. The last line is
    "Ground truth: option X", with the letter of the right ending.
    """
    ### BEGIN SOLUTION
    print(f"Context: {example['sent1']}")
    for number, letter in enumerate("ABCD"):
        print(f"{letter}- {example['sent2']} {example[f'ending{number}']}")
    print(f"Ground truth: option {'ABCD'[example['label']]}")
    ### END SOLUTION


# %% tests="hw3_2_1_explain" points=0.5
import re

from IPython.utils.capture import capture_output

cat = {
    "sent1": "A cat sleeps on a warm roof.",
    "sent2": "It",
    "ending0": "wakes and stretches.",
    "ending1": "paints the door.",
    "ending2": "rings twice.",
    "ending3": "melts in the sun.",
    "label": 0,
}
with capture_output() as seen:
    returned = attempt("`explain_example`", explain_example, cat)
texts = [text for output in seen.outputs for text in output.data.values()]
shown = "\n".join(map(str, [seen.stdout, *texts, returned or ""]))
print(shown)
for wanted, pattern in {
    "Context:": "^\\W*context",
    **{f"{letter}-": f"^\\W*{letter}\\W{{0,2}}-" for letter in "ABCD"},
    "Ground truth: option A": "ground truth.*option\\W*A\\b",
}.items():
    assert re.search(pattern, shown, re.IGNORECASE | re.MULTILINE), (
        f"there is no {wanted!r} in what is printed"
    )
print("2.1 (b) passes its checks.")

# %% [markdown]
# **(c)** Load the fast tokenizer of `DISTILBERT`. It is the one in Rust; the library's `Auto` class
# finds it. (0.25 points)

# %% solution="hw3_2_1_tokenizer"
### BEGIN SOLUTION
tokenizer = AutoTokenizer.from_pretrained(DISTILBERT)
### END SOLUTION

# %% tests="hw3_2_1_tokenizer" points=0.25
needs("tokenizer")
assert tokenizer.is_fast, "this is not the fast tokenizer"
print(tokenizer.convert_ids_to_tokens(tokenizer("A warm roof.", "It melts.")["input_ids"]))

# %% [markdown]
# **(d)** Write `preprocess_function`, which takes *several* examples, as `datasets.map` hands them
# over with `batched=True`: a dictionary of columns, each a list with an entry for each example.
#
# 1. Make four pairs of each example: `sent1`, and `sent2` with one of the endings behind it (a
#    space between).
# 2. *Flatten*: hand all pairs to the `tokenizer` in a single call, with truncation. Which order
#    keeps the four pairs of an example together?
# 3. *Unflatten*: make lists of four out of the long list that comes back, for each of its keys.
#
# There is no padding here. How long a batch has to be is known only when it is put together, in
# (f). With the real data the first two training examples give 2 lists of 4 sequences each, and the
# lengths in the first list are `[30, 25, 30, 28]`. (1.25 points)
#
# <details><summary>A hint</summary>
#
# A tokenizer takes two lists of texts, the first texts and the second texts of all pairs. Lengths
# cannot tell you everything: other pairs can be as long as the right ones. Decode a sequence or
# two, and see where `[SEP]` stands.
# </details>

# %% solution="hw3_2_1_preprocess"
def preprocess_function(examples: dict[str, list]) -> dict[str, list]:
    """Tokenize the four pairs (sent1, sent2 + " " + ending) of each example.

    examples: the columns of n examples, each a list of n

    Returns `input_ids` and `attention_mask`, each a list of n lists of 4 lists of numbers, not
    padded. What is longer than the model can read is cut off.
    """
    ### BEGIN SOLUTION
    first, second = [], []  # the two texts of 4n pairs, example by example
    for number, sentence in enumerate(examples["sent1"]):
        for ending in range(4):
            first.append(sentence)
            second.append(f"{examples['sent2'][number]} {examples[f'ending{ending}'][number]}")
    encoded = tokenizer(first, second, truncation=True)
    return {
        key: [rows[start : start + 4] for start in range(0, len(rows), 4)]
        for key, rows in encoded.items()
    }
    ### END SOLUTION


# %% tests="hw3_2_1_preprocess" points=1.25
needs("tokenizer")
encoded = attempt("`preprocess_function`", preprocess_function, swag["train"][:2])
for key in ("input_ids", "attention_mask"):
    assert key in encoded, f"there is no `{key}` in what comes back"
    assert len(encoded[key]) == 2, f"`{key}` of two examples has {len(encoded[key])} entries"
    assert [len(four) for four in encoded[key]] == [4, 4], (
        f"`{key}` should have four sequences for each example; yours has "
        f"{[len(four) for four in encoded[key]]}"
    )
print("Lengths:", *([len(row) for row in four] for four in encoded["input_ids"]))
for row in encoded["input_ids"][0]:
    print(tokenizer.decode(row))
print("Do the four belong together, and is [SEP] where it should be?")

# %% [markdown]
# **(e)** Apply it to all splits, several examples at a time. (0.25 points)

# %% solution="hw3_2_1_map"
def encode_splits(splits: DatasetDict) -> DatasetDict:
    """Run `preprocess_function` over every split, several examples at a time.

    Returns the same splits, with the columns `input_ids` and `attention_mask` besides `label`.
    """
    ### BEGIN SOLUTION
    return splits.map(preprocess_function, batched=True)
    ### END SOLUTION


# %% tests="hw3_2_1_map" points=0.25
first_rows = swag.filter(lambda _, row: row < 5, with_indices=True)
few = attempt("`encode_splits`", encode_splits, first_rows)
assert few is not None, "`encode_splits` returns nothing"
assert set(few) == set(swag), f"the splits are {sorted(few)}, where {sorted(swag)} went in"
for split in few:
    assert {"input_ids", "attention_mask", "label"} <= set(few[split].column_names), (
        f"the split {split!r} has the columns {few[split].column_names}"
    )
print("2.1 (e) passes its checks.")

# %% [markdown]
# For the whole of SWAG this takes about a minute on Colab.

# %% tags=["skip-execution"]
encoded_swag = attempt("`encode_splits`", encode_splits, swag)
print(encoded_swag)

# %% [markdown]
# **(f)** A *data collator* makes one batch of several examples, just before the model reads them.
# Write it (1.25 points):
#
# 1. Keep `input_ids`, `attention_mask` and `label` of each example (`labels` in some data sets);
#    texts and other columns cannot become tensors.
# 2. Flatten: $4B$ sequences, example by example.
# 3. Pad with `tokenizer.pad`, by default to the longest sequence *of this batch*.
# 4. Unflatten: back to $[B, 4, L]$, and add the labels, as integers.
#
# The examples are not yours: whoever calls you may use them again, so leave them as they are. The
# library has had a collator for multiple choice since this exercise was first given. To call it is
# not what is asked here, and earns nothing.
#
# <details><summary>A hint</summary>
#
# `dict.pop` takes a key out of the dictionary that somebody else holds, too. To flatten, make a new
# dictionary for each sequence. `tensor.view(B, 4, -1)` undoes what flattening has done, if it was
# done in this order.
# </details>

# %% solution="hw3_2_1_collator"
@dataclass
class MultipleChoiceDataCollator:
    """Makes a batch of examples that have four sequences each.

    `padding`, `max_length` and `pad_to_multiple_of` mean what they mean for `tokenizer.pad`.
    """

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch of B examples, and leave these as they are.

        Each has `input_ids` and `attention_mask`, 4 lists of numbers each, and `label` (or
        `labels`), a number; it may have other columns.

        Returns `input_ids` and `attention_mask`, [B, 4, L], and `labels`, [B]: all int64.
        """
        ### BEGIN SOLUTION
        label = "label" if "label" in features[0] else "labels"
        labels = [feature[label] for feature in features]
        flat = [
            {key: feature[key][choice] for key in ("input_ids", "attention_mask")}
            for feature in features
            for choice in range(4)
        ]  # 4B sequences, example by example
        batch = self.tokenizer.pad(
            flat,
            padding=self.padding,
            max_length=self.max_length,
            pad_to_multiple_of=self.pad_to_multiple_of,
            return_tensors="pt",
        )  # [4B, L]
        shaped = {key: rows.view(len(features), 4, -1) for key, rows in batch.items()}  # [B, 4, L]
        return {**shaped, "labels": torch.tensor(labels, dtype=torch.int64)}
        ### END SOLUTION


# %% tests="hw3_2_1_collator" points=1.25
needs("tokenizer")
collate = MultipleChoiceDataCollator(tokenizer)
rows = [tokenizer(["A roof."] * 2, ["It melts.", "It rings twice."]) for _ in range(2)]
features = [
    {"input_ids": row["input_ids"] * 2, "attention_mask": row["attention_mask"] * 2, "label": 1}
    for row in rows
]
batch = attempt("`MultipleChoiceDataCollator.__call__`", collate, features)
assert batch is not None, "the collator returns nothing"
longest = max(len(ids) for ids in features[0]["input_ids"])
for key in ("input_ids", "attention_mask"):
    assert key in batch, f"there is no `{key}` in the batch"
    assert list(batch[key].shape) == [2, 4, longest], (
        f"`{key}` has shape {list(batch[key].shape)}, where [B, 4, L] = [2, 4, {longest}] was "
        "expected"
    )
assert "labels" in batch, "there are no `labels` in the batch: the model asks for them by this name"
assert batch["labels"].dtype == torch.int64, (
    f"the labels are {batch['labels'].dtype}, where integers were expected, int64"
)
assert all("label" in feature for feature in features), (
    "the examples have lost their labels: what you are given is not yours to change"
)
print("2.1 (f) passes its checks.")

# %% [markdown] name="comment_2_1"
# ⟶ **Comments on 2.1**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 2.1**

# %% [markdown]
# ## 2.2 A model of the library (3 points)
#
# **(a)** Load `DISTILBERT` with the class that puts a multiple-choice head on top. Which of the
# `Auto` classes imported above is it? The head is new, and the library says so: its weights are
# random until you have trained them. (0.25 points)

# %% solution="hw3_2_2_model"
### BEGIN SOLUTION
model_hf = AutoModelForMultipleChoice.from_pretrained(DISTILBERT)
### END SOLUTION

# %% tests="hw3_2_2_model" points=0.25
needs("model_hf")
assert type(model_hf).__name__.endswith("MultipleChoice"), (
    f"a {type(model_hf).__name__} has another head: which class has the one for multiple choice?"
)
with torch.inference_mode():
    output = model_hf(
        input_ids=torch.randint(1000, [2, 4, 7]).remainder(model_hf.config.vocab_size),
        attention_mask=torch.ones(2, 4, 7, dtype=torch.int64),
    )
print("Two examples with four sequences each give logits of shape", list(output.logits.shape))
print(f"{model_hf.num_parameters() / 1e6:.1f} million weights in a {type(model_hf).__name__}")

# %% [markdown]
# **(b)** Set the training up. For the names of the arguments see the documentation of
# `TrainingArguments`, of *your* version of the library: some have changed since most tutorials were
# written. (1 point)
#
# | what | value |
# |:--|:--|
# | output directory | `distilbert-base-uncased-swag` |
# | evaluation | every 300 steps |
# | saving | every 600 steps, at most 2 checkpoints kept |
# | seed | 77 |
# | batch size | 48, for training and for evaluation |
# | length of the training | 1,800 steps |
# | learning rate, weight decay | 5e-5, 0.01 |
# | columns that the model does not know | removed |
# | when training ends | the best checkpoint is loaded, chosen by the validation *accuracy* |
#
# What the last line gives you (tried on transformers 5.23): the trainer remembers its best
# *evaluation*, and loads the checkpoint that was saved at that step. This table evaluates more
# often than it saves, since a checkpoint takes 800 MB. Where the best evaluation was at step 300,
# 900 or 1,500, no checkpoint is there, and the trainer says nothing: it loads that of an earlier
# step which was the best when it was saved, or none, and the last weights stay. As a rule the
# accuracy rises to the end, and the best evaluation is the last, which is saved. The cell that
# trains prints what was loaded. Whoever wants the best of all six evaluations in any case saves
# every 300 steps, or whenever an evaluation is the best so far: both count as right, too.
#
# A T4 computes faster in half precision: add `fp16=torch.cuda.is_available()` if you like. You will
# need the same values once more in 2.3: put what both share into a dictionary.

# %% solution="hw3_2_2_arguments"
### BEGIN SOLUTION
shared = {
    "eval_strategy": "steps",
    "eval_steps": 300,
    "save_strategy": "steps",
    "save_steps": 600,
    "save_total_limit": 2,
    "seed": 77,
    "per_device_train_batch_size": 48,
    "per_device_eval_batch_size": 48,
    "max_steps": 1800,
    "learning_rate": 5e-5,
    "weight_decay": 0.01,
    "remove_unused_columns": True,
    "load_best_model_at_end": True,
    "metric_for_best_model": "accuracy",
    "fp16": torch.cuda.is_available(),
}
training_args = TrainingArguments(output_dir="distilbert-base-uncased-swag", **shared)
### END SOLUTION

# %% tests="hw3_2_2_arguments" points=1
needs("training_args")
assert isinstance(training_args, TrainingArguments), "`training_args` is no TrainingArguments"
print(f"{training_args.max_steps} steps of {training_args.train_batch_size} examples,")
print(f"evaluated: {training_args.eval_strategy}, every {training_args.eval_steps} steps,")
print(f"saved: {training_args.save_strategy}, every {training_args.save_steps:g} steps.")
print("Go through the table once more: is each of its lines in your arguments?")

# %% [markdown]
# **(c)** During training the trainer calls `compute_metrics` with everything that the model said of
# the validation data, and what would have been right. (0.5 points)

# %% solution="hw3_2_2_metrics"
def compute_metrics(predicted: Any) -> dict[str, float]:
    """The share of examples whose highest logit is at the right ending.

    predicted: a pair (logits, labels), arrays of shape [N, 4] and [N]

    Returns {"accuracy": share}, between 0 and 1.
    """
    ### BEGIN SOLUTION
    logits, labels = predicted
    return {"accuracy": float((logits.argmax(axis=-1) == labels).mean())}
    ### END SOLUTION


# %% tests="hw3_2_2_metrics" points=0.5
five = EvalPrediction(
    np.array([[2, 1, 0, 0], [0, 3, 1, 1], [1, 0, 5, 2], [0, 1, 2, 4], [9, 1, 1, 0]], dtype=float),
    np.array([0, 1, 2, 3, 1]),
)
found = attempt("`compute_metrics`", compute_metrics, five)
assert isinstance(found, dict) and "accuracy" in found, (
    f'`compute_metrics` should return a dictionary with the key "accuracy", and returns {found!r}'
)
assert found["accuracy"] == 0.8, f"four of these five are right; you have {found['accuracy']!r}"
print("2.2 (c) passes its checks.")

# %% [markdown]
# **(d)** Put it all together in a trainer: the model, its arguments, training and validation data,
# your collator with the `tokenizer`, and `compute_metrics`. (0.5 points)

# %% solution="hw3_2_2_trainer"
def make_trainer(model: nn.Module, args: TrainingArguments, splits: DatasetDict) -> Trainer:
    """A trainer of the library for multiple choice, ready to train.

    splits: what `encode_splits` returns: "train" for training, "validation" for evaluation
    """
    ### BEGIN SOLUTION
    return Trainer(
        model=model,
        args=args,
        train_dataset=splits["train"],
        eval_dataset=splits["validation"],
        processing_class=tokenizer,
        data_collator=MultipleChoiceDataCollator(tokenizer),
        compute_metrics=compute_metrics,
    )
    ### END SOLUTION


# %% tests="hw3_2_2_trainer" points=0.5
needs("tokenizer", "model_hf", "training_args")
encoded = {"input_ids": [[[101, 102]] * 4] * 3, "attention_mask": [[[1, 1]] * 4] * 3}
rows = Dataset.from_dict({**swag["train"][:3], **encoded})
trainer = attempt(
    "`make_trainer`",
    make_trainer,
    model_hf,
    training_args,
    DatasetDict({"train": rows, "validation": rows.select([0])}),
)
assert isinstance(trainer, Trainer), f"`make_trainer` returns a {type(trainer).__name__}"
assert trainer.model is model_hf, "the trainer has another model than the one it was given"
assert trainer.args.max_steps == training_args.max_steps, "the trainer has other arguments"
assert trainer.compute_metrics is not None, "the trainer does not know how to compute accuracy"
print("2.2 (d) passes its checks.")

# %% [markdown]
# Train, and save. About 30 minutes on a T4; on a CPU it would take a day or more (an estimate).
# Every 300 steps a line is added to the table. At the end the validation accuracy should lie
# between 0.65 and 0.7, or a little over that.

# %% name="train_hf" tags=["skip-execution"]
trainer = make_trainer(model_hf, training_args, encoded_swag)
trainer.train()
tell_best(trainer)
trainer.save_model("distilbert-base-uncased-swag/final_model")

# %% [markdown]
# **(e)** Three numbers to look up in the tokenizer and in the model's configuration (0.75 points,
# graded automatically): the ids of the tokens `[CLS]` and `[MASK]`, and the probability with which
# dropout sets attention *weights* to zero in training. They are those of the real checkpoint on the
# hub.

# %% solution="hw3_2_2_numbers"
### BEGIN SOLUTION
cls_id = 101
mask_id = 103
attention_dropout = 0.1
### END SOLUTION

# %% tests="hw3_2_2_numbers" points=0.75
needs("cls_id", "mask_id", "attention_dropout")
for name in ("cls_id", "mask_id", "attention_dropout"):
    assert isinstance(globals()[name], (int, float)), f"`{name}` should be a number"
assert 0 <= attention_dropout <= 1, "a probability lies between 0 and 1"
print("2.2 (e): three numbers are there.")

# %% [markdown] name="comment_2_2"
# ⟶ **Comments on 2.2**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 2.2**

# %% [markdown]
# ## 2.3 A model of your own (5 points)
#
# The library's head is a choice, not a law. Yours is deeper, and narrows before it decides. For
# each of the $4B$ sequences:
#
# | step | shape afterwards |
# |:--|:--|
# | DistilBERT, made from `config`; of its `last_hidden_state` the vector at `[CLS]` | $[4B, d]$ |
# | linear layer $d \to d$, then tanh | $[4B, d]$ |
# | dropout with the probability `config.dropout` | $[4B, d]$ |
# | linear layer $d \to d/4$ | $[4B, d/4]$ |
# | dropout, as before | $[4B, d/4]$ |
# | linear layer $d/4 \to 1$ | $[4B, 1]$ |
# | regrouped: the logits | $[B, 4]$ |
#
# $d$ is `config.dim`. **(a)** The network earns 2.5 points, and **(b)** the loss 1 point: the
# cross-entropy of the four logits against the number of the right ending, as in the formula at the
# top of this task. In a dictionary the trainer finds both by their names. (Of a tuple it takes the
# first entry for the loss, whatever that is.)
#
# **(c)** The backbone must come from the checkpoint, and not from chance. `from_pretrained` of your
# own class does that under two conditions. It finds weights by their *names*, and in the checkpoint
# all names of the backbone begin with `distilbert.`; and the last thing that your `__init__` does
# is to call the model's own `post_init()`, with which the library completes it. In `__init__`
# itself nothing is loaded: there the backbone is made from `config`, and `from_pretrained` fills
# it. What the checkpoint lacks starts at random, and not with values that your `__init__` has set:
# linear layers get the library's start values; an `nn.Parameter` of your own, which this head does
# not need, would hold whatever was in memory. (0.75 points)
#
# <details><summary>Hints for (a)</summary>
#
# - The configuration of DistilBERT has more than one dropout. Take the one in the table.
# - `view` does both: [B, 4, L] becomes [4B, L], and [4B, 1] becomes [B, 4].
# - A backbone that is made with random weights trains as well, without a word, to a poor accuracy.
#   Compare one of its weights with the checkpoint's.
# - Hand the backbone the attention mask as it comes: 1 at tokens, 0 at padding. Older code makes
#   an additive mask of it, 0 and -10,000. Today's DistilBERT takes these for false and true, and
#   reads the padding instead of the text, without a word.
# - Leave `**kwargs` out of your `forward`. To the trainer they are a promise: see 3.2, *What is
#   printed*.
# </details>

# %% solution="hw3_2_3_class"
class CustomMultipleChoice(DistilBertPreTrainedModel):
    """DistilBERT with a head of two narrowing layers, for multiple choice."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        ### BEGIN SOLUTION
        self.distilbert = DistilBertModel(config)
        self.dense = nn.Linear(config.dim, config.dim)
        self.narrow = nn.Linear(config.dim, config.dim // 4)
        self.score = nn.Linear(config.dim // 4, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()
        ### END SOLUTION

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Score the four sequences of each example.

        input_ids, attention_mask: [B, 4, L]; labels: [B], the number of the right ending

        Returns `logits`, [B, 4], and, where labels are given, `loss`: their mean cross-entropy.
        """
        ### BEGIN SOLUTION
        batch, choices, length = input_ids.shape
        hidden = self.distilbert(
            input_ids=input_ids.view(-1, length), attention_mask=attention_mask.view(-1, length)
        ).last_hidden_state  # [4B, L, d]
        first = torch.tanh(self.dense(hidden[:, 0]))  # [4B, d]
        second = self.narrow(self.dropout(first))  # [4B, d / 4]
        logits = self.score(self.dropout(second)).view(batch, choices)  # [4B, 1] -> [B, 4]
        if labels is None:
            return {"logits": logits}
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}
        ### END SOLUTION


# %% tests="hw3_2_3_network" points=2.5
small = DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2, hidden_dim=32)
tiny = attempt("`CustomMultipleChoice.__init__`", CustomMultipleChoice, small).eval()
ids, mask = torch.arange(1, 41).view(2, 4, 5), torch.ones(2, 4, 5, dtype=torch.int64)
with torch.inference_mode():
    output = attempt(
        "`CustomMultipleChoice.forward`", tiny, ids, mask, labels=torch.tensor([3, 0])
    )
assert isinstance(output, dict) and "logits" in output, (
    "`forward` should return a dictionary with `logits`"
)
assert list(output["logits"].shape) == [2, 4], (
    f"two examples with four sequences each should give logits of shape [2, 4]; yours have "
    f"{list(output['logits'].shape)}"
)
print("2.3 (a) passes its checks.")

# %% tests="hw3_2_3_loss" points=1
small = DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2, hidden_dim=32)
tiny = attempt("`CustomMultipleChoice.__init__`", CustomMultipleChoice, small)
ids, mask = torch.arange(1, 41).view(2, 4, 5), torch.ones(2, 4, 5, dtype=torch.int64)
output = attempt("`CustomMultipleChoice.forward`", tiny, ids, mask, labels=torch.tensor([3, 0]))
assert "loss" in output, "`forward` should return `loss`, too, where there are labels"
assert output["loss"].ndim == 0, "the loss is one number for the whole batch, a tensor without axes"
assert output["loss"].requires_grad, "no gradient flows from this loss: nothing would be learnt"
output["loss"].backward()
print("2.3 (b) passes its checks.")

# %% [markdown]
# Now (c): a model of your class with the checkpoint's backbone.

# %% solution="hw3_2_3_backbone"
def pretrained_custom(checkpoint: str) -> CustomMultipleChoice:
    """A `CustomMultipleChoice` whose backbone has the weights of the checkpoint.

    checkpoint: a name on the hub or a folder, such as DISTILBERT
    """
    ### BEGIN SOLUTION
    return CustomMultipleChoice.from_pretrained(checkpoint)
    ### END SOLUTION


# %% tests="hw3_2_3_backbone" points=0.75
model_custom = attempt("`pretrained_custom`", pretrained_custom, DISTILBERT)
assert isinstance(model_custom, CustomMultipleChoice), (
    f"`pretrained_custom` returns a {type(model_custom).__name__}"
)
backbones = [part for part in model_custom.modules() if isinstance(part, DistilBertModel)]
assert backbones, "there is no DistilBertModel in your model"
print("A weight of your backbone:  ", backbones[0].embeddings.word_embeddings.weight[5, 0].item())
backbone = AutoModel.from_pretrained(DISTILBERT)
print("The same of the checkpoint: ", backbone.embeddings.word_embeddings.weight[5, 0].item())

# %% [markdown]
# **(d)** The same arguments as in 2.2, but for the output directory and the run name: both are
# `custom_model`. And a function that saves the trained model, so that 2.4 can load it: with
# `save_pretrained`, or as a state dict with `torch.save`. Together 0.75 points.

# %% solution="hw3_2_3_arguments"
### BEGIN SOLUTION
custom_args = TrainingArguments(output_dir="custom_model", run_name="custom_model", **shared)
### END SOLUTION

# %% solution="hw3_2_3_save"
def save_custom(model: CustomMultipleChoice, folder: str) -> None:
    """Save all weights of the model to a folder, which is made where it does not exist."""
    ### BEGIN SOLUTION
    model.save_pretrained(folder)
    ### END SOLUTION


# %% tests="hw3_2_3_trainer" points=0.75
import tempfile
from pathlib import Path

needs("training_args", "custom_args")
small = DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2, hidden_dim=32)
tiny = attempt("`CustomMultipleChoice.__init__`", CustomMultipleChoice, small)
assert custom_args.output_dir == "custom_model", "the output directory is not `custom_model`"
assert training_args.output_dir != "custom_model", "the arguments of 2.2 have changed, too"
with tempfile.TemporaryDirectory() as folder:
    attempt("`save_custom`", save_custom, tiny, f"{folder}/custom_model/final_model")
    saved = sorted(path.name for path in Path(folder).rglob("*") if path.is_file())
assert saved, "nothing was written to the folder"
print("Saved:", *saved)

# %% [markdown]
# Train it as you did with the library's, about as long.

# %% name="train_custom" tags=["skip-execution"]
model_custom = pretrained_custom(DISTILBERT)
trainer_custom = make_trainer(model_custom, custom_args, encoded_swag)
trainer_custom.train()
tell_best(trainer_custom)
save_custom(model_custom, "custom_model/final_model")

# %% [markdown] name="comment_2_3"
# ⟶ **Comments on 2.3**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 2.3**

# %% [markdown]
# ## 2.4 Both models, compared (2 points)
#
# **(a)** Load both models from disk, as somebody would who has nothing but the two folders (and
# this notebook). (0.5 points)

# %% solution="hw3_2_4_load"
def load_models(folder_hf: str, folder_custom: str) -> tuple[nn.Module, nn.Module]:
    """Load the model of 2.2 and that of 2.3, in this order, with all weights that were saved.

    folder_hf: a folder written by `trainer.save_model`
    folder_custom: a folder written by your `save_custom`
    """
    ### BEGIN SOLUTION
    model_hf = AutoModelForMultipleChoice.from_pretrained(folder_hf)
    model_custom = CustomMultipleChoice.from_pretrained(folder_custom)
    return model_hf, model_custom
    ### END SOLUTION


# %% tests="hw3_2_4_load" points=0.5
import tempfile

needs("model_hf")
fresh = attempt("`pretrained_custom`", pretrained_custom, DISTILBERT)
with tempfile.TemporaryDirectory() as folder:
    model_hf.save_pretrained(f"{folder}/first")
    attempt("`save_custom`", save_custom, fresh, f"{folder}/second")
    both = attempt("`load_models`", load_models, f"{folder}/first", f"{folder}/second")
assert isinstance(both, (tuple, list)) and len(both) == 2, "`load_models` should return two models"
for loaded, saved in zip(both, (model_hf, fresh), strict=True):
    assert type(loaded) is type(saved), (
        f"a {type(saved).__name__} was saved, and a {type(loaded).__name__} comes back"
    )
print("2.4 (a) passes its checks.")

# %% [markdown]
# **(b)** How good are they, on data that neither was trained on? Go over the validation data
# *once*, ask both models at each batch, and give each model's predictions to a metric of its own:
# `evaluate.load("accuracy")`, `add_batch` at each batch, `compute` at the end. Nothing is trained
# here; what follows for the models' mode, and for gradients? (1.5 points)

# %% solution="hw3_2_4_evaluate"
def evaluate_both(
    model_hf: nn.Module, model_custom: nn.Module, loader: DataLoader
) -> dict[str, float]:
    """Measure the accuracy of both models in one pass over the batches of `loader`.

    A batch is what `MultipleChoiceDataCollator` makes. The first model returns an output of the
    library with `.logits`, the second one a dictionary with "logits".

    Returns {"model_hf": accuracy, "model_custom": accuracy}, each between 0 and 1.
    """
    ### BEGIN SOLUTION
    metric_hf, metric_custom = evaluate.load("accuracy"), evaluate.load("accuracy")
    model_hf.to(device).eval()
    model_custom.to(device).eval()
    for batch in loader:
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with torch.no_grad():
            logits_hf = model_hf(**batch).logits
            logits_custom = model_custom(**batch)["logits"]
        metric_hf.add_batch(predictions=logits_hf.argmax(dim=-1), references=batch["labels"])
        metric_custom.add_batch(
            predictions=logits_custom.argmax(dim=-1), references=batch["labels"]
        )
    return {
        "model_hf": metric_hf.compute()["accuracy"],
        "model_custom": metric_custom.compute()["accuracy"],
    }
    ### END SOLUTION


# %% tests="hw3_2_4_evaluate" points=1.5
from transformers.modeling_outputs import MultipleChoiceModelOutput


class Opinion(DistilBertPreTrainedModel):
    """Stands in for a model: it always prefers the same ending."""

    def __init__(self, ending: int, output: Callable) -> None:
        super().__init__(DistilBertConfig(vocab_size=50, dim=32, n_layers=1, n_heads=2))
        self.score, self.output = nn.Parameter(F.one_hot(torch.tensor(ending), 4).float()), output

    def forward(self, input_ids, attention_mask=None, *others, labels=None, **options):
        logits = self.score.expand(len(input_ids), 4)  # [B, 4]
        if labels is None:
            return self.output(logits=logits)
        return self.output(loss=logits.mean(), logits=logits)


examples = [
    {
        "input_ids": torch.ones(4, 3, dtype=torch.int64),
        "attention_mask": torch.ones(4, 3, dtype=torch.int64),
        "labels": torch.tensor(label),
    }
    for label in (0, 0, 1, 0, 2)
]
first, second = Opinion(0, MultipleChoiceModelOutput), Opinion(1, dict)
found = attempt(
    "`evaluate_both`", evaluate_both, first, second, DataLoader(examples, batch_size=3)
)
assert isinstance(found, dict) and set(found) == {"model_hf", "model_custom"}, (
    f'there should be an accuracy for "model_hf" and one for "model_custom"; you return {found!r}'
)
assert abs(found["model_hf"] - 3 / 5) < 1e-6, (
    f"the first model is right in three of these five; you have {found['model_hf']!r} for it"
)
assert abs(found["model_custom"] - 1 / 5) < 1e-6, (
    f"the second model is right in one of these five; you have {found['model_custom']!r} for it"
)
print("2.4 (b) passes its checks.")

# %% [markdown]
# With your two models: about 3 minutes on a T4.

# %% name="compare" tags=["skip-execution"]
loader = DataLoader(
    encoded_swag["validation"], batch_size=48, collate_fn=MultipleChoiceDataCollator(tokenizer)
)
loaded = load_models("distilbert-base-uncased-swag/final_model", "custom_model/final_model")
for name, share in evaluate_both(*loaded, loader).items():
    print(f"{name:12} is right in {share:.1%} of the validation examples.")

# %% [markdown] name="comment_2_4"
# ⟶ **Comments on 2.4**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 2.4**

# %% [markdown]
# # Task 3: answers in words, T5 on SQuAD (14 points)
#
# An encoder can point at an answer, or choose one. To *say* one it takes a decoder, which writes a
# token, reads what it has written so far, and writes the next. T5 (Raffel et al., 2020) has both,
# and it knows one kind of task only: text in, text out. The question and its context become one
# text, the answer another, and whatever is to be learned is learned as the way from the one to the
# other.
#
# ![The encoder reads question and context. The decoder reads the target, moved one place to the
# right behind a start token, and is to name at each place the token that comes next; places of
# padding are labelled -100.](figures/t5-question-answering.svg)
#
# In training the decoder gets the whole target at once, moved one place to the right (*teacher
# forcing*), so that at each place it has seen what stands before. A causal mask hides the rest. At
# each place it is to name the next token, and the loss is the mean cross-entropy over the tokens
# $y_1 \dots y_T$ of the targets, given the input $x$:
#
# $$L = -\frac{1}{T} \sum_{t=1}^{T} \log p(y_t \mid y_1 \dots y_{t-1}, x)$$
#
# You hand the model `input_ids`, `attention_mask`, `labels` and `decoder_attention_mask`. It moves
# the labels to the right itself, and leaves out of the loss every place whose label is $-100$. Mind
# the names: keys that T5 does not know it swallows *without a word*.

# %%
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

SQUAD = "rajpurkar/squad"
T5 = "google-t5/t5-small"
READER = "mrm8488/t5-base-finetuned-squadv2"

# %% [markdown]
# ## 3.1 Text to text: from questions to batches (5 points)
#
# SQuAD has 87,599 questions for training and 10,570 for validation, each with a paragraph of
# Wikipedia in which its answer stands. Loading takes about 20 s on Colab, later a second.

# %% tags=["skip-execution"]
squad = load_dataset(SQUAD)
tell_stand_in(T5)
print({split: len(examples) for split, examples in squad.items()})
for column, value in squad["train"][0].items():
    print(f"{column}: {value}")

# %% [markdown]
# **The tokenizer (0.5 points).** Load that of the checkpoint named in `T5`. Sequences are to have
# 512 tokens at most: see that it knows, as its `model_max_length`.

# %% solution="hw3_3_1_tokenizer"
def load_t5_tokenizer() -> PreTrainedTokenizerBase:
    """Load the tokenizer of the checkpoint T5, with a `model_max_length` of 512."""
    ### BEGIN SOLUTION
    return AutoTokenizer.from_pretrained(T5, model_max_length=512)
    ### END SOLUTION


# %% tests="hw3_3_1_tokenizer" points=0.5
t5_tokenizer = attempt("`load_t5_tokenizer`", load_t5_tokenizer)
assert callable(t5_tokenizer), "`load_t5_tokenizer` returns no tokenizer: is its return there?"
assert t5_tokenizer.eos_token == "</s>", (
    f"a text ends with {t5_tokenizer.eos_token} for this tokenizer: it is not the one of T5"
)
print("model_max_length:", t5_tokenizer.model_max_length)
print("Tokens:", t5_tokenizer.convert_ids_to_tokens(t5_tokenizer("Who won?")["input_ids"]))

# %% [markdown]
# From here on the name `t5_tokenizer` stands for it, in your functions too.

# %% tags=["skip-execution"]
t5_tokenizer = attempt("`load_t5_tokenizer`", load_t5_tokenizer)

# %% [markdown]
# **Two texts (1 point).** An example gets two more columns. What the model reads says by a word
# which part is which; what it is to write is the answer. Both close with T5's mark for the end,
# `</s>`, after a space:
#
# | column | form | for example |
# |:--|:--|:--|
# | `input_text` | `question:{question} context:{context} </s>` | `question:Why? context:So. </s>` |
# | `target_text` | `{answer} </s>` | `So </s>` |
#
# (Today's tokenizer of T5 adds an end mark of its own as well. Two in a row do no harm.)

# %% solution="hw3_3_1_eos"
def add_eos_to_examples(example: dict[str, Any]) -> dict[str, Any]:
    """Add `input_text` and `target_text` to one example of SQuAD, in the form of the table.

    Of several answers the first one counts. Returns a dictionary that has both.
    """
    ### BEGIN SOLUTION
    example["input_text"] = f"question:{example['question']} context:{example['context']} </s>"
    example["target_text"] = f"{example['answers']['text'][0]} </s>"
    return example
    ### END SOLUTION


# %% tests="hw3_3_1_eos" points=1
texts = attempt("`add_eos_to_examples`", add_eos_to_examples, {
    "id": "1", "title": "A game", "question": "Who won?", "context": "Ada won the long game.",
    "answers": {"text": ["Ada"], "answer_start": [0]},
})
assert isinstance(texts, dict), "`add_eos_to_examples` should return a dictionary"
for name in ("input_text", "target_text"):
    assert isinstance(texts.get(name), str), f"`{name}` is to be there, and to be a string"
    print(f"{name}: {texts[name]}")
    assert texts[name].endswith("</s>"), f"`{name}` does not close with the mark for the end"

# %% [markdown]
# **From texts to numbers (1.5 points).** The texts of several examples become four rows of numbers
# each, all equally long, so that they can be stacked. What is too short is padded, what is too long
# is cut.
#
# | name | length | what |
# |:--|--:|:--|
# | `input_ids` | 512 | the tokens of `input_text` |
# | `attention_mask` | 512 | 1 at tokens, 0 at padding |
# | `target_ids` | 16 | the tokens of `target_text` |
# | `target_attention_mask` | 16 | 1 at tokens, 0 at padding |
#
# <details><summary>Hints</summary>
#
# - The tokenizer takes a list of texts. Look up in the documentation of its `__call__` what
#   `padding` can be: `True` stops at the longest text of the batch.
# - It is called twice, since inputs and targets have different lengths.
# - Start from the two columns that you made above. Nothing of the five old ones is needed.
# </details>

# %% solution="hw3_3_1_features"
def convert_to_features(examples: dict[str, list[Any]]) -> dict[str, Any]:
    """Turn the texts of n examples into the numbers that T5 reads, by `t5_tokenizer`.

    `examples` has a list of n values for each column, `input_text` and `target_text` among them.
    Returns `input_ids` and `attention_mask`, [n, 512], `target_ids` and `target_attention_mask`,
    [n, 16]: padded and truncated.
    """
    ### BEGIN SOLUTION
    inputs = t5_tokenizer(
        examples["input_text"], padding="max_length", truncation=True, max_length=512
    )
    targets = t5_tokenizer(
        examples["target_text"], padding="max_length", truncation=True, max_length=16
    )
    return {
        "input_ids": inputs["input_ids"],
        "attention_mask": inputs["attention_mask"],
        "target_ids": targets["input_ids"],
        "target_attention_mask": targets["attention_mask"],
    }
    ### END SOLUTION


# %% tests="hw3_3_1_features" points=1.5
FEATURES = {
    "input_ids": 512, "attention_mask": 512, "target_ids": 16, "target_attention_mask": 16
}

t5_tokenizer = attempt("`load_t5_tokenizer`", load_t5_tokenizer)
features = attempt("`convert_to_features`", convert_to_features, {
    "input_text": ["question:Who won? context:Ada won. </s>", "question:Why? context:So. </s>"],
    "target_text": ["Ada </s>", "Because it was her turn, and because nobody else came </s>"],
})
for name, length in FEATURES.items():
    assert name in features, f"there is no `{name}` in what `convert_to_features` returns"
    lengths = [len(row) for row in features[name]]
    assert lengths == [length, length], (
        f"the rows of `{name}` have the lengths {lengths}, where {length} was asked for"
    )
print("Input: ", t5_tokenizer.decode(features["input_ids"][0], skip_special_tokens=True))
print("Target:", t5_tokenizer.decode(features["target_ids"][0], skip_special_tokens=True))

# %% [markdown]
# **A whole data set (0.5 points).** `map` applies a function to all examples: to one at a time, as
# `add_eos_to_examples` wants it, or, with `batched=True`, to many at a time, as
# `convert_to_features` does. Each `map` returns a *new* data set, and keeps it on disk: it computes
# again when your function, or what it uses of this notebook, has changed. Into a module that you
# import it does not look. In the end `set_format("torch",
# ...)` says that the four columns of numbers come as tensors, and that the others stay behind.

# %% solution="hw3_3_1_map"
def prepare(examples: Dataset) -> Dataset:
    """Take examples of SQuAD through `add_eos_to_examples` and `convert_to_features`.

    Returns a data set whose examples hold four tensors: `input_ids`, `attention_mask`,
    `target_ids` and `target_attention_mask`.
    """
    ### BEGIN SOLUTION
    with_texts = examples.map(add_eos_to_examples)
    prepared = with_texts.map(convert_to_features, batched=True)
    columns = ["input_ids", "attention_mask", "target_ids", "target_attention_mask"]
    prepared.set_format("torch", columns=columns)
    return prepared
    ### END SOLUTION


# %% tests="hw3_3_1_map" points=0.5
t5_tokenizer = attempt("`load_t5_tokenizer`", load_t5_tokenizer)
few = attempt("`prepare`, or a function that it needs,", prepare, Dataset.from_list([{
    "id": "1", "title": "A game", "question": "Who won?", "context": "Ada won the long game.",
    "answers": {"text": ["Ada"], "answer_start": [0]},
}]))
assert few is not None, "`prepare` returns nothing. (`set_format` changes its data set in place.)"
wanted = "input_ids attention_mask target_ids target_attention_mask".split()
for name in wanted:
    assert name in few[0], f"the examples of the prepared data set have no `{name}`"
    assert isinstance(few[0][name], Tensor), (
        f"`{name}` is no tensor, but a {type(few[0][name]).__name__}: look at the format"
    )
print({name: list(value.shape) for name, value in few[0].items() if isinstance(value, Tensor)})

# %% [markdown]
# **Batches (1.5 points).** A *collator* makes a batch of some examples. Here all rows are equally
# long already, so it need only stack them, and give each the name by which T5 takes it:
#
# | in the batch | what |
# |:--|:--|
# | `input_ids`, `attention_mask` | [B, 512], as they are |
# | `labels` | [B, 16], the targets, with $-100$ at padding |
# | `decoder_attention_mask` | [B, 16], the mask of the targets |
#
# Were padding labelled with its own id, 0, the model would learn above all to write padding: of 16
# places a typical answer fills four. The $-100$ stands in the batch alone. The examples that came
# in belong to the data set: leave them as they were.
#
# <details><summary>A hint</summary>
#
# `torch.stack` makes a new tensor, a view does not. `masked_fill` returns a new tensor,
# `masked_fill_` writes into the old one, and so does an assignment to places of it.
# </details>

# %% solution="hw3_3_1_collator"
class T2TDataCollator:
    """Makes a batch for T5 of B prepared examples, text to text."""

    def __call__(self, features: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Stack the examples. Each has four tensors: `input_ids` and `attention_mask`, [512],
        `target_ids` and `target_attention_mask`, [16]. None of them is changed.

        Returns `input_ids`, `attention_mask`, [B, 512]; `labels`, -100 at padding, and
        `decoder_attention_mask`, [B, 16].
        """
        ### BEGIN SOLUTION
        stacked = {
            name: torch.stack([example[name] for example in features])
            for name in ("input_ids", "attention_mask", "target_ids", "target_attention_mask")
        }
        padding = stacked["target_attention_mask"] == 0  # [B, 16]
        return {
            "input_ids": stacked["input_ids"],
            "attention_mask": stacked["attention_mask"],
            "labels": stacked["target_ids"].masked_fill(padding, -100),
            "decoder_attention_mask": stacked["target_attention_mask"],
        }
        ### END SOLUTION


# %% tests="hw3_3_1_collator" points=1.5
examples = [
    {
        "input_ids": torch.tensor([822, number, 1, 0]),
        "attention_mask": torch.tensor([1, 1, 1, 0]),
        "target_ids": torch.tensor([number, 1, 0]),
        "target_attention_mask": torch.tensor([1, 1, 0]),
    }
    for number in (31, 47)
]
collator = attempt("`T2TDataCollator`", T2TDataCollator)
batch = attempt("`T2TDataCollator`", collator, [dict(example) for example in examples])
for name in ("input_ids", "attention_mask", "labels", "decoder_attention_mask"):
    assert name in batch, f"the batch has no `{name}`, the name by which T5 would take it"
    assert isinstance(batch[name], Tensor) and batch[name].ndim == 2, (
        f"`{name}` should be one tensor with a row for each example"
    )
    print(f"{name}: {batch[name].tolist()}")
assert "target_ids" not in batch, "T5 does not know the name `target_ids`: what does it call them?"
assert examples[0]["target_ids"].tolist() == [31, 1, 0], (
    "the example that came in has changed: you wrote into its tensor"
)

# %% [markdown]
# With all of them written, prepare the training data: about 2 minutes on Colab, a second or two
# with the small stand-ins of this course.

# %% tags=["skip-execution"]
t5_train_data = attempt("a function of 3.1", prepare, squad["train"])
print(t5_train_data)

# %% [markdown] name="comment_3_1"
# ⟶ **Comments on 3.1**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 3.1**

# %% [markdown]
# ## 3.2 Training (2 points)
#
# **The model (0.25 points)** is `T5` with the layer that turns the decoder's vectors into scores
# for each token of the vocabulary.

# %% solution="hw3_3_2_model"
def load_t5() -> PreTrainedModel:
    """Load the checkpoint T5 with its pre-trained weights, as a model that writes text."""
    ### BEGIN SOLUTION
    return T5ForConditionalGeneration.from_pretrained(T5)
    ### END SOLUTION


# %% tests="hw3_3_2_model" points=0.25
t5_model = attempt("`load_t5`", load_t5)
assert hasattr(t5_model, "lm_head"), (
    "this is no T5 that could write: it has no layer that scores the vocabulary"
)
print(f"{sum(weight.numel() for weight in t5_model.parameters()):,} weights")

# %% [markdown]
# **The settings (1.25 points).** A `Seq2SeqTrainingArguments` with these:
#
# | what | value |
# |:--|:--|
# | where the checkpoints go | `t5-squad` |
# | evaluation | none |
# | learning rate, weight decay | 1e-4, 0.01 |
# | seed | 77 |
# | length of the training | 200 steps |
# | save a checkpoint | every 100 steps |
# | examples in a batch | 32 on the device, and the gradients of 4 such batches for each step |
# | columns that `forward` does not name | kept |
#
# So a step learns from 128 examples, of which only 32 are in the GPU's memory at a time. And the
# columns: by itself the `Trainer` throws away what the model's `forward` has no name for. The
# targets' columns would never reach your collator. (Leave half precision aside: numbers inside T5
# grow too large for float16.)

# %% solution="hw3_3_2_arguments"
def t5_arguments() -> Seq2SeqTrainingArguments:
    """The settings of the training, as in the table above."""
    ### BEGIN SOLUTION
    return Seq2SeqTrainingArguments(
        output_dir="t5-squad",
        eval_strategy="no",
        learning_rate=1e-4,
        weight_decay=0.01,
        seed=77,
        max_steps=200,
        save_strategy="steps",
        save_steps=100,
        per_device_train_batch_size=32,
        gradient_accumulation_steps=4,
        remove_unused_columns=False,
    )
    ### END SOLUTION


# %% tests="hw3_3_2_arguments" points=1.25
t5_args = attempt("`t5_arguments`", t5_arguments)
assert isinstance(t5_args, Seq2SeqTrainingArguments), (
    "`t5_arguments` should return Seq2SeqTrainingArguments"
)
per_step = t5_args.per_device_train_batch_size * t5_args.gradient_accumulation_steps
length = (f"{t5_args.max_steps} steps" if t5_args.max_steps > 0
          else f"{t5_args.num_train_epochs:g} times the whole data set")
print(f"The training goes on for {length}, with {per_step} examples a step on one device.")

# %% [markdown]
# **The trainer (0.5 points)** brings model, settings, data and your collator together.

# %% solution="hw3_3_2_trainer"
def make_t5_trainer(
    model: PreTrainedModel, args: Seq2SeqTrainingArguments, train_data: Dataset
) -> Seq2SeqTrainer:
    """A trainer of `model` on `train_data`, a prepared data set, with the collator from 3.1."""
    ### BEGIN SOLUTION
    return Seq2SeqTrainer(
        model=model, args=args, train_dataset=train_data, data_collator=T2TDataCollator()
    )
    ### END SOLUTION


# %% tests="hw3_3_2_trainer" points=0.5
import tempfile

t5_model = attempt("`load_t5`", load_t5)
rows = [{"input_ids": [822, 1], "attention_mask": [1, 1], "target_ids": [31, 1],
         "target_attention_mask": [1, 1]}] * 3
with tempfile.TemporaryDirectory() as folder:
    settings = Seq2SeqTrainingArguments(folder, remove_unused_columns=False)
    trainer = attempt("`make_t5_trainer`", make_t5_trainer, t5_model, settings,
                      Dataset.from_list(rows).with_format("torch"))
    assert isinstance(trainer, Trainer), "`make_t5_trainer` returns no trainer"
    batch = attempt("`T2TDataCollator`", next, iter(trainer.get_train_dataloader()))
    print("A batch of this trainer has:", *batch)
    assert "labels" in batch, "without `labels` there is no loss: is the collator yours?"

# %% [markdown]
# **What is printed.** The loss will be about four times that of a batch: 14.5, say, where one batch
# has 3.6 (transformers 5.23). T5's `forward` takes `**kwargs`, and the trainer takes that for a
# promise that the model divides the loss of each batch by the number of tokens in all four, which
# it hands over as `num_items_in_batch`. T5 does not look at it. Each batch gives its own mean, and
# the four are added up, not averaged: the loss that is printed, and the gradient, whose length is
# printed as `grad_norm`. Divide by four when you compare. The loss of an evaluation is the plain
# mean.
#
# The training hardly changes. The trainer shortens every gradient that is longer than 1, and with
# four times the length it has to more often; AdamW then divides by the size that gradients usually
# have, so that a factor common to all drops out. (With plain gradient descent each step would be up
# to four times as large.) DistilBERT's head of the library behaves in the same way, your class of
# 2.3 only if its `forward` takes `**kwargs`. The next cell shows it with a very small T5, in some
# seconds.

# %% name="accumulation" tags=["skip-execution"]
import tempfile

from transformers import T5Config


def one_step(batches: int) -> dict[str, float]:
    """What a trainer prints of one step over eight examples, read in so many batches."""
    sizes = dict(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, dropout_rate=0)
    torch.manual_seed(7)
    small = T5ForConditionalGeneration(T5Config(vocab_size=50, decoder_start_token_id=0, **sizes))
    same = {"input_ids": [[5, 9, 1]] * 8, "labels": [[6, 1]] * 8}
    with tempfile.TemporaryDirectory() as folder:
        args = Seq2SeqTrainingArguments(
            folder, max_steps=1, logging_steps=1, per_device_train_batch_size=8 // batches,
            gradient_accumulation_steps=batches, report_to="none", disable_tqdm=True,
            save_strategy="no")
        trainer = Seq2SeqTrainer(small, args, train_dataset=Dataset.from_dict(same))
        trainer.train()
    return trainer.state.log_history[0]


once, four = one_step(1), one_step(4)
for name in ("loss", "grad_norm"):
    print(f"{name}: {once[name]:.3f} in one batch, {four[name]:.3f} in four")

# %% [markdown]
# Now train: about 15 minutes on a T4. On a CPU a step takes minutes, and with the small stand-in of
# this course about half a minute: interrupt it after a few. The loss is printed every 5 steps, and
# 3.3 does not need what is trained here.

# %% tags=["skip-execution"]
t5_trainer = attempt("a function of 3.2", lambda: make_t5_trainer(
    load_t5(), t5_arguments(), t5_train_data))
t5_trainer.args.logging_steps = 5
t5_trainer.train()
t5_trainer.save_model("t5-squad/final_model")

# %% [markdown] name="comment_3_2"
# ⟶ **Comments on 3.2**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 3.2**

# %% [markdown]
# ## 3.3 An answer in words (2 points)
#
# Your T5 has seen 25,600 questions, less than a third of the data, once. Somebody else has trained
# a larger one for longer, on SQuAD 2.0, and put it on the hub:
# [mrm8488/t5-base-finetuned-squadv2](https://huggingface.co/mrm8488/t5-base-finetuned-squadv2).
# Ask that one.
#
# **Load it (0.5 points):** the model that writes, and the tokenizer that belongs to it. 900 MB,
# about half a minute on Colab.

# %% solution="hw3_3_3_load"
def load_reader() -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """Load the checkpoint READER. Returns its tokenizer, then its model, ready to answer."""
    ### BEGIN SOLUTION
    tokenizer = AutoTokenizer.from_pretrained(READER)
    model = AutoModelForSeq2SeqLM.from_pretrained(READER)
    return tokenizer, model
    ### END SOLUTION


# %% tests="hw3_3_3_load" points=0.5
qa_tokenizer, qa_model = attempt("`load_reader`", load_reader)
assert callable(getattr(qa_tokenizer, "decode", None)), "the first should be the tokenizer"
assert hasattr(qa_model, "lm_head"), "the second should be the model, one that can write"
assert not qa_model.training, "the model is in training mode: dropout changes what it writes"

# %% [markdown]
# **Ask it (1.5 points).** The checkpoint was trained on texts of the form
# `question: {question}  context: {context}`, much as yours. (A closing `</s>` is the tokenizer's
# business, but may be there; nor does it matter how many spaces there are.) `generate` lets the
# model write, one token after the other. What it returns is a *batch* of token ids, [1, T], with
# the start token in front and, where the model came to an end, the end mark behind. Turn it into
# one string without either.
#
# <details><summary>Hints</summary>
#
# - `generate` stops after about 20 tokens unless `max_new_tokens` says more.
# - `tokenizer.decode` has an argument for special tokens. Called on a batch it returns a list.
#   (The token for what the vocabulary lacks is a special one, too: a letter that T5 does not know
#   vanishes from the answer along with the marks.)
# - Model and inputs must be on the same device; `model.device` says where the model is.
# </details>

# %% solution="hw3_3_3_answer"
def get_answer(
    tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, question: str, context: str
) -> str:
    """Let `model` write the answer to a question about a context, by its `generate`.

    Returns the answer as one string, without special tokens such as <pad> or </s>.
    """
    ### BEGIN SOLUTION
    prompt = f"question: {question}  context: {context}"
    encoded = tokenizer(prompt, return_tensors="pt").to(model.device)
    written = model.generate(**encoded, max_new_tokens=32)  # [1, T]
    return tokenizer.decode(written[0], skip_special_tokens=True)
    ### END SOLUTION


# %% tests="hw3_3_3_answer" points=1.5
qa_tokenizer, qa_model = attempt("`load_reader`", load_reader)
answer = attempt("`get_answer`", get_answer, qa_tokenizer, qa_model,
                 "Where does Mina live?", "Mina lives in Lisbon. Oscar lives in Cairo.")
print(f"Where does Mina live? {answer!r}")
assert isinstance(answer, str), f"the answer is no string, but a {type(answer).__name__}"
for special in qa_tokenizer.all_special_tokens:
    assert special not in answer, f"the answer still holds {special}, which is nobody's word"

# %% [markdown]
# Ask it something of your own. A question takes about a second on a T4 or a CPU.

# %% tags=["skip-execution"]
tell_stand_in(READER)
qa_tokenizer, qa_model = attempt("`load_reader`", load_reader)
for question, context in [
    ("When was the lighthouse built?",
     "Mina works as a baker. The lighthouse was built in 1911. The museum was opened in 1954."),
    ("Who plays the violin?",
     "Oscar plays the piano. Mina practises the violin every day, and Oscar likes soup best."),
]:
    print(question, attempt("`get_answer`", get_answer, qa_tokenizer, qa_model, question, context))

# %% [markdown] name="comment_3_3"
# ⟶ **Comments on 3.3**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 3.3**

# %% [markdown]
# ## 3.4 The paper behind it (5 points, written)
#
# Raffel et al. (2020), *Exploring the Limits of Transfer Learning with a Unified Text-to-Text
# Transformer*, [arXiv:1910.10683](https://arxiv.org/abs/1910.10683). It compares, one by one, the
# choices that one has in building such a model. Sections 2.4, 3.1 to 3.3 and 3.5 are what you need.
# Answer in your own words, three to six sentences each.
#
# **(a) Text to text (1 point).** What do all tasks of T5 have in common? Explain it with a
# classification task: sentence pairs that are to be labelled `entailment`, `contradiction` or
# `neutral`. What does the model read, what is it trained to write, with which loss, and how does it
# know which task is meant?

# %% [markdown] written="hw3_3_4a" points=1
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5 points: every task has text as its input and text as its target, so that one model, one loss
#   (cross-entropy of the target's tokens, with teacher forcing) and one way of decoding serve all.
#   No task has an output layer of its own.
# - 0.25 points: the class is written out. The target is the label's *word*, such as "entailment".
# - 0.25 points: a prefix in the input says which task it is; the example shows one, with both
#   sentences in a single text. The exact words of the prefix do not matter.
#
# **An answer with full marks.** Each task, whether it translates, sums up, answers or classifies,
# is put as a text to be read and a text to be written. The same model with the same weights is
# trained on all of them to predict the target token by token, by maximum likelihood; a task needs
# no layer of its own. For sentence pairs the input may be "mnli premise: All shops are shut.
# hypothesis: One can buy bread here.", and the target is the word "contradiction". The class is
# thus not a number between 0 and 2 but a word like any other, scored by the layer that scores every
# word. The prefix "mnli" tells the model which task is meant, since the same two sentences could be
# there to be translated.
# ### END SOLUTION

# %% [markdown]
# **(b) A fixed set of classes (1 point).** A classifier with a softmax over three classes always
# names one of the three. What can go wrong with T5 instead? How is that counted in the paper? Name
# one way to rule it out.

# %% [markdown] written="hw3_3_4b" points=1
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.5 points: the decoder chooses from the whole vocabulary at each step, so it may write a string
#   that is no class at all.
# - 0.25 points: such an output counts as wrong. (The paper reports that its trained models never
#   did this. Not asked for.)
# - 0.25 points: a way that rules it out. For example: let only tokens through that continue the
#   name of a class (constrained decoding); compute the probability of each class's string and take
#   the best. Mapping whatever is written to the nearest label counts, too. "More training" does
#   not: it makes it rarer, and rules nothing out.
#
# **An answer with full marks.** T5 has no layer with three outputs. It writes, and at each step any
# token of its vocabulary is possible: it could answer "perhaps", or "entail", or the name of a
# vegetable. Such a text is the name of no class, and there is nothing to compare it with, so the
# paper counts it as a wrong answer. With trained models it never came up, since in fine-tuning they
# have seen no other targets than the three words. It can be ruled out by computing the probability
# that the model gives to each of the three words, and choosing the most probable one.
# ### END SOLUTION

# %% [markdown]
# **(c) Span corruption (1 point).** What is the objective that T5 is pre-trained with? Show it with
# the sentence
#
# > The ferry leaves at seven from the *old* harbour *behind the* market.
#
# where the words in italics have been chosen to be dropped (that is two spans, of one word and of
# two). Write down the input and the target, token for token (take words as tokens), and say why
# each sentinel is used only once in a text.

# %% [markdown] written="hw3_3_4c" points=1
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.25 points: what is done, in words: spans chosen at random are cut out, each is replaced by
#   *one* sentinel, and the model is to write what was cut out. (In the paper: 15 % of the tokens,
#   in spans of 3 on average. The figures are not needed.)
# - 0.25 points: the input, "The ferry leaves at seven from the \<X\> harbour \<Y\> market."
# - 0.25 points: the target, "\<X\> old \<Y\> behind the \<Z\>". Sentinels stand on *both* sides,
#   the same ones in the same order. The names do not matter (\<extra_id_0\> and so on). A missing
#   last sentinel costs nothing where the end is marked otherwise, say by \</s\>; the whole sentence
#   as the target earns nothing here.
# - 0.25 points: sentinels are unique so that the target tells which words belong to which gap.
#
# **An answer with full marks.** T5 learns by filling gaps. Some tokens are drawn at random, and
# each run of neighbours among them is taken out and replaced by a single sentinel, a special token
# that stands for this gap:
#
# - input: The ferry leaves at seven from the \<X\> harbour \<Y\> market.
# - target: \<X\> old \<Y\> behind the \<Z\>
#
# The target holds the missing words alone, each group behind the sentinel of its gap, and a last
# sentinel to close. It is much shorter than the sentence, which makes training cheap. Two equal
# sentinels could not be told apart: only since each is used once does the decoder, when it writes
# \<Y\>, know which gap in the input it is to look at, and do we know where its words belong.
# ### END SOLUTION

# %% [markdown]
# **(d) Three masks (1 point).** A row is a place that looks, a column a place that is looked at,
# and a filled field means that it may.
#
# ![Three attention masks for five places. A: all fields are filled. B: the fields on and under the
# diagonal are filled. C: like B, and all fields of the first three columns
# too.](figures/t5-masks.svg)
#
# Give each of A, B and C the name that it has in the paper, and say what each lets a place see.
# Where in T5 do A and B occur, and for which kind of model and input is C made?

# %% [markdown] written="hw3_3_4d" points=1
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.25 points: A is *fully-visible*: each place sees all. It is the mask of T5's encoder (and of
#   its decoder's attention to the encoder; not required).
# - 0.25 points: B is *causal*: each place sees itself and what stands before, never what comes
#   after. It is that of self-attention in T5's decoder, which must not see what it has still to
#   write.
# - 0.25 points: C is *causal with a prefix* (the model is called prefix LM).
# - 0.25 points: its use: a single stack that reads input and target in one sequence. The places of
#   the input (here the first three) are fully visible to each other and to all that follow; from
#   there on the mask is causal. With B alone the input's own places would not see what comes after
#   them, although all of the input is known.
#
# Names exchanged between B and C: half of what these two earn, if the descriptions are right.
#
# **An answer with full marks.** A is the fully-visible mask: every place may look at every other.
# T5's encoder uses it, since the whole input is there from the start. B is the causal mask: a place
# sees itself and the places before it. T5's decoder uses it in its self-attention, since otherwise,
# in training, it would see the very token that it is to predict. C is the causal mask with a
# prefix. It suits a language model, one stack without an encoder, that gets input and target one
# after the other in a single sequence. The first three places are the input, and may see each other
# in both directions; the two behind them are being written, and see the input and what was written
# before. A plain causal mask would make the model read its input from left to right only, for no
# reason.
# ### END SOLUTION

# %% [markdown]
# **(e) Fine-tuning a part (1 point).** Two ways to fine-tune without changing all weights at once:
# *adapter layers* and *gradual unfreezing*. Say for each what is added or frozen, which weights are
# trained, and when. How did both fare in the paper beside the fine-tuning of everything?

# %% [markdown] written="hw3_3_4e" points=1
# ### BEGIN SOLUTION
# **What to look for (1 point).**
#
# - 0.25 points: adapters are small new blocks inside each layer of the pre-trained model, behind
#   the feed-forward networks: dense, ReLU, dense, with an inner size $d$ that one chooses, and an
#   output as wide as the input.
# - 0.25 points: only the adapters (and the layer normalisations; not required) are trained. All
#   else stays as pre-trained.
# - 0.25 points: gradual unfreezing adds nothing. At first only the last layer is trained, after
#   some steps the one before it as well, and so on from the top to the bottom, until all are. (In
#   T5 in encoder and decoder at once; the shared embeddings are trained throughout. Not required.)
# - 0.25 points: fine-tuning everything was best. One detail of either suffices: adapters come close
#   with a small $d$ where a task has little data, and need a larger one where it has much; gradual
#   unfreezing lost a little on all tasks and made training somewhat faster.
#
# **An answer with full marks.** An adapter layer is a small network, two dense layers with a ReLU
# in between, put behind each feed-forward network of the pre-trained model; its output is as wide
# as its input, so that everything else fits as before. Only adapters and layer normalisations are
# trained, the large rest stays frozen, and the inner size $d$ says how many weights a new task
# costs. Gradual unfreezing adds nothing and in the end trains all: it starts with the last layer
# alone, and lets one more layer join after a number of steps, from the top down, in encoder and
# decoder alike. Neither did better than fine-tuning everything from the start. Adapters came near
# with a small $d$ where there was little data, and needed a larger $d$ where there was much; with
# gradual unfreezing the results were a little worse throughout, though the training was faster.
# ### END SOLUTION

# %% [markdown] name="comment_3_4"
# ⟶ **Comments on 3.4**, written by another group:
#
# *(leave this cell as it is)*
#
# ⟵ **End of the comments on 3.4**

# %% [markdown]
# ## Handing in
#
# 1. Write the full name of every member into the cell at the top, one on each line.
# 2. Look through the written answers: a formula that is shown as plain text has lost a dollar sign.
# 3. Save the notebook with its outputs (*File > Save*; on Colab then *File > Download > .ipynb*).
#    Keep its cells as they are: those with a grade, and those for comments.
# 4. One of you hands in this one file, under the name `GROUP_hw3.ipynb` with your group's name in
#    it. No data set and no trained model goes with it.
#
# Some days later you get another group's notebook, without names. Write what you find good and what
# you would do in another way into its comment cells, between the two marks, and send it back.
