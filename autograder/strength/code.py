"""The code that students write, as the solution has it, and versions in which it reads otherwise.

A unit is what is parsed at once: a cell of the notebook, or a file. Its text is the source's, with
the markers, so that a line is found where its author looks for it.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
import nbformat
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

from autograder.course import Exercise
from autograder.exercise import source
from autograder.exercise.solution import MARKERS, without_markers, write_version
from autograder.judge.work import Work, names_left_out
from autograder.validate import as_work, handed_in

CELL = "# %%"


@dataclass(frozen=True)
class Unit:
    """Python of a file, `first` being the number of its first line there."""

    file: str
    first: int
    text: str

    @functools.cached_property
    def written(self) -> frozenset[int]:
        """The lines, counted from 1 in the text, that students write."""
        inside, found = False, set()
        for number, line in enumerate(self.text.splitlines(), start=1):
            if line.strip() in MARKERS:
                inside = line.strip() == MARKERS[0]
            elif inside:
                found.add(number)
        return frozenset(found)

    @functools.cached_property
    def parsed(self) -> MetadataWrapper:
        return MetadataWrapper(cst.parse_module(self.text), unsafe_skip_copy=True)

    def line(self, node: cst.CSTNode) -> int:
        """The line of the text at which a node begins."""
        place = self.parsed.resolve(PositionProvider)[node]
        return int(place.start.line)

    def parents(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """What a node is part of, from the inside out."""
        known = self.parsed.resolve(ParentNodeProvider)
        while (parent := known.get(node)) is not None:
            yield parent
            node = parent

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The function that a node is in; None where its code runs when it is loaded."""
        return next((parent for parent in self.parents(node)
                     if isinstance(parent, cst.FunctionDef)), None)

    def replaced(self, old: cst.CSTNode, new: cst.CSTNode | cst.RemovalSentinel) -> str:
        """The text with another node in the place of one."""
        changed = self.parsed.module.visit(_Replace({old: new}))
        assert isinstance(changed, cst.Module)
        return changed.code


class _Replace(cst.CSTTransformer):
    """Nodes by identity; what is inside a replaced one goes with it."""

    def __init__(self, nodes: dict[cst.CSTNode, cst.CSTNode | cst.RemovalSentinel]) -> None:
        super().__init__()
        self._nodes = nodes

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node not in self._nodes

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode  # type: ignore[override]
                 ) -> cst.CSTNode | cst.RemovalSentinel:
        return self._nodes.get(original_node, updated_node)


def units(exercise: Exercise) -> list[Unit]:
    """Where students write, in an exercise's notebook and the files beside it."""
    found = []
    for path in (*exercise.notebook_files, *exercise.files):
        if path.suffix != ".py":
            continue
        text = path.read_text()
        cells = _cells(text) if path in exercise.notebook_files else [(1, text)]
        found += [Unit(path.name, first, cell) for first, cell in cells
                  if MARKERS[0] in map(str.strip, cell.splitlines())]
    return found


def _cells(text: str) -> Iterator[tuple[int, str]]:
    """Code cells of a percent notebook, each with the number of its first line."""
    lines = text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.startswith(CELL)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if not lines[start].startswith(f"{CELL} [markdown]"):
            yield start + 1, "".join(lines[start:end])


class Solution:
    """An exercise as somebody hands it in who has solved it, and versions of that."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.work = as_work(exercise, handed_in(exercise))
        self._names = nbformat.v4.new_code_cell(names_left_out(
            source.read_notebook(exercise), {path.stem for path in exercise.files}))

    def version(self, unit: Unit, text: str, work: Work | None = None) -> Work:
        """The solution, or what `work` is made of it, with another text in the place of a unit."""
        work = work or self.work
        old, new = without_markers(unit.text), without_markers(text)
        if unit.file not in [path.name for path in self.exercise.notebook_files]:
            return Work(work.exercise, work.notebook, {**work.files, unit.file: new.encode()})
        notebook = copy.copy(work.notebook)
        place = next(index for index, cell in enumerate(notebook.cells)
                     if cell.cell_type == "code" and cell.source == _body(old))
        cell = copy.copy(notebook.cells[place])
        cell.source = _body(new)
        notebook.cells = [*notebook.cells[:place], cell, *notebook.cells[place + 1:]]
        return Work(work.exercise, notebook, work.files)

    def write(self, work: Work, folder: Path) -> None:
        """Write a version as the reference process runs it, with a kernel's own names, too."""
        notebook = copy.copy(work.notebook)
        notebook.cells = [self._names, *notebook.cells]
        write_version(self.exercise, notebook, work.files, folder)


def _body(cell: str) -> str:
    """A percent cell without its first line."""
    return cell.partition("\n")[2].strip("\n")
