"""Why points were lost: misconceptions by name, and losses that the feedback cannot name.

Only the judge's verdicts count, not what a person changed in formgrader since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from autograder.journal import Entry
from autograder.results import words
from autograder.results.reason import Reason
from autograder.results.verdict import PartVerdict

Why = Literal["named", "stopped", "unwritten", "unnamed"]
MOST_SENTENCES = 4  # on unnamed losses of a part


@dataclass(frozen=True)
class Met:
    """A misconception that was met: in which part, and the entries of those who have it."""

    name: str
    part: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class GeneralSentence:
    """A sentence shown instead of a misconception's, and the entries of those who saw it."""

    sentence: str
    points: float
    entries: tuple[Entry, ...]


@dataclass
class Losses:
    """The points lost in one part, by reason, summed over all submissions.

    named: a misconception explains it; stopped: the code raised an error or was stopped; unwritten:
    nothing was there yet; unnamed: wrong, and only a test's general sentence was shown. `lost_by`
    counts submissions.
    """

    part: str
    judged: int = 0
    lost_by: Counter[Why] = field(default_factory=Counter)
    points: dict[Why, float] = field(default_factory=lambda: {
        "named": 0.0, "stopped": 0.0, "unwritten": 0.0, "unnamed": 0.0})
    sentences: list[GeneralSentence] = field(default_factory=list)

    @property
    def total(self) -> float:
        return sum(self.points.values())

    @property
    def named_share(self) -> float | None:
        """Of the points lost by wrong answers, the share that a misconception's sentence explains.

        None where no answer was wrong.
        """
        wrong = self.points["named"] + self.points["unnamed"]
        return self.points["named"] / wrong if wrong else None


def losses(parts: Iterable[str], entries: Iterable[Entry]) -> list[Losses]:
    """The losses in each of the parts, from the last entry on each student's exercise."""
    found = {part: Losses(part) for part in parts}
    unnamed: dict[tuple[str, Reason | None], list[tuple[Entry, float]]] = {}
    for entry in entries:
        for part in entry.verdict.parts:
            if part.part not in found:
                continue
            one = found[part.part]
            one.judged += 1
            lost = part.max_points - part.points
            if lost <= 0:
                continue
            why = reason(part)
            one.lost_by[why] += 1
            one.points[why] += lost
            if why == "unnamed":
                unnamed.setdefault((part.part, _general(part)), []).append((entry, lost))
    for (name, because), who in unnamed.items():
        sentence = words.finished(words.english(because)) if because else "Nothing was said."
        found[name].sentences.append(GeneralSentence(sentence, sum(lost for _, lost in who),
                                     tuple(entry for entry, _ in who)))
    for one in found.values():
        one.sentences = sorted(one.sentences, key=lambda one: -one.points)[:MOST_SENTENCES]
    return list(found.values())


def reason(part: PartVerdict) -> Why:
    """Why a part lost points."""
    if part.misconceptions:
        return "named"
    if part.unwritten:
        return "unwritten"
    return "stopped" if part.stopped else "unnamed"


def met(entries: Iterable[Entry]) -> list[Met]:
    """The misconceptions that were met, the most frequent first."""
    who: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        for part in entry.verdict.parts:
            for name in part.misconceptions:
                who.setdefault((part.part, name), []).append(entry)
    found = [Met(name, part, tuple(those)) for (part, name), those in who.items()]
    return sorted(found, key=lambda one: (-len(one.entries), one.part, one.name))


def _general(part: PartVerdict) -> Reason | None:
    """The first reason, without its place in the code."""
    return part.reasons[0].general if part.reasons else None
