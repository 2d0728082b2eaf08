"""Settle an exercise's notebook: find it, repair it, and make it one that nbgrader can read.

Where the result differs from what was handed in, the original is kept in the journal's folder.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.files import replacing, write_file
from autograder.intake.expected import is_exercise, released_notebook
from autograder.intake.notebook.misplaced import elsewhere
from autograder.intake.notebook.read import read_any
from autograder.intake.notebook.versions import made_from, mend, stamp_beside
from autograder.release.versions import read_stamp
from autograder.results.flag import Flag, Kind

SUFFIXES = (".ipynb", ".py")


@dataclass
class Findings:
    """The findings on a submission, or on one of its notebooks.

    `elsewhere` are the places that may hold the work of parts whose cells are not filled in.
    """

    violations: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)


def settle(course: Course, assignment: str, exercise: str, folder: Path,
           beside: Iterable[str] = (), search: bool = True) -> Findings:
    """Make sure that `folder` holds a notebook that nbgrader can read.

    beside: files that came with it and may hold work, too
    search: look for a missing notebook under other names
    """
    found = Findings()
    path = folder / f"{exercise}.ipynb"
    released = released_notebook(course, assignment, exercise)
    if search and not path.is_file():
        _find_renamed(course, assignment, path, released, found)
    if not path.is_file():
        if path.is_dir():
            path.rename(path.with_suffix(".folder"))
        use_released(course, assignment, exercise, folder)
        found.violations.append(f"{path.name} is missing; graded with the notebook as it was "
                               "released")
        return found
    data = path.read_bytes()
    notebook, reading = read_any(data, path.name)
    if notebook is None:
        _keep(course, assignment, path)
        use_released(course, assignment, exercise, folder)
        why = f"{path.name} is not a readable notebook ({'; '.join(reading)})"
        found.violations.append(f"{why}; graded with the notebook as it was released")
        found.flags.append(Flag(f"{why}: look into it, or ask for another", Kind.UNREAD))
        return found
    stamp = read_stamp(notebook) or stamp_beside(
        folder, course.assignment(assignment).student_files)
    mended = mend(course, assignment, exercise, notebook, released, stamp)
    found.remarks += [f"{path.name}: {text}" for text in (*reading, *mended.repaired)]
    found.flags += [Flag(f"{path.name}: {text}", Kind.NOTEBOOK) for text in mended.unsure]
    if reading or mended.notebook is not notebook:
        _keep(course, assignment, path)
        _write(mended.notebook, path)
    origin = made_from(course, assignment, exercise, stamp, released)
    found.elsewhere = elsewhere(mended.notebook, (released, origin.released), beside,
                               course.assignment(assignment).members)
    return found


def is_settled(course: Course, assignment: str, exercise: str, data: bytes) -> bool:
    """Whether nbgrader can read a notebook, and its version is the present one or unknown.

    A release makes submissions that were taken in before it ones of an older version.
    """
    try:
        notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
        nbformat.validate(notebook)
    except Exception:  # whatever a file makes the libraries raise
        return False
    present = read_stamp(released_notebook(course, assignment, exercise))
    return present is None or read_stamp(notebook) in (None, present)


def _find_renamed(course: Course, assignment: str, path: Path, released: NotebookNode,
                  found: Findings) -> None:
    """Rename the one notebook that holds the exercise's cells to its own name."""
    settings = course.assignment(assignment)
    taken = {*settings.student_files, *(f"{name}.ipynb" for name in settings.exercises)}
    candidates = [other for other in sorted(path.parent.rglob("*"))
                  if other.is_file() and other.suffix in SUFFIXES and other.name not in taken]
    fitting = [other for other in candidates
               if _is_of(course, assignment, path.stem, other, released)]
    if len(fitting) == 1:
        name = fitting[0].relative_to(path.parent)
        found.remarks.append(f"{path.name} was handed in as {name}")
        notebook, reading = read_any(fitting[0].read_bytes(), fitting[0].name)
        if notebook is None or fitting[0].suffix == ".ipynb":
            fitting[0].replace(path)
        else:
            found.remarks += [f"{name}: {text}" for text in reading]
            _write(notebook, path)
    elif fitting:
        names = ", ".join(str(other.relative_to(path.parent)) for other in fitting)
        found.flags.append(Flag(f"{path.name} is missing, and {names} all look like it: choose "
                                "one, name it so, and grade again", Kind.NOTEBOOK))


def _is_of(course: Course, assignment: str, exercise: str, path: Path, present: NotebookNode
           ) -> bool:
    notebook, _ = read_any(path.read_bytes(), path.name)
    return notebook is not None and is_exercise(course, assignment, exercise, notebook, present)


def use_released(course: Course, assignment: str, exercise: str, folder: Path) -> None:
    """Replace the student's notebook by the released one."""
    shutil.copy(course.build / "release" / assignment / f"{exercise}.ipynb", folder)


def _keep(course: Course, assignment: str, path: Path) -> None:
    """Keep a notebook as it was handed in, before its first change."""
    kept = originals(course, assignment, path.parent.parent.name) / path.name
    if not kept.exists():
        write_file(kept, path.read_bytes())


def _write(notebook: NotebookNode, path: Path) -> None:
    with replacing(path) as partial:
        nbformat.write(notebook, partial)


def keep_beside(course: Course, assignment: str, student: str, files: Mapping[str, bytes]) -> None:
    """Keep files that nobody asked for, with the originals, for a person to look at."""
    for name, data in files.items():
        path = originals(course, assignment, student) / "beside" / name
        with contextlib.suppress(OSError):  # of a path that cannot be, its sentence is enough
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def originals(course: Course, assignment: str, student: str) -> Path:
    """The folder of a submission's notebooks as they were handed in."""
    return course.journal / "originals" / assignment / student
