"""Keep the submissions that an intake replaces, and restore them.

    journal/replaced/NAME/20261130T082745.123456/g1/submitted/    as it was in submitted/g1/NAME
                                                    originals/    notebooks as they were handed in
                                                    note.json     the record of the upload

Nothing here is deleted, except a submission that is the same as the one that replaced it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.files import UNLIKE, read_folder, write_json
from autograder.intake.records import IntakeRecord, forget, from_json, note_of, to_json, write_notes
from autograder.intake.settle import originals

NOTE = "note.json"
FORM = "%Y%m%dT%H%M%S.%f"


@dataclass(frozen=True)
class Replaced:
    """The submissions of one assignment that one intake replaced: its time, and the owners."""

    assignment: str
    time: str
    owners: tuple[str, ...]

    @property
    def when(self) -> str:
        """The time as people read it, in UTC."""
        return f"{datetime.strptime(self.time, FORM):%Y-%m-%d %H:%M:%S} UTC"


def now() -> str:
    """A name for this moment; names of later moments sort after it."""
    return datetime.now(UTC).strftime(FORM)


def set_aside(course: Course, assignment: str, owner: str, time: str) -> None:
    """Move a submission, its originals and its record to the folder of this intake."""
    submitted, kept = course.submitted / owner / assignment, _place(course, assignment, time, owner)
    own = originals(course, assignment, owner)
    if submitted.is_dir():
        note = note_of(course, assignment, owner)
        write_json(kept / NOTE, to_json(note) if note else None)
        if own.is_dir():
            own.rename(kept / "originals")
        submitted.rename(kept / "submitted")  # last: an intake killed before replaced nothing
    shutil.rmtree(own, ignore_errors=True)


def drop_if_same(course: Course, assignment: str, owner: str, time: str) -> None:
    """Delete what was set aside, if it is the same as what replaced it."""
    kept = _place(course, assignment, time, owner)
    pairs = ((kept / "submitted", course.submitted / owner / assignment),
             (kept / "originals", originals(course, assignment, owner)))
    if kept.is_dir() and all(read_folder(one) == read_folder(other) for one, other in pairs):
        shutil.rmtree(kept)
        for folder in (kept.parent, kept.parent.parent):
            if not any(folder.iterdir()):
                folder.rmdir()


def replaced(course: Course, assignment: str) -> list[Replaced]:
    """The replaced submissions of an assignment, by intake, the oldest first."""
    folder = _folder(course, assignment)
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        owners = tuple(sorted(one.name for one in path.iterdir() if (one / "submitted").is_dir()))
        if owners:
            found.append(Replaced(assignment, path.name, owners))
    return found


def restore(course: Course, one: Replaced, owners: Collection[str]) -> None:
    """Restore submissions that an intake replaced; the present ones are set aside in turn.

    Raises CourseError where it does not hold one of the `owners`.
    """
    unknown = sorted(set(owners) - set(one.owners))
    if unknown:
        raise CourseError(f"The intake of {one.when} replaced nothing of {', '.join(unknown)} in "
                          f"{one.assignment}; it replaced what {', '.join(one.owners)} had.")
    time = now()
    back: list[IntakeRecord] = []
    for owner in owners:
        set_aside(course, one.assignment, owner, time)
        kept = _place(course, one.assignment, one.time, owner)
        (course.submitted / owner).mkdir(parents=True, exist_ok=True)
        (kept / "submitted").rename(course.submitted / owner / one.assignment)
        if (kept / "originals").is_dir():
            originals(course, one.assignment, owner).parent.mkdir(parents=True, exist_ok=True)
            (kept / "originals").rename(originals(course, one.assignment, owner))
        back += _note(kept / NOTE)
        shutil.rmtree(kept)
    forget(course, one.assignment, owners)
    write_notes(course, one.assignment, back)


def _note(path: Path) -> list[IntakeRecord]:
    """The record of the upload; none where it is missing or cannot be read."""
    try:
        return [from_json(json.loads(path.read_text(encoding="utf-8")))]
    except (OSError, *UNLIKE):
        return []


def _folder(course: Course, assignment: str) -> Path:
    return course.journal / "replaced" / assignment


def _place(course: Course, assignment: str, time: str, owner: str) -> Path:
    return _folder(course, assignment) / time / owner
