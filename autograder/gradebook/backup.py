"""Before a batch: is the gradebook whole, and is there a copy of it?"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from autograder.course import Course, CourseError

KEPT = 5


def back_up(course: Course) -> Path | None:
    """Copy the gradebook to journal/backups; return the copy, None where there is nothing to copy.

    A database server's gradebook is copied by its own pg_dump; where that is not installed, copies
    are the server's business. Raises CourseError where the gradebook is damaged, locked by somebody
    else or cannot be copied.
    """
    if on_a_server(course):
        return _dump(course) if shutil.which("pg_dump") else None
    if not course.gradebook.exists():
        return None
    copy = _next_copy(course, ".db")
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
        raise unusable(course, error) from None
    _prune(course)
    return copy


def on_a_server(course: Course) -> bool:
    return not course.db_url.startswith("sqlite:")


def is_locked(course: Course) -> bool:
    """Whether a gradebook in a file cannot be written now."""
    if on_a_server(course) or not course.gradebook.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(course.gradebook, timeout=1)) as gradebook:
            gradebook.execute("BEGIN IMMEDIATE").execute("ROLLBACK")
    except sqlite3.Error:
        return True
    return False


def unusable(course: Course, error: BaseException) -> CourseError:
    """Why the gradebook cannot be used, and what to do."""
    said = " ".join(str(error).split())
    if on_a_server(course):
        try:
            url = make_url(course.db_url).render_as_string(hide_password=True)
        except ArgumentError:
            return CourseError("course.toml: `db_url` is no database's address. Such as: "
                               "postgresql+psycopg://USER:$PASSWORD@HOST/DATABASE")
        return CourseError(f"The gradebook, {url}, cannot be used ({said}); nothing was graded.")
    if "locked" in said or "busy" in said:
        return CourseError(
            f"{course.gradebook} is in use by another program ({said}). Close formgrader or "
            "the other batch, then try again; nothing was graded.")
    if isinstance(error, sqlite3.OperationalError):
        return CourseError(f"{course.gradebook} cannot be written ({said}); nothing was graded.")
    copies = _copies(course)
    restore = (f"The newest copy is {copies[-1]}: move it to {course.gradebook}." if copies else
               "There is no copy; move it away, and grade again: all but what was typed by hand "
               "comes back from the journal.")
    return CourseError(f"{course.gradebook} is damaged ({said}). {restore}")


def _dump(course: Course) -> Path:
    copy, url = _next_copy(course, ".dump"), make_url(course.db_url)
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    done = subprocess.run(
        ["pg_dump", "--format=custom", f"--file={copy}", f"--dbname={plain}"], text=True,
        capture_output=True, env={**os.environ, "PGPASSWORD": str(url.password or "")})
    if done.returncode:
        copy.unlink(missing_ok=True)
        raise unusable(course, RuntimeError(done.stderr.strip()))
    _prune(course)
    return copy


def _next_copy(course: Course, suffix: str) -> Path:
    """Where the next copy goes: numbered, for a clock may jump."""
    (course.journal / "backups").mkdir(parents=True, exist_ok=True)
    before = _copies(course)
    number = int(before[-1].name.split("-")[1]) + 1 if before else 1
    name = f"gradebook-{number:06d}-{datetime.now(UTC):%Y%m%dT%H%M%S}{suffix}"
    return course.journal / "backups" / name


def _copies(course: Course) -> list[Path]:
    """The copies, oldest first."""
    return sorted((course.journal / "backups").glob("gradebook-[0-9]*-*"))


def _prune(course: Course) -> None:
    for old in _copies(course)[:-KEPT]:
        old.unlink()
