"""Lateness from the times of handing in to nbgrader's gradebook and the report."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import TOY_COURSE, Toy, grades_of
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Course, CourseError
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.intake.records import IntakeRecord, notes, write_notes
from autograder.intake.times import handed_in, late, late_in, late_of
from autograder.report import grades
from autograder.report.latedays import balances
from autograder.report.people import unknown_grantees
from autograder.report.read import CourseResults
from autograder.report.table import table

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own

DUE = datetime(2026, 3, 14, 14, 59, tzinfo=UTC)
ROSTER = "id,name,group\ns001,Ada Example,g1\ns002,Bo Sample,g1\ns003,Cy Third,g2\n"
DATES = """
[late]
grace_minutes = 15
free_days = 2
percent_per_day = 10
cutoff_days = 7

[[extensions]]
student = "s003"
assignment = "both"
until = 2026-03-20T23:59:00+09:00
reason = "ill"

[homeworks.both]
title = "Both"
assignments = ["toy", "toz"]
max_points = 20
deduction = 1

[assignments.team]
title = "A toy for groups"
exercises = ["toy"]
max_points = 10
groups = true
archive = "{id}_team.zip"
due = 2026-04-14T23:59:00+09:00
"""


def dated_course(folder: Path) -> Course:
    """A homework of two assignments and one for groups, dated, with nothing handed in."""
    table = TOY_COURSE.partition("[assignments.toy]")[2]
    due = "due = 2026-03-14T23:59:00+09:00"
    text = TOY_COURSE.replace("[assignments.toy]", f"[assignments.toy]\n{due}").replace(
        "[course]", '[course]\nexercises = "../exercises"\nroster = "roster.csv"')
    course = Toy(course=f"{text}\n[assignments.toz]\n{due}\n{table}\n{DATES}").write(folder)
    (course.root / "roster.csv").write_text(ROSTER)
    return Course.load(course.root)


@pytest.fixture
def dated(tmp_path: Path) -> Course:
    return dated_course(tmp_path)


def note(course: Course, assignment: str, late: dict[str, timedelta | None]) -> None:
    """Uploads that came so late after the homework's due date; None where no time is known."""
    write_notes(course, assignment, [
        IntakeRecord(f"{student}.zip", student,
                 handed_in="" if by is None else (DUE + by).isoformat())
        for student, by in late.items()])


def enter(gradebook: Gradebook, assignment: str, scores: dict[str, dict[str, float]]) -> None:
    """Fill a gradebook by hand: points on the one part of each notebook, by student."""
    gradebook.add_assignment(assignment)
    for notebook in next(iter(scores.values())):
        gradebook.add_notebook(notebook, assignment)
        gradebook.add_grade_cell(f"{notebook}_a", notebook, assignment, max_score=10,
                                 cell_type="code")
    for student, points in scores.items():
        gradebook.update_or_create_student(student)
        gradebook.add_submission(assignment, student)
        for notebook, score in points.items():
            grade = gradebook.find_grade(f"{notebook}_a", notebook, assignment, student)
            grade.auto_score = score
    gradebook.db.commit()


# -------------------------------------------------------------------------------------------- times


def test_the_platforms_time_goes_before_nbgraders(dated: Course) -> None:
    note(dated, "toy", {"s001": timedelta(0), "s002": None})
    for student in ("s001", "s002", "s003"):
        folder = dated.submitted / student / "toy"
        folder.mkdir(parents=True)
        (folder / "timestamp.txt").write_text("2026-03-15 01:00:00 UTC\n")
    (dated.submitted / "s004" / "toy").mkdir(parents=True)
    other = datetime(2026, 3, 15, 1, tzinfo=UTC)
    assert handed_in(dated, "toy", notes(dated, "toy")) == {
        "s001": DUE, "s002": other, "s003": other, "s004": None}


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-15T01:00:00", "99999-01-01",
                                  "0001-01-01T00:00:00+14:00"])
def test_a_time_that_tells_nothing_is_unknown(dated: Course, text: str) -> None:
    write_notes(dated, "toy", [IntakeRecord("a.zip", "s001", handed_in=text)])
    assert handed_in(dated, "toy", notes(dated, "toy")) == {"s001": None}


