"""Where the answer to a part stands, and what a student wrote there.

The exercise says so itself: the answer is what its misconceptions edit, or the cell PART-solution.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.course import Exercise
from autograder.intake.cells import marks, parsed
from autograder.judge.work import Work
from autograder.release.edits import Change, Edit, read_changes
from autograder.release.solved import solved_files, split_notebook

MOST_LINES, LONGEST_LINE = 60, 200  # of an example
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Place:
    """A cell of the notebook, by its name, or a file beside it; in that the definition `name`.

    `name` is that of a function, `Class.method` of a method, and empty for all of the text.
    """

    cell: str = ""
    file: str = ""
    name: str = ""


@dataclass(frozen=True)
class Places:
    """Where answers to an exercise stand, by misconception and by part."""

    misconceptions: dict[str, Place]
    parts: dict[str, Place]


def places(exercise: Exercise) -> Places:
    """Find out where answers to the exercise stand; a part of which nothing tells is left out."""
    notebook, files = split_notebook(exercise, solved_files(exercise))
    cells = {cell.id for cell in notebook.cells}
    changes = read_changes(exercise, "misconception")
    edited = {change.name: place for change in changes
              if (place := _of_change(change, exercise, notebook, files)) is not None}
    by_part: dict[str, Counter[Place]] = {}
    for change in changes:
        if change.name in edited:
            by_part.setdefault(change.part, Counter())[edited[change.name]] += 1
    parts = {cell.removesuffix("-solution"): Place(cell=cell) for cell in cells
             if cell.endswith("-solution")}
    parts = {part: count.most_common(1)[0][0] for part, count in by_part.items()} | parts
    return Places({change.name: place for change in changes
                   if (place := edited.get(change.name) or parts.get(change.part))}, parts)


def _of_change(change: Change, exercise: Exercise, notebook: NotebookNode, files: dict[str, bytes]
               ) -> Place | None:
    """Where the first edit of a change stands that is one of a cell or of a file."""
    found = (_of_edit(edit, exercise, notebook, files) for edit in change.edits)
    return next((place for place in found if place is not None), None)


def _of_edit(edit: Edit, exercise: Exercise, notebook: NotebookNode, files: dict[str, bytes]
             ) -> Place | None:
    if edit.file != exercise.notebook.name:
        text = files.get(edit.file, b"").decode(errors="replace")
        return Place(file=edit.file, name=_enclosing(text, edit.replace))
    for cell in notebook.cells:
        if edit.replace in cell.source and cell.cell_type == "code":
            return Place(cell=cell.id, name=_enclosing(cell.source, edit.replace))
    return None


def answer(work: Work, place: Place) -> str:
    """What a student wrote in a place, without docstrings; empty where nothing is there."""
    if place.file:
        text = work.text(place.file) or ""
    else:
        text = next((cell.source for cell in work.notebook.cells
                     if place.cell in (marks(cell).get("grade_id"), cell.get("id"))), "")
    found = _definition(text, place.name) if place.name else ""
    if place.file.endswith(".py") and not found:
        return ""  # all of a module would be too much to read
    return _shortened(found or text)


def _definitions(tree: ast.Module | ast.ClassDef, prefix: str = ""
                 ) -> Iterator[tuple[str, Definition]]:
    """Functions and methods by their names; a class where it has none."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node, f"{prefix}{node.name}.")
        if isinstance(node, Definition):
            yield prefix + node.name, node


def _enclosing(text: str, part: str) -> str:
    """The name of the definition that holds this part of a text; empty where none does."""
    tree = parsed(text)
    start = text.find(part) + len(part) - len(part.lstrip())
    line = text.count("\n", 0, start) + 1
    return next((name for name, node in (_definitions(tree) if tree else ())
                 if _first_line(node) <= line <= (node.end_lineno or 0)), "")


def _definition(text: str, name: str) -> str:
    """The text of a definition, the last of its name; empty where there is none."""
    tree = parsed(text)
    nodes = [node for found, node in (_definitions(tree) if tree else ()) if found == name]
    if not nodes:
        return ""
    node, lines = nodes[-1], text.splitlines()
    first, last, docstring = _first_line(node), node.end_lineno or 0, node.body[0]
    cut = range(0)
    if ast.get_docstring(node, clean=False) is not None and docstring.lineno > node.lineno:
        cut = range(docstring.lineno, (docstring.end_lineno or 0) + 1)
    return "\n".join(lines[number - 1] for number in range(first, last + 1) if number not in cut)


def _first_line(node: Definition) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _shortened(text: str) -> str:
    lines = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..."
             for line in text.splitlines()]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"# ... (cut off here: {len(lines)} lines)"]
    return "\n".join(lines).strip("\n")
