"""Several assignments handed in together: one total, a deduction, a cap, and waivers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from autograder.course import Course, CourseError
from autograder.course_toml import CourseToml
from autograder.intake.records import IntakeRecord
from autograder.report.table import table
from autograder.report.totals import GradeRow, homework_rows
from autograder.settings import Homework

HOMEWORK = Homework(title="Both", assignments=["q1", "q2"], max_points=100, deduction=4)
WRONG_NAME = "handed in as q2.zip, expected 2026_00001_coding.zip"


def line(points: float | None, *violations: str, student: str = "s", part: str = "q1_a",
         happened: tuple[str, ...] = ()) -> GradeRow:
    return GradeRow(student, f"{student}.zip", {part: points}, points or 0.0, 50,
                (*violations, *happened), (), violations)


def total(*lines: GradeRow, homework: Homework = HOMEWORK) -> GradeRow:
    (found,) = homework_rows(homework, [[one] for one in lines])
    return found


def test_the_total_is_the_sum() -> None:
    assert total(line(40), line(30.25, part="q2_a")).points == 70.25


def test_what_breaks_the_instructions_costs_once() -> None:
    found = total(line(40, WRONG_NAME), line(30, WRONG_NAME, part="q2_a"))
    assert (found.points, found.deduction) == (66, 4)
    assert found.happened == (f"4 points off: {WRONG_NAME}",)


def test_a_bonus_counts_before_the_cap() -> None:
    assert total(line(54), line(50)).points == 100
    assert total(line(54, WRONG_NAME), line(50)).points == 100
    assert total(line(52, WRONG_NAME), line(50)).points == 98


def test_lateness_comes_off_before_the_deduction_and_the_cap() -> None:
    """The points of each assignment are less its penalty already; a bonus makes up for it."""
    found = total(*(replace(one, late_penalty=5.0) for one in (line(49, WRONG_NAME), line(45))))
    assert (found.points, found.deduction, found.late_penalty) == (90, 4, 10)
    assert total(replace(line(54), late_penalty=2.0), line(50)).points == 100


def test_nobody_gets_less_than_nothing() -> None:
    assert total(line(0, WRONG_NAME), line(2)).points == 0


def test_a_person_can_take_a_deduction_back() -> None:
    homework = Homework.model_validate({**HOMEWORK.model_dump(), "waivers": [
        {"student": "s", "reason": "the platform renamed it"}]})
    found = total(line(40, WRONG_NAME), line(30), homework=homework)
    assert (found.points, found.deduction) == (70, 0)
    assert "nothing taken off: the platform renamed it" in found.happened


def test_a_waiver_is_for_one_student() -> None:
    homework = Homework.model_validate({**HOMEWORK.model_dump(), "waivers": [
        {"student": "another", "reason": "ill"}]})
    assert total(line(40, WRONG_NAME), homework=homework).points == 36


def test_who_handed_in_one_assignment_only_has_a_row() -> None:
    found = homework_rows(HOMEWORK, [[line(40, student="a")], [line(30, student="b", part="q2_a")]])
    assert [(one.student, one.points) for one in found] == [("a", 40), ("b", 30)]


def test_an_upload_that_is_nobodys_is_one_row() -> None:
    lost = GradeRow("", "homework.zip", None, None, 50, ("no id",), ("not graded",))
    (found,) = homework_rows(HOMEWORK, [[lost], [lost]])
    assert (found.upload, found.points, found.flags) == ("homework.zip", None, ("not graded",))


def test_a_wide_table_has_a_column_an_exercise() -> None:
    parts: dict[str, float | None] = {f"q1_{n}": 1.0 for n in range(5)}
    parts |= {f"q2_{n}": 2.0 for n in range(5)} | {"q1_e": None}
    grid = table("hw4", [GradeRow("s", "s.zip", parts, 15.0, 100, (), (), (), 4.0)], {}, 45)
    assert [str(column.header) for column in grid.columns] == [
        "who", "q1", "q2", "deduction", "total", "marks"]
    assert [str(next(iter(column.cells))) for column in grid.columns][1:5] == [
        "5+?", "10", "-4", "15+?"]


def test_a_homework_names_what_there_is() -> None:
    course = {"id": "c", "title": "A course"}
    assignment = {"title": "One", "exercises": ["e"], "max_points": 1, "archive": "{id}.zip"}
    homework = {"title": "All", "assignments": ["two"], "max_points": 1}
    with pytest.raises(ValidationError, match="names two, which is no assignment"):
        CourseToml.model_validate({"course": course, "assignments": {"one": assignment},
                                   "homeworks": {"all": homework}})


def test_a_homework_stands_for_its_assignments(course: Course) -> None:
    assert course.together("hw4") == ["q1", "q2"]
    assert course.together("q2") == ["q2"]
    with pytest.raises(CourseError, match="No assignment `hw5`"):
        course.together("hw5")


def test_old_notes_have_no_violations(course: Course) -> None:
    from autograder.intake.records import notes

    course.journal.mkdir(parents=True)
    (course.journal / "q2.intake.jsonl").write_text(
        '{"upload": "a.zip", "student": "a", "problem": "", "remarks": ["x"]}\n')
    assert notes(course, "q2") == [IntakeRecord("a.zip", "a", "", ("x",))]


def test_the_hub_is_asked_for_in_a_sentence(course: Course, tmp_path: Path) -> None:
    empty = replace(course, root=tmp_path / "elsewhere")
    with pytest.raises(CourseError, match=r"python data/prepare\.py hub"):
        empty.surroundings("q1")
    assert empty.surroundings("q2").hub == ""
