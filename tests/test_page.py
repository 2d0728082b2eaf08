"""Feedback pages are nbconvert's own, made without parsing them again."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.gradebook.page import PageExporter

PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
         "rkJggg==")


@pytest.fixture(scope="module")
def page() -> str:
    picture = new_output("display_data", {"image/png": PIXEL})
    described = new_markdown_cell(f"![a dot](data:image/png;base64,{PIXEL})")
    notebook = new_notebook(cells=[new_code_cell("x = 1 < 2", outputs=[picture]), described])
    text, _ = PageExporter().from_notebook_node(notebook)
    return text


def test_every_picture_has_a_description(page: str) -> None:
    pictures = re.findall(r"<img\b[^>]*>", page)
    assert len(pictures) == 2 and all(" alt=" in picture for picture in pictures)
    assert sum('alt="a dot"' in picture for picture in pictures) == 1


def test_nothing_else_differs_from_nbconverts_page() -> None:
    notebook = new_notebook(cells=[new_code_cell("x = 1 < 2"), new_markdown_cell("*so*, $a<b$")])
    ours, _ = PageExporter().from_notebook_node(notebook)
    theirs, _ = HTMLExporter().from_notebook_node(notebook)
    assert tree(ours) == tree(theirs) and len(tree(ours)) > 30


def tree(page: str) -> list[object]:
    """All tags of a page with their attributes, and its text."""
    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.find_all(tabindex=True):  # of JupyterLab's template: feedback has another
        del tag["tabindex"]
    return [*((tag.name, tag.attrs) for tag in soup.find_all(True)), soup.get_text()]
