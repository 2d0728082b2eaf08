"""What was noted of each upload when it was taken in. It stands in the journal, a line each."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autograder import flag, text
from autograder.course import Course
from autograder.files import read_lines, write_file

TIMESTAMP = "timestamp.txt"  # there nbgrader looks when a submission was handed in


@dataclass(frozen=True)
class Received:
    """One upload. `problem` says why nothing of it can be graded, `remarks` what was unusual.

    `student` is whose it is, a group's name where groups hand in; it is empty where that cannot
    be told: nobody guesses. `violations` are those of the remarks that break the instructions
    for handing in, `flags` what a person should look at. `handed_in` is when it was handed in, as
    the learning platform tells (ISO 8601, with the offset from UTC); empty where nothing tells.
    `late` is whether the platform marks it as late, `sender` the platform and its own number of
    who handed it in, where nothing in the upload speaks against that. `elsewhere` holds parts that
    nobody filled in, each with the places where their work may be.
    """

    upload: str
    student: str = ""
    problem: str = ""
    remarks: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    handed_in: str = ""
    late: bool = False
    sender: str = ""
    elsewhere: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """File names may hold bytes that are no text; here they become text that can be shown."""
        for name, value in vars(self).items():
            if not isinstance(value, type(getattr(Received, name, ""))):
                raise TypeError(f"`{name}` of an upload is a {type(value).__name__}")
            if isinstance(value, str):
                object.__setattr__(self, name, text.sentence(value))
            elif name == "elsewhere":
                object.__setattr__(self, name, tuple((part, text.sentence(says))
                                                     for part, says in self.elsewhere))
            elif isinstance(value, tuple):
                object.__setattr__(self, name, flag.all_told(value))


def notes(course: Course, assignment: str, of: Collection[str] | None = None) -> list[Received]:
    """What was noted of each upload when it was taken in, those that are nobody's included.

    Or those `of` some students or groups alone: of a large class, that is read much faster.
    """
    path = _notes_file(course, assignment)
    written = None if of is None else [json.dumps(name).encode() for name in of]
    return [row for _, row in read_lines(path, from_json, written)
            if of is None or row.student in of]


def note_of(course: Course, assignment: str, student: str) -> Received | None:
    """What was noted of a student's upload."""
    return next(iter(notes(course, assignment, [student])), None)


def write_notes(course: Course, assignment: str, rows: list[Received]) -> None:
    """Keep the rows, and those of uploads that came another time."""
    students = {row.student for row in rows if row.student}
    uploads = {row.upload for row in rows if row.upload}  # what came by another way has none
    kept = [row for row in notes(course, assignment)
            if row.student not in students and row.upload not in uploads]
    _write(course, assignment, [*kept, *rows])


def forget(course: Course, assignment: str, students: Collection[str]) -> None:
    """Take away what was noted of some students' or groups' uploads."""
    _write(course, assignment, [row for row in notes(course, assignment)
                                if row.student not in students])


def _write(course: Course, assignment: str, rows: list[Received]) -> None:
    write_file(_notes_file(course, assignment),
               "".join(json.dumps(to_json(row)) + "\n" for row in rows))


def to_json(row: Received) -> dict[str, Any]:
    """A row as the journal keeps it."""
    return {**asdict(row), "flags": [flag.to_json(one) for one in row.flags]}


def from_json(row: dict[str, Any]) -> Received:
    """A row as it was noted."""
    return Received(**{name: flag.from_json(value) for name, value in row.items()})


def _notes_file(course: Course, assignment: str) -> Path:
    return course.journal / f"{assignment}.intake.jsonl"
