"""Feedback pages are nbconvert's own, made without parsing them again."""

from __future__ import annotations

import functools
import re

import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.gradebook.memory import Memory
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


@pytest.mark.parametrize("language", ["python", "ruby", "python"])
def test_code_is_highlighted_as_by_nbconvert_however_often_it_was(language: str) -> None:
    mine = new_code_cell("puts 1 if x", metadata={"magics_language": "ruby"})
    cells = [new_code_cell("puts 1 if x"), new_code_cell(""), new_code_cell("a\n\n"), mine]
    notebook = new_notebook(cells=cells, metadata={"language_info": {"name": language}})
    ours, _ = PageExporter().from_notebook_node(notebook)
    theirs, _ = HTMLExporter().from_notebook_node(notebook)
    assert tree(ours) == tree(theirs) and f"hl-{language}" in ours


def test_what_was_made_is_remembered_in_bounded_memory() -> None:
    memory, made = Memory(most=5 * 600), []

    def make(text: str) -> str:
        made.append(text)
        return f"<p>{text}</p>"

    for student in range(20):
        for text in ("given", str(student)):
            assert memory((text,), functools.partial(make, text)) == f"<p>{text}</p>"
    assert made == ["given", *map(str, range(20))] and 3 <= len(memory) <= 5
    assert len(memory(("long",), lambda: "x" * 10_000)) == 10_000 and len(memory) == 0
    assert memory(("long",), lambda: "anew") == "anew" and len(memory) == 1


def tree(page: str) -> list[object]:
    """All tags of a page with their attributes, and its text."""
    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.find_all(tabindex=True):  # of JupyterLab's template: feedback has another
        del tag["tabindex"]
    return [*((tag.name, tag.attrs) for tag in soup.find_all(True)), soup.get_text()]
