"""What is faster than nbgrader's own gives what nbgrader's own gives.

Also, what is overridden is there under its name and with its parameters: a new nbgrader or
nbconvert that changes it fails here first.
"""

from __future__ import annotations

import copy
import inspect
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from cachetools import cached
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.nbgraderformat.common import BaseMetadataValidator
from nbgrader.preprocessors import CheckCellMetadata as NbgraderCheckCellMetadata
from nbgrader.preprocessors import GetGrades as NbgraderGetGrades
from nbgrader.preprocessors import OverwriteCells as NbgraderOverwriteCells
from nbgrader.preprocessors import SaveAutoGrades

from autograder.gradebook.fast_nbgrader import (
    BulkGradebook,
    CheckCellMetadata,
    GetGrades,
    OverwriteCells,
    PageExporter,
    SaveGrades,
    html_cache,
    html_key,
)

# ------------------------------------------------------------------------ what is overridden exists

# A method, and its parameters.
OVERRIDDEN: dict[Callable[..., Any], str] = {
    Gradebook.__init__: "self db_url course_id authenticator",
    Gradebook.__exit__: "self exc_type exc_value traceback",
    Gradebook.find_grade: "self grade_cell notebook assignment student",
    Gradebook.find_comment: "self solution_cell notebook assignment student",
    Gradebook.find_source_cell: "self name notebook assignment",
    Gradebook.find_graded_cell: "self name notebook assignment",
    Gradebook.find_submission_notebook: "self notebook assignment student",
    Gradebook.find_notebook: "self name assignment",
    SaveAutoGrades._add_score: "self cell resources",
    SaveAutoGrades._add_comment: "self cell resources",
    NbgraderCheckCellMetadata.preprocess: "self nb resources",
    BaseMetadataValidator.validate_cell: "self cell",
    TemplateExporter._create_environment: "self",
    TemplateExporter.register_filter: "self name jinja_filter",
    TemplateExporter.from_notebook_node: "self nb resources kw",
    HTMLExporter.from_notebook_node: "self nb resources kw",
}


@pytest.mark.parametrize("method", OVERRIDDEN, ids=lambda method: method.__qualname__)
def test_what_is_overridden_has_the_parameters_of_its_replacement(method: Callable[..., Any]
                                                                  ) -> None:
    assert " ".join(inspect.signature(method).parameters) == OVERRIDDEN[method]


@pytest.mark.parametrize("preprocessor", [SaveAutoGrades, NbgraderGetGrades,
                                          NbgraderOverwriteCells])
def test_nbgraders_preprocessors_open_the_gradebook_as_an_attribute(preprocessor: type) -> None:
    """BulkReads puts another gradebook there."""
    source = inspect.getsource(preprocessor.preprocess)
    assert "self.gradebook = Gradebook(" in source and "with self.gradebook:" in source


def test_a_gradebook_has_the_attributes_that_are_taken_over(url: str) -> None:
    with Gradebook(url) as theirs, BulkGradebook(Gradebook(url)) as ours:
        assert vars(theirs).keys() == vars(ours).keys() - {"_cells"}


def test_the_validator_checks_cells_by_its_base_class() -> None:
    assert "validate_cell" in MetadataValidator.__dict__
    assert MetadataValidator.__mro__[1] is BaseMetadataValidator


# ------------------------------------------------------------------------------------ the gradebook

