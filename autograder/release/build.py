"""Build an assignment from its sources, and release it through nbgrader's own converter.

    .build/source/NAME/      what nbgrader calls the source: notebooks with solutions, other
                             files already cleared, since nbgrader copies those as they are
    .build/reference/EX/     the solved files of one exercise, for the reference process
    NAME/                    what students receive
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import nbformat

from autograder.course import Course, CourseError, Exercise
from autograder.exercise import source
from autograder.exercise.rubric import read_rubrics
from autograder.exercise.solution import (
    clear_solutions,
    solved_files,
    split_notebook,
    write_version,
)
from autograder.gradebook.nbgrader_api import generate_assignment, has_assignment
from autograder.release.versions import Stamp, read_stamp, remember, version_of, write_stamp

COLAB = "https://colab.research.google.com"
GITHUB = "https://github.com"
FORM = 2  # of what a build writes: with another number, whatever was built before is stale


def build(course: Course, assignment: str) -> Path:
    """Write the assignment's source folder and its exercises' references; return the former.

    Raises CourseError where the points of the source cells do not add up to max_points, or those
    of a rubric's items to its cell's.
    """
    exercises = course.exercises(assignment)
    solved = {exercise.name: solved_files(exercise) for exercise in exercises}
    notebooks = {exercise.name: _notebook(course, assignment, exercise) for exercise in exercises}
    _check_points(course, assignment, notebooks)
    for name, notebook in notebooks.items():
        read_rubrics(notebook, name)
    files = {file.name: _released(file) for exercise in exercises for file in exercise.files}
    stamp = Stamp(assignment, version_of(notebooks, files))
    destination = course.build / "source" / assignment
    _empty(destination)
    for name, notebook in notebooks.items():
        write_stamp(notebook, stamp)
        nbformat.write(notebook, destination / f"{name}.ipynb")
    for name, data in files.items():
        comes_back = name.endswith(".py") and name in course.assignment(assignment).student_files
        (destination / name).write_bytes((stamp.line.encode() if comes_back else b"") + data)
    for exercise in exercises:
        write_version(exercise, *split_notebook(exercise, solved[exercise.name]),
                      course.build / "reference" / exercise.name)
    return destination


def _check_points(course: Course, assignment: str,
                  notebooks: dict[str, nbformat.NotebookNode]) -> None:
    settings = course.assignment(assignment)
    total = sum(points for notebook in notebooks.values()
                for part, points in source.parts(notebook).items() if part not in settings.bonus)
    if total != settings.max_points:
        raise CourseError(f"The source cells of {assignment} give {total:g} points together, bonus "
                          f"left out; course.toml says max_points = {settings.max_points:g}.")


def _released(file: Path) -> bytes:
    """A file beside the notebook as students receive it."""
    return clear_solutions(file.read_text()).encode() if file.suffix == ".py" else file.read_bytes()


def _notebook(course: Course, assignment: str, exercise: Exercise) -> nbformat.NotebookNode:
    """The source notebook with Colab's badge and the course's repository, where it has one."""
    repository = course.toml.course.repository
    return source.read(exercise, badge=colab_badge(course, assignment, exercise.name),
                       address=f"{GITHUB}/{repository}" if repository else "").notebook


def colab_badge(course: Course, assignment: str, exercise: str) -> str:
    """A picture in Markdown that opens the notebook in Colab; empty without a repository."""
    repository = course.toml.course.repository
    return (f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{repository}"
            f"/blob/main/{assignment}/{exercise}.ipynb)") if repository else ""


def release(course: Course, assignment: str, destination: Path | None = None) -> Path:
    """Write what students receive, with `nbgrader generate_assignment`; return its folder.

    Without a `destination` this is the folder of the assignment's name at the top of the course.
    """
    build(course, assignment)
    folder = (destination or course.root) / assignment
    generate_assignment(course, assignment, folder.parent)
    remember(course, assignment, built_version(course, assignment), folder)
    return folder


def built_version(course: Course, assignment: str) -> str:
    """The version of what was built last."""
    name = course.assignment(assignment).exercises[0]
    stamp = read_stamp(nbformat.read(course.build / "source" / assignment / f"{name}.ipynb",
                                       as_version=4))
    assert stamp is not None, "every build is stamped"
    return stamp.version


def prepare(course: Course, assignment: str) -> None:
    """Make the build and the gradebook ready to grade, leaving the released folder alone.

    Where neither the sources nor the gradebook changed since the last time, nothing is done.
    """
    stamp = course.build / f"{assignment}.stamp"
    state = fingerprint(course, assignment)
    known = has_assignment(course, assignment)
    if known and stamp.is_file() and stamp.read_text() == state:
        return
    stamp.unlink(missing_ok=True)  # what is killed from here on is built again
    release(course, assignment, course.build / "release")
    stamp.write_text(state)


def fingerprint(course: Course, assignment: str) -> str:
    """A hash over everything that a build of the assignment is made from."""
    digest = hashlib.sha256(f"{FORM}{course.assignment(assignment).undated!r}".encode())
    for exercise in course.exercises(assignment):
        # As it is built: what it includes lies elsewhere, and changes too.
        digest.update(nbformat.writes(_notebook(course, assignment, exercise)).encode())
        for file in exercise.files:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
