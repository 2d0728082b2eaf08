"""Where the code of each part stands, so that a student's own can be shown beside what is said.

Nobody writes this down: a part's misconceptions edit its solution, so the function that they edit
is the part's. A part without any has the solution cells right above its own cell.
"""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.course import Exercise
from autograder.release.edits import read_changes
from autograder.release.solved import solved_files

SUFFIX = "-solution"  # of a solution cell's grade_id
SELDOM = 0.25  # of a part's misconceptions: what fewer edit belongs to another part as well
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


def places(exercise: Exercise, notebook: NotebookNode) -> dict[str, tuple[Place, ...]]:
    """Where each part of a source notebook is written, by the part's name."""
    by_part: dict[str, Counter[Place]] = {}
    where = edited(exercise, notebook)
    for change in read_changes(exercise, "misconception"):
        by_part.setdefault(change.part, Counter()).update(where[change.name])
    found: dict[str, tuple[Place, ...]] = {}
    above: list[Place] = []
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("solution") and not data.get("grade"):
            above.append(Place(cell=data.grade_id))
        elif data.get("grade") and data.get("solution"):  # graded by hand
            found[data.grade_id] = (Place(cell=data.grade_id),)
        elif data.get("grade"):
            known = by_part.get(data.grade_id, Counter())
            often = tuple(place for place, count in known.most_common()
                          if count >= SELDOM * known.total())
            found[data.grade_id] = often or tuple(above)
            above = []
    return found


def edited(exercise: Exercise, notebook: NotebookNode) -> dict[str, tuple[Place, ...]]:
    """Where each misconception edits the solution, by the misconception's name."""
    files = {name: data.decode() for name, data in solved_files(exercise).items()
             if name.endswith(".py")}
    found: dict[str, tuple[Place, ...]] = {}
    for change in read_changes(exercise, "misconception"):
        touched: list[Place] = []
        for edit in change.edits:
            if edit.file in [path.name for path in exercise.notebook_files]:
                touched += _in_notebook(notebook, edit.replace)
            elif edit.file in files:
                touched += [Place(edit.file, name=name)
                            for name in _around(files[edit.file], edit.replace)]
            else:
                touched.append(Place(edit.file))
        found[change.name] = tuple(dict.fromkeys(touched))
    return found


def written(place: Place, cells: Mapping[str, str], read: Callable[[str], str]) -> str:
    """What stands at a place of a submission; empty where nothing does.

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


def _in_notebook(notebook: NotebookNode, replaced: str) -> Iterator[Place]:
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if replaced.strip() in cell.source and data.get("solution") and not data.get("grade"):
            inside = list(_around(cell.source, replaced))
            yield from [Place(cell=data.grade_id, name=name) for name in inside or [""]]


def _around(text: str, replaced: str) -> Iterator[str]:
    """The function that an edit is made in, where it is made in one."""
    at = text.find(replaced)
    line = text.count("\n", 0, at + len(replaced) - len(replaced.lstrip())) + 1
    for name, (first, last) in functions(text).items():
        if at >= 0 and first <= line <= last:
            yield name


def _function(text: str, name: str) -> str:
    """The text of a function; empty where there is none of this name."""
    if name.rpartition(".")[2] not in text:  # to look costs less than to parse
        return ""
    lines = functions(text).get(name)
    return "\n".join(text.splitlines()[lines[0] - 1:lines[1]]) if lines else ""
