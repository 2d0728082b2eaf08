"""Grades and feedback as the platforms take them back, compared cell by cell with what came."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest

from autograder.course import Course, CourseError
from autograder.intake.records import IntakeRecord, write_notes
from autograder.report.export import canvas, gradescope, moodle, parts
from autograder.report.export.result import (
    PartResult,
    StudentResult,
    Trouble,
    matched,
    settled,
    student_results,
)
from autograder.report.read import CourseResults
from platforms.conftest import GRADEBOOK, WORKSHEET, toy_course

WORDS = PartResult("toy_words", 3.0, 4.0, False, ("Your words keep their capitals.",))
WHY = PartResult("toy_why", None, 6.0, True)
READ = PartResult("toy_why", 5.5, 6.0, True, ("=Well argued.",))


def result(student: str, *some: PartResult, off: float = 0.0, page: Path | None = None
           ) -> StudentResult:
    points = sum(part.points or 0 for part in some) - off
    return StudentResult(student, "", points, 10.0, some, ((page.name, page),) if page else ())


@pytest.fixture
def results(people: Course) -> CourseResults:
    return CourseResults(people)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    (tmp_path / "Grades.csv").write_bytes(WORKSHEET.encode())
    return tmp_path / "Grades.csv"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "Canvas.csv").write_bytes(GRADEBOOK.encode())
    return tmp_path / "Canvas.csv"


def read(path: Path) -> list[list[str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def changes(before: Path, after: Path) -> dict[tuple[str, str], str]:
    """Each cell that differs, by the row's first cell and the column's heading."""
    old, new = read(before), read(after)
    assert [len(row) for row in old] == [len(row) for row in new]
    return {(row[0], old[0][n]): cell for row, other in zip(old, new, strict=True)
            for n, cell in enumerate(other) if cell != row[n]}


# ------------------------------------------------------------------------------------------ Moodle


def test_moodles_worksheet_goes_back_with_grades_and_nothing_else(
        results: CourseResults, sheet: Path, tmp_path: Path) -> None:
    out = [result("s001", WORDS, READ), result("s002", WORDS, READ, off=1)]
    troubles = moodle.export(results, "toy", out, (), sheet, tmp_path / "out")
    assert changes(sheet, tmp_path / "out" / "Grades.csv") == {
        ("Participant 101", "Grade"): "8.50", ("Participant 102", "Grade"): "7.50",
        ("Participant 101", "Feedback comments"): "8.5 of 10 points."}
    assert [(one.who, one.what) for one in troubles] == [
        ("Kim Twice (103)", "stands on the worksheet, and has no grade"),
        ("Zoe Elsewhere (105)", "stands on the worksheet, and has no grade")]
    cell_by_cell = (tmp_path / "out" / "Grades.csv").read_bytes()
    assert cell_by_cell.replace(b",8.50,", b",,").replace(b",7.50,", b",,").replace(
        b"8.5 of 10 points.", b"") == WORKSHEET.encode(), "quoting or line ends changed"


def test_the_feedback_zip_is_laid_out_as_moodle_reads_it(results: CourseResults, sheet: Path,
                                                         tmp_path: Path) -> None:
    page = tmp_path / "toy.html"
    page.write_text("<p>feedback</p>")
    moodle.export(results, "toy", [result("s002", WORDS, page=page)], (), sheet, tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out" / moodle.FEEDBACK) as archive:
        assert archive.namelist() == ["Jörg O Muster_102_assignsubmission_file_/toy.html"]
        assert archive.read(archive.namelist()[0]) == b"<p>feedback</p>"
    _, number, kind, plugin, rest = archive.namelist()[0].split("/")[0].split("_", 4)
    assert (number, kind, plugin, rest) == ("102", "assignsubmission", "file", "")


def test_another_maximum_grade_is_a_sentence(results: CourseResults, sheet: Path,
                                             tmp_path: Path) -> None:
    sheet.write_text(WORKSHEET.replace("10.00", "100.00"))
    with pytest.raises(CourseError, match=r"maximum grade is 100\.00, and in the course it is 10"):
        moodle.export(results, "toy", [result("s001", WORDS)], (), sheet, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_scale_is_a_sentence(results: CourseResults, sheet: Path, tmp_path: Path) -> None:
    sheet.write_text(WORKSHEET.replace("Maximum Grade", "Scale"))
    with pytest.raises(CourseError, match="grades by a scale, and the course by points"):
        moodle.export(results, "toy", [result("s001", WORDS)], (), sheet, tmp_path / "out")


def test_a_decimal_comma_stays_one(results: CourseResults, sheet: Path, tmp_path: Path) -> None:
    sheet.write_text("Identifier;Full name;Grade;Maximum Grade\nParticipant 1;Ada Example;;10,00\n")
    moodle.export(results, "toy", [result("s001", WORDS, READ)], (), sheet, tmp_path)
    assert sheet.read_text().endswith("Participant 1;Ada Example;8,50;10,00\n")


def test_whose_upload_it_was_tells_whose_row_it_is(people: Course, results: CourseResults,
                                                   sheet: Path) -> None:
    from autograder.intake.platforms.moodle import Worksheet
    from autograder.table import Table

    write_notes(people, "toy", [IntakeRecord("x.zip", "s004", sender="Moodle 105"),
                                IntakeRecord("y.zip", "s003", sender="Canvas 101")])
    rows = Worksheet.of(Table.read(sheet), people.zone).people
    assert sorted((one.number, student) for one, student in matched(results, "toy", rows).items()
                  ) == [("101", "s001"), ("102", "s002"), ("103", "s003"), ("105", "s004")]


# ------------------------------------------------------------------------------------------ Canvas


def test_canvas_gradebook_goes_back_with_one_column(results: CourseResults, book: Path,
                                                    tmp_path: Path
                                                    ) -> None:
    out = [result("s001", WORDS, READ), result("s002", WORDS, READ), result("s003", WORDS),
           result("s004", WORDS)]
    troubles = canvas.export(results, "toy", out, (), book, "", tmp_path / "out")
    assert read(tmp_path / "out" / "Canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Toy (555)"],
        ["", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "10.00"],
        ["Example, Ada", "9001", "s001", "ada", "Everybody", "8.50"],
        ["O'Muster, Jörg", "9002", "", "jm", "Everybody", "8.50"],
        ["Twice, Kim", "9003", "s003", "kim", "Everybody", "EX"],
        ["Student, Test", "9009", "", "x", "Everybody", ""]]
    assert troubles == [
        Trouble("s004", "has a grade, and no row in Canvas.csv is theirs for certain"),
        Trouble("Twice, Kim (9003)", "has a grade, and is excused in Canvas, and stays so")]


def test_a_column_that_the_name_does_not_tell_is_asked_for(results: CourseResults, book: Path,
                                                           tmp_path: Path) -> None:
    book.write_text(GRADEBOOK.replace("Toy (555)", "First homework (555)"))
    with pytest.raises(CourseError, match=r"Name one with --column: First homework \(555\), Other"):
        canvas.export(results, "toy", [], (), book, "", tmp_path / "out")
    canvas.export(results, "toy", [result("s001", WORDS)], (), book, "First homework", tmp_path)
    assert read(book)[3][-1] == "3.00"


def test_other_points_possible_are_a_sentence(results: CourseResults, book: Path,
                                              tmp_path: Path) -> None:
    book.write_text(GRADEBOOK.replace("10.00", "100.00"))
    with pytest.raises(CourseError, match=r"100\.00 points possible"):
        canvas.export(results, "toy", [result("s001", WORDS)], (), book, "", tmp_path)


@pytest.mark.parametrize("blank", ["", ",,,,,,,", ", , ,,,,,", ",", ",,,,,,,,,,"])
@pytest.mark.parametrize("before", ["    Points Possible", ",,,,,Manual", '"Example, Ada"',
                                    '"Twice', '"Student, Test"', "THE END"])
def test_a_blank_row_stays_a_row_of_the_same_table(results: CourseResults, book: Path,
                                                   tmp_path: Path,
                                                   blank: str, before: str) -> None:
    """Spreadsheets leave them, and Canvas itself puts one above the students."""
    text = (GRADEBOOK + "THE END").replace(before, f"{blank}\n{before}").replace("THE END", "")
    book.write_text(text)
    out = [result("s001", WORDS, READ)]
    canvas.export(results, "toy", out, {"s002", "s003"}, book, "", tmp_path / "out")
    rows = read(tmp_path / "out" / "Canvas.csv")
    assert {len(row) for row in rows} <= {6, 0}
    assert [row[-1] for row in rows if row and row[0] == "Example, Ada"] == ["8.50"]
    assert [row[-1] for row in rows if row and row[0].strip() == "Points Possible"] == ["10.00"]


# ------------------------------------------------------------------- above a platform's maximum

FULL = PartResult("toy_words", 4.0, 4.0, False)
EXTRA = PartResult("toy_why", 6.0, 6.0, True)


@pytest.mark.parametrize("points", [10.0, 10.004, 10.01, 10.5, 26.0])
def test_more_than_a_platform_takes_is_named(results: CourseResults, sheet: Path, book: Path,
                                             tmp_path: Path, points: float) -> None:
    """A part with bonus, or points that a person put on top."""
    out = [result("s001", FULL, EXTRA, off=10 - points), result("s002", FULL)]
    told = {"s002", "s003", "s004"}
    troubles = {
        "Moodle": moodle.export(results, "toy", out, told, sheet, tmp_path / "moodle"),
        "Canvas": canvas.export(results, "toy", out, told, book, "", tmp_path / "canvas"),
        "Gradescope": gradescope.export(out, tmp_path / "gradescope")}
    for platform, some in troubles.items():
        named = [one.who for one in some if f"maximum in {platform} is 10" in one.what]
        assert len(named) == (points >= 10.01), platform
        assert all("Ada" in one or one == "s001" for one in named)


@pytest.mark.parametrize("cell", ["10.00", "10,00", "10", ""])
def test_a_maximum_is_read_however_moodle_writes_it(results: CourseResults, sheet: Path,
                                                    tmp_path: Path,
                                                    cell: str) -> None:
    sheet.write_text("Identifier;Full name;Grade;Maximum Grade\n"
                     f"Participant 1;Ada Example;;{cell}\n;;;\n")
    (trouble,) = moodle.export(results, "toy", [result("s001", FULL, EXTRA, off=-1)], (), sheet,
                               tmp_path / "out")
    assert trouble.what.startswith("has 11 points, and the maximum in Moodle is 10")


def test_a_part_above_its_own_points_is_named_in_gradescope(tmp_path: Path) -> None:
    more = PartResult("toy_why", 7.5, 6.0, True)
    (trouble,) = gradescope.export([result("s001", WORDS, more, off=1)], tmp_path)
    assert trouble.who == "s001, toy why" and trouble.what.startswith("has 7.5 points")


# -------------------------------------------------------------------------- Gradescope, and a table


def test_gradescope_reads_a_file_for_each_student(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    gradescope.export([result("s001", WORDS, READ, off=1), result("s002", WHY)], tmp_path)
    one, two = (json.loads((tmp_path / student / "results.json").read_text())
                for student in ("s001", "s002"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s001", "s002"]
    assert (one["score"], one["visibility"]) == (7.5, "after_published")
    assert "The parts give 1 more" in one["output"]
    assert one["tests"][0] == {
        "name": "toy words", "score": 3, "max_score": 4, "status": "failed",
        "output": "Your words keep their capitals.", "output_format": "text",
        "visibility": "after_published"}
    assert "score" not in two["tests"][0] and "by hand: toy why" in two["output"]


def test_a_row_for_each_student_and_part(tmp_path: Path) -> None:
    parts.export([result("s001", WORDS, READ), result("s002", WHY)], tmp_path / "parts.csv")
    assert read(tmp_path / "parts.csv") == [
        list(parts.COLUMNS),
        ["s001", "", "toy_words", "3", "4", "no", "Your words keep their capitals."],
        ["s001", "", "toy_why", "5.5", "6", "yes", "'=Well argued."],
        ["s002", "", "toy_why", "", "6", "yes", ""]]


def test_what_waits_for_a_person_goes_out_only_when_asked_for() -> None:
    every = [result("s001", WORDS, READ), result("s002", WORDS, WHY)]
    out, troubles = settled(every, partial=False)
    assert [one.student for one in out] == ["s001"]
    assert troubles == [Trouble("s002", "left out, a person has still to grade toy_why")]
    assert settled(every, partial=True) == (every, [])


def test_who_waits_is_told_once(results: CourseResults, sheet: Path, tmp_path: Path) -> None:
    troubles = moodle.export(results, "toy", [], {"s001", "s002", "s003"}, sheet, tmp_path / "out")
    assert [one.who for one in troubles] == ["Zoe Elsewhere (105)"]


def test_every_member_of_a_group_gets_the_grade(tmp_path: Path, sheet: Path) -> None:
    course = toy_course(tmp_path, "groups = true")
    out = [result(student, WORDS) for student in ("s003", "s001", "s002")]
    moodle.export(CourseResults(course), "toy", out, (), sheet, tmp_path / "out")
    assert {row: cell for (row, column), cell in changes(
        sheet, tmp_path / "out" / "Grades.csv").items() if column == "Grade"} == {
            f"Participant {number}": "3.00" for number in (101, 102, 103)}


def test_before_anything_is_graded_it_says_what_to_do(people: Course,
                                                      results: CourseResults) -> None:
    with pytest.raises(CourseError, match="Try: autograder grade toy FOLDER-OF-ZIPS"):
        student_results(results, "toy")
    assert not people.gradebook.exists()


def test_a_grade_that_moodle_holds_fast_is_told(people: Course, results: CourseResults, sheet: Path,
                                                tmp_path: Path
                                                ) -> None:
    write_notes(people, "toy", [IntakeRecord("x.zip", "s004", sender="Moodle 105")])
    troubles = moodle.export(results, "toy", [result("s004", WORDS)], {"s001", "s002", "s003"},
                             sheet, tmp_path / "out")
    assert troubles == [Trouble("Zoe Elsewhere (105)",
                                "has a grade that Moodle says cannot be changed")]
