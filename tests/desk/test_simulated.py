"""The made-up class is drawn the same every time, and its labels fit hw3's rubrics."""

from __future__ import annotations

import pytest
from conftest import REPO

from autograder.course import Course
from autograder.desk.questions import questions_of
from autograder.exercise.rubric import Rubric
from desk.simulated import draw, draw_class, questions


@pytest.fixture(scope="module")
def rubrics() -> dict[str, Rubric]:
    return {question.grade_id: question.rubric
            for question in questions_of(Course.load(REPO), "hw3")}


def test_every_written_question_has_its_answers(rubrics: dict[str, Rubric]) -> None:
    assert questions().keys() == rubrics.keys()
    assert len(rubrics) == 14


@pytest.mark.parametrize("grade_id", sorted(questions()))
def test_labels_are_the_rubrics_items(rubrics: dict[str, Rubric], grade_id: str) -> None:
    question, items = questions()[grade_id], rubrics[grade_id].items
    found = question.find([item.text for item in items])
    assert list(found) == list(question.items)
    assert list(found.values()) == list(range(len(items))), "each is one, in the same order"
    for item, key in zip(items, question.items.values(), strict=True):
        assert (item.kind, item.points) == (key.kind, key.points)


@pytest.mark.parametrize("grade_id", sorted(questions()))
def test_forms_are_many_and_earn_from_nothing_to_all(grade_id: str) -> None:
    question = questions()[grade_id]
    assert len({form.text for form in question.forms}) == len(question.forms) >= 12
    assert all(one.items <= question.items.keys()
               for one in (*question.forms, *(way for slot in question.slots for way in slot)))
    given = {question.points(form.items) for form in question.forms}
    assert min(given) == 0 and max(given) == question.max_points and len(given) >= 3


def test_a_seed_draws_the_same_class_again() -> None:
    first = draw_class(20, seed=3)
    assert first == draw_class(20, seed=3) != draw_class(20, seed=4)
    question = questions()["hw3_1_2a"]
    answers = draw(question, 100)
    assert len({answer.text for answer in answers}) > 80, "hardly two write the same"
    formed = [answer for answer in answers if answer.form >= 0]
    assert 50 < len(formed) < 90, "the others write in own words"
    assert all(answer.items == question.forms[answer.form].items for answer in formed)
