"""Run a notebook of an exercise in the sandbox, as students run theirs: visible checks included."""

from __future__ import annotations

from collections.abc import Iterator

from nbformat import NotebookNode

from autograder.exercise.source import SKIP_TAG
from autograder.kernel.session import KernelSession, Outcome


def run_cells(session: KernelSession, notebook: NotebookNode, seconds: float
              ) -> Iterator[tuple[int, NotebookNode, Outcome]]:
    """Run a notebook's cells, each for at most `seconds`.

    Yields the number of each, the cell, and how it ended. Cells that train or install are left out.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and SKIP_TAG not in cell.metadata.get("tags", []):
            yield number, cell, session.run(cell.source, seconds)
