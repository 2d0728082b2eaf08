"""Find an exercise's notebook among what was handed in, and mend what can be told for certain.

What is in its place afterwards can be read by nbgrader. Where that differs from what was handed
in, the original is kept in the journal's folder.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.files import replacing, write_file
from autograder.flag import Flag, Kind
from autograder.intake.elsewhere import elsewhere
from autograder.intake.made_from import made_from, mend, stamp_beside
from autograder.intake.repair import read_any
from autograder.intake.wrote import is_exercise
from autograder.intake.wrote import released_notebook as released_notebook
from autograder.release import version

SUFFIXES = (".ipynb", ".py")


@dataclass
class Settled:
    """What there is to say about one exercise's notebook.

    `elsewhere` tells of parts that nobody filled in where else their work may be.
    """

    violations: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)


def settle(course: Course, assignment: str, exercise: str, folder: Path,
           beside: Iterable[str] = (), search: bool = True) -> Settled:
    """Make sure that `folder` holds a notebook which nbgrader can read; tell what was done.

    `beside` are files that came with it and may hold work, too. Where the notebook is missing,
    `search` for it under other names.
    """
    said = Settled()
    path = folder / f"{exercise}.ipynb"
    released = released_notebook(course, assignment, exercise)
    if search and not path.is_file():
        _find_renamed(course, assignment, path, released, said)
    if not path.is_file():
        if path.is_dir():
            path.rename(path.with_suffix(".folder"))
        use_released(course, assignment, exercise, folder)
        said.violations.append(f"{path.name} is missing; graded with the notebook as it was "
                               "released")
        return said
    data = path.read_bytes()
    notebook, reading = read_any(data, path.name)
    if notebook is None:
        _keep(course, assignment, path)
        use_released(course, assignment, exercise, folder)
        told = f"{path.name} is not a readable notebook ({'; '.join(reading)})"
        said.violations.append(f"{told}; graded with the notebook as it was released")
        said.flags.append(Flag(f"{told}: look into it, or ask for another", Kind.UNREAD))
        return said
    stamp = version.read(notebook) or stamp_beside(
        folder, course.assignment(assignment).student_files)
    mended = mend(course, assignment, exercise, notebook, released, stamp)
    said.remarks += [f"{path.name}: {text}" for text in (*reading, *mended.repaired)]
    said.flags += [Flag(f"{path.name}: {text}", Kind.NOTEBOOK) for text in mended.unsure]
    if reading or mended.notebook is not notebook:
        _keep(course, assignment, path)
        _write(mended.notebook, path)
    origin = made_from(course, assignment, exercise, stamp, released)
    said.elsewhere = elsewhere(mended.notebook, (released, origin.released), beside,
                               course.assignment(assignment).members)
    return said


def is_settled(course: Course, assignment: str, exercise: str, folder: Path) -> bool:
    """Whether nbgrader can read a notebook as it is, and it is of the present version, or of none.

    A release that comes after a submission was taken in makes it one of an older version.
    """
    try:
        notebook = nbformat.reads((folder / f"{exercise}.ipynb").read_text(encoding="utf-8"),
                                  as_version=4)
        nbformat.validate(notebook)
    except Exception:  # whatever a file makes the libraries raise
        return False
    present = version.read(released_notebook(course, assignment, exercise))
    return present is None or version.read(notebook) in (None, present)


def _find_renamed(course: Course, assignment: str, path: Path, released: NotebookNode,
                  said: Settled) -> None:
    """Give the one notebook that holds the exercise's cells, under another name, its own."""
    settings = course.assignment(assignment)
    taken = {*settings.student_files, *(f"{name}.ipynb" for name in settings.exercises)}
    candidates = [other for other in sorted(path.parent.rglob("*"))
                  if other.is_file() and other.suffix in SUFFIXES and other.name not in taken]
    fitting = [other for other in candidates
               if _is_of(course, assignment, path.stem, other, released)]
    if len(fitting) == 1:
        name = fitting[0].relative_to(path.parent)
        said.remarks.append(f"{path.name} was handed in as {name}")
        notebook, reading = read_any(fitting[0].read_bytes(), fitting[0].name)
        if notebook is None or fitting[0].suffix == ".ipynb":
            fitting[0].replace(path)
        else:
            said.remarks += [f"{name}: {text}" for text in reading]
            _write(notebook, path)
    elif fitting:
        names = ", ".join(str(other.relative_to(path.parent)) for other in fitting)
        said.flags.append(Flag(f"{path.name} is missing, and {names} all look like it: choose one, "
                               "name it so, and grade again", Kind.NOTEBOOK))


def _is_of(course: Course, assignment: str, exercise: str, path: Path, present: NotebookNode
           ) -> bool:
    notebook, _ = read_any(path.read_bytes(), path.name)
    return notebook is not None and is_exercise(course, assignment, exercise, notebook, present)


@contextlib.contextmanager
def released_instead(course: Course, assignment: str, folder: Path) -> Iterator[None]:
    """For a while, the released notebooks lie in the place of the student's."""
    names = course.assignment(assignment).exercises
    for exercise in names:
        (folder / f"{exercise}.ipynb").rename(folder / f"{exercise}.aside")
        use_released(course, assignment, exercise, folder)
    try:
        yield
    finally:
        for exercise in names:
            (folder / f"{exercise}.aside").replace(folder / f"{exercise}.ipynb")


def use_released(course: Course, assignment: str, exercise: str, folder: Path) -> None:
    """Put the released notebook in the place of the student's."""
    shutil.copy(course.build / "release" / assignment / f"{exercise}.ipynb", folder)


def _keep(course: Course, assignment: str, path: Path) -> None:
    """Keep a notebook as it came, before anything of it is changed for the first time."""
    kept = originals(course, assignment, path.parent.parent.name) / path.name
    if not kept.exists():
        write_file(kept, path.read_bytes())


def _write(notebook: NotebookNode, path: Path) -> None:
    with replacing(path) as partial:
        nbformat.write(notebook, partial)


def keep_beside(course: Course, assignment: str, student: str, files: Mapping[str, bytes]) -> None:
    """Keep files that nobody asked for and a person may look at, with the originals."""
    for name, data in files.items():
        path = originals(course, assignment, student) / "beside" / name
        with contextlib.suppress(OSError):  # of a path that cannot be, its sentence is enough
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def originals(course: Course, assignment: str, student: str) -> Path:
    """Where a submission's notebooks are kept as they came."""
    return course.journal / "originals" / assignment / student
