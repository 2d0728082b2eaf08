"""Where the code of each part is, so that a student's own can be shown beside what is said of it.

The cell of a part names it, and so may a misconception whose answers are elsewhere:

    # %% tests="q2_layer" points=8 code="bert.py:BertLayer.forward"
    # %% tests="q1b_train" points=10 code="Trainer.train_epoch"      a function of the notebook
    # %% tests="q2_result" points=8 code="result.log"                all of a file
    # %% tests="a" points=1 code=["a_arguments", "save_model"]       a solution's cell; a function

A part that names nothing has the solution cells between the part before it and its own cell.
"""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.course import CourseError, Exercise
from autograder.exercise.edits import read_changes
from autograder.exercise.source import SOLUTION, ExerciseSource, by_hand

MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.M)


@dataclass(frozen=True)
class Place:
    """A function of a file or of a notebook's cell, or all of a file or a cell.

    `name` is the function's, with its class ("BertLayer.forward"); it is empty where all is meant.
    `cell` is a grade_id.
    """

    file: str = ""
    cell: str = ""
    name: str = ""


def places(exercise: Exercise, source: ExerciseSource) -> dict[str, tuple[Place, ...]]:
    """Where each part is written, by the part's name.

    Raises CourseError where a part's `code` is not there.
    """
    found: dict[str, tuple[Place, ...]] = {}
    above: list[Place] = []
    for cell in source.notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if by_hand(cell):
            found[data.grade_id] = (Place(cell=data.grade_id),)
        elif data.get("solution"):
            above.append(Place(cell=data.grade_id))
        elif data.get("grade"):
            named = [_place(exercise, source, code) for code in source.code[data.grade_id]]
            found[data.grade_id] = tuple(named or above)
            above = []
    return found


def places_of_misconceptions(exercise: Exercise, source: ExerciseSource) -> dict[str, Place]:
    """Where the answers of each misconception are, by its name: where its part is, as a rule.

    Raises CourseError where a misconception's `code` is not there.
    """
    of_part = places(exercise, source)
    found = {}
    for change in read_changes(exercise, "misconception"):
        if change.code:
            found[change.name] = _place(exercise, source, change.code)
        elif of_part.get(change.part):
            found[change.name] = of_part[change.part][0]
    return found


def _place(exercise: Exercise, source: ExerciseSource, code: str) -> Place:
    """The place that `code` names: see above."""
    file, colon, name = code.partition(":")
    path = exercise.source / file
    if colon and path.is_file() and name in functions(path.read_text()):
        return Place(file, name=name)
    for cell in _solutions(source.notebook):
        grade_id = cell.metadata.nbgrader.grade_id
        if grade_id == f"{code}{SOLUTION}":
            return Place(cell=grade_id)
        if code in functions(cell.source):
            return Place(cell=grade_id, name=code)
    if not colon and (path.is_file() or (exercise.folder / "handin" / code).is_file()):
        return Place(code)
    raise CourseError(f"{exercise.name}: code={code!r} is no function or solution of the notebook, "
                      "no file, and no function of a file.")


def _solutions(notebook: NotebookNode) -> Iterator[NotebookNode]:
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("solution") and not data.get("grade"):
            yield cell


def written(place: Place, cells: Mapping[str, str], read: Callable[[str], str]) -> str:
    """What a submission has at a place; empty where that is nothing.

    `cells` are its notebook's, by name; `read` gives the text of a file beside it. A function of
    the notebook may have moved to another cell; where it is nowhere, its cell is shown.
    """
    if place.file:
        return _function(read(place.file), place.name) if place.name else read(place.file)
    own = cells.get(place.cell, "")
    moved = (_function(text, place.name) for text in (own, *cells.values())) if place.name else ()
    return next(filter(None, moved), own)


@functools.lru_cache(maxsize=64)
def functions(text: str) -> dict[str, tuple[int, int]]:
    """The functions of a Python text, a method as "Class.method": their first and last lines.

    Lines count from 1; a decorator belongs to its function. What is no Python has none.
    """
    try:
        with warnings.catch_warnings():  # of what students wrote, no news for whoever looks
            warnings.simplefilter("ignore")
            tree = ast.parse(MAGIC.sub(r"\1pass", text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found = {}
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        before = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for one in inner:
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([one.lineno, *(mark.lineno for mark in one.decorator_list)])
                found[f"{before}{one.name}"] = (first, one.end_lineno or first)
    return found


def solution_cells(notebook: NotebookNode) -> dict[str, str]:
    """By a solution cell's grade_id, the part whose cell comes next: a comment there is on it."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("solution"):
            waiting.append(data.grade_id)
        if data.get("grade"):
            found |= dict.fromkeys(waiting, data.grade_id)
            waiting = []
    return found


def _function(text: str, name: str) -> str:
    """The text of a function; empty where there is none of this name."""
    if name.rpartition(".")[2] not in text:  # to look costs less than to parse
        return ""
    lines = functions(text).get(name)
    return "\n".join(text.splitlines()[lines[0] - 1:lines[1]]) if lines else ""