def test_a_homework_is_late_once_and_as_late_as_its_last_part(dated: Course) -> None:
    note(dated, "toy", {"s001": timedelta(0), "s002": timedelta(days=1)})
    note(dated, "toz", {"s001": timedelta(days=3), "s002": timedelta(days=1)})
    found = late(dated)
    assert {key: (one.days_used, one.percent) for key, one in found.items()} == {
        ("both", "s001"): (2, 10), ("both", "s002"): (1, 0)}
    assert late_in(dated, "toy") == late_in(dated, "toz")


def test_a_groups_late_days_come_from_its_members(dated: Course) -> None:
    note(dated, "toy", {"s001": timedelta(days=1)})
    note(dated, "team", {"g1": timedelta(days=33), "g2": timedelta(days=33)})
    found = late_in(dated, "team")
    assert [found[group].days_used for group in ("g1", "g2")] == [1, 2]
    assert [(one.student, one.used, one.left) for one in balances(CourseResults(dated))] == [
        ("s001", 2, 0), ("s002", 1, 1), ("s003", 2, 0)]
    assert {group: late_of(dated, "team", group) for group in ("g1", "g2")} == found
    assert late_of(dated, "toz", "s001") == late_in(dated, "toy")["s001"]
    assert late_of(dated, "toy", "s002") is None


def test_the_command_lists_everybody_and_names_what_is_nobodys(dated: Course) -> None:
    note(dated, "toy", {"s001": timedelta(days=1), "s002": None, "s009": timedelta(days=9)})
    told = CliRunner().invoke(app, ["latedays", "--course", str(dated.root)])
    assert told.exit_code == 0, told.output
    rows = {line.split()[1]: line.split()[-4:-1:2] for line in told.stdout.splitlines()
            if line.startswith("│ s0")}
    assert rows == {"s001": ["1", "1"], "s002": ["0", "2"], "s003": ["0", "2"], "s009": ["0", "2"]}
    assert "no time is known" in told.stdout
    settings = dated.root / "course.toml"
    settings.write_text(settings.read_text().replace('student = "s003"', 'student = "s333"'))
    course = Course.load(dated.root)
    assert unknown_grantees(CourseResults(course)) == [
        "both: the extension of s333, whom nothing else names"]
    assert CliRunner().invoke(app, ["latedays", "--course", str(dated.root)]).exit_code == 1


def test_without_due_dates_the_command_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"has a due date\. Give an assignment one, such as: due"):
        balances(CourseResults(Toy().write(tmp_path)))


# --------------------------------------------------------------------------------------- gradebook


@pytest.fixture(scope="module")
def entered_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three students' homework in a gradebook; s001 is 3 days late, s003 within an extension."""
    folder = tmp_path_factory.mktemp("entered")
    dated = dated_course(folder)
    for assignment in ("toy", "toz"):
        note(dated, assignment, {"s001": timedelta(days=3), "s002": None,
                                 "s003": timedelta(days=5)})
    with open_gradebook(dated) as gradebook:
        enter(gradebook, "toy", {"s001": {"a": 6, "b": 2}, "s002": {"a": 5, "b": 0},
                                 "s003": {"a": 4, "b": 4}})
        enter(gradebook, "toz", {student: {"toz": 0.5} for student in ("s001", "s002", "s003")})
    return folder


@pytest.fixture
def entered(entered_once: Path, tmp_path: Path) -> Course:
    shutil.copytree(entered_once, tmp_path, dirs_exist_ok=True)
    return Course.load(tmp_path / "course")


def by_hand(course: Course, student: str, points: float) -> None:
    with open_gradebook(course) as gradebook:
        gradebook.find_grade("b_a", "b", "toy", student).manual_score = points
        gradebook.db.commit()


def test_the_gradebook_has_what_the_report_has(entered: Course) -> None:
    rows = {row.student: (row.points, row.late_penalty)
            for row in queries.entries(entered, "toy", late_in(entered, "toy"))}
    assert rows == {"s001": (7, 1), "s002": (5, 0), "s003": (8, 0)}
    with open_gradebook(entered) as gradebook:
        one = gradebook.find_submission("toy", "s001")
        assert {nb.name: nb.late_submission_penalty for nb in one.notebooks} == {
            "a": 0.75, "b": 0.25}
        assert one.assignment.duedate == DUE.replace(tzinfo=None)
        assert one.total_seconds_late == 3 * 86400
        extended = gradebook.find_submission("toy", "s003")
        assert extended.total_seconds_late == 0 and extended.extension == timedelta(days=6)
        assert gradebook.find_submission("toy", "s002").timestamp is None


