"""What was noted of each upload when it was taken in. It stands in the journal, a line each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autograder import flag
from autograder.course import Course

LONGEST = 500  # characters of a sentence


@dataclass(frozen=True)
class Received:
    """One upload. `problem` says why nothing of it can be graded, `remarks` what was unusual.

    `student` is whose it is, a group's name where groups hand in; it is empty where that cannot
    be told: nobody guesses. `violations` are those of the remarks that break the instructions
    for handing in, `flags` what a person should look at. `handed_in` is when it was handed in, as
    the learning platform tells (ISO 8601, with the offset from UTC); empty where nothing tells.
    """

    upload: str
    student: str = ""
    problem: str = ""
    remarks: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    handed_in: str = ""

    def __post_init__(self) -> None:
        """File names may hold bytes that are no text; here they become text that can be shown."""
        for name, value in vars(self).items():
            shown = printable(value) if isinstance(value, str) else tuple(
                flag.retold(one, printable(one)) for one in value)
            object.__setattr__(self, name, shown)


def printable(text: str) -> str:
    """Text that every file and terminal in UTF-8 can hold, and a row has room for."""
    shown = text.encode("utf-8", "replace").decode()
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]} ..."


def notes(course: Course, assignment: str) -> list[Received]:
    """What was noted of each upload when it was taken in, those that are nobody's included."""
    path = _notes_file(course, assignment)
    if not path.is_file():
        return []
    return [_from_json(json.loads(line)) for line in path.read_text().splitlines()]


def note_of(course: Course, assignment: str, student: str) -> Received | None:
    """What was noted of a student's upload."""
    return next((row for row in notes(course, assignment) if row.student == student), None)


def write_notes(course: Course, assignment: str, rows: list[Received]) -> None:
    """Keep the rows, and those of uploads that came another time."""
    path = _notes_file(course, assignment)
    students = {row.student for row in rows if row.student}
    uploads = {row.upload for row in rows if row.upload}  # what came by another way has none
    kept = [row for row in notes(course, assignment)
            if row.student not in students and row.upload not in uploads]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(_to_json(row)) + "\n" for row in [*kept, *rows]))


def _to_json(row: Received) -> dict[str, Any]:
    return {**asdict(row), "flags": [flag.to_json(one) for one in row.flags]}


def _from_json(row: dict[str, Any]) -> Received:
    return Received(**{name: flag.from_json(value) for name, value in row.items()})


def _notes_file(course: Course, assignment: str) -> Path:
    return course.journal / f"{assignment}.intake.jsonl"
