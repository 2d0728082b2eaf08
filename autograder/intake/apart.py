"""Split cells that an editor or a script export merged."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from nbformat import NotebookNode

from autograder.cells import is_locked, is_solution, marks
from autograder.intake.cells import plain

SHORT = 30  # characters: a shorter text is split off only between empty lines, ...
SHORTEST = 10  # ... and one shorter than this never


def split_merged(cells: list[NotebookNode], released: Sequence[NotebookNode]
               ) -> tuple[list[NotebookNode], list[int]]:
    """Split released texts that are word for word inside other cells off into cells of their own.

    Returns the cells, and the positions in `released` of the texts that were split off.
    """
    texts = [plain(cell.source) for cell in cells]
    parted = []
    for r in _to_look_for(cells, released):
        text, kind = plain(released[r].source), released[r].cell_type
        if len(text) < SHORTEST or text in texts:
            continue
        around = "\n" if len(text) >= SHORT else "\n\n"
        inside = [s for s, other in enumerate(texts) if cells[s].cell_type == kind
                  and f"{around}{text}{around}" in f"{around}{other}{around}"]
        if len(inside) == 1:
            s = inside[0]
            cells[s:s + 1] = _part(cells[s], texts[s], text, marks(released[r]).get("grade_id"))
            texts = [plain(cell.source) for cell in cells]
            parted.append(r)
    return cells, parted


def _to_look_for(cells: list[NotebookNode], released: Sequence[NotebookNode]) -> list[int]:
    """The released cells to look for: checks, code not to be run, and questions without answers.

    Where no cell has nbgrader's metadata, as in a script, also other code that is given.
    """
    named = {marks(cell).get("grade_id") for cell in cells} - {None}
    claimed = named | {cell.get("id") for cell in cells}
    wanted = []
    for r, cell in enumerate(released):
        beside = [other for other in (*released[max(r - 1, 0):r], *released[r + 1:r + 2])
                  if is_solution(other) and other.cell_type == "markdown"
                  and marks(other).get("grade_id") not in claimed]
        given = not marks(cell) and (beside if cell.cell_type == "markdown" else (
            cell.metadata.get("tags") or not named))
        if is_locked(cell) or given:
            wanted.append(r)
    return wanted


def _part(cell: NotebookNode, whole: str, text: str, name: str | None) -> list[NotebookNode]:
    """Split a cell in up to three: before the text, the text, and after it.

    The outputs stay with the last. The marks go to the text if they are its own, else to the first
    of the others.
    """
    before, after = f"\n{whole}\n".split(f"\n{text}\n", 1)
    pieces = [piece for piece in (before.strip("\n"), text, after.strip("\n")) if piece]
    own = [piece == text for piece in pieces]
    its_own = bool(name) and marks(cell).get("grade_id") == name
    marked = own.index(its_own) if its_own in own else 0
    parts = []
    for number, piece in enumerate(pieces):
        part = NotebookNode({**cell, "metadata": copy.deepcopy(cell.metadata), "source": piece})
        if number != marked:
            part.pop("id", None)
            part.metadata = NotebookNode()
        if "outputs" in part and number != len(pieces) - 1:
            part.outputs = []
        parts.append(part)
    return parts
