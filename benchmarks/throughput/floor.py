"""The floor: the same cells and the same questions in one process that has imported everything.

No isolation, no gradebook, no page: what remains is the student's own computing.

    python -m throughput.floor COURSE ASSIGNMENT RECORDED NUMBER
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from autograder.course import Course
from autograder.judge import reference_process
from autograder.judge.work import Work, runnable_cells
from throughput import classes
from throughput.same_tests import is_right


def main() -> None:
    """Print a line of JSON: seconds, and by student how many parts are right."""
    root, assignment, recorded, number = sys.argv[1:]
    course = Course.load(Path(root))
    asked = classes.read(Path(recorded))
    with TemporaryDirectory() as scratch:
        os.environ.update(classes.environment(course, assignment, Path(scratch) / "hub"))
        for name in course.surroundings(assignment).preload:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        handed_in = list(classes.works(course, assignment, int(number)))
        for student, work in handed_in[:2]:
            _grade(course, assignment, work, asked, Path(scratch) / f"warm-{student}")
        start = time.perf_counter()
        points = {student: _grade(course, assignment, work, asked, Path(scratch) / student)
                  for student, work in handed_in}
        seconds = time.perf_counter() - start
    print(json.dumps([seconds, points]))


def _grade(course: Course, assignment: str, work: Work, asked: classes.Asked, folder: Path) -> int:
    """Run the cells and ask everything; how many parts are right."""
    folder.mkdir()
    for name, data in (dict(classes.given(course, assignment)) | dict(work.files)).items():
        (folder / name).write_bytes(data)
    cells = [new_code_cell(source) for source in runnable_cells(
        work.notebook, classes.released(course, assignment))]
    nbformat.write(new_notebook(cells=cells), folder / f"{work.exercise}.ipynb")
    right = 0
    for questions in asked.values():
        answers = [reference_process.answer(folder, request, str(folder.parent))
                   for request, _ in questions]
        right += all(is_right(answer, known) for answer, (_, known)
                     in zip(answers, questions, strict=True))
    return right


if __name__ == "__main__":
    main()
