# %% [markdown]
# # Describing pictures with Pix2Struct (30 points)
#
# {colab}
#
# A model that has read a great many web pages knows something about pictures, and something about
# language. Here you teach such a model what neither of us has seen before: cartoon creatures. You
# split a data set, write the loop that trains and validates, read the two curves that come out of
# it, and judge them.
#
# | part | what | points |
# |:--|:--|--:|
# | (a) | `load_splits`: load the data set, split it | 4 |
# | (b) | `Trainer.train_epoch`: the training step | 10 |
# | (c) | `Trainer.valid_epoch`: the validation step | 6 |
# | (d) | nothing to write: you train, and hand in both curves | 6 |
# | (e) | written: was the training successful, and what would be better? | 4 |
#
# The notebook works by itself, on Colab (*Runtime > Change runtime type > T4 GPU*) and on a laptop.

# %% [markdown]
# ## How a picture becomes a sentence
#
# ![A picture's patches enter the encoder, the decoder names a caption](figures/pix2struct.svg)
#
# **Patches are the encoder's tokens.** Pix2Struct (Lee et al., 2023) scales the picture, its
# proportions kept, until it holds as many squares of 16 x 16 pixels as `max_patches` allows. Each
# patch becomes one row of numbers: its row, its column, and its 16 x 16 x 3 = 768 colour values.
# A linear layer makes a vector of each row, and from there on the **encoder** is the transformer
# that you know: every patch attends to every other. Pictures of other proportions give fewer
# patches. Rows of zeros fill their place, and an attention mask of 0 hides them.
#
# **The decoder writes.** It reads what it has written so far, looks at the patches by
# cross-attention, and gives a score to each piece of its vocabulary. Writing a caption takes one
# such step for each piece.
#
# **In training there is a shortcut.** The right caption is known, so the decoder gets all of it at
# once, shifted by one place to the right: at each place it sees the right pieces up to there, and
# is to name the next. That is *teacher forcing*. All places are computed in parallel, and the loss
# is the mean cross-entropy over the pieces $y_1 \dots y_T$ of a caption, given the patches $x$:
#
# $$L = -\frac{1}{T} \sum_{t=1}^{T} \log p(y_t \mid y_1 \dots y_{t-1}, x)$$
#
# **Padding must not count.** Captions in a batch have different lengths, so the shorter ones are
# filled up. The *labels*, which say what is to be named, get the number $-100$ in those places:
# PyTorch's cross-entropy leaves them out. Were the padding's own number left there, the model would
# learn above all to write padding, and its loss would look better than it is.
#
# You hand the model patches, their mask and labels. It shifts the labels itself, and returns an
# output whose `.loss` is the mean over all pieces of the batch that are not $-100$.

# %% [markdown]
# ## Set-up
#
# The first cell installs what is missing. PyTorch is left alone: Colab brings one that fits its
# GPU. On Colab nothing is missing as a rule, and the cell takes a second.

# %% tags=["skip-execution"]
from importlib.util import find_spec

PACKAGES = {  # the name to import: the name to install
    "PIL": "pillow",
    "datasets": "datasets",
    "matplotlib": "matplotlib",
    "tqdm": "tqdm",
    "transformers": "transformers",
}
missing = [package for name, package in PACKAGES.items() if not find_spec(name)]
if missing:
    get_ipython().run_line_magic("pip", f"install --quiet {' '.join(missing)}")
print(f"Installed: {', '.join(missing)}." if missing else "Nothing is missing.")

# %%
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import matplotlib.pyplot as plt
import torch
from datasets import load_dataset
from matplotlib.ticker import MaxNLocator
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm
from transformers import Pix2StructForConditionalGeneration, Pix2StructProcessor

MODEL = "google/pix2struct-base"
SEED = 2026
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(f"This notebook computes on: {device}.")


