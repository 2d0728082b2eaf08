"""What must hold of a notebook once it is repaired, whatever had happened to it."""

from __future__ import annotations

import contextlib
import copy
import warnings

import nbformat
from damages import as_handed_in, as_released, cell_of, parts_of, released
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator

from autograder.cells import marks
from autograder.intake.notebook.cells import names, plain
from autograder.intake.notebook.repair import Repaired, repair
from autograder.judge.work import runnable_cells


def code_lines(notebook: NotebookNode) -> set[str]:
    return {line.strip() for cell in notebook.cells if cell.cell_type == "code"
            for line in cell.source.splitlines() if line.strip()}


def all_lines(notebook: NotebookNode) -> set[str]:
    return {line.strip() for cell in notebook.cells for line in cell.source.splitlines()}


def mended(damaged: NotebookNode, name: str = "toy") -> Repaired:
    """Repair, and check whatever must hold after any damage."""
    original, before, given = released(name), copy.deepcopy(damaged), released(name)
    result = repair(damaged, given)
    assert (damaged, given) == (before, original), "what comes in is not changed"
    for one in (*result.repaired, *result.unsure):
        assert one and not one.endswith(".") and "\n" not in one
    notebook = result.notebook
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    for cell in original.cells:
        if marks(cell):
            found = [c for c in notebook.cells
                     if marks(c).get("grade_id") == marks(cell)["grade_id"]]
            assert [marks(c) for c in found] == [marks(cell)]
            assert found[0].cell_type == cell.cell_type
    assert sum(bool(marks(c)) for c in notebook.cells) == sum(
        bool(marks(c)) for c in original.cells)
    lost = code_lines(damaged) - all_lines(notebook) - all_lines(original)
    assert not lost, "no line of code is lost"
    again = repair(notebook, given)
    assert not [one for one in again.repaired if "your order" not in one and "takes" not in one]
    return result


def runs_like_the_solution(notebook: NotebookNode, name: str) -> None:
    """In the order of grading, every solution stands, and stands last under its names."""
    defined: dict[str, str] = {}
    for code in runnable_cells(notebook, as_released(name)):
        defined |= dict.fromkeys(names(plain(code)), plain(code))
    for i in parts_of(as_handed_in(name), solution=True):
        right = as_handed_in(name).cells[i]
        if right.cell_type == "markdown":
            assert plain(right.source) in cell_of(notebook, marks(right)["grade_id"]).source
        for wanted in names(plain(as_released(name).cells[i].source)):
            assert "raise NotImplementedError" not in defined[wanted]
    for cell in as_released(name).cells:
        if "skip-execution" in cell.metadata.get("tags", []):
            assert plain(cell.source) not in map(plain, runnable_cells(notebook, as_released(name)))
    if name == "toy":
        scope: dict[str, object] = {}
        for code in runnable_cells(notebook, as_released(name)):
            with contextlib.suppress(Exception):
                exec(code, scope)
        assert scope["count"]("A b a") == {"a": 2, "b": 1}  # type: ignore[operator]
