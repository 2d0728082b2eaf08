"""A regrade, or a new upload, after answers were graded: through nbgrader's own autograde."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest

from autograder.course import Course
from autograder.desk.questions import Question
from autograder.exercise.source import by_hand
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.grading.enter import autograde
from autograder.grading.submission import JudgedSubmission, read_submission
from autograder.intake.written import WRITTEN, digest_of
from autograder.marking.store import RubricStore
from autograder.marking.values import Conflict, Mark
from autograder.report.grades import grade_rows
from autograder.report.read import CourseResults
from autograder.report.todo.items import review_items
from autograder.results.reason import ReviewKind
from autograder.results.verdict import PartVerdict, Verdict

pytestmark = pytest.mark.nbgrader
WHO, FIRST, OTHER = "s001", "Units do not matter then.", "It is *nicer*."
HandIn = Callable[..., str]


@pytest.fixture
def hand_in(course: Course) -> HandIn:
    """Hand in an answer to the question, have it graded, and return its hash."""
    def of(text: str | None, without_cell: bool = False, pdf: bytes | None = None) -> str:
        notebook = nbformat.read(course.build / "release" / "toy" / "toy.ipynb", 4)
        folder = course.submitted / WHO / "toy"
        folder.mkdir(parents=True, exist_ok=True)
        (cell,) = (one for one in notebook.cells if by_hand(one)
                   and one.metadata.nbgrader.grade_id == "toy_why")
        cell.source = cell.source if text is None else text
        if without_cell:
            notebook.cells.remove(cell)
        nbformat.write(notebook, folder / "toy.ipynb")
        if pdf:
            (folder / WRITTEN).write_bytes(pdf)
        verdict = Verdict("toy", (PartVerdict("toy_words", 4, 4),))
        autograde(course, "toy", JudgedSubmission(
            read_submission(course, "toy", WHO), {"toy": verdict}))
        return digest_of(cell, pdf)
    return of


def give(store: RubricStore, why: Question, digest: str, version: int = 0) -> Mark:
    ids = [one.id for one in store.items(why)][:1]
    (mark,) = store.give(why, [(WHO, digest, version)], ids, 0, "Well said.", "ada")
    return mark


def mark_of(store: RubricStore) -> Mark:
    return store.marks("toy", "toy_why")[WHO]


def asked(course: Course) -> list[str]:
    """What the todo list says of the question."""
    return [one.reason for one in review_items(CourseResults(course), "toy")
            if one.kind is ReviewKind.GRADE]


def in_formgrader(course: Course, points: float) -> None:
    with open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("toy_why", "toy", "toy", WHO)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def test_the_same_answer_keeps_what_it_was_given(course: Course, store: RubricStore,
                                                 why: Question, hand_in: HandIn) -> None:
    given = give(store, why, hand_in(FIRST))
    for text in (FIRST, f"{FIRST}\n", FIRST):
        hand_in(text)
        assert mark_of(store) == given and given.state == "graded" and given.points == 1.5
        assert queries.entry(course, "toy", WHO).notebooks[0].again == {}
    assert not any("toy_why" in one for one in asked(course))


def test_another_answer_is_asked_about(course: Course, store: RubricStore, why: Question,
                                       hand_in: HandIn) -> None:
    given = give(store, why, first := hand_in(FIRST))
    other = hand_in(OTHER)
    mark = mark_of(store)
    assert (mark.state, mark.points, mark.version) == ("changed", 1.5, given.version)
    assert (store.text(mark.digest), store.text(other)) == (FIRST, OTHER)
    assert queries.entry(course, "toy", WHO).parts["toy_why"] == 1.5
    says = "toy_why was given 1.5 points before another answer came in"
    assert any(says in one for one in asked(course))
    (row,) = (one for one in grade_rows(CourseResults(course), "toy") if one.student == WHO)
    assert says in row.flags
    with pytest.raises(Conflict) as raised:  # somebody who still sees the first one
        give(store, why, first, mark.version)
    assert raised.value.changed == {WHO} and raised.value.marks == {WHO: mark}
    hand_in(OTHER)
    assert mark_of(store).state == "changed"
    assert give(store, why, other, mark.version).state == "graded"
    hand_in(OTHER)
    assert mark_of(store).state == "graded" and not any(says in one for one in asked(course))
    store.undo("ada")  # what was given to the first answer, which is still another one
    assert mark_of(store) == mark


@pytest.mark.parametrize("more", [{}, {"without_cell": True}], ids=["empty", "deleted"])
def test_an_answer_that_is_gone_is_asked_about(
        course: Course, store: RubricStore, why: Question, hand_in: HandIn,
        more: dict[str, bool]) -> None:
    given = give(store, why, hand_in(FIRST))
    hand_in(None, **more)
    assert mark_of(store).state == "changed" and mark_of(store).points == given.points


def test_the_first_answer_again_asks_nobody(store: RubricStore, why: Question,
                                            hand_in: HandIn) -> None:
    given = give(store, why, hand_in(FIRST))
    hand_in(OTHER)
    hand_in(FIRST)
    assert mark_of(store) == given


def test_a_written_part_is_the_answer_of_an_empty_cell(
        store: RubricStore, why: Question, hand_in: HandIn) -> None:
    given = give(store, why, hand_in(None, pdf=b"%PDF-1.7 first"))
    hand_in(None, pdf=b"%PDF-1.7 first")
    assert mark_of(store) == given
    hand_in(None, pdf=b"%PDF-1.7 other")
    assert mark_of(store).state == "changed"


def test_formgraders_points_are_kept_alike(course: Course, store: RubricStore, why: Question,
                                           hand_in: HandIn) -> None:
    hand_in(FIRST)
    in_formgrader(course, 1.25)
    hand_in(FIRST)
    assert (mark_of(store).state, mark_of(store).points) == ("elsewhere", 1.25)
    hand_in(OTHER)
    assert (mark_of(store).state, mark_of(store).points) == ("changed", 1.25)
    in_formgrader(course, 1.25)  # its button "Resolve"
    assert mark_of(store).state == "elsewhere"
    hand_in(OTHER)
    assert mark_of(store).state == "elsewhere"


def test_a_mark_that_was_resolved_in_formgrader_is_not_asked_about(
        course: Course, store: RubricStore, why: Question, hand_in: HandIn) -> None:
    given = give(store, why, hand_in(FIRST))
    hand_in(OTHER)
    in_formgrader(course, 1.5)
    hand_in(OTHER)
    assert mark_of(store) == given
