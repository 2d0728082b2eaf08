"""The plain values between stations: verdicts fail closed, the journal survives a crash."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from autograder.course import Course, CourseError
from autograder.journal import Entry, Journal, by_student, path_of, read
from autograder.judge.testing import Wrong, assert_close, same
from autograder.kernel.serialization import Opaque
from autograder.report.grades import write_csv
from autograder.report.table import table
from autograder.report.totals import GradeRow
from autograder.results.reason import misconception
from autograder.results.verdict import PartVerdict, Verdict, nothing
from autograder.results.words import finished
from autograder.text import printable

PART = PartVerdict("q2_layer", 3.5, 8.0, (misconception("m", "wrong."),), review=("look",))
VERDICT = Verdict("q2", (PART,), incidents=("a cell failed.",), seed=7, seconds=1.5)


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -0.5, 8.5])
def test_impossible_points_are_refused(points: float) -> None:
    with pytest.raises(ValueError, match="not within 0 and"):
        PartVerdict("q2_layer", points, 8.0)


def test_a_verdict_survives_json() -> None:
    assert Verdict.from_json(json.loads(json.dumps(VERDICT.to_json()))) == VERDICT


def test_nothing_is_zero_everywhere_with_the_reason() -> None:
    verdict = nothing("q2", {"a": 3.0, "b": 4.0}, "the zip is empty")
    assert (verdict.points, verdict.max_points) == (0, 7)
    assert all(part.says == ("the zip is empty",) for part in verdict.parts)


def entry(student: str, points: float) -> Entry:
    return Entry(student, "q2", "hash", Verdict("q2", (PartVerdict("a", points, 8.0),)))


def test_the_journal_keeps_the_last_verdict_of_each(course: Course) -> None:
    with Journal(path_of(course, "q2")) as journal:
        for student, points in (("one", 1), ("two", 2), ("one", 3)):
            journal.write(entry(student, points))
    assert {student: judged["q2"].verdict.points
            for student, judged in by_student(course, "q2").items()} == {
        "one": 3, "two": 2}


def test_a_line_cut_off_by_a_crash_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "q2.jsonl"
    with Journal(path) as journal:
        journal.write(entry("one", 1))
        journal.write(entry("two", 2))
    path.write_text(path.read_text()[:-20])
    assert [found.student for found in read(path)] == ["one"]


def test_a_verdict_is_on_disk_before_the_journal_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "q2.jsonl"
    with Journal(path) as journal:
        journal.write(entry("one", 1))
        assert [found.verdict.points for found in read(path)] == [1]


@pytest.mark.parametrize(("edit", "sentence"), [
    (("[course]", "[course"), "not valid TOML"),
    (("max_points = 50      #", "max_points = 0 #"), "assignments.q2.max_points"),
    (("max_points = 50      #", "#"), "assignments.q2.max_points"),
    (("memory = 4096", "memory = -1"), "limits.memory"),
    (("memory = 4096", "memroy = 4096"), "limits.memroy"),
    (('archive = "{id}_coding.zip"\nwritten', 'archive = "coding.zip"\nwritten'),
     "must hold {id} once"),
    (('assignments = ["q1", "q2"]', 'assignments = ["q1", "q7"]'), "is no assignment"),
    (("deduction = 4", "deduction = -4"), "homeworks.hw4.deduction"),
    (('exercises = ["q2"]', 'exercises = ["q9"]'), "names the exercise `q9`"),
    (('exercises = ["q2"]', "exercises = []"), "assignments.q2.exercises"),
    ((r"'\d{4}_\d{5}'", "'('"), "not a regular expression"),
    (('id = "transformers"', 'id = "a b"'), "course.id"),
])
def test_a_fault_in_course_toml_is_named(course: Course, edit: tuple[str, str], sentence: str
                                          ) -> None:
    path = course.root / "course.toml"
    text = path.read_text()
    assert text.count(edit[0]) == 1
    path.write_text(text.replace(*edit))
    with pytest.raises(CourseError, match=sentence):
        Course.load(course.root)


def test_a_course_is_found_from_below(course: Course) -> None:
    below = course.submitted / "someone"
    below.mkdir(parents=True)
    assert Course.find(below).root == course.root


@pytest.mark.parametrize(("there", "where"), [
    ([], "grading"), (["grading/export"], "grading"), (["dist", "releases", "report"], "grading"),
    (["journal"], "."), (["submitted", "gradebook.db"], "."), (["feedback", "grading"], "."),
    (["journal", "grading/journal"], "grading"), (["submitted", "grading/gradebook.db"], "grading"),
])
def test_what_grading_writes_is_in_one_place(course: Course, there: list[str], where: str) -> None:
    """In its folder, unless the course was begun with all of it at the top."""
    for name in there:
        (course.root / name).mkdir(parents=True)
    course = Course.load(course.root)
    assert course.grading == course.root / where
    places = (course.submitted, course.autograded, course.feedback, course.journal,
              course.gradebook, course.grades)
    assert {place.parent for place in places} == {course.grading}


def test_no_course_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="Change to the course's folder"):
        Course.find(tmp_path)


def test_an_unknown_assignment_is_a_sentence(course: Course) -> None:
    with pytest.raises(CourseError, match=r"No assignment `q7` in course\.toml; it has: hw4"):
        course.assignment("q7")


@pytest.mark.parametrize("name", [
    "bert.py", "result.log:", "q2/bert.py", "q1a.ipynb,", "utils/", "input_ids", "__init__.py",
    "train(args)", "torch.softmax", "self.query", "sub\\bert.py", "tensor([1.0])", "q2.py's",
])
def test_a_sentence_keeps_the_spelling_of_a_name_at_its_beginning(name: str) -> None:
    assert finished(f" {name} holds nothing ") == f"{name} holds nothing."


@pytest.mark.parametrize("word", ["the", "your", "no", "1", "`attention`", "état", "well,"])
def test_a_sentence_begins_with_a_capital_otherwise(word: str) -> None:
    assert finished(f"{word} is left?") == f"{word[0].upper()}{word[1:]} is left?"


RIGHT = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize("student", [
    RIGHT.clone(), RIGHT.double(), RIGHT + 1e-6, RIGHT.clone().requires_grad_()])
def test_a_close_tensor_passes(student: torch.Tensor) -> None:
    assert_close(student, RIGHT, "differs")


@pytest.mark.parametrize(("student", "sentence"), [
    (RIGHT + 0.01, "^differs$"),
    (RIGHT[0], r"the shape is \[2\], expected \[2, 2\]"),
    (RIGHT[None], r"the shape is \[1, 2, 2\]"),
    (RIGHT / 0, "NaN or infinite"),
    (RIGHT * float("nan"), "NaN or infinite"),
    (None, "None came back"),
    ([[1.0, 2.0], [3.0, 4.0]], "a value of type list"),
    ((RIGHT, RIGHT), "a value of type tuple"),
    (Opaque("AlwaysEqual"), "a value of type Opaque"),
])
def test_a_wrong_value_fails_with_what_can_be_seen(student: object, sentence: str) -> None:
    with pytest.raises(Wrong, match=sentence):
        assert_close(student, RIGHT, "differs")


@pytest.mark.parametrize(("one", "other", "equal"), [
    ({"a": [RIGHT, 1]}, {"a": [RIGHT.clone(), 1]}, True),
    ({"a": [RIGHT, 1]}, {"a": [RIGHT + 1, 1]}, False),
    ({"a": 1}, {"a": 1, "b": 2}, False),
    ((1, 2), [1, 2], False),
    ([1, 2], [1, 2, 3], False),
    (1.0, 1.0 + 1e-7, True),
    (1.0, 1.1, False),
    (1, True, False),
    (None, None, True),
    ("a", "a", True),
    (RIGHT, None, False),
    (None, RIGHT, False),
    (Opaque("A"), Opaque("A"), True),
])
def test_two_answers_are_the_same_or_not(one: object, other: object, equal: bool) -> None:
    assert same(one, other) is equal


def line(student: str, happened: str = "") -> GradeRow:
    return GradeRow(student, f"{student}.zip", {"q2_a": 3.0}, 3.0, 8.0,
                    (happened,) * bool(happened), ("odd",))


@pytest.mark.parametrize("evil", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_a_formula_does_not_reach_a_spreadsheet(tmp_path: Path, evil: str) -> None:
    write_csv(tmp_path / "grades.csv", [line("2026_00001", evil)])
    with open(tmp_path / "grades.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["what_happened"] == f"'{printable(evil)}"


def test_an_upload_that_is_nobodys_is_still_a_row(tmp_path: Path) -> None:
    lost = GradeRow("", "homework.zip", None, None, 50, ("no id",), ("not graded",))
    write_csv(tmp_path / "grades.csv", [line("2026_00001"), lost])
    with open(tmp_path / "grades.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["upload"], row["total"]) for row in rows] == [
        ("2026_00001.zip", "3"), ("homework.zip", "")]


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    grid = table("q2", [line("[red]x[/red]")], {}, 80)
    assert str(next(iter(grid.columns[0].cells))) == "[red]x[/red]"
