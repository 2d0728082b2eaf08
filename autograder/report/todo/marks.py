"""What a person has looked at: journal/NAME.todo.jsonl, a line each, the last one counts.

A mark holds for the state in which a thing was looked at. When that changes (a new submission,
another reason), the thing stands in the list again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from autograder.course import Course, CourseError
from autograder.files import UNLIKE, read_lines
from autograder.report.read import CourseResults
from autograder.report.todo.items import ReviewItem, review_items

REOPENED = ""  # no item is ever in this state


@dataclass(frozen=True)
class ReviewMark:
    """That somebody looked at an item in this state, and what they noted."""

    id: str
    state: str
    note: str
    time: str
    what: str = ""


def read(course: Course) -> dict[str, ReviewMark]:
    """The last mark on each item, by the item's id; those of all homeworks and assignments."""
    marks = []
    for path in sorted(course.journal.glob("*.todo.jsonl")):
        for line in read_lines(path):
            with contextlib.suppress(*UNLIKE):
                marks.append(_mark(line))
    return {mark.id: mark for mark in sorted(marks, key=lambda mark: mark.time)}


def _mark(data: dict[str, Any]) -> ReviewMark:
    """The mark of a line. Raises one of files.UNLIKE where it holds something else."""
    if not all(isinstance(value, str) for value in data.values()):
        raise TypeError("a mark holds texts")
    return ReviewMark(**data)


def mark_of(item: ReviewItem, marks: dict[str, ReviewMark]) -> ReviewMark | None:
    """The mark that holds for an item as it is now."""
    mark = marks.get(item.id)
    return mark if mark is not None and mark.state in (item.state, item.old_state) else None


def add(course: Course, name: str, chosen: Iterable[ReviewItem], note: str, reopen: bool = False
        ) -> None:
    """Mark items as looked at or, to `reopen` them, as not."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    path = course.journal / f"{name}.todo.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        for item in chosen:
            state = REOPENED if reopen else item.state
            what = f"{item.kind.label}: {item.student or item.about}"
            mark = ReviewMark(item.id, state, note, now, what)
            file.write("\n" + json.dumps(asdict(mark)) + "\n")


def waiting(results: CourseResults, name: str) -> int:
    """How many things of a homework or an assignment nobody has looked at."""
    marks = read(results.course)
    return sum(mark_of(item, marks) is None for item in review_items(results, name))


def choose(name: str, listed: list[ReviewItem], ids: Iterable[str]) -> list[ReviewItem]:
    """The items with these ids. Raises CourseError where one is not in the list."""
    known = {item.id: item for item in listed}
    unknown = [one for one in ids if one not in known]
    if unknown:
        raise CourseError(f"The list of {name} holds no {', '.join(unknown)}. The ids stand in its "
                          f"first column: autograder todo {name} --all")
    return [known[one] for one in ids]
