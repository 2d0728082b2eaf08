"""Cells for a grader, below answers graded by hand: the rubric, pictures, the written part.

They are in the autograded notebook, which formgrader shows, and are removed before feedback is
written (plugins.WithoutStaffCells).
"""

from __future__ import annotations

import base64
import functools
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import nbformat
from nbformat import NotebookNode

from autograder.cells import STAFF_TAG, is_staff
from autograder.course import Course, Exercise
from autograder.exercise import source
from autograder.exercise.solution import rubric
from autograder.grading.pdf import PageError, pages
from autograder.intake.written import WRITTEN
from autograder.judge.work import Work

# Formgrader's pages have Bootstrap, in which this is a blue box.
RUBRIC = '<div class="alert alert-info">\n\n**Rubric, for staff only**\n\n{}\n\n</div>'
PICTURE = "**{0}**\n\n![{0}](data:image/png;base64,{1})"
Picture = tuple[str, bytes]  # a caption and a PNG


def insert(notebook: NotebookNode, course: Course, work: Work) -> None:
    """Put the rubric and the pictures after each answer that is graded by hand."""
    for cell in notebook.cells:
        if is_staff(cell):  # a student's own: nobody else's words pass for ours
            cell.metadata.tags.remove(STAFF_TAG)
    exercise = course.exercise(work.exercise)
    answers = [index for index, cell in enumerate(notebook.cells) if source.by_hand(cell)]
    for index in reversed(answers):
        text = _rubrics(exercise).get(notebook.cells[index].metadata.nbgrader.grade_id, "")
        context = [_text(RUBRIC.format(text))] if text else []
        if index == answers[0]:
            context += _shown([*_of_exercise(exercise.folder, work), *_written(work)])
        notebook.cells[index + 1:index + 1] = context


@functools.cache
def _rubrics(exercise: Exercise) -> dict[str, str]:
    """By grade_id, what staff look for in an answer that is graded by hand."""
    return {cell.metadata.nbgrader.grade_id: rubric(cell.source)
            for cell in source.read_notebook(exercise).cells if source.by_hand(cell)}


def _of_exercise(folder: Path, work: Work) -> list[Picture | str]:
    """The pictures that the exercise's own beside.py makes of the work, if it has one."""
    if not (folder / "beside.py").is_file():
        return []
    make: Callable[[Work], list[Picture]] = _module(folder, "beside").beside
    return list(make(work))


@functools.cache
def _module(folder: Path, name: str) -> ModuleType:
    """A module of an exercise, which may import others that are beside it: `from . import x`."""
    package = ModuleType(f"exercise_{sha256(str(folder).encode()).hexdigest()}")
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    return importlib.import_module(f"{package.__name__}.{name}")


def _written(work: Work) -> Iterator[Picture | str]:
    """The pages of the written part, or a sentence on why they cannot be shown."""
    data = work.files.get(WRITTEN)
    if data is None:
        return
    try:
        for number, page in enumerate(pages(data), start=1):
            yield f"The written part, page {number}", page
    except PageError as error:
        yield f"The written part cannot be shown here: {error}. Open {WRITTEN} yourself."


def _shown(found: list[Picture | str]) -> list[NotebookNode]:
    return [_text(one) if isinstance(one, str) else _picture(*one) for one in found]


def _text(text: str) -> NotebookNode:
    cell = nbformat.v4.new_markdown_cell(text)
    cell.metadata.tags = [STAFF_TAG]
    return cell


def _picture(caption: str, png: bytes) -> NotebookNode:
    return _text(PICTURE.format(caption, base64.b64encode(png).decode()))


def read_beside(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What `insert` put beside an answer, the rubric left out, of the texts of cells for staff.

    Yields a caption and the picture's base64, or a sentence and an empty text.
    """
    rubric, _, _ = RUBRIC.partition("{}")
    start, middle, _ = PICTURE.partition("{1}")[0].split("{0}")
    for text in texts:
        if not text.startswith(rubric):
            caption, is_picture, rest = text.removeprefix(start).partition(middle)
            yield (caption, rest.partition("(data:image/png;base64,")[2].removesuffix(")")
                   ) if is_picture else (text, "")