PLACE = ("q", "hw", "ada")
NAMES = ("a", "b", "both", "task", "answer", "unknown", "A", "")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A gradebook with cells of all kinds, one name given twice, and two who have handed in."""
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)  # alembic
    url = f"sqlite:///{tmp_path}/gradebook.db"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("hw")
        gradebook.add_notebook("q", "hw")
        for name in ("a", "b", "both", "answer"):
            gradebook.add_grade_cell(name, "q", "hw", max_score=2, cell_type="code")
            gradebook.add_source_cell(name, "q", "hw", cell_type="code", source=name)
        gradebook.add_solution_cell("answer", "q", "hw")
        for name in ("both", "task"):
            gradebook.add_task_cell(name, "q", "hw", max_score=3, cell_type="markdown")
        for student in ("ada", "bob"):
            gradebook.add_student(student)
            gradebook.add_submission("hw", student)
        for name, score in (("a", 1.5), ("task", 1.0)):
            gradebook.find_grade(name, *PLACE).manual_score = score
        gradebook.find_grade("a", "q", "hw", "bob").auto_score = 0.5
        gradebook.find_comment("answer", *PLACE).manual_comment = "good"
        gradebook.db.commit()
    return url


QUESTIONS: list[Callable[[Gradebook, str], Any]] = [
    lambda book, name: (found := book.find_grade(name, *PLACE)) and (
        found.id, found.score, found.max_score, found.needs_manual_grade),
    lambda book, name: book.find_grade(name, "q", "hw", "bob").score,
    lambda book, name: book.find_grade(name, "q", "hw", "nobody").score,
    lambda book, name: (found := book.find_comment(name, *PLACE)) and (found.id, found.comment),
    lambda book, name: book.find_source_cell(name, "q", "hw").source,
    lambda book, name: book.find_graded_cell(name, "q", "hw").max_score,
]


def test_it_answers_as_nbgraders_gradebook(url: str) -> None:
    with Gradebook(url) as theirs, BulkGradebook(Gradebook(url)) as ours:
        for question in QUESTIONS:
            answers = [answer(ours, question, name) for name in NAMES]
            assert answers == [answer(theirs, question, name) for name in NAMES]


def answer(book: Gradebook, question: Callable[[Gradebook, str], Any], name: str) -> Any:
    try:
        return question(book, name)
    except MissingEntry:
        return "nothing"


def test_a_cells_grade_is_not_asked_for_alone(url: str) -> None:
    with BulkGradebook(Gradebook(url)) as book:
        assert book.find_grade("a", *PLACE) is book.find_grade("a", *PLACE)
        assert book.find_grade("b", *PLACE).notebook is book.find_grade("a", *PLACE).notebook


def test_all_is_written_at_the_end_or_nothing(url: str) -> None:
    with pytest.raises(ZeroDivisionError), BulkGradebook(Gradebook(url)) as book:
        book.find_grade("b", *PLACE).auto_score = 1.0
        book.db.commit()
        1 // 0  # noqa: B018
    with Gradebook(url) as gradebook:
        assert gradebook.find_grade("b", *PLACE).auto_score is None
    with BulkGradebook(Gradebook(url)) as book:
        book.find_grade("b", *PLACE).auto_score = 1.0
    with Gradebook(url) as gradebook:
        assert gradebook.find_grade("b", *PLACE).auto_score == 1.0


@pytest.mark.parametrize(("ours", "theirs"), [
    (OverwriteCells, NbgraderOverwriteCells), (SaveGrades, SaveAutoGrades),
    (GetGrades, NbgraderGetGrades)], ids=lambda one: one.__name__)
def test_a_preprocessor_makes_the_same_of_notebook_and_gradebook(
        url: str, tmp_path: Path, ours: type, theirs: type) -> None:
    made = []
    for number, preprocessor in enumerate((ours, theirs)):
        copied = tmp_path / f"{number}.db"
        shutil.copy(tmp_path / "gradebook.db", copied)
        resources = {"nbgrader": {"notebook": "q", "assignment": "hw", "student": "ada",
                                  "db_url": f"sqlite:///{copied}"}}
        notebook, after = preprocessor().preprocess(submitted(), resources)
        del after["nbgrader"]["db_url"]
        with sqlite3.connect(copied) as database:
            made.append((notebook, after, list(database.iterdump())))
    assert made[0] == made[1]


def submitted() -> NotebookNode:
    """A notebook with a cell of each kind: a test that gave points, an answer, a task."""
    kinds: dict[str, dict[str, bool]] = {
        "a": {"grade": True}, "b": {"grade": True}, "answer": {"grade": True, "solution": True},
        "task": {"task": True}}
    cells = []
    for name, flags in kinds.items():
        new = new_code_cell if name in ("a", "b") else new_markdown_cell
        marks = {"grade": False, "solution": False, "task": False, "locked": False, "points": 1,
                 "grade_id": name, "schema_version": 3, **flags}
        cells.append(new(name, id=name, metadata={"nbgrader": marks}))
    cells[0].outputs = [new_output("execute_result", {"text/plain": "0.5"})]
    cells[1].outputs = [new_output("error", ename="E", evalue="e", traceback=["E"])]
    return from_dict(new_notebook(cells=cells))


# ------------------------------------------------------------------------------------ cell metadata

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
            assert said(CheckCellMetadata(), notebook) == said(
                NbgraderCheckCellMetadata(), notebook)


def said(check: NbgraderCheckCellMetadata, notebook: NotebookNode) -> tuple[str, str] | None:
    """The error, if there is one; what is right comes back as it was."""
    before = copy.deepcopy(notebook)
    try:
        after, _ = check.preprocess(notebook, {})
    except Exception as error:  # whichever
        return type(error).__name__, str(error)
    assert after == before
    return None


# -------------------------------------------------------------------------------------------- pages

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
    kept, made = html_cache(5 * 600), []

    @cached(kept, key=html_key)
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
    assert len({html_key(*parts) for parts in made_from}) == len(made_from)


def tree(page: str) -> list[object]:
    """All tags of a page with their attributes, and its text."""
    soup = BeautifulSoup(page, "html.parser")
    for tag in soup.find_all(tabindex=True):  # of JupyterLab's template: feedback has another
        del tag["tabindex"]
    return [*((tag.name, tag.attrs) for tag in soup.find_all(True)), soup.get_text()]
