"""The metadata of a notebook's cell: nbgrader's, and the tags that we give."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

OURS = "autograder-"  # begins the tags of cells that the grader writes
STAFF_TAG = f"{OURS}staff"  # of cells that only staff see


def marks(cell: NotebookNode) -> dict[str, Any]:
    """nbgrader's metadata of a cell; empty where there is none, or something else in its place."""
    data = cell.metadata.get("nbgrader")
    named = isinstance(data, dict) and isinstance(data.get("grade_id", ""), str)
    return data if named else {}


def is_solution(cell: NotebookNode) -> bool:
    """Whether students fill the cell in."""
    return bool(marks(cell).get("solution"))


def is_locked(cell: NotebookNode) -> bool:
    """Whether the cell belongs to a part, and students do not fill it in."""
    return bool(marks(cell)) and not is_solution(cell)


def tags_of(cell: NotebookNode) -> list[str]:
    tags = cell.metadata.get("tags", [])
    return list(tags) if isinstance(tags, list) else []


def is_staff(cell: NotebookNode) -> bool:
    """Whether the grader wrote the cell for staff alone."""
    return STAFF_TAG in tags_of(cell)
