"""A class that was entered without a judge stands in the gradebook as a batch's would."""

from __future__ import annotations

from autograder.course import Course
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.gradebook.queries import ManualGrade, entries
from desk.graded import enter


def test_answers_wait_and_empty_ones_do_not(desk_toy: Course) -> None:
    enter(desk_toy, "toy", {"s001": {"toy_why": "So."}, "s002": {"toy_why": " ", "toy_how": "x"}})
    first, second = entries(desk_toy, "toy")
    assert first.parts == {"toy_words": 4, "toy_count": 3, "toy_scale": 3, "toy_why": None,
                           "toy_how": 0}
    assert (second.parts["toy_why"], second.parts["toy_how"]) == (0, None)
    assert second.needs_person and first.max_points == 13


def test_what_a_person_gave_is_kept(desk_toy: Course) -> None:
    enter(desk_toy, "toy", {"s001": {"toy_why": "So."}})
    with open_gradebook(desk_toy) as gradebook:
        grade = gradebook.find_grade("toy_why", "toy", "toy", "s001")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    enter(desk_toy, "toy", {"s001": {"toy_why": "Otherwise."}})
    (entry,) = entries(desk_toy, "toy")
    assert entry.needs_person and entry.manual.parts == {"toy_why": ManualGrade(1.5)}


def test_hw3_has_fourteen_written_answers(desk_hw3: Course) -> None:
    enter(desk_hw3, "hw3", {"g1": {"hw3_1_1a": "Sums to one."}, "g2": {}})
    first, second = entries(desk_hw3, "hw3")
    assert [part for part, points in first.parts.items() if points is None] == ["hw3_1_1a"]
    assert sum(points == 0 for points in second.parts.values()) == 14