def attempt(part: str, function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a function of yours; where it is still to be written, say so in a sentence."""
    try:
        return function(*args, **kwargs)
    except NotImplementedError:
        raise AssertionError(f"({part}) is still to be written") from None


# %% [markdown]
# ## The creatures
#
# The pictures are drawn on demand by the next cell's program. It is folded away, and you need not
# read it, but you may: each creature has a kind, a colour, a mood, perhaps things, and a place, and
# the caption names all of them.

# %% include="creatures.py" cellView="form" jupyter={"source_hidden": true}

# %% [markdown]
# `DATA_SET` is what `load_dataset` is called with. To use a data set of the hub in place of the
# creatures, write its name here, as `{"path": "OWNER/NAME"}`, and what its columns are called.
# Nothing else has to change. Drawing 400 creatures takes about ten seconds, once.

# %% name="data"
DATA_SET = {"path": "imagefolder", "data_dir": "creatures"}
IMAGE, CAPTION = "image", "text"

if DATA_SET["path"] == "imagefolder":
    from creatures import draw_set

    draw_set(DATA_SET["data_dir"], count=400)

# %% tags=["skip-execution"]
import textwrap

collection = load_dataset(**DATA_SET, split="train")
figure, grid = plt.subplots(2, 4, figsize=(12, 7), layout="constrained")
for axes, example in zip(grid.flat, collection, strict=False):
    axes.imshow(example[IMAGE])
    axes.set_title("\n".join(textwrap.wrap(example[CAPTION], 30)), fontsize=9)
    axes.axis("off")
plt.show()

# %% [markdown]
# ## (a) Load and split (4 points)
#
# A loss on pictures that the model was trained on says how well it remembers. To learn how well it
# describes, keep some pictures back: the *validation* data. No picture may be on both sides, and
# none may get lost. Which pictures are kept back is left to chance, so that both sides are alike;
# yet it is chance with a *seed*, so that the split is the same in your next run, and two runs can
# be compared.
#
# <details><summary>A hint</summary>
#
# `load_dataset` returns a dictionary of data sets, or one of them where you name its `split`. Look
# through the methods of `datasets.Dataset` for one that splits, and find out what it calls its two
# parts. `torch.utils.data.random_split` with a `generator` does as well.
# </details>

# %% solution="q1b_split"
def load_splits(data_set: dict[str, str], valid_share: float, seed: int) -> tuple[Any, Any]:
    """Load a data set and split it, at random, into training and validation data.

    data_set: the keyword arguments of `load_dataset`, such as DATA_SET; its split "train" is used
    valid_share: the share of all examples that is kept for validation, between 0 and 1
    seed: the same seed gives the same two parts, another seed others

    Returns training data, validation data. Both have a length, and `part[i]` is a dictionary with
    the columns of the data set.
    """
    ### BEGIN SOLUTION
    examples = load_dataset(**data_set, split="train")
    parts = examples.train_test_split(test_size=valid_share, seed=seed)
    return parts["train"], parts["test"]
    ### END SOLUTION


# %% tests="q1b_split" points=4 code="load_splits"
halves = attempt("a", load_splits, DATA_SET, valid_share=0.25, seed=1)
assert isinstance(halves, (tuple, list)) and len(halves) == 2, (
    "`load_splits` should return two things: training data, validation data"
)
sizes = [len(half) for half in halves]
assert sizes[0] > sizes[1], f"the parts have the sizes {sizes}: which one is for training?"
assert abs(sizes[1] - 0.25 * sum(sizes)) <= 1, (
    f"of {sum(sizes)} examples {sizes[1]} are kept for validation, where a quarter was asked for"
)
for half in halves:
    assert {IMAGE, CAPTION} <= set(half[0]), (
        f"an example should be a dictionary with `{IMAGE}` and `{CAPTION}`, as it was loaded"
    )
print("(a) passes its checks.")

# %% [markdown]
# With that, the data is ready: nine tenths for training, one tenth for validation.

# %% name="split" tags=["skip-execution"]
train_data, valid_data = attempt("a", load_splits, DATA_SET, valid_share=0.1, seed=SEED)
print(f"{len(train_data)} examples for training, {len(valid_data)} for validation.")

# %% [markdown]
# ## The model
#
# `from_pretrained` fetches Pix2Struct from the hub: 1.1 GB, about a minute on Colab. Where the hub
# cannot be reached and a small stand-in of this course lies in its place, a line says so. Each of
# the two has settings of its own. Those of the real model are a fair start for a T4 and no more
# than that: the learning rate above all is yours to change.

# %%
@dataclass(frozen=True)
class Settings:
    """What a training run is set to."""

    learning_rate: float
    batch_size: int
    epochs: int
    max_patches: int


REAL = Settings(learning_rate=5e-5, batch_size=8, epochs=6, max_patches=512)
STAND_IN = Settings(learning_rate=4e-4, batch_size=16, epochs=8, max_patches=64)

# %% name="model" tags=["skip-execution"]
processor = Pix2StructProcessor.from_pretrained(MODEL)
model = Pix2StructForConditionalGeneration.from_pretrained(MODEL).to(device)
stand_in = getattr(model.config, "stand_in", None)
settings = STAND_IN if stand_in else REAL
if stand_in:
    print(f"*** {MODEL}: {stand_in} ***\n")
count = sum(weight.numel() for weight in model.parameters())
print(f"{count / 1e6:.1f} million weights; {settings}")

# %% [markdown]
# ## From examples to batches
#
# Two steps lie between an example and what the model reads. Both are given; read them, for (b) and
# (c) use what they make.
#
# - `Captions` cuts pictures into patches. A `Dataset` of PyTorch has a length, and gives the
#   example of an index.
# - `Collator` makes one batch of several examples. Patches have the same number of rows in all of
#   them, and are stacked. Captions are not of the same length: the tokenizer pads them to the
#   longest, and each label that is padding becomes $-100$.
#
# | in a batch | shape | what it is |
# |:--|:--|:--|
# | `flattened_patches` | $[B, P, 770]$ | row, column and colour values of each patch |
# | `attention_mask` | $[B, P]$ | 1 for a patch, 0 for a row that only fills up |
# | `labels` | $[B, T]$ | the pieces of the caption, $-100$ for padding |
#
# $B$ is the number of examples; the last batch of an epoch may hold fewer than the others.

# %%
class Captions(Dataset):
    """Examples with their pictures cut into patches, once, when this is made.

    Patches stay in memory: 3 kB each, so 1.6 MB for a picture of 512 patches.
    """

    def __init__(self, examples: Any, processor: Pix2StructProcessor, max_patches: int) -> None:
        self.processor, self.max_patches = processor, max_patches
        self.prepared = [self.prepare(example) for example in tqdm(examples, unit="picture")]

    def __len__(self) -> int:
        return len(self.prepared)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.prepared[index]

    def prepare(self, example: dict[str, Any]) -> dict[str, Any]:
        """Patches [P, 770] and their mask [P], with the caption's text."""
        patches = self.processor(
            images=example[IMAGE].convert("RGB"), max_patches=self.max_patches, return_tensors="pt"
        )  # a batch of one picture
        return {
            "flattened_patches": patches["flattened_patches"][0],
            "attention_mask": patches["attention_mask"][0],
            "caption": example[CAPTION],
        }


class Collator:
    """Makes a batch of what `Captions` gives."""

    def __init__(self, tokenizer: Callable, max_pieces: int = 64) -> None:
        self.tokenizer, self.max_pieces = tokenizer, max_pieces

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Patches [B, P, 770], their mask [B, P], labels [B, T]; a longer caption is cut off."""
        captions = self.tokenizer(
            [example["caption"] for example in examples],
            padding=True, truncation=True, max_length=self.max_pieces, return_tensors="pt",
        )  # fmt: skip
        padding = captions["attention_mask"] == 0  # [B, T]
        return {
            "flattened_patches": torch.stack([one["flattened_patches"] for one in examples]),
            "attention_mask": torch.stack([one["attention_mask"] for one in examples]),
            "labels": captions["input_ids"].masked_fill(padding, -100),
        }


# %% [markdown]
# Cutting all pictures takes some seconds. Then one batch, looked at: how many of the numbers in
# `labels` are padding, and does the caption come out again?

# %% name="sets" tags=["skip-execution"]
collate = Collator(processor.tokenizer)
train_set = Captions(train_data, processor, settings.max_patches)
valid_set = Captions(valid_data, processor, settings.max_patches)
batch = collate([train_set[0], train_set[1]])
for name, tensor in batch.items():
    print(f"{name:18} {list(tensor.shape)}")
print(batch["labels"])
for labels in batch["labels"]:
    print(processor.tokenizer.decode(labels[labels != -100]))

# %% [markdown]
# ## Before training
#
# What does the model say of six validation pictures before you have taught it anything? Keep the
# answer, for a comparison. It takes a few seconds on a T4 and on a CPU.

# %%
def describe(pictures: list[Image.Image], max_patches: int) -> list[str]:
    """The model's captions, written piece by piece: the likeliest next piece each time."""
    model.eval()
    patches = processor(
        images=[picture.convert("RGB") for picture in pictures],
        max_patches=max_patches, return_tensors="pt",
    ).to(device)  # fmt: skip
    written = model.generate(**patches, max_new_tokens=40, do_sample=False)  # [B, T]
    return processor.batch_decode(written, skip_special_tokens=True)


# %% tags=["skip-execution"]
pictures = [valid_data[index][IMAGE] for index in range(6)]
wanted = [valid_data[index][CAPTION] for index in range(6)]
before = describe(pictures, settings.max_patches)
for sentence in before:
    print(sentence or "(nothing)")

# %% [markdown]
# ## What a run begins with
#
# A curve says little without its run. So the given loop prints one more line after the first epoch:
# when and on what it ran, which weights it began with (a hash of them), and of the first batches
# what was in them (a hash of their labels) and their loss. Dropout draws other numbers on a GPU
# than on a CPU; the first batch therefore goes through the model once more without it. From this
# line you can tell whether two runs are the same, and where they part. So can we: where your
# weights are at hand, your own code repeats the first steps. Leave the line in the notebook.

# %% name="first_batches"
class FirstBatches:
    """Notes what a training begins with, by listening to the model: a context manager."""

    def __init__(self, model: nn.Module, epoch: int) -> None:
        """model: as it is before the first step; epoch: how many batches it has"""
        self.model, self.epoch, self.count = model, epoch, min(epoch, 20)
        self.begun = datetime.now()
        weights = [weight.detach().flatten()[::997].float().cpu() for weight in model.parameters()]
        self.weights = hashlib.sha256(torch.cat(weights).numpy().tobytes()).hexdigest()[:8]
        self.device = next(model.parameters()).device.type
        self.drops = any(isinstance(module, nn.Dropout) for module in model.modules())
        self.without_dropout = "unknown"
        self.told = False
        self.batches: list[str] = []  # of each, four digits of a hash of its labels, and its loss

    def __enter__(self) -> "FirstBatches":
        self.hooks = [
            self.model.register_forward_pre_hook(self.before, with_kwargs=True),
            self.model.register_forward_hook(self.after, with_kwargs=True),
        ]
        return self

    def __exit__(self, *_: Any) -> None:
        for hook in self.hooks:
            hook.remove()

    def before(self, model: nn.Module, args: tuple, inputs: dict[str, Any]) -> None:
        """Pass the first batch through the model once more, its dropout off for the moment."""
        if self.batches or not self.drops or inputs.get("labels") is None:
            return
        modes = {module: module.training for module in model.modules()}
        for module in modes:
            module.training = False
        self.without_dropout = self.loss_of(model.forward(*args, **inputs))
        for module, mode in modes.items():
            module.training = mode

    def after(self, model: nn.Module, args: tuple, inputs: dict[str, Any], output: Any) -> None:
        """Called by PyTorch after each forward pass, with what came in and what came out."""
        if len(self.batches) == self.count or inputs.get("labels") is None:
            return
        loss, labels = self.loss_of(output), str(inputs["labels"].tolist())
        if not self.drops and not self.batches:
            self.without_dropout = loss
        self.batches.append(f"{hashlib.sha256(labels.encode()).hexdigest()[:4]} {loss}")

    def loss_of(self, output: Any) -> str:
        return f"{(output[0] if isinstance(output, tuple) else output.loss).item():.4f}"

    def tell(self) -> str:
        """The line to print, once."""
        self.told = True
        return (
            f"run of {self.begun:%Y-%m-%d %H:%M:%S} on {self.device}: weights {self.weights}; "
            f"loss of the first batch without dropout {self.without_dropout}; "
            f"first {len(self.batches)} of {self.epoch} batches {', '.join(self.batches)}"
        )


# %% [markdown]
# ## (b) The training step (10 points)
#
# One epoch goes once over all training data. For each batch: bring its tensors to the device, let
# the model compute the loss (**forward**), let PyTorch compute the gradient (**backward**), let the
# optimizer move the weights (**step**), and see to it that the next batch starts from a gradient of
# **zero**: `backward` adds to what is there. All of it in training mode, in which dropout is on;
# `from_pretrained` leaves a model in evaluation mode.
#
# `train_epoch` returns the mean loss over the epoch's *examples*. Where batch $b$ has $n_b$
# examples and the loss $L_b$, that is
#
# $$\frac{\sum_b n_b\, L_b}{\sum_b n_b} .$$
#
# Where all batches are equally large, this is the mean over the batches. The last one rarely is.
#
# ## (c) The validation step (6 points)
#
# `valid_epoch` computes the same mean over the validation data, and changes nothing: no weight, no
# gradient. The model is in evaluation mode meanwhile, so that dropout does not blur what is
# measured, and back in training mode afterwards. Without gradients PyTorch also keeps no
# intermediate results, which saves memory.
#
# Both go into the class below. The rest of it is given. Each part has a check of its own, on a
# model of a single weight.
#
# <details><summary>A hint for (b)</summary>
#
# A batch is a dictionary whose keys are the names of the model's arguments, so `**` hands all of it
# over at once. A loss is a tensor which still knows how it was computed; `item()` gives you a plain
# number, and lets the rest go. `len(tensor)` is the size of its first axis.
# </details>
#
# <details><summary>A hint for (c)</summary>
#
# Evaluation mode and gradients are two different things: the mode is a property of the model,
# whether gradients are kept is decided by a context around the computation. You need both.
# </details>

# %% solution="q1b_train"
class Trainer:
    """Trains a model, and keeps a training and a validation loss of each epoch.

    The model is called with the tensors of a batch by their names, and returns an output with
    `.loss`, the batch's mean loss: a tensor without axes. Batches are those of `Collator`.
    """

    def __init__(
        self,
        model: nn.Module,
        train_loader: DataLoader,
        valid_loader: DataLoader,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
    ) -> None:
        self.model = model.to(device)
        self.train_loader, self.valid_loader = train_loader, valid_loader
        self.optimizer, self.device = optimizer, device
        self.train_losses: list[float] = []  # one number an epoch
        self.valid_losses: list[float] = []

    def train(self, epochs: int) -> None:
        """Train for some epochs; a second call goes on where the first one ended."""
        batches = epochs * (len(self.train_loader) + len(self.valid_loader))
        with tqdm(total=batches, unit="batch") as bar:

            def count(*_: Any) -> None:  # the bar moves with each forward pass
                bar.update()

            first = FirstBatches(self.model, len(self.train_loader))
            with self.model.register_forward_hook(count), first:
                for _ in range(epochs):
                    self.train_losses.append(self.train_epoch())
                    self.valid_losses.append(self.valid_epoch())
                    bar.write(
                        f"epoch {len(self.train_losses)}: "
                        f"training loss {self.train_losses[-1]:.4f}, "
                        f"validation loss {self.valid_losses[-1]:.4f}"
                    )
                    if not first.told:
                        bar.write(first.tell())

    def train_epoch(self) -> float:
        """(b) Go over the training data once, and update the weights after each batch.

        Returns the mean loss over the examples, in nats. A batch's loss counts as often as the
        batch has examples.
        """
        ### BEGIN SOLUTION
        self.model.train()
        total, examples = 0.0, 0
        for batch in self.train_loader:
            batch = {name: tensor.to(self.device) for name, tensor in batch.items()}
            loss = self.model(**batch).loss
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            size = len(batch["labels"])
            total += size * loss.item()
            examples += size
        return total / examples
        ### END SOLUTION

    def valid_epoch(self) -> float:
        """(c) Go over the validation data once, in evaluation mode, and change nothing.

        Returns the mean loss over the examples, in nats, as `train_epoch` does. Afterwards the
        model is in training mode again.
        """
        ### BEGIN SOLUTION
        self.model.eval()
        total, examples = 0.0, 0
        with torch.no_grad():
            for batch in self.valid_loader:
                batch = {name: tensor.to(self.device) for name, tensor in batch.items()}
                size = len(batch["labels"])
                total += size * self.model(**batch).loss.item()
                examples += size
        self.model.train()
        return total / examples
        ### END SOLUTION

    def plot(self) -> None:
        """Draw both losses over the epochs."""
        epochs = range(1, len(self.train_losses) + 1)
        _, axes = plt.subplots(figsize=(6, 4), layout="constrained")
        axes.plot(epochs, self.train_losses, "o-", label="training")
        axes.plot(epochs, self.valid_losses, "s--", label="validation")
        axes.set(xlabel="epoch", ylabel="mean cross-entropy (nats)", title="Fine-tuning Pix2Struct")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
        plt.show()


# %% tests="q1b_train" points=10 title="(b) The training step" code="Trainer.train_epoch"
import math
from numbers import Real

from transformers import Pix2StructConfig, PreTrainedModel
from transformers.modeling_outputs import Seq2SeqLMOutput


class OneWeight(PreTrainedModel):
    """Stands in for Pix2Struct: piece 0 always has the score 0, and piece 1 the weight."""

    def __init__(self, weight: float) -> None:
        super().__init__(Pix2StructConfig())
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, flattened_patches, attention_mask=None, *others, labels=None,
                return_dict=True, **options):  # fmt: skip
        assert labels is not None, "the model gets no labels: pass on the whole batch"
        logits = torch.stack([torch.zeros(()), self.weight]).expand(*labels.shape, 2)  # [B, T, 2]
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        output = Seq2SeqLMOutput(loss=loss, logits=logits)
        return output if return_dict else output.to_tuple()


