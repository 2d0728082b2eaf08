"""Ids of cells, as nbformat 4.5 requires them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from nbformat import NotebookNode

CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def have_ids(notebook: NotebookNode) -> bool:
    """Whether each cell has an id of its own or, before nbformat 4.5, none has one."""
    ids = [cell.get("id") for cell in notebook.cells]
    if notebook.get("nbformat_minor", 5) < 5:
        return not any(ids)
    return all(isinstance(one, str) and CELL_ID.fullmatch(one) for one in ids) and (
        len(set(ids)) == len(ids))


def give_ids(placed: list[tuple[NotebookNode, int | None]], released: list[NotebookNode]) -> None:
    """Give every cell without an id of its own one.

    No cell keeps the id of another released cell: grading skips some cells by their ids.
    """
    reserved = {cell.get("id") for cell in released}
    seen: set[str] = set()
    for number, (cell, r) in enumerate(placed):
        own = cell.get("id")
        right = released[r].get("id") if r is not None else None
        if (not isinstance(own, str) or not CELL_ID.fullmatch(own) or own in seen
                or (own in reserved and own != right)):
            own = right if right and right not in seen else _fresh(cell, number, {*seen, *reserved})
            cell["id"] = own
        seen.add(own)


def _fresh(cell: NotebookNode, number: int, taken: set[Any]) -> str:
    """An id that is the same in each repair of the same notebook."""
    while True:
        found = hashlib.sha256(f"{number}/{cell.source}".encode(errors="replace")).hexdigest()[:8]
        if found not in taken:
            return found
        number += 1_000_003
