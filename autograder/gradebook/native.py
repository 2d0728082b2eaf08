"""nbgrader's own commands, called in this process on a course.

Each call runs one of nbgrader's converters as its command line would, and raises
NativeError with nbgrader's log where it failed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

from autograder.course import Course
from autograder.gradebook.config import configure


class NativeError(RuntimeError):
    """One of nbgrader's converters failed; the message holds what it logged."""


def open_gradebook(course: Course) -> Gradebook:
    """Open the course's gradebook; use as a context manager."""
    with _scripts_on_path():
        return Gradebook(f"sqlite:///{course.gradebook}", course.toml.course.id)


def has_assignment(course: Course, assignment: str) -> bool:
    if not course.gradebook.exists():
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
        raise NativeError(f"nbgrader {command} {' '.join(args)} failed:\n"
                          f"{result.get('error') or ''}{result.get('log') or ''}")


@contextlib.contextmanager
def _scripts_on_path() -> Iterator[None]:
    """nbgrader starts `alembic` by name: find it where no virtual environment is active."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