def toy_trainer(labels: list[int], batch_size: int, weight: float = 0.0) -> Trainer:
    """A trainer whose captions have one piece each, the same for training and validation."""
    examples = [
        {
            "flattened_patches": torch.zeros(1, 770),
            "attention_mask": torch.ones(1),
            "labels": torch.tensor([label]),
        }
        for label in labels
    ]
    batches = DataLoader(examples, batch_size)
    toy = OneWeight(weight).eval()  # as from_pretrained leaves a model
    optimizer = torch.optim.SGD(toy.parameters(), lr=0.5)
    return Trainer(toy, batches, batches, optimizer, torch.device("cpu"))


toy = toy_trainer([1, 1, 1], batch_size=3)
attempt("b", toy.train_epoch)
assert toy.model.weight.item() != 0, (
    "after an epoch of one batch the weight has not moved: does every batch go forward, backward "
    "and step, in this order?"
)
toy = toy_trainer([1, 1, 0, 1], batch_size=3)
losses = [toy.train_epoch() for _ in range(30)]
assert all(isinstance(loss, Real) for loss in losses), (
    f"`train_epoch` should return a plain number, a float; yours returns a {type(losses[0])}"
)
assert all(map(math.isfinite, losses)), f"the losses are not finite: {losses[:3]} ..."
# One batch wants piece 1 in two of three captions, the other always: 5/6 lies half-way.
share = torch.sigmoid(toy.model.weight).item()
assert abs(share - 5 / 6) < 0.03 and losses[-1] < losses[0], (
    f"after 30 epochs the model gives piece 1 a probability of {share:.2f}, where it should be "
    "near 0.83: does a step use the gradient of its own batch, and of no other?"
)
assert toy.model.training, "the model is not in training mode"
print("(b) passes its checks.")

