"""How long judging took, and what went wrong in it, from the journal's entries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from autograder.journal import Entry
from autograder.report.class_report.statistics import Distribution, distribution
from autograder.results.reason import Stop

SLOWEST = 5
LAST = 8  # batches that are listed


@dataclass
class Batch:
    """Verdicts on an assignment that were given under one seed, one after another.

    seconds: of judging, in all processes together; lost: works whose judge died or hung
    """

    assignment: str
    seed: int
    began: datetime
    ended: datetime
    judged: int = 0
    lost: int = 0
    seconds: float = 0.0

    @property
    def wall(self) -> float:
        """Seconds from the beginning of the first work to the end of the last."""
        return max((self.ended - self.began).total_seconds(), 0.0)

    @property
    def at_a_time(self) -> float | None:
        """How many works were judged at the same time, on average."""
        return self.seconds / self.wall if self.wall else None


@dataclass(frozen=True)
class JudgedExercise:
    """One exercise of one submission, as it was judged last; `stopped` names what stopped it."""

    student: str
    exercise: str
    seconds: float
    stopped: tuple[Stop, ...]


@dataclass(frozen=True)
class Failures:
    """One kind of failure, and the submissions that met it."""

    kind: Stop
    count: int
    students: tuple[str, ...]


@dataclass(frozen=True)
class Times:
    """The batches, oldest first, and the times and failures of the last verdicts."""

    batches: tuple[Batch, ...]
    seconds: Distribution | None
    slowest: tuple[JudgedExercise, ...]
    failures: tuple[Failures, ...]


def batches(assignment: str, entries: Iterable[Entry]) -> list[Batch]:
    """The batches of an assignment's journal, oldest first; its entries are read once and not kept.

    A verdict on a lost work knows no seed: it belongs to the batch that went on around it.
    """
    found: list[Batch] = []
    early = 0  # lost before the first work of any batch was judged
    for entry in entries:
        verdict, time = entry.verdict, _time(entry.time)
        if time is None:
            continue
        lost = Stop.LOST in verdict.stops
        if lost and not found:
            early += 1
            continue
        if not lost and (not found or found[-1].seed != verdict.seed):
            found.append(Batch(assignment, verdict.seed,
                               time - timedelta(seconds=verdict.seconds), time))
        batch = found[-1]
        batch.ended = max(batch.ended, time)
        batch.judged += 1
        batch.lost += lost
        batch.seconds += verdict.seconds
    if found and early:
        found[0].judged, found[0].lost = found[0].judged + early, found[0].lost + early
    return found


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None  # an older journal


def times(found: Iterable[Batch], entries: Iterable[Entry]) -> Times:
    """Sum up the batches, and the last entry on each student's exercise."""
    judged = [JudgedExercise(entry.student, entry.exercise, entry.verdict.seconds,
                     entry.verdict.stops) for entry in entries]
    by_kind = {kind: tuple(sorted({one.student for one in judged if kind in one.stopped}))
               for kind in Stop}
    slowest = sorted(judged, key=lambda one: (-one.seconds, one.student, one.exercise))[:SLOWEST]
    return Times(tuple(sorted(found, key=lambda batch: batch.began)[-LAST:]),
                 distribution([one.seconds for one in judged if Stop.LOST not in one.stopped]),
                 tuple(slowest),
                 tuple(Failures(kind, len(who), who) for kind, who in by_kind.items() if who))
