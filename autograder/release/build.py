"""Build an assignment from its sources, and release it through nbgrader's own converter.

    .build/source/NAME/      what nbgrader calls the source: notebooks with solutions, other
                             files already cleared, since nbgrader copies those as they are
    .build/reference/EX/     the solved files of one exercise, for the trusted side
    NAME/                    what students receive
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearSolutions

from autograder.course import Course, CourseError, Exercise
from autograder.gradebook.native import generate_assignment, has_assignment
from autograder.release import source
from autograder.release.solved import solved_files, write_version

COLAB = "https://colab.research.google.com"


def clear_solutions(text: str) -> str:
    """Clear the solutions of a Python file as nbgrader clears those of a code cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])
    ClearSolutions(enforce_metadata=False).preprocess(notebook, {})
    cleared: str = notebook.cells[0].source
    return cleared


def build(course: Course, assignment: str) -> Path:
    """Write the assignment's source folder and its exercises' references; return the former.

    Raises CourseError where the points of the source cells do not add up to max_points.
    """
    destination = course.build / "source" / assignment
    _empty(destination)
    total = 0.0
    settings = course.assignment(assignment)
    for exercise in course.exercises(assignment):
        solved = solved_files(exercise)
        notebook = _notebook(course, assignment, exercise)
        total += sum(points for part, points in source.parts(notebook).items()
                     if part not in settings.bonus)
        nbformat.write(notebook, destination / f"{exercise.name}.ipynb")
        for file in exercise.files:
            if file.suffix == ".py":
                (destination / file.name).write_text(clear_solutions(file.read_text()))
            else:
                shutil.copy(file, destination)
        write_version(exercise, solved, course.build / "reference" / exercise.name)
    if total != settings.max_points:
        raise CourseError(f"The source cells of {assignment} give {total:g} points together, bonus "
                          f"left out; course.toml says max_points = {settings.max_points:g}.")
    return destination


def _notebook(course: Course, assignment: str, exercise: Exercise) -> nbformat.NotebookNode:
    """The source notebook with Colab's badge, where the course has a repository."""
    repository = course.toml.course.repository
    badge = (f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{repository}"
             f"/blob/main/{assignment}/{exercise.name}.ipynb)") if repository else ""
    return source.read_notebook(exercise, badge=badge)


def release(course: Course, assignment: str, destination: Path | None = None) -> Path:
    """Write what students receive, with `nbgrader generate_assignment`; return its folder.

    Without a `destination` this is the folder of the assignment's name at the top of the course.
    """
    build(course, assignment)
    generate_assignment(course, assignment, destination or course.root)
    return (destination or course.root) / assignment


def prepare(course: Course, assignment: str) -> None:
    """Make the build and the gradebook ready to grade, leaving the released folder alone.

    Where neither the sources nor the gradebook changed since the last time, nothing is done.
    """
    stamp = course.build / f"{assignment}.stamp"
    state = fingerprint(course, assignment)
    known = has_assignment(course, assignment)
    if known and stamp.is_file() and stamp.read_text() == state:
        return
    release(course, assignment, course.build / "release")
    stamp.write_text(state)


def fingerprint(course: Course, assignment: str) -> str:
    """A hash over everything that a build of the assignment is made from."""
    digest = hashlib.sha256(repr(course.assignment(assignment).undated).encode())
    for exercise in course.exercises(assignment):
        # As it is built: what it includes lies elsewhere, and changes too.
        digest.update(nbformat.writes(_notebook(course, assignment, exercise)).encode())
        for file in exercise.files:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
