"""Where the code of each part stands, so that feedback can show a student's own beside its words.

Nobody writes this down: a part's misconceptions edit its solution, so the function that they edit
is the part's. A part without any has the solution cells right above its own cell.
"""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.course import Exercise
from autograder.release.edits import read_changes
from autograder.release.solved import solved_files

SUFFIX = "-solution"  # of a solution cell's grade_id
SELDOM = 0.25  # of a part's misconceptions: what fewer edit belongs to another part as well
MAGIC = re.compile(r"^(\s*)[%!].*$", re.M)


@dataclass(frozen=True)
class Place:
    """A function of a file or of the notebook (`file` is empty), a whole file, or a whole cell.

    `name` is the function's, with its class ("BertLayer.forward"), or the cell's grade_id; it is
    empty where the whole file is meant.
    """

    file: str
    name: str
    is_cell: bool = False


def places(exercise: Exercise, notebook: NotebookNode) -> dict[str, tuple[Place, ...]]:
    """Where each part of a source notebook is written, by the part's name."""
    edited = _edited(exercise, notebook)
    found: dict[str, tuple[Place, ...]] = {}
    above: list[Place] = []
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("solution") and not data.get("grade"):
            above.append(Place("", data.grade_id, is_cell=True))
        elif data.get("grade") and data.get("solution"):  # graded by hand
            found[data.grade_id] = (Place("", data.grade_id, is_cell=True),)
        elif data.get("grade"):
            known = edited.get(data.grade_id, Counter())
            often = tuple(place for place, count in known.items()
                          if count >= SELDOM * known.total())
            found[data.grade_id] = often or tuple(above)
            above = []
    return found


@functools.lru_cache(maxsize=64)
def functions(text: str) -> dict[str, tuple[int, int]]:
    """The functions of a Python text, a method as "Class.method": their first and last lines.

    Lines count from 1; a decorator belongs to its function. What is no Python has none.
    """
    try:
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


def _edited(exercise: Exercise, notebook: NotebookNode) -> dict[str, Counter[Place]]:
    """By part, how many of its misconceptions edit which place of the solution."""
    files = {name: data.decode() for name, data in solved_files(exercise).items()
             if name.endswith(".py")}
    own = exercise.notebook.name
    found: dict[str, Counter[Place]] = {}
    for change in read_changes(exercise, "misconception"):
        touched = set()
        for edit in change.edits:
            if edit.file == own:
                touched |= set(_in_notebook(notebook, edit.replace))
            elif edit.file in files:
                touched |= set(_in_file(edit.file, files[edit.file], edit.replace))
            else:
                touched.add(Place(edit.file, ""))
        found.setdefault(change.part, Counter()).update(touched)
    return found


def _in_notebook(notebook: NotebookNode, text: str) -> Iterator[Place]:
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if text.strip() in cell.source and data.get("solution") and not data.get("grade"):
            inside = list(_in_file("", cell.source, text))
            yield from inside or [Place("", data.grade_id, is_cell=True)]


def _in_file(file: str, text: str, replaced: str) -> Iterator[Place]:
    """The function that an edit is made in, where it is made in one."""
    at = text.find(replaced)
    line = text.count("\n", 0, at + len(replaced) - len(replaced.lstrip())) + 1
    for name, (first, last) in functions(text).items():
        if at >= 0 and first <= line <= last:
            yield Place(file, name)
