"""nbgrader's own commands, called in this process on a course.

Each call runs one of nbgrader's converters as its command line would. It raises NativeError where
the converter failed at what it was given, CourseError where this machine did.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from traitlets.config import Config

from autograder.course import Course, CourseError
from autograder.gradebook.backup import is_locked, on_a_server, unusable
from autograder.gradebook.config import configure

MACHINE_FAULTS = ("no space left on device", "database or disk is full", "read-only file system",
                  "attempt to write a readonly database", "database is locked")
LITTLE_SPACE = 16 * 1024 * 1024  # bytes
# nbgrader logs the database's errors, which it raises as well.
logging.getLogger("tornado.application").addHandler(logging.NullHandler())
RAISED = re.compile(r"[A-Za-z_][\w.]*: \S")  # the last line of a traceback


class NativeError(RuntimeError):
    """One of nbgrader's converters failed; the message holds the last that it said."""


def open_gradebook(course: Course) -> Gradebook:
    """Open the course's gradebook; use as a context manager.

    Raises CourseError where it cannot be opened.
    """
    try:
        with _scripts_on_path():
            return Gradebook(course.db_url, course.toml.course.id)
    except DBAPIError as error:
        raise unusable(course, error.orig or error) from None
    except (SQLAlchemyError, ImportError) as error:  # no such address, no driver for it
        raise unusable(course, error) from None


def has_assignment(course: Course, assignment: str) -> bool:
    if not on_a_server(course) and not course.gradebook.exists():
        return False
    with open_gradebook(course) as gradebook:
        try:
            gradebook.find_assignment(assignment)
        except MissingEntry:
            return False
    return True


def generate_assignment(course: Course, assignment: str, destination: Path,
                        gradebook: Path | None = None) -> None:
    """Run `nbgrader generate_assignment`, writing to `destination`/NAME.

    The assignment's cells are entered in the course's gradebook, or in another one.
    """
    config = _config(course)
    if gradebook is not None:
        config.CourseDirectory.db_url = f"sqlite:///{gradebook}"
    config.CourseDirectory.release_directory = str(destination)
    _run(course, config, "generate_assignment", assignment, force=True, create=True)


def autograde(course: Course, assignment: str, student: str, **preprocessors: Any) -> None:
    """Run `nbgrader autograde` for one student."""
    config = _config(course)
    config.update(preprocessors)
    _run(course, config, "autograde", assignment, student, force=True, create=True)


def generate_feedback(course: Course, assignment: str, student: str) -> None:
    """Run `nbgrader generate_feedback` for one student."""
    _run(course, _config(course), "generate_feedback", assignment, student, force=True)


def _config(course: Course) -> Config:
    config = Config()
    configure(config, course)
    config.Exchange.root = str(course.build / "exchange")  # never used; nbgrader wants it writable
    (course.build / "exchange").mkdir(parents=True, exist_ok=True)
    return config


def _run(course: Course, config: Config, command: str, *args: str, **kwargs: bool) -> None:
    here = os.getcwd()
    try:
        with _scripts_on_path(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's own use of SQLAlchemy warns
            result = getattr(NbGraderAPI(config=config), command)(*args, **kwargs)
    finally:
        os.chdir(here)
        logging.getLogger("traitlets").handlers.clear()
    if not result["success"]:
        raise _error(course, f"nbgrader {command} {' '.join(args)}",
                     f"{result.get('log') or ''}{result.get('error') or ''}")


def _error(course: Course, command: str, log: str) -> CourseError | NativeError:
    """What stopped nbgrader, in a sentence: this machine, or what it was to convert."""
    for fault in MACHINE_FAULTS:
        if fault in log.lower() and _is_failing(course):
            return CourseError(f"{course.root}: {fault}, so that `{command}` stopped. Mend that, "
                               "then grade again: what is judged already is kept.")
    said = [line for line in log.splitlines() if RAISED.match(line)]
    path = course.build / "nbgrader.log"
    with contextlib.suppress(OSError):
        path.write_text(log, errors="replace")
    return NativeError(f"`{command}` stopped: {said[-1] if said else 'it does not say why'}\n"
                       f"All that it said lies in {path}.")


def _is_failing(course: Course) -> bool:
    """Whether this machine itself has a fault: a log can be made to say so by a notebook."""
    return (shutil.disk_usage(course.root).free < LITTLE_SPACE
            or not os.access(course.root, os.W_OK) or is_locked(course))


@contextlib.contextmanager
def _scripts_on_path() -> Iterator[None]:
    """nbgrader starts `alembic` by name: find it where no virtual environment is active."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
