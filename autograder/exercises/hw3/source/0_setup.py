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