# %% tests="q1b_valid" points=6 code="Trainer.valid_epoch"
still = toy_trainer([1, 1, 1, 1, 0], batch_size=4, weight=1.0)
still.model.train()
loss = attempt("c", still.valid_epoch)
assert isinstance(loss, Real), (
    f"`valid_epoch` should return a plain number, a float; yours returns a {type(loss)}"
)
assert still.model.weight.item() == 1, "the weight has changed: validation only measures"
assert still.model.weight.grad is None, "there is a gradient now: validation should compute none"
assert still.model.training, "the model should be in training mode again when validation is over"
low, high = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))  # of piece 1, of piece 0
assert abs(loss - (4 * low + high) / 5) < 1e-4, (
    f"four examples have a loss of {low:.3f} and one has a loss of {high:.3f}; their mean is not "
    f"{loss:.3f}"
)
print("(c) passes its checks.")

# %% [markdown]
# ## Training
#
# Run all of it. On a T4 an epoch takes less than a minute (an estimate), on a laptop's CPU a
# quarter of an hour and more: use Colab. With the stand-in of this course the whole training takes
# about half a minute on two processors. Each epoch prints a line; the bar counts batches.
#
# A second run of this cell goes on from the weights that the first one left: to start over, run the
# cell that loads the model first.

# %% name="training" tags=["skip-execution"]
torch.manual_seed(SEED)
trainer = Trainer(
    model,
    DataLoader(train_set, settings.batch_size, shuffle=True, collate_fn=collate),
    DataLoader(valid_set, settings.batch_size, collate_fn=collate),
    torch.optim.AdamW(model.parameters(), lr=settings.learning_rate),
    device,
)
trainer.train(settings.epochs)

