"""From Moodle's zip through `autograder grade` and a person's hands, and out to every platform."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from conftest import TOY_COURSE, Toy, toy_work

from autograder import cli
from autograder.course import Course
from autograder.gradebook import nbgrader_api
from autograder.gradebook.nbgrader_api import open_gradebook
from platforms.conftest import GRADEBOOK, ROSTER, WORKSHEET, zipped

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]
WRITTEN = """
# %% [markdown] written="toy_why" points=2
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
"""
HOMEWORK = """
[homeworks.hw]
title = "Toys together"
assignments = ["toy"]
max_points = 12
deduction = 1
"""
Export = Callable[..., tuple[int, str]]


def command(patch: pytest.MonkeyPatch, course: Course, *args: object) -> int:
    """Call the command line's entry point as its script does; return the status."""
    patch.setattr(sys, "argv", ["autograder", *map(str, args)])
    patch.chdir(course.root)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def toy_upload(course: Course, replace: str = "", by: str = "") -> bytes:
    """The solved toy as a student zips it, with one edit."""
    work = toy_work(course, replace, by)
    work.notebook.cells[-1].source = "Because I say so."
    files = {f"toy/{name}": data for name, data in work.files.items()}
    return zipped({"toy/toy.ipynb": nbformat.writes(work.notebook).encode(), **files})


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Three students' zips in Moodle's zip, graded from the command line; a fourth sent nothing."""
    folder = tmp_path_factory.mktemp("trip")
    text = TOY_COURSE.replace("[course]", '[course]\nexercises = "../exercises"\n'
                              'roster = "roster.csv"\ntimezone = "Europe/Berlin"').replace(
        "max_points = 10", "max_points = 12") + 'preload = ["torch"]\n' + HOMEWORK
    toy = Toy(course=text)
    toy.source["toy.py"] += WRITTEN
    course = toy.write(folder)
    (course.root / "roster.csv").write_text(ROSTER)
    (folder / "Grades.csv").write_text(WORKSHEET.replace("10.00", "12.00"))
    (folder / "CS101-Toy-77.zip").write_bytes(zipped({
        "Ada Example_101_assignsubmission_file/s001_toy.zip": toy_upload(course),
        "Jörg OMuster_102_assignsubmission_file/homework.zip": toy_upload(
            course, "text.lower().split()", "text.split()"),
        "Kim Twice_103_assignsubmission_file/s003_toy.zip": toy_upload(course),
    }))
    with pytest.MonkeyPatch.context() as patch:
        status = command(patch, course, "grade", "hw", folder / "CS101-Toy-77.zip", "-j", 1)
    assert status == 0, "somebody is flagged"
    with open_gradebook(course) as gradebook:  # as formgrader saves it; s003 still waits
        for student, points in (("s001", 1.5), ("s002", 2)):
            grade = gradebook.find_grade("toy_why", "toy", "toy", student)
            grade.manual_score, grade.needs_manual_grade = points, False
            gradebook.find_comment("toy_why", "toy", "toy", student).manual_comment = "=Fair."
        gradebook.db.commit()
    nbgrader_api.generate_feedback(course, "toy", "s001")
    return course


@pytest.fixture
def export(graded: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
           ) -> Export:
    """Call `autograder export hw`; return the status and what it said."""

    def call(*args: object) -> tuple[int, str]:
        status = command(monkeypatch, graded, "export", "hw", *args)
        captured = capsys.readouterr()
        return status, " ".join((captured.out + captured.err).split())

    return call


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_to_moodle_and_not_what_waits(graded: Course, export: Export) -> None:
    status, said = export("--to", "moodle", "--worksheet", graded.root.parent / "Grades.csv")
    assert status == 1 and "s003 │ left out, a person has still to grade toy_why" in said
    assert "Zoe Elsewhere (105) │ stands on the worksheet, and has no grade" in said
    folder = graded.grading / "export" / "hw" / "moodle"
    before, after = rows(graded.root.parent / "Grades.csv"), rows(folder / "Grades.csv")
    # The first was right but for the essay. The second kept capitals, which two parts lose by, and
    # named the zip as they liked: 1 point off.
    assert [row["Grade"] for row in after] == ["11.50", "5.00", "", ""]
    assert after[0]["Feedback comments"].startswith("11.5 of 12 points. The feedback file")
    assert after[1]["Feedback comments"] == before[1]["Feedback comments"] == 'Talk to me, "soon"'
    for old, new in zip(before, after, strict=True):
        assert {key for key in old if old[key] != new[key]} <= {"Grade", "Feedback comments"}
    with zipfile.ZipFile(folder / "feedback.zip") as archive:
        assert archive.namelist() == ["Ada Example_101_assignsubmission_file_/hw.html",
                                      "Jörg O Muster_102_assignsubmission_file_/hw.html"]
        page = archive.read(archive.namelist()[0]).decode()
    assert "=Fair." in page, "what was typed in formgrader stands on the page that goes out"


def test_one_page_on_everything_goes_before_nbgraders(graded: Course, export: Export) -> None:
    page = graded.feedback / "s001" / "hw.html"
    page.write_text("<p>all of it</p>")
    export("--to", "moodle", "--worksheet", graded.root.parent / "Grades.csv")
    page.unlink()
    data = (graded.grading / "export" / "hw" / "moodle" / "feedback.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist()[0] == "Ada Example_101_assignsubmission_file_/hw.html"


def test_to_moodle_with_what_waits(graded: Course, export: Export) -> None:
    status, said = export("--to", "moodle", "--worksheet", graded.root.parent / "Grades.csv",
                          "--partial", "--into", graded.root / "elsewhere")
    assert status == 1 and "Not final, a person has still to grade some of it: s003" in said
    after = rows(graded.root / "elsewhere" / "hw" / "moodle" / "Grades.csv")
    assert [row["Grade"] for row in after] == ["11.50", "5.00", "10.00", ""]
    assert "so far; still to be graded by hand: toy_why" in after[2]["Feedback comments"]


def test_to_canvas(graded: Course, export: Export) -> None:
    book = graded.root.parent / "Canvas.csv"
    book.write_text(GRADEBOOK.replace("10.00", "12.00").replace("Toy (555)",
                                                                "Toys together (555)"))
    status, said = export("--to", "canvas", "--gradebook", book)
    assert status == 1 and "s003 │ left out" in said
    after = rows(graded.grading / "export" / "hw" / "canvas" / "Canvas.csv")
    assert [row["Toys together (555)"] for row in after] == [
        "Manual Posting", "12.00", "11.50", "5.00", "EX", ""]


def test_to_gradescope_nothing_hidden_goes(graded: Course, export: Export) -> None:
    assert export("--to", "gradescope")[0] == 1
    text = (graded.grading / "export" / "hw" / "gradescope" / "s002" / "results.json").read_text()
    found = json.loads(text)
    assert found["score"] == 5 and [test["name"] for test in found["tests"]] == [
        "toy words", "toy count", "toy scale", "toy why"]
    assert "Your words keep their capitals" in found["tests"][0]["output"]
    page = (graded.feedback / "s002" / "toy" / "toy.html").read_text()
    assert all(line in page for test in found["tests"][:3] for line in test["output"].split("\n"))
    assert found["tests"][3]["output"] == "=Fair." and "capitals-kept" not in text


def test_to_a_table(graded: Course, export: Export) -> None:
    assert export("--to", "csv")[0] == 0
    found = rows(graded.grading / "export" / "hw" / "csv" / "parts.csv")
    assert len(found) == 12 and {row["student"] for row in found} == {"s001", "s002", "s003"}
    why = [row for row in found if row["part"] == "toy_why"]
    assert [(row["points"], row["by_hand"]) for row in why] == [
        ("1.5", "yes"), ("2", "yes"), ("", "yes")]
    assert why[0]["says"] == "'=Fair."


def test_nbgraders_gradebook_knows_when_it_was_handed_in(graded: Course) -> None:
    with open_gradebook(graded) as gradebook:
        found = gradebook.find_submission("toy", "s001").timestamp
    assert found.isoformat() == "2026-11-20T22:58:00", "in UTC, as nbgrader keeps it"


def test_without_the_platforms_table_it_says_where_to_find_it(export: Export) -> None:
    status, said = export("--to", "moodle")
    assert status == 2 and "--worksheet FILE" in said
