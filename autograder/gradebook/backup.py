"""Before a batch: is the gradebook whole, and is there a copy of it?"""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from autograder.course import Course, CourseError

KEPT = 5


def back_up(course: Course) -> Path | None:
    """Copy the gradebook to journal/backups; return the copy, None where there is no gradebook.

    Raises CourseError where the gradebook is damaged, locked by somebody else or cannot be copied.
    """
    if not course.gradebook.exists():
        return None
    folder = course.journal / "backups"
    folder.mkdir(parents=True, exist_ok=True)
    before = _copies(folder)
    number = int(before[-1].name.split("-")[1]) + 1 if before else 1
    copy = folder / f"gradebook-{number:06d}-{datetime.now(UTC):%Y%m%dT%H%M%S}.db"
    try:
        with (contextlib.closing(sqlite3.connect(course.gradebook, timeout=10)) as gradebook,
              contextlib.closing(sqlite3.connect(copy)) as target):
            (state,) = gradebook.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise sqlite3.DatabaseError(state)
            gradebook.execute("BEGIN IMMEDIATE").execute("ROLLBACK")  # may we write at all?
            gradebook.backup(target)
    except sqlite3.Error as error:
        copy.unlink(missing_ok=True)
        raise CourseError(_sentence(course, folder, error)) from None
    for old in _copies(folder)[:-KEPT]:
        old.unlink()
    return copy


def _copies(folder: Path) -> list[Path]:
    """The copies, oldest first: by their numbers, for a clock may jump."""
    return sorted(folder.glob("gradebook-[0-9]*-*.db"))


def _sentence(course: Course, folder: Path, error: sqlite3.Error) -> str:
    if "locked" in str(error) or "busy" in str(error):
        return (f"{course.gradebook} is in use by another program ({error}). Close formgrader or "
                "the other batch, then try again; nothing was graded.")
    if isinstance(error, sqlite3.OperationalError):
        return f"{course.gradebook} cannot be written ({error}); nothing was graded."
    copies = _copies(folder)
    restore = (f"The newest copy is {copies[-1]}: move it to {course.gradebook}." if copies else
               "There is no copy; move it away, and grade again: all but what was typed by hand "
               "comes back from the journal.")
    return f"{course.gradebook} is damaged ({error}). {restore}"
