"""A gradebook that is asked about whole notebooks answers as nbgrader's own does."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook, MissingEntry

from autograder.gradebook.whole import WholeNotebooks

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
    with Gradebook(url) as theirs, WholeNotebooks(Gradebook(url)) as ours:
        for question in QUESTIONS:
            answers = [answer(ours, question, name) for name in NAMES]
            assert answers == [answer(theirs, question, name) for name in NAMES]


def answer(book: Gradebook, question: Callable[[Gradebook, str], Any], name: str) -> Any:
    try:
        return question(book, name)
    except MissingEntry:
        return "nothing"


def test_a_cells_grade_is_not_asked_for_alone(url: str) -> None:
    with WholeNotebooks(Gradebook(url)) as book:
        assert book.find_grade("a", *PLACE) is book.find_grade("a", *PLACE)
        assert book.find_grade("b", *PLACE).notebook is book.find_grade("a", *PLACE).notebook


def test_all_is_written_at_the_end_or_nothing(url: str) -> None:
    with pytest.raises(ZeroDivisionError), WholeNotebooks(Gradebook(url)) as book:
        book.find_grade("b", *PLACE).auto_score = 1.0
        book.db.commit()
        1 // 0  # noqa: B018
    with Gradebook(url) as gradebook:
        assert gradebook.find_grade("b", *PLACE).auto_score is None
    with WholeNotebooks(Gradebook(url)) as book:
        book.find_grade("b", *PLACE).auto_score = 1.0
    with Gradebook(url) as gradebook:
        assert gradebook.find_grade("b", *PLACE).auto_score == 1.0
