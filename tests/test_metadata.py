"""Metadata is refused as nbgrader refuses it, and in its words."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.preprocessors import CheckCellMetadata as Nbgraders

from autograder.gradebook.metadata import CheckCellMetadata

RIGHT = {"grade": True, "solution": False, "locked": True, "grade_id": "a", "points": 1,
         "schema_version": 3}
ODD: list[Any] = [
    RIGHT, {**RIGHT, "points": -1}, {**RIGHT, "points": "1"}, {**RIGHT, "points": True},
    {**RIGHT, "grade_id": ""}, {**RIGHT, "grade_id": "<b>"}, {**RIGHT, "grade_id": 1},
    {**RIGHT, "schema_version": 1}, {**RIGHT, "schema_version": 4}, {**RIGHT, "more": 1},
    {**RIGHT, "schema_version": 3.0}, {**RIGHT, "schema_version": "3"}, {**RIGHT, "grade": 1},
    {**RIGHT, "cell_type": "markdown"}, {**RIGHT, "solution": True}, {**RIGHT, "task": True},
    {key: value for key, value in RIGHT.items() if key != "points"},
    {key: value for key, value in RIGHT.items() if key != "grade_id"},
    {key: value for key, value in RIGHT.items() if key != "locked"}, {}, None, [], "grade", 3,
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_every_cell_is_judged_as_by_nbgrader(odd: Any) -> None:
    for make in (new_code_cell, new_markdown_cell):
        for others in ([], [{**RIGHT, "grade_id": "b"}], [RIGHT]):
            cells = [make("x", metadata={"nbgrader": one}) for one in (*others, odd)]
            notebook = from_dict(new_notebook(cells=[new_code_cell("1"), *cells]))
            assert said(CheckCellMetadata(), notebook) == said(Nbgraders(), notebook)


def said(check: Nbgraders, notebook: NotebookNode) -> tuple[str, str] | None:
    """The error, if there is one; what is right comes back as it was."""
    before = copy.deepcopy(notebook)
    try:
        after, _ = check.preprocess(notebook, {})
    except Exception as error:  # whichever
        return type(error).__name__, str(error)
    assert after == before
    return None
