"""What the judge decided about one exercise of one submission: plain values, kept as JSON."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from autograder import flag, text

NAME_IN_CODE = re.compile(r"\S*([._]\w|[/\\]|\w\()")  # bert.py, input_ids, utils/, train(args)


@dataclass(frozen=True)
class PartVerdict:
    """The points of one part and the sentences that explain them.

    `says` explains lost points, `remarks` cost nothing, `flags` ask for a person (flag.py);
    `staff` is for the journal alone and never shown to students.
    """

    part: str
    points: float
    max_points: float
    says: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    misconceptions: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_type(str, self.part)
        _check_type((int, float), self.points, self.max_points)
        if not 0 <= self.points <= self.max_points:  # also catches NaN
            raise ValueError(f"{self.part}: {self.points} is not within 0 and {self.max_points}")
        for name in ("says", "remarks", "flags", "misconceptions", "staff"):
            object.__setattr__(self, name, flag.all_told(getattr(self, name)))


@dataclass(frozen=True)
class Verdict:
    """All parts of one exercise, what happened to the student's process, and the batch's seed.

    One that is not `final` has parts that could not be tried: it is judged again the next time.
    """

    exercise: str
    parts: tuple[PartVerdict, ...]
    events: tuple[str, ...] = ()
    seed: int = 0
    seconds: float = 0.0
    final: bool = True

    def __post_init__(self) -> None:
        _check_type(str, self.exercise)
        _check_type((int, float), self.seed, self.seconds)
        object.__setattr__(self, "events", flag.all_told(self.events))

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @property
    def max_points(self) -> float:
        return sum(part.max_points for part in self.parts)

    def part(self, name: str) -> PartVerdict | None:
        return next((part for part in self.parts if part.part == name), None)

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        data["events"] = [flag.to_json(event) for event in self.events]
        for part, written in zip(self.parts, data["parts"], strict=True):
            written["says"] = [flag.to_json(one) for one in part.says]
            written["flags"] = [flag.to_json(one) for one in part.flags]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """Rebuild what `to_json` gave, JSON's lists made tuples again.

        Raises one of files.UNLIKE where the data are something else.
        """
        parts: list[dict[str, Any]] = [
            {key: flag.from_json(value) for key, value in part.items()} for part in data["parts"]]
        return cls(**{**data, "parts": tuple(PartVerdict(**part) for part in parts),
                      "events": flag.from_json(data["events"])})


def _check_type(kind: type | tuple[type, ...], *values: Any) -> None:
    if not all(isinstance(value, kind) for value in values):
        raise TypeError(f"{values} is not what a verdict holds")


def nothing(exercise: str, points: dict[str, float], reason: str, **staff: Any) -> Verdict:
    """The verdict of a submission that could not be judged at all: zero, with the reason."""
    parts = tuple(PartVerdict(part, 0.0, most, says=(reason,), **staff)
                  for part, most in points.items())
    return Verdict(exercise, parts, events=(reason,))


def finished(sentence: str) -> str:
    """A sentence as it is said to students: with a capital and a full stop.

    A file or another name of the code at its beginning keeps its spelling.
    """
    sentence = text.sentence(sentence).strip()
    if not NAME_IN_CODE.match(sentence):
        sentence = sentence[:1].upper() + sentence[1:]
    return sentence if sentence.endswith((".", "?", "!")) else sentence + "."
