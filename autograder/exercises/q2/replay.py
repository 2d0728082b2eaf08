"""Begin the run again that a result.log tells of, with the student's own code, and compare.

What can be compared on any device is how the untrained model scores the first sentences: the seed
draws its last layer on the CPU, and without dropout devices differ by rounding alone. In shares of
the scores' spread that was, on MiniLM: 0 between one thread and two, 0.03 where the weights or the
products are rounded to bfloat16, and 3 with another seed. A GPU was not at hand.

The losses of the first steps have dropout in them, which draws other numbers on a GPU or on another
kind of processor: other dropout moves a batch's loss by 0.01 to 0.2, as much as another batch. So
they are compared where both are a CPU of one kind and torch of one build: there bfloat16 moves a
loss by 0.0002, and threads or a fused AdamW by nothing.
"""

from __future__ import annotations

import itertools
import math
import platform
import re
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from autograder.kernel.isolation.policy import READS
from autograder.testing import Both

from . import probes_replay
from .plausible import matrix_weights
from .resultlog import count, of_checkpoint
from .source.utils import ResultLogRecord

STEPS = 3  # that are taken again at most
SECONDS = 3.0  # of the student's code
OPERATIONS = 1.5e11  # for all steps: two seconds of a processor
SHARE = r"[01]|1\.0|0\.[0-9]{1,20}|[0-9](\.[0-9]{1,20})?e-[0-9]{1,2}"
ORDER = {"seed": "[0-9]{1,10}", "batch_size": "[1-9][0-9]?|1[0-9][0-9]"}  # decide on the batches
REST = {"option": "finetune|pretrain", "lr": SHARE, "hidden_dropout_prob": SHARE}
SPREAD = 0.15  # of the scores, by which they may differ
ROUNDING = 0.002  # by which losses may differ where dropout draws the same numbers
HERE = f"{torch.__version__} on {platform.machine()}"  # as in a log; the sandbox has the same
CHECKPOINTS = "data/checkpoints"


@dataclass(frozen=True)
class Beginning:
    """What a right run with the log's options begins with, by the data that lie here."""

    noted: dict[str, str]
    batches: list[dict[str, Any]]
    options: list[str]  # for the student's side; empty where the log's weights do not lie here
    steps: int  # that are to be taken, where they can be compared


def expected(log: ResultLogRecord, both: Both, folder: Path, weights: dict[str, Any]
             ) -> Beginning | None:
    """None where there is nothing to compare with: a log that notes nothing, other data, none."""
    known = of_checkpoint(log, {name: name for name in weights})
    order, rest = _options(log, ORDER), _options(log, REST)
    if "first_sentences" not in log.settings or known is None or not order or not rest:
        return None
    own = folder / CHECKPOINTS / known.rpartition("/")[2]
    # All checkpoints of the course read the same vocabulary, so any serves to order the sentences.
    lying = [own, *sorted((folder / CHECKPOINTS).glob("*"))]
    checkpoint = next((one for one in lying if (one / "model.safetensors").is_file()), None)
    files = [f"--{name}={folder / 'data' / f'sst-{name}.txt'}" for name in ("train", "dev", "test")]
    if checkpoint is None or not all(Path(file.partition("=")[2]).is_file() for file in files):
        return None
    found = both.reference(probes_replay.beginning, batches=STEPS,
                           options=[*order, *files, f"--checkpoint={checkpoint}"]).value
    # None where the files are not what they should be, which is nobody's fault
    if found is None or any(count(log, name) != size for name, size in found["sizes"].items()):
        return None
    here = checkpoint == own and log.settings.get("weights") == found["noted"]["weights"]
    inside = [*order, *rest, f"--checkpoint={READS}/{CHECKPOINTS}/{own.name}"] if here else []
    like = (log.settings["device"], log.settings.get("torch")) == ("cpu", HERE)
    steps = _affordable(found["batches"], weights[known]) if like else 0
    return Beginning(found["noted"], found["batches"], inside, steps)


def _affordable(batches: list[dict[str, Any]], weights: dict[str, Any]) -> int:
    """How many steps may be taken: a step takes three passes of two operations a weight."""
    taken = itertools.accumulate(
        6 * matrix_weights(weights) * batch["input_ids"].numel() for batch in batches)
    return sum(operations <= OPERATIONS for operations in taken)


def _options(log: ResultLogRecord, forms: dict[str, str]) -> list[str]:
    """The log's options of these names; none where one has not the form that a run writes."""
    found = {name: log.settings.get(name, "") for name in forms}
    if all(re.fullmatch(form, found[name]) for name, form in forms.items()):
        return [f"--{name}={value}" for name, value in found.items()]
    return []


def differences(log: ResultLogRecord, again: dict[str, Any]) -> list[str]:
    """Where the log is not what the student's code does when it begins again."""
    found = []
    noted, scores = _numbers(log.settings.get("untrained_scores", "")), again["scores"]
    far = max((abs(one - other) for one, other in zip(noted, scores, strict=False)),
              default=math.inf)
    if len(noted) != len(scores) or not far <= SPREAD * statistics.pstdev(scores):
        found.append("with its seed and its weights your own model gives the first sentences other "
                     "scores than the log notes")
    pairs = zip(log.first_losses, again["losses"], strict=False)
    if not all(abs(one - other) <= ROUNDING for one, other in pairs):
        found.append("the losses of its first batches are not those that your own `train` has on "
                     "the same sentences, from the same seed")
    return found


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split() if re.fullmatch(r"-?[0-9]+\.[0-9]+", word)]
