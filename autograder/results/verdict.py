"""What the judge decided about one exercise of one submission: plain values, kept as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from autograder import text
from autograder.results import flag, legacy, words
from autograder.results.flag import Flag
from autograder.results.reason import Code, Reason, Stop, at_most


@dataclass(frozen=True)
class PartVerdict:
    """The points of one part and the reasons for them.

    `reasons` explain lost points, `asides` cost nothing, `review` asks for a person; `staff` is
    for the journal alone and never shown to students.
    """

    part: str
    points: float
    max_points: float
    reasons: tuple[Reason, ...] = ()
    asides: tuple[Reason, ...] = ()
    review: tuple[Reason, ...] = ()
    staff: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_type(str, self.part)
        _check_type((int, float), self.points, self.max_points)
        if not 0 <= self.points <= self.max_points:  # also catches NaN
            raise ValueError(f"{self.part}: {self.points} is not within 0 and {self.max_points}")
        for name in ("reasons", "asides", "review"):
            object.__setattr__(self, name, _reasons(getattr(self, name)))
        object.__setattr__(self, "staff", flag.all_bounded(self.staff))

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The names of the misconceptions that explain the loss."""
        return tuple(str(one.values["name"]) for one in self.reasons
                     if one.code in (Code.MISCONCEPTION, Code.OLD_NAME))

    @property
    def unwritten(self) -> bool:
        """Whether the part lost its points because there is no code yet."""
        return bool(self.reasons) and self.reasons[0].unwritten

    @property
    def stopped(self) -> bool:
        """Whether the part lost its points because its code raised an error or was stopped."""
        return bool(self.reasons) and (self.reasons[0].raised or self.reasons[0].stop is not None)

    @property
    def says(self) -> tuple[str, ...]:
        """The reasons in English, as students read them."""
        return tuple(_flagged(one, words.sentence(one)) for one in self.reasons
                     if one.code is not Code.OLD_NAME)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The asides in English."""
        return tuple(map(words.english, self.asides))

    @property
    def flags(self) -> tuple[str, ...]:
        """What a person should look at, in English."""
        return tuple(_flagged(one, words.english(one)) for one in self.review)

    def to_json(self) -> dict[str, Any]:
        return {"part": self.part, "points": self.points, "max_points": self.max_points,
                **{name: [one.to_json() for one in getattr(self, name)]
                   for name in ("reasons", "asides", "review")},
                "staff": list(self.staff)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PartVerdict:
        if "reasons" not in data:
            return cls(**legacy.part_values(data))
        return cls(**{**data, **{name: tuple(map(Reason.from_json, data[name]))
                                 for name in ("reasons", "asides", "review")},
                      "staff": tuple(data["staff"])})


@dataclass(frozen=True)
class Verdict:
    """All parts of one exercise, what happened to the student's process, and the batch's seed.

    One that is not `final` has parts that could not be tried: it is judged again the next time.
    """

    exercise: str
    parts: tuple[PartVerdict, ...]
    incidents: tuple[Reason, ...] = ()
    seed: int = 0
    seconds: float = 0.0
    final: bool = True

    def __post_init__(self) -> None:
        _check_type(str, self.exercise)
        _check_type((int, float), self.seed, self.seconds)
        object.__setattr__(self, "incidents", _reasons(self.incidents))

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @property
    def max_points(self) -> float:
        return sum(part.max_points for part in self.parts)

    @property
    def stops(self) -> tuple[Stop, ...]:
        """All that stopped the code, or its judge, each once."""
        found = [*self.incidents, *(one for part in self.parts
                                    for one in (*part.reasons, *part.review))]
        stops = {one.stop for one in found}
        return tuple(stop for stop in Stop if stop in stops)

    @property
    def events(self) -> tuple[str, ...]:
        """The incidents in English."""
        return tuple(_flagged(one, words.english(one)) for one in self.incidents)

    def part(self, name: str) -> PartVerdict | None:
        return next((part for part in self.parts if part.part == name), None)

    def to_json(self) -> dict[str, Any]:
        return {"exercise": self.exercise, "parts": [part.to_json() for part in self.parts],
                "incidents": [one.to_json() for one in self.incidents], "seed": self.seed,
                "seconds": self.seconds, "final": self.final}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """Rebuild what `to_json` gave, or what an older kit wrote.

        Raises one of files.UNLIKE where the data are something else.
        """
        others = dict(data)
        incidents = (tuple(map(Reason.from_json, others.pop("incidents"))) if "incidents" in data
                     else legacy.incidents(others.pop("events")))
        parts = tuple(map(PartVerdict.from_json, others.pop("parts")))
        return cls(parts=parts, incidents=incidents, **others)


def nothing(exercise: str, points: dict[str, float], why: Reason | str, **others: Any) -> Verdict:
    """The verdict of a submission that could not be judged at all: zero, with the reason."""
    (why,) = _reasons((why,))
    parts = tuple(PartVerdict(part, 0.0, most, reasons=(why,), **others)
                  for part, most in points.items())
    return Verdict(exercise, parts, incidents=(why,))


def _reasons(found: Iterable[Reason | str]) -> tuple[Reason, ...]:
    """Reasons, no more of them than somebody reads; a sentence is read as old journals wrote it."""
    if isinstance(found, str):
        raise TypeError("a sentence stands where several are expected")
    return at_most(one if isinstance(one, Reason) else legacy.reason(
        text.sentence(one), one.kind if isinstance(one, Flag) else None) for one in found)


def _flagged(reason: Reason, sentence: str) -> str:
    """The sentence, as a flag where it asks for a person."""
    return Flag(sentence, reason.review) if reason.review else sentence


def _check_type(kind: type | tuple[type, ...], *values: Any) -> None:
    if not all(isinstance(value, kind) for value in values):
        raise TypeError(f"{values} is not what a verdict holds")