# %% [markdown]
# ## (d) Both curves (6 points)
#
# The next cell draws what your trainer has kept. Save the picture (a right click on it), and put it
# into the written part. The lines that the training printed and this figure are graded from the
# notebook as you hand it in: save it with its outputs. At least two epochs, and a training loss
# that falls, are what counts here; how good the curves are is your answer to (e).

# %% name="curves" tags=["skip-execution"]
trainer.plot()

# %% tests="q1b_plot" points=6 tags=["skip-execution"] code="q1b.outputs.json"
import math

assert "trainer" in globals(), "there is nothing to draw yet: run the cell that trains"
epochs = len(trainer.train_losses)
assert epochs >= 2, f"{epochs} epochs are kept: train for two at least, so that there is a curve"
assert len(trainer.valid_losses) == epochs, "each epoch has a training and a validation loss"
assert all(map(math.isfinite, trainer.train_losses + trainer.valid_losses)), (
    "a loss is not finite: try a smaller learning rate, and look at (b) and (c) again"
)
assert trainer.train_losses[-1] < trainer.train_losses[0], (
    "the training loss does not fall: is the learning rate too large, or (b) not right yet?"
)
print("The curves are there. Save the notebook with its outputs.")

# %% [markdown]
# ## After training
#
# The same six pictures, none of which the model was trained on. Compare word by word: does it get
# the kind of creature, its colour, the things? What comes first, what is hardest? A few seconds on
# a T4 and on a CPU.

