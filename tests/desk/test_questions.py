"""What the desk asks about: the questions graded by hand, as students read them."""

from __future__ import annotations

import pytest
from conftest import REPO

from autograder.course import Course, CourseError
from autograder.desk.questions import questions_of
from autograder.exercise.rubric import points_of


def test_the_toys_questions(desk_toy: Course) -> None:
    why, how = questions_of(desk_toy, "toy")
    assert why.key == ("toy", "toy_why") and (why.exercise, why.max_points) == ("toy", 2)
    assert why.title == "Two questions · (a)" and how.title == "Two questions · (b)"
    assert why.text == ("## Two questions\nA vector $x$ is scaled by $\\max_i |x_i|$.\n\n"
                        "**(a)** Why? (2 points)")
    assert how.text == "**(b)** How else? (1 point)"
    assert why.placeholder == how.placeholder == "YOUR ANSWER HERE"
    assert [item.kind for item in why.rubric.items] == ["adds", "adds", "takes", "caps"]
    assert how.rubric.model_answer == r"By the norm $\|x\|_2$."


@pytest.mark.parametrize(("name", "count"), [("hw3", 14), ("hw4", 1), ("q1", 1), ("q2", 0)])
def test_the_courses_questions(name: str, count: int) -> None:
    found = questions_of(Course.load(REPO), name)
    assert len(found) == len({question.key for question in found}) == count
    for question in found:
        assert question.text.strip() and question.title
        assert points_of((item for item in question.rubric.items if item.kind == "adds"),
                         question.max_points) == question.max_points


def test_a_questions_text_is_that_of_the_release_and_no_more() -> None:
    questions = {question.grade_id: question for question in questions_of(Course.load(REPO), "hw3")}
    first = questions["hw3_1_1a"]
    assert first.text.startswith("## 1.1 Attention as copying") and first.subtask == "1.1"
    assert questions["hw3_1_1b"].text.startswith("**(b)** For which queries")
    assert questions["hw3_3_4d"].text.count("![") == 1
    assert [question.subtask for question in questions.values()] == [
        *["1.1"] * 3, *["1.2"] * 2, *["1.3"] * 2, "1.4", "2.1", *["3.4"] * 5]
    for question in questions.values():
        assert "SOLUTION" not in question.text and "What to look for" not in question.text


def test_a_name_that_is_none_is_a_sentence(desk_toy: Course) -> None:
    with pytest.raises(CourseError, match="No assignment `hw9`"):
        questions_of(desk_toy, "hw9")
