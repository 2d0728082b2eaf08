r"""The rubric of an answer graded by hand: items with points, notes, and a model answer.

It stands between the solution markers of the answer's cell:

    **What to look for (2 points).** What stands here, too, is a note to whoever grades.

    - 0.5: $x$ and $y$ are scaled.        adds half a point
    - 1.5: units do not matter then, with
      a reason, which may go on below.
    - -0.5: a sign is wrong.              takes half a point off
    - at most 1: only an example.         a wrong form: no more than that, whatever else is there

    Any other paragraph is a note.

    **An answer with full marks.** The rest is the model answer.

What the items add makes the cell's points. A cell without the first line has no items; what stands
there is one note.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from nbformat import NotebookNode

from autograder.course import CourseError
from autograder.exercise import source
from autograder.exercise.solution import rubric

Kind = Literal["adds", "takes", "caps"]
NUMBER = r"[0-9]+(?:\.[0-9]+)?"
HEADING = re.compile(rf"\*\*What to look for \(({NUMBER}) points?\)\.\*\*", re.ASCII)
HEADING_MEANT = re.compile(r"^\W*what to look for\b", re.IGNORECASE | re.MULTILINE)
MODEL_ANSWER = re.compile(r"^\*\*An answer with full marks\.?\*\*", re.MULTILINE)
ITEM = re.compile(rf"- (?P<before>-|at most )?(?P<points>{NUMBER}):(?P<text>\s.*|$)", re.ASCII)
# How an item may have been meant: a bullet, or points without one.
POINTS_MEANT = rf"(?:[-+\u2013\u2212]|at most )? *{NUMBER}(?: points?)?:"
ITEM_MEANT = re.compile(rf" ?(?:[-*+](?: |$)|{POINTS_MEANT})", re.ASCII | re.IGNORECASE)
KINDS: dict[str | None, Kind] = {None: "adds", "-": "takes", "at most ": "caps"}
FORMS = "`- 0.5: what is right`, `- -0.5: what is wrong` or `- at most 1: a wrong form`"
DIGITS = 9  # of points, behind the decimal point


@dataclass(frozen=True)
class RubricItem:
    """One item: points that it adds, takes off, or above which the answer cannot come."""

    points: float
    kind: Kind
    text: str

    @property
    def key(self) -> str:
        """The item's name wherever it is kept: it stays where only points or line ends change."""
        words = " ".join(self.text.split())
        return hashlib.sha256(f"{self.kind}\0{words}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Rubric:
    """What staff look for in one answer; `notes` and `model_answer` are Markdown."""

    items: tuple[RubricItem, ...] = ()
    notes: str = ""
    model_answer: str = ""


class Weighed(Protocol):
    """What counts of an item: also of one that was added while grading."""

    @property
    def points(self) -> float: ...

    @property
    def kind(self) -> str: ...


def points_of(items: Iterable[Weighed], most: float, adjustment: float = 0.0) -> float:
    """The points of an answer that holds these items, from 0 to `most`."""
    total, cap = 0.0, float("inf")
    for item in items:
        if item.kind == "caps":
            cap = min(cap, item.points)
        else:
            total += item.points if item.kind == "adds" else -item.points
    return round(max(0.0, min(most, min(cap, total) + adjustment)), DIGITS)


def read_rubrics(notebook: NotebookNode, exercise: str) -> dict[str, Rubric]:
    """The rubric of each answer that is graded by hand, by its grade_id, in their order.

    `notebook` is the source, solutions included. Raises CourseError as `read_rubric` does.
    """
    return {cell.metadata.nbgrader.grade_id: read_rubric(
                cell.source, float(cell.metadata.nbgrader.points),
                f"{exercise}, the rubric of {cell.metadata.nbgrader.grade_id}")
            for cell in notebook.cells if source.by_hand(cell)}


def read_rubric(text: str, points: float, where: str = "The rubric") -> Rubric:
    """Read the rubric of a source cell that is worth `points`.

    Raises CourseError, which begins with `where`, where a line of it is not as above, or where the
    points do not add up.
    """
    inside = rubric(text).expandtabs(4)
    before, answer = _split_at_model_answer(inside)
    heading = HEADING.match(before)
    if heading is None:
        _check_that_no_heading_is_meant(before, where)
        return Rubric((), before, answer)
    items, notes = _items_and_notes(before[heading.end():], where)
    _check(items, float(heading[1]), points, where)
    return Rubric(items, notes, answer)


def _split_at_model_answer(text: str) -> tuple[str, str]:
    """What stands before the model answer, and that, without the words that begin it."""
    found = MODEL_ANSWER.search(text)
    return (text[:found.start()].strip(), text[found.end():].strip()) if found else (text, "")


def _check_that_no_heading_is_meant(text: str, where: str) -> None:
    """A rubric without its first line is a note; one that has it in another form is an error."""
    if HEADING_MEANT.search(text):
        raise CourseError(f"{where}: it must begin with a line such as "
                          "`**What to look for (2 points).**`, with the cell's points.")
    if found := next(filter(ITEM.match, text.split("\n")), ""):
        raise CourseError(f"{where}: {found!r} has points, but no line such as "
                          "`**What to look for (2 points).**` begins the rubric.")


def _items_and_notes(text: str, where: str) -> tuple[tuple[RubricItem, ...], str]:
    """The items, each a line with what is indented below it, and the paragraphs around them."""
    items: list[list[str]] = []
    notes: list[str] = []
    in_item = after_blank = False
    for line in text.split("\n"):
        if ITEM_MEANT.match(line):
            items.append([line])
            in_item = True
        elif not line.strip():
            (items[-1] if in_item else notes).append("")
        elif in_item and line.startswith("  "):
            items[-1].append(line.removeprefix("  "))
        elif in_item and not after_blank:
            raise CourseError(f"{where}: {line!r} stands right below an item. Indent it by two "
                              "spaces, or put an empty line before it, which makes it a note.")
        else:
            notes += ["", line] if in_item and any(notes[-1:]) else [line]
            in_item = False
        after_blank = not line.strip()
    return tuple(_item(lines, where) for lines in items), "\n".join(notes).strip()


def _item(lines: list[str], where: str) -> RubricItem:
    """An item of its lines. Raises CourseError where its points or its words are missing."""
    found = ITEM.match(lines[0])
    if found is None:
        raise CourseError(f"{where}: {lines[0]!r} does not begin with points as an item does; "
                          f"write {FORMS}.")
    if inner := next(filter(ITEM.match, lines[1:]), ""):
        raise CourseError(f"{where}: {inner!r} is indented, and thus a part of the item above it; "
                          "begin it at the line's start.")
    text = "\n".join([found["text"], *lines[1:]]).strip()
    if not text:
        raise CourseError(f"{where}: {lines[0]!r} has points and no words.")
    return RubricItem(float(found["points"]), KINDS[found["before"]], text)


def _check(items: tuple[RubricItem, ...], said: float, points: float, where: str) -> None:
    """Raise CourseError where the points do not add up, or where an item cannot be told."""
    if said != points:
        raise CourseError(f"{where}: it says `What to look for ({said:g} points)`, and its cell "
                          f"says points={points:g}.")
    added = round(sum(item.points for item in items if item.kind == "adds"), DIGITS)
    if added != round(points, DIGITS):
        raise CourseError(f"{where}: its items add {added:g} points together, and its cell says "
                          f"points={points:g}.")
    keys: set[str] = set()
    for item in items:
        if item.key in keys:
            raise CourseError(f"{where}: two items say {item.text!r}; say how they differ.")
        keys.add(item.key)
        if item.kind != "caps" and not 0 < item.points <= points:
            raise CourseError(f"{where}: an item of {item.points:g} points, {item.text!r}; it must "
                              f"be more than 0 and at most {points:g}.")
        if item.kind == "caps" and item.points >= points:
            raise CourseError(f"{where}: `at most {item.points:g}`, {item.text!r}, takes nothing "
                              f"off; the cell has {points:g} points.")
