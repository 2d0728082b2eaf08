"""What the store takes and gives: items, marks, entries of the log, and why it refuses."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, get_args

from autograder.course import CourseError
from autograder.exercise.rubric import Kind, Rubric
from autograder.text import printable

KINDS: tuple[Kind, ...] = get_args(Kind)
State = Literal["graded", "changed", "elsewhere"]
SOURCE = "(source)"  # the grader of what the exercise's source says

MOST_POINTS = 1000.0
LONGEST_COMMENT = 10_000  # characters
LONGEST_ITEM = 2_000
LONGEST_TEXT = 50_000  # of an answer, kept for a later comparison


class MarkingError(CourseError):
    """What was asked for was not done; the message says why. Nothing has changed."""


class Unavailable(MarkingError):
    """The gradebook cannot be used now: locked, read-only, damaged, or its server is away."""


class Conflict(MarkingError):
    """Somebody was there before. `marks` are what is there now, by owner; None: no mark.

    `changed` are the owners whose answer is another one than the grader saw.
    """

    def __init__(self, message: str, marks: Mapping[str, Mark | None] | None = None,
                 changed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.marks = dict(marks or {})
        self.changed = frozenset(changed)


class MarkedQuestion(Protocol):
    """A part that is graded by hand (desk/questions.py's MarkedQuestion)."""

    @property
    def assignment(self) -> str: ...
    @property
    def grade_id(self) -> str: ...
    @property
    def max_points(self) -> float: ...
    @property
    def rubric(self) -> Rubric: ...


@dataclass(frozen=True)
class Item:
    """A rubric item: points that it adds, takes off, or that an answer with it has at most.

    `key` is the same for the same item of the source; `version` is another after each change.
    """

    id: int
    key: str
    kind: Kind
    points: float
    text: str
    retired: bool
    version: int


@dataclass(frozen=True)
class Mark:
    """What one answer was given.

    `points` are what counts in the gradebook, None where that has none. The state "changed" says
    that somebody must look again, since another answer came in after it was graded (`digest` is
    that of the graded one); "elsewhere", that formgrader has other points or another comment than
    the desk gave: `points` and `comment` are then formgrader's. `version` is another after each
    change, formgrader's too.
    """

    owner: str
    item_ids: frozenset[int]
    adjustment: float
    comment: str
    points: float | None
    grader: str
    digest: str
    version: int
    state: State
    time: datetime | None = None


@dataclass(frozen=True)
class Moved:
    """An answer whose points would move."""

    owner: str
    before: float
    after: float


@dataclass(frozen=True)
class LogEntry:
    """One operation, as the log keeps it for ever."""

    id: int
    time: datetime
    grader: str
    operation: str
    assignment: str
    grade_id: str
    data: dict[str, Any] = field(repr=False)
    undoes: int | None = None


def answer_digest(source: str, attachments: Mapping[str, Any] | None = None,
                  written: bytes | None = None) -> str:
    """A hash of an answer: its cell's text, the pictures in it, the written part beside it.

    written: the PDF, where the answer may be in there because the cell is empty
    """
    found = hashlib.sha256(printable(source).strip().encode())
    for name, forms in sorted((attachments or {}).items()):
        found.update(f"\0{name}\0{forms}".encode(errors="surrogatepass"))
    if written is not None:
        found.update(b"\0" + hashlib.sha256(written).digest())
    return found.hexdigest()[:32]


def checked_points(points: float, what: str, least: float = 0.0) -> float:
    """Points as a number. Raises MarkingError for what is none, or is out of all bounds."""
    if isinstance(points, bool) or not isinstance(points, int | float) or not math.isfinite(points):
        raise MarkingError(f"{what}: {points!r} is no number of points.")
    if not least <= points <= MOST_POINTS:
        raise MarkingError(f"{what}: expected points from {least:g} to {MOST_POINTS:g}, got "
                           f"{points:g}.")
    return round(float(points), 9)


def checked_text(text: str, what: str, longest: int) -> str:
    """A text, printable. Raises MarkingError where it is too long."""
    if len(text) > longest:
        raise MarkingError(f"{what} has {len(text):,} characters; it can have {longest:,}. "
                           "Nothing was changed.")
    return printable(text).strip()


def elsewhere_version(version: int, points: float | None, comment: str) -> int:
    """The version of a mark that formgrader has changed: below 0, another for each change."""
    said = hashlib.sha256(f"{version}\0{points!r}\0{comment}".encode()).digest()
    return -1 - int.from_bytes(said[:6])