# %% name="captions" tags=["skip-execution"]
import textwrap

after = describe(pictures, settings.max_patches)
figure, grid = plt.subplots(2, 3, figsize=(13, 10), layout="constrained")
for axes, picture, *sentences in zip(grid.flat, pictures, wanted, before, after, strict=True):
    axes.imshow(picture)
    axes.axis("off")
    lines = [
        line
        for label, sentence in zip(("right", "before", "after"), sentences, strict=True)
        for line in textwrap.wrap(f"{label}: {sentence}", 46, max_lines=3)
    ]
    axes.set_title("\n".join(lines), fontsize=9, loc="left")
plt.show()

# %% [markdown]
# ## (e) Was it a success? (4 points)
#
# Look at both curves, and at the captions. Answer in five to ten sentences:
#
# 1. Was the training successful? Say what each of the two curves shows, and what the distance
#    between them does.
# 2. What would you do to get better captions? Give at least two ways, and say of each why you
#    expect it to help *here*, with these curves.
#
# The answer belongs into the written part, below your figure. The next cell is there for a draft,
# and for those who cannot make a PDF.

# %% [markdown] written="q1b_discussion" points=4
# ### BEGIN SOLUTION
# **What to look for (4 points).** Award what is there; wording does not matter. Judge the answer by
# the student's own curves, which stand beside this cell, not by those of the reference.
#
# - 1: what the **training** curve shows. It falls, steeply at first and then flatter (or: it
#   does not, and why): the model fits its data; whether it still falls at the end.
# - 1: what the **validation** curve shows, beside the other one: it falls, too, so what was
#   learnt holds for new pictures; a gap that grows, or a loss that rises again, is overfitting; two
#   curves that are still high and close together are underfitting. A judgement on success without a
#   look at the validation curve does not earn this point.
# - 1: a way to do better, with a reason that fits the curves.
# - 1: a second way, likewise.
# - -0.5: one of these ways is named and not justified.
# - -0.5: the other one is not justified, either.
#
# Ways are, for example: stop at the lowest validation loss (early stopping); a smaller learning
# rate, warm-up or decay; more epochs where both curves still fall; more data, or augmentation
# (mirrored pictures, other crops; not other colours, since captions name them); regularisation
# (weight decay, dropout), or training only the decoder; checking that padding in the labels is
# $-100$; more patches; a larger model; beam search; a measure of the captions themselves beside the
# loss.
#
# Not right: more epochs although the validation loss already rises; a larger model against
# overfitting without more data; "validation loss under training loss is impossible" (dropout is
# off in validation, and the training loss is a mean over an epoch in which the model improved).
#
# **An answer with full marks.** (For curves that both fall to the end, the validation loss a little
# below the training loss.) The training was a success, though not a finished one. The training loss
# falls steeply in the first epochs and ever more slowly after that: the model fits its captions.
# The validation loss falls with it to a fraction of where it began, so what was learnt holds for
# creatures that the model has never seen. There is no gap that opens between the two, so it has not
# begun to learn its pictures by heart; that the validation loss is the lower one comes from
# dropout, which is off there, and from the training loss being a mean over an epoch in which the
# model improved. The captions say the same: sentence and colour are right, things to wear often
# wrong. First, I would train for more epochs, since the validation loss still falls in the last
# one, and keep the weights of the epoch where it is lowest. Second, I would draw more creatures:
# 360 are few, and each pair of a thing and its colour occurs only some times. Mirrored pictures
# would do the same for free, since no caption speaks of left and right.
# ### END SOLUTION

# %% [markdown]
# ## Hand in
#
# 1. Save this notebook with its outputs (*File > Save*; on Colab also *File > Download > .ipynb*,
#    and put it into the folder `q1` of the course's files).
# 2. Complete the written part: the figure of (d), the answer of (e).
# 3. `collect_submission.sh` in the course's folder makes the zip, and says what is still missing.
