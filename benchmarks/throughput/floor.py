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
from autograder.judge import trusted
from autograder.judge.testing import same
from autograder.judge.work import Work, runnable_cells
from autograder.kernel import offline, wire
from throughput import classes


def main() -> None:
    """Print a line of JSON: seconds, and by student how many parts are right."""
    root, assignment, recorded, number = sys.argv[1:]
    course = Course.load(Path(root))
    asked = classes.read(Path(recorded))
    with TemporaryDirectory() as scratch:
        _surround(course, assignment, Path(scratch))
        handed_in = list(classes.works(course, assignment, int(number)))
        for student, work in handed_in[:2]:
            _grade(course, assignment, work, asked, Path(scratch) / f"warm-{student}")
        start = time.perf_counter()
        points = {student: _grade(course, assignment, work, asked, Path(scratch) / student)
                  for student, work in handed_in}
        seconds = time.perf_counter() - start
    print(json.dumps([seconds, points]))


def _surround(course: Course, assignment: str, scratch: Path) -> None:
    """Models offline, and everything imported that warm kernels have imported."""
    around = course.surroundings(assignment)
    os.environ.update({"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
                       "MPLBACKEND": "Agg", **around.environment})
    if around.hub:
        os.environ.update(offline.environment(around.hub, str(scratch / "hub")))
        offline.lay_links(Path(around.hub), scratch / "hub")
    for name in around.preload:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _grade(course: Course, assignment: str, work: Work, asked: classes.Asked, folder: Path) -> int:
    """Run the cells and ask everything; how many parts are right."""
    folder.mkdir()
    built = course.build / "source" / assignment
    for path in built.iterdir():
        if path.is_file() and path.suffix != ".ipynb":
            (folder / path.name).write_bytes(path.read_bytes())
    for name, data in work.files.items():
        (folder / name).write_bytes(data)
    released = nbformat.read(built / f"{work.exercise}.ipynb", as_version=4)
    cells = [new_code_cell(source) for source in runnable_cells(work.notebook, released)]
    nbformat.write(new_notebook(cells=cells), folder / f"{work.exercise}.ipynb")
    right = 0
    for questions in asked.values():
        answers = [trusted.answer(folder, request, str(folder.parent)) for request, _ in questions]
        right += all(_same(answer, known) for answer, (_, known)
                     in zip(answers, questions, strict=True))
    return right


def _same(answer: bytes, known: bytes) -> bool:
    got = wire.unpack(answer)
    return "value" in got and same(got["value"], wire.unpack(known)["value"])


if __name__ == "__main__":
    main()
