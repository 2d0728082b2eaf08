"""What a result.log must be to count: read with the students' own reader, judged here."""

from __future__ import annotations

import math
import re
from typing import TypeVar

from .source.utils import ResultLogRecord, read_result_log

ROUNDING = 6e-5  # figures in the log have four decimals
Entry = TypeVar("Entry")


def read(content: bytes) -> ResultLogRecord:
    """Read a log; an unreadable one fails the test with the reader's sentence."""
    try:
        return read_result_log(content)
    except ValueError as error:
        raise AssertionError(f"result.log cannot be read: {error}") from None


def problems(log: ResultLogRecord) -> list[str]:
    """What an honest run may lack: sentences for the student."""
    found = []
    losses = [epoch.train_loss for epoch in log.epochs]
    if log.status != "complete":
        found.append(f"the run in result.log is not complete ({log.status or 'it has no end'})")
    if not losses:
        return [*found, "result.log holds no finished epoch"]
    if not all(map(math.isfinite, losses)):
        found.append("a training loss in result.log is not finite")
    elif min(losses) < 0:
        found.append("a training loss in result.log is negative, which no cross-entropy can be")
    elif len(losses) > 1 and losses[-1] >= losses[0]:
        found.append("the training loss in result.log does not fall from first to last epoch")
    if log.settings.get("limit", "None") != "None":
        found.append("result.log comes from a run on part of the data (--limit)")
    return found


def contradictions(log: ResultLogRecord) -> list[str]:
    """Figures that cannot stand in one run's log: sentences for the student, and for a person."""
    found, best = [], -1.0
    for epoch in log.epochs:
        if epoch.saved != (epoch.dev_accuracy > best):
            found.append(f"epoch {epoch.epoch} is{'' if epoch.saved else ' not'} marked as saved, "
                         "but a model is saved exactly where dev accuracy reaches a new best")
        best = max(best, epoch.dev_accuracy)
    if log.status == "complete" and str(len(log.epochs)) != log.settings["epochs"]:
        found.append(f"the log is complete with {len(log.epochs)} epochs where "
                     f"{log.settings['epochs']} were asked for")
    if log.dev is not None and abs(log.dev.accuracy - best) > ROUNDING:
        found.append("the final dev accuracy is not that of the best epoch")
    found += _impossible_shares(log)
    return found


def of_checkpoint(log: ResultLogRecord, table: dict[str, Entry]) -> Entry | None:
    """What a table of course.toml has for the log's checkpoint, None if it has nothing."""
    checkpoint = log.settings["checkpoint"].rstrip("/")
    for name, entry in table.items():
        known = (name, name.rpartition("/")[2])
        if checkpoint == name or checkpoint.rpartition("/")[2] in known:
            return entry
    return None


def accuracy_steps(log: ResultLogRecord, thresholds: dict[str, dict[str, list[float]]]
                   ) -> list[float] | None:
    """The steps that course.toml sets for the log's checkpoint and option, None if it has none."""
    return (of_checkpoint(log, thresholds) or {}).get(log.settings["option"])


def _impossible_shares(log: ResultLogRecord) -> list[str]:
    """An accuracy is a whole number of sentences: other figures were written by hand."""
    shares = [("dev_sentences", epoch.dev_accuracy, f"dev accuracy of epoch {epoch.epoch}")
              for epoch in log.epochs]
    if log.test is not None:
        shares.append(("test_sentences", log.test.accuracy, "final test accuracy"))
    found = [f"there is no number of {size}, which every run writes down"
             for size in dict.fromkeys(size for size, _, _ in shares) if not count(log, size)]
    for size, accuracy, name in shares:
        found += impossible_share(log, size, accuracy, name)
    return found


def impossible_share(log: ResultLogRecord, size: str, accuracy: float, name: str) -> list[str]:
    """Why an accuracy cannot be a share of that many sentences; nothing where it can."""
    sentences = count(log, size)
    right = accuracy * sentences
    if accuracy > 1:
        return [f"the {name}, {accuracy:.4f}, is above 1"]
    if abs(right - round(right)) > ROUNDING * sentences and sentences < 1 / (2 * ROUNDING):
        return [f"the {name}, {accuracy:.4f}, is no whole number of {sentences} sentences"]
    return []


def count(log: ResultLogRecord, size: str) -> int:
    """A number of sentences among the log's settings; 0 where there is none."""
    text = log.settings.get(size, "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
