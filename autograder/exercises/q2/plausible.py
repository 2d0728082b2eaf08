"""What no run can have written into a result.log, seen from the log alone: sentences for a person.

They cost no points: there may be a reason. What is allowed stands in course.toml's [settings]; a
course whose file says nothing of it is asked nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

from .resultlog import ROUNDING, count, impossible_share, of_checkpoint
from .source.utils import ResultLogRecord

SPLITS = ("train", "dev", "test")
FIRST = 20  # batches whose losses a run writes down
BEGINNING = ("torch", "weights", "first_sentences", "untrained_scores")  # what it begins with
NOTES_IT = "what_it_begins_with"  # the function of a classifier.py that notes it
SLACK = 0.15  # of accuracy: in the log it is that after an epoch, the loss is that during it


def oddities(log: ResultLogRecord, settings: dict[str, Any], classifier: str) -> Iterator[str]:
    """What cannot be in a log that came from `classifier`, the text of what was handed in."""
    data_sets = settings.get("data_sets", [])
    data_set = _data_set(log, data_sets)
    if data_sets and data_set is None:
        yield (f"its numbers of sentences ({', '.join(str(size) for size in _sizes(log))}) are "
               "those of no data set that this course gives out")
    yield from _figures(log)
    weights = of_checkpoint(log, settings.get("weights", {}))
    if data_set is not None:
        yield from _macro_f1(log, data_set)
    if data_set is not None and weights is not None:
        yield from _times(log, data_set["tokens"], weights, settings["operations_a_second"])
    notes_its_beginning = NOTES_IT in classifier
    if notes_its_beginning or log.checksum or log.first_losses:
        yield from _beginning(log, weights)
    if classifier and not notes_its_beginning and "untrained_scores" in log.settings:
        yield "it says how its run began, which the classifier.py beside it does not write"


def _sizes(log: ResultLogRecord) -> list[int]:
    return [count(log, f"{name}_sentences") for name in SPLITS]


def _data_set(log: ResultLogRecord, data_sets: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The data set that has the log's numbers of sentences."""
    return next((one for one in data_sets
                 if [sum(one[name]) for name in SPLITS] == _sizes(log)), None)


def _figures(log: ResultLogRecord) -> Iterator[str]:
    """Figures that do not fit each other."""
    device, asked = log.settings["device"], log.settings.get("use_gpu")
    if asked in ("True", "False") and (asked == "True") is (device == "cpu"):
        yield f"use_gpu is {asked}, and the device is {device}"
    measured = min(_sizes(log)[:2])
    if count(log, "train_accuracy_sentences") != measured:
        yield (f"train accuracy is that of {measured} sentences in every run, which it does not "
               "say of itself")
    for epoch in log.epochs:
        yield from impossible_share(log, "train_accuracy_sentences", epoch.train_accuracy,
                                    f"train accuracy of epoch {epoch.epoch}")
        # A sentence that is got wrong has at most half of the probability on its label.
        if epoch.train_accuracy < 1 - epoch.train_loss / math.log(2) - SLACK:
            yield (f"in epoch {epoch.epoch} the train loss, {epoch.train_loss:.4f}, is too small "
                   f"for a train accuracy of {epoch.train_accuracy:.4f}")


def _macro_f1(log: ResultLogRecord, data_set: dict[str, Any]) -> Iterator[str]:
    for name, scores in (("dev", log.dev), ("test", log.test)):
        if scores is not None and scores.accuracy <= 1:
            low, high = f1_bounds(scores.accuracy, data_set[name])
            if not low - ROUNDING <= scores.macro_f1 <= high + ROUNDING:
                yield (f"with the {name} accuracy {scores.accuracy:.4f} no predictions have the "
                       f"macro-F1 {scores.macro_f1:.4f}: on these labels it is between {low:.2f} "
                       f"and {high:.2f}")


def f1_bounds(accuracy: float, labels: Sequence[int]) -> tuple[float, float]:
    """Between which bounds macro-F1 lies, where so many sentences have each of the labels.

    With r of a label's n sentences right, and w others taken for it, its F1 is 2r / (n + r + w).
    No w is below 0: then F1 is concave in r, and to give each right answer where it counts most is
    best. And none is above all wrong answers: then the least is where all labels but one are got
    right as a whole or not at all.
    """
    right = round(accuracy * sum(labels))
    wrong = sum(labels) - right
    most = [0] * len(labels)
    for _ in range(right):
        gains = [n / ((n + r) * (n + r + 1)) if r < n else 0
                 for n, r in zip(labels, most, strict=True)]
        most[gains.index(max(gains))] += 1
    high = sum(2 * r / (n + r) for n, r in zip(labels, most, strict=True) if n)
    least = []
    for order in permutations(labels):
        left, total = right, 0.0
        for n in order:
            r = min(n, left)
            left -= r
            total += 2 * r / (n + r + wrong) if r else 0
        least.append(total)
    return min(least) / len(labels), high / len(labels)


def _times(log: ResultLogRecord, tokens: int, weights: dict[str, Any],
           operations: dict[str, float]) -> Iterator[str]:
    """Epochs that took less than their matrix products alone take.

    A weight takes a multiplication and an addition a token. Going back takes twice as much as going
    forward (Kaplan et al., 2020, section 2.1); a frozen BERT only goes forward.
    """
    passes = 1 if log.settings["option"] == "pretrain" else 3
    device = log.settings["device"]
    fastest = operations.get(device, operations["other"])
    least = 2 * matrix_weights(weights) * passes * tokens / fastest
    for epoch in log.epochs:
        if epoch.seconds + 0.05 < least:
            yield (f"epoch {epoch.epoch} took {epoch.seconds:.1f} s, and its matrix products alone "
                   f"take {least:.1f} s on the fastest device called {device}")


def matrix_weights(weights: dict[str, Any]) -> int:
    """A layer has 4 matrices of hidden x hidden and 2 of hidden x intermediate."""
    hidden: int = weights["hidden"]
    layer: int = 4 * hidden**2 + 2 * hidden * weights["intermediate"]
    return int(weights["layers"]) * layer


def _beginning(log: ResultLogRecord, weights: dict[str, Any] | None) -> Iterator[str]:
    """What is wrong with what a run notes of its beginning, and with its checksum."""
    if missing := [name for name in BEGINNING if name not in log.settings]:
        yield f"it says nothing of {', '.join(missing)}, which the classifier.py beside it notes"
    noted = log.settings.get("weights")
    if weights is not None and noted not in (None, weights["sha256"]):
        yield ("the hash of its weights is not that of the checkpoint that it names: another "
               "model was trained")
    batch_size, sentences = count(log, "batch_size"), count(log, "train_sentences")
    if len(log.first_losses) != min(FIRST, -(-sentences // max(batch_size, 1))):
        yield f"it should hold the losses of {FIRST} batches, and holds {len(log.first_losses)}"
    elif log.epochs and sum(log.first_losses) * batch_size > (
            (log.epochs[0].train_loss + ROUNDING) * max(sentences, FIRST * batch_size)):
        yield "the losses of the first batches add up to more than those of the whole epoch"
    if log.status == "complete" and log.checksum != log.sum_up():
        yield "its checksum is not that of its figures: one was changed after the run"
