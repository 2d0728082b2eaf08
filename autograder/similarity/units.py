"""The units that are compared: code cells, functions of files, written answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.exercise.parts import functions
from autograder.similarity.fingerprints import Prints, prints

LONGEST = 200_000  # characters of a cell or a file: nobody writes more by hand


@dataclass(frozen=True)
class TextUnit:
    """One piece of a submission that is written as a whole: a cell, or a function with its body."""

    file: str
    name: str
    text: str
    code: bool = True

    @property
    def prints(self) -> Prints:
        return prints(self.text, self.code)


def of_notebook(file: str, notebook: NotebookNode) -> Iterator[TextUnit]:
    """The code cells that students write or add, and the cells of written answers."""
    for number, cell in enumerate(notebook.cells, start=1):
        marks = cell.metadata.get("nbgrader", {})
        answer = bool(marks.get("solution"))
        if marks.get("locked") or not (answer or cell.cell_type == "code"):
            continue
        name = str(marks.get("grade_id") or f"cell {number}").removesuffix("-solution")
        yield TextUnit(file, name, cell.source[:LONGEST], cell.cell_type == "code")


def of_files(files: Mapping[str, bytes], given: Mapping[str, bytes]) -> Iterator[TextUnit]:
    """The functions of Python files, and the code between them; files as given are left out."""
    for file, data in files.items():
        if file.endswith(".py") and given.get(file) != data:
            yield from _functions(file, data.decode("utf-8", errors="replace")[:LONGEST])


def _functions(file: str, text: str) -> Iterator[TextUnit]:
    """A file in pieces, each from the line where a function begins; whole where it is no Python."""
    lines = text.splitlines(keepends=True)
    starts = sorted((first, name) for name, (first, _) in functions(text).items())
    places = [(1, "the beginning"), *starts, (len(lines) + 1, "")]
    for (first, name), (end, _) in itertools.pairwise(places):
        piece = "".join(lines[first - 1:end - 1])
        if piece.strip():
            yield TextUnit(file, name, piece)
