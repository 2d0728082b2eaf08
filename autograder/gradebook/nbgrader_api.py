"""The one adapter to nbgrader: its gradebook and its converters, called in this process.

Each call runs a converter as nbgrader's command line does. It raises NativeError where the
converter failed at what it was given, CourseError where this machine did. Submissions are converted
from a copy: nothing in submitted/ is written or renamed, so a killed process leaves it as it was.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from traitlets.config import Config

from autograder.course import Course, CourseError
from autograder.files import read_folder
from autograder.gradebook.backup import is_locked, on_a_server, unusable
from autograder.gradebook.config import configure
from autograder.kernel.scratch import Scratch, abandoned, remove_tree

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
        course.grading.mkdir(exist_ok=True)
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


def autograde(course: Course, assignment: str, student: str,
              files: Mapping[str, bytes] | None = None, given: Config | None = None) -> None:
    """Run `nbgrader autograde` for one student, on a copy of the submission.

    files: what the copy holds, by path; without it, what the student's folder in submitted/ holds
    given: configuration on top of the course's, such as what is known of the submission already
    """
    if files is None:
        files = read_folder(course.submitted / student / assignment)
    config = _config(course)
    config.merge(given or Config())
    with Scratch(course.build) as scratch:
        # As a relative path: nbgrader would take an absolute one for a regular expression.
        config.CourseDirectory.submitted_directory = str(scratch.relative_to(course.root))
        _write_files(scratch / student / assignment, files)
        _run(course, config, "autograde", assignment, student, force=True, create=True)


def clear_abandoned_copies(course: Course) -> None:
    """Remove the copies of submissions that killed processes left behind."""
    for folder in abandoned(course.build):
        remove_tree(folder)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


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
