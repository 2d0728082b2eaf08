"""The intake records: what was noted of each upload, a line each in the journal."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autograder import text
from autograder.course import Course
from autograder.files import UNLIKE, read_lines, write_file
from autograder.results import flag, legacy
from autograder.results.flag import Sentence, sentence_of

TIMESTAMP = "timestamp.txt"  # nbgrader's file with the time of handing in
REPLACES = "replaces"  # in a line: those before it on the same student do not count


@dataclass(frozen=True)
class IntakeRecord:
    """The record of one upload.

    student: the owner, a group's name where groups hand in; empty where it is unknown
    problem: the reason why nothing of it can be graded
    remarks, violations: what was unusual; the remarks that break the instructions for handing in
    flags: what a person should look at
    handed_in, late: the platform's time (ISO 8601, with the offset), and its mark for being late
    sender: the platform and its number of the sender, unless the upload contradicts it
    elsewhere: parts that are not filled in, each with the places that may hold their work
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
        """Check the types, and make texts, which may hold file names of any bytes, printable."""
        for name, value in vars(self).items():
            if not isinstance(value, type(getattr(IntakeRecord, name, ""))):
                raise TypeError(f"`{name}` of an upload is a {type(value).__name__}")
            if isinstance(value, str):
                object.__setattr__(self, name, text.sentence(value))
            elif name == "elsewhere":
                object.__setattr__(self, name, tuple((part, text.sentence(says))
                                                     for part, says in self.elsewhere))
            elif isinstance(value, tuple):
                object.__setattr__(self, name, flag.all_bounded(value))


def notes(course: Course, assignment: str, of: Collection[str] | None = None) -> list[IntakeRecord]:
    """The records of an assignment, those of uploads without an owner included.

    of: only the records of these students or groups, which is much faster in a large class
    """
    path = _notes_file(course, assignment)
    written = None if of is None else [json.dumps(name).encode() for name in of]
    found: list[IntakeRecord] = []
    for line in read_lines(path, written):
        with contextlib.suppress(*UNLIKE):
            replaces = line.pop(REPLACES, False)
            row = from_json(line)
            if replaces:
                found = [one for one in found if one.student != row.student]
            if of is None or row.student in of:
                found.append(row)
    return found


def note_of(course: Course, assignment: str, student: str) -> IntakeRecord | None:
    """The record of a student's upload."""
    return next(iter(notes(course, assignment, [student])), None)


def write_notes(course: Course, assignment: str, rows: list[IntakeRecord]) -> None:
    """Add records, in place of former ones of the same students or uploads."""
    students = {row.student for row in rows if row.student}
    uploads = {row.upload for row in rows if row.upload}  # empty for one that came another way
    kept = [row for row in notes(course, assignment)
            if row.student not in students and row.upload not in uploads]
    _write(course, assignment, [*kept, *rows])


def replace_note(course: Course, assignment: str, row: IntakeRecord) -> None:
    """Add a student's record in place of all former ones of theirs.

    It is appended: to write the file anew for each student takes too long in a large class.
    """
    path = _notes_file(course, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write("\n" + json.dumps({**to_json(row), REPLACES: True}) + "\n")


def forget(course: Course, assignment: str, students: Collection[str]) -> None:
    """Remove the records of some students or groups."""
    _write(course, assignment, [row for row in notes(course, assignment)
                                if row.student not in students])


def _write(course: Course, assignment: str, rows: list[IntakeRecord]) -> None:
    write_file(_notes_file(course, assignment),
               "".join(json.dumps(to_json(row)) + "\n" for row in rows))


def to_json(row: IntakeRecord) -> dict[str, Any]:
    """A record as it is in the journal."""
    return {**asdict(row), **{name: [flag.to_json(one) for one in getattr(row, name)]
                              for name in ("remarks", "violations", "flags")}}


def from_json(row: dict[str, Any]) -> IntakeRecord:
    """The record in a line of the journal."""
    found = {name: flag.from_json(value) for name, value in row.items()}
    for name in {"remarks", "violations"} & found.keys():
        found[name] = tuple(_known(one) for one in found[name])
    return IntakeRecord(**found)


def _known(remark: str) -> str:
    """A remark with its reason, also where an older kit wrote the sentence alone."""
    if isinstance(remark, Sentence):
        return remark
    reason = legacy.remark(remark)
    return sentence_of(reason) if reason else remark


def _notes_file(course: Course, assignment: str) -> Path:
    return course.journal / f"{assignment}.intake.jsonl"
