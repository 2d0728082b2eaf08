"""Versions of hw3's notebook, solved, empty and edited, and what goes wrong in their cells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import torch
from conftest import DATA, EXERCISES
from nbformat import NotebookNode
from torch import Tensor

from autograder.course import Exercise
from autograder.exercise.edits import apply, read_changes
from autograder.exercise.solution import solved_files, split_notebook
from autograder.validate import skeleton

EXERCISE = Exercise("hw3", EXERCISES / "hw3")
OFFLINE = {"HF_HOME": str(DATA / "hf"), "HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1",
           "OMP_NUM_THREADS": "1"}

Failures = dict[str, dict[str, str]]  # by version and cell, what was raised
Mistakes = dict[str, tuple[str, str]]  # by misconception, the part that should tell it, and how
Tasks = Callable[..., list[NotebookNode]]  # the cells of some tasks: all, or with some checks only

# Run by a process of its own, since the library reads where its hub is when it is imported.
RUN = """
import json, sys
found = {}
for version, cells in json.load(sys.stdin).items():
    failed, names = found.setdefault(version, {}), {"__name__": "__main__"}
    for name, source in cells:
        try:
            exec(compile(source, name, "exec"), names)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(found))
"""


def cells_of(files: dict[str, bytes]) -> list[NotebookNode]:
    """All cells of the notebook in these files."""
    return split_notebook(EXERCISE, files)[0].cells


def with_checks(cells: list[NotebookNode], checks: tuple[str, ...]) -> list[NotebookNode]:
    """These cells without visible checks but those named; with all where none is."""
    return [cell for cell in cells if not (checks and cell.id not in checks and
                                           cell.metadata.get("nbgrader", {}).get("locked"))]


def edited(name: str) -> dict[str, bytes]:
    """The solved files with a misconception in them."""
    (change,) = [one for one in read_changes(EXERCISE, "misconception") if one.name == name]
    return apply(change, solved_files(EXERCISE))


def code_cells(cells: list[NotebookNode]) -> list[tuple[str, str]]:
    """Name and source of each cell that grading runs."""
    return [(cell.id, cell.source) for cell in cells if cell.cell_type == "code"
            and "skip-execution" not in cell.metadata.get("tags", [])]


def run_versions(tasks: Tasks, mistakes: Mistakes, timeout: float) -> Failures:
    """What goes wrong in which cell of each version, visible checks included."""
    versions = {"solved": tasks(solved_files(EXERCISE)), "skeleton": tasks(skeleton(EXERCISE))}
    versions |= {name: tasks(edited(name), part) for name, (part, _) in mistakes.items()}
    code = {version: code_cells(cells) for version, cells in versions.items()}
    done = subprocess.run([sys.executable, "-c", RUN], input=json.dumps(code), text=True,
                          capture_output=True, timeout=timeout, env=os.environ | OFFLINE)
    assert done.returncode == 0, done.stderr
    found: Failures = json.loads(done.stdout.splitlines()[-1])
    return found


def drawing() -> Callable[..., Tensor]:
    """What stands in for the judge's `draw`: the same numbers each time."""
    generator = torch.Generator().manual_seed(5)
    return lambda *shape: torch.randn(*shape, generator=generator)
