"""What strangers hand in: the kit's exercises, solved or as released, in odd names and places."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import nbformat
from conftest import REPO, copy_course
from nbformat import NotebookNode

from autograder.cells import is_solution, marks
from autograder.course import Course
from autograder.validate import as_work, handed_in

STUDENT = "2026_00001"
ZIP = f"{STUDENT}_coding.zip"
ASSIGNMENTS = ("q1", "q2", "hw3")
NOTEBOOK_OF = {"q1a.ipynb": "q1a", "q1b.ipynb": "q1b", "hw3.ipynb": "hw3"}
# Names that people, browsers, editors and systems give a second copy; {} is the stem.
COPIES = ("{} (1){}", "{}(2){}", "{}-Copy1{}", "Copy of {}{}", "Kopie von {}{}", "{} - Copy{}",
          "{} - Kopie (2){}", "{} copy{}", "{} copy 2{}", "{} 2{}", "{}-1{}", "{}_final{}",
          "{}_v2{}", "{}{}.txt", "{}{}.json", "{}{}.bak", "old_{}{}", "2026_00001_{}{}",
          "{}_2026_00001{}", "my homework {}{}", "{}")
PLACES = ("", "new/", "../", "../new/", "../../", "../q1 (1)/")


def strange_course(folder: Path) -> Course:
    """A course in which everything that is released in the repo is released."""
    course = copy_course(folder)
    for name in ASSIGNMENTS:
        shutil.copytree(REPO / name, course.build / "release" / name)
    (course.root / "roster.csv").write_text(
        "id,name,group\n2026_00001,Ada Example,g1\n2026_00002,Max Muster,g2\n")
    return course


@cache
def _released() -> dict[str, bytes]:
    return {f"{name}/{path.name}": path.read_bytes() for name in ASSIGNMENTS
            for path in (REPO / name).iterdir() if path.is_file()}


def released(*names: str) -> dict[str, bytes]:
    """Files as they were released, by their path in a zip."""
    return {name: _released()[name] for name in names}


@cache
def _solved() -> dict[str, bytes]:
    course = Course.load(REPO)
    files = {}
    for name in ASSIGNMENTS:
        for exercise in course.exercises(name):
            work = as_work(exercise, handed_in(exercise))
            files[f"{name}/{exercise.name}.ipynb"] = nbformat.writes(work.notebook).encode()
            files |= {f"{name}/{file}": data for file, data in work.files.items()
                      if file in course.assignment(name).student_files}
    return files


def solved(*names: str) -> dict[str, bytes]:
    """Solved files, by their path in a zip; of all hw4 without names."""
    return {name: _solved()[name] for name in names or [
        name for name in _solved() if not name.startswith("hw3")]}


def otherwise(data: bytes) -> bytes:
    """A solved file with other work in it."""
    if data.startswith(b"{"):
        notebook = nbformat.reads(data.decode(), as_version=4)
        cell = next(cell for cell in notebook.cells if is_solution(cell))
        cell.source += "\n# another attempt\nattempt = 2"
        return nbformat.writes(notebook).encode()
    return data + b"\n\nATTEMPT = 2\n"


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def read(data: bytes) -> NotebookNode:
    return nbformat.reads(data.decode(), as_version=4)


def part(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell of a part."""
    return next(cell for cell in notebook.cells if marks(cell).get("grade_id") == name)