def test_a_penalty_follows_the_points_that_a_person_gives(entered: Course) -> None:
    """Of `toz`'s half a point, too: a penalty is never more than was earned there."""
    before = {line.student: line for line in grades.grade_rows(CourseResults(entered), "both")}
    assert (before["s001"].points, before["s001"].late_penalty) == (7, 1.5)
    settings = entered.root / "course.toml"
    settings.write_text(settings.read_text().replace(
        "percent_per_day = 10", 'percent_per_day = 10\npercent_of = "earned"'))
    by_hand(entered, "s001", 4)
    course = Course.load(entered.root)
    after = {line.student: line for line in grades.grade_rows(CourseResults(course), "both")}
    assert (after["s001"].points, after["s001"].late_penalty) == (9.45, 1.05)
    with open_gradebook(course) as gradebook:
        penalty = gradebook.find_submission("toy", "s001").late_submission_penalty
        assert penalty == pytest.approx(1.0)
        assert gradebook.find_grade("b_a", "b", "toy", "s001").manual_score == 4


def test_the_report_names_what_was_applied(entered: Course) -> None:
    found = grades.grade_rows(CourseResults(entered), "both")
    grades.write_csv(entered.grades, found)
    rows = grades_of(entered)
    assert [rows["s001"][name] for name in ("late", "late_days_used", "late_penalty", "total")
            ] == ["3 days", "2", "1.5", "7"]
    assert rows["s001"]["what_happened"] == (
        "handed in 3 days late: 2 late days used, none left; 10 % of the maximum off")
    assert rows["s002"]["late"] == "" and "no time known" in rows["s002"]["what_happened"]
    assert rows["s003"]["what_happened"] == "extension until 2026-03-20 23:59+09:00: ill"
    headers = [str(column.header) for column in table("both", found, {}, 100).columns]
    assert headers[-4:] == ["toz a", "late", "total", "marks"]
    assert "late" not in [str(column.header) for column in
                          table("both", found[1:], {}, 100).columns]


def test_every_member_has_the_groups_penalty(entered: Course) -> None:
    """s001 has used both late days on the homework, so the group has none."""
    note(entered, "team", {"g1": timedelta(days=33)})
    with open_gradebook(entered) as gradebook:
        enter(gradebook, "team", {"g1": {"toy": 8}})
    results = CourseResults(entered)
    found = grades.by_person(results, "team", grades.grade_rows(results, "team"))
    assert [(line.student, line.group, line.points, line.late_penalty) for line in found] == [
        ("s001", "g1", 6, 2), ("s002", "g1", 6, 2)]


def test_nothing_is_written_where_nothing_has_changed(entered: Course) -> None:
    queries.entries(entered, "toy", late_in(entered, "toy"))
    before = entered.gradebook.read_bytes()
    queries.entries(entered, "toy", late_in(entered, "toy"))
    assert entered.gradebook.read_bytes() == before


def test_an_assignment_without_a_due_date_is_left_to_nbgrader(entered: Course) -> None:
    settings = entered.root / "course.toml"
    text = settings.read_text().replace("due = 2026-03-14T23:59:00+09:00", "")
    settings.write_text(text[:text.index("[[extensions]]")] + text[text.index("[homeworks."):])
    with open_gradebook(entered) as gradebook:
        gradebook.find_submission("toy", "s001").notebooks[0].late_submission_penalty = 3
        gradebook.db.commit()
    (line,) = (line for line in grades.grade_rows(CourseResults(Course.load(entered.root)), "toy")
               if line.student == "s001")
    assert (line.points, line.late_penalty, line.late) == (5, 3, None)


def test_who_handed_in_last_may_be_graded_first(entered: Course) -> None:
    """A balance follows from the times alone: reading in any order gives the same."""
    note(entered, "team", {"g1": timedelta(days=33)})
    first = [grades.grade_rows(CourseResults(entered), name) for name in ("toz", "both", "toy")]
    again = [grades.grade_rows(CourseResults(entered), name) for name in ("toy", "both", "toz")]
    assert first == again[::-1]
