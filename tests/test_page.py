"""Feedback pages are nbconvert's own, made without parsing them again."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from cachetools import cached
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.gradebook.memory import key_of, texts
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
    kept, made = texts(most=5 * 600), []

    @cached(kept, key=key_of)
    def page(text: str) -> str:
        made.append(text)
        return f"<p>{text}</p>"

    for student in range(20):
        for text in ("given", str(student)):
            assert page(text) == f"<p>{text}</p>"
    assert made == ["given", *map(str, range(20))] and 3 <= len(kept) <= 5
    assert page("x" * 10_000) == f"<p>{'x' * 10_000}</p>" and made.count("given") == 1
    assert kept.currsize <= 5 * 600  # nothing that is too long is kept


def test_what_a_text_is_made_from_is_told_apart() -> None:
    made_from = [("a", "b"), ("ab",), ("a", "b", ""), ("", "a", "b"), ("b", "a"), ('a", "b',),
                 ("a\0b",), ("\ud800",), ("\ud800", "")]
    assert len({key_of(*parts) for parts in made_from}) == len(made_from)


def tree(page: str) -> list[object]:
    """All tags of a page with their attributes, and its text."""
    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.find_all(tabindex=True):  # of JupyterLab's template: feedback has another
        del tag["tabindex"]
    return [*((tag.name, tag.attrs) for tag in soup.find_all(True)), soup.get_text()]
