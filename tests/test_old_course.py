"""A course that version 0.1.0 graded: everything of it is still read, and means the same.

Its journal holds sentences where today's holds codes. Of nine students one is right, and the others
have a misconception, an empty skeleton, an exit, an endless loop, a cell that fails, no zip, too
much memory, and an error; one upload is nobody's. A person gave s002 two points by hand, and
looked at what could not be read.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import REPO, grades_of, run_cli

from autograder.course import Course

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]
TOTALS = {"s001": "10", "s002": "6", "s003": "0", "s004": "7", "s005": "3", "s006": "10",
          "s007": "0", "s008": "3", "s009": "7", "zzz.zip": ""}
# What the class report said of it, as plain text.
REPORTED = (
    "10 handed in 8 graded in full 0 wait to be graded by hand 1 flagged for a person 2 could not",
    "Mean 5.75 of 10 points, standard deviation 3.54 ; quartiles 3 , 6.5 (the median) and 7.75",
    "1 of 8 (12%) in toy_words: capitals kept Your words keep their capitals",
    "toy_words 15 3 (1) 0 8 (2) 4 (1) 100% toy_count 15 0 3 (1) 9 (3) 3 (1) 0% "
    "toy_scale 6 0 0 3 (1) 3 (1)",
    "toy_count: 3 points lost without a name The counts differ. 1 student, 3 points.",
    "ran out of time 1 s005 ran out of memory 1 s008 crashed, or ended its own process 1 s004",
)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The course; tests follow each other on it."""
    root = tmp_path_factory.mktemp("old")
    zipfile.ZipFile(REPO / "tests" / "courses" / "course-0.1.0.zip").extractall(root)
    return Course.load(root)


def reported(course: Course) -> str:
    """The class report as plain text, drawn anew."""
    done = run_cli("report", "toy", cwd=course.root)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (course.grading / "report" / "toy.html").read_text()
    page = re.sub(r"<(style|script|svg).*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_its_class_report_says_what_it_said(old: Course) -> None:
    page = reported(old)
    assert not [said for said in REPORTED if said not in page]


def assert_one_is_looked_at(course: Course) -> None:
    done = run_cli("todo", "toy", cwd=course.root)
    assert "toy: 3 for a person; 1 looked at" in done.stdout, done.stdout
    assert [who for who in TOTALS if f" {who} " in done.stdout] == ["s004", "s005", "zzz.zip"]


def test_what_a_person_has_looked_at_stays_so(old: Course) -> None:
    assert_one_is_looked_at(old)


def test_feedback_on_old_verdicts_can_be_written(old: Course) -> None:
    done = run_cli("feedback", "toy", cwd=old.root)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {student: (old.feedback / student / "toy.html").read_text() for student in TOTALS
             if student.startswith("s")}
    assert "not written" in pages["s003"]
    assert "Your words keep their capitals" in pages["s002"]
    assert "Your code ran for more than 2 s and was stopped." in pages["s005"]


def test_all_of_it_stays_where_it_was(old: Course) -> None:
    """It began with everything at its top."""
    assert old.grading == old.root
    assert old.submitted.is_dir() and old.journal.is_dir() and old.gradebook.is_file()


def test_its_grades_are_the_same_when_it_is_graded_again(old: Course) -> None:
    done = run_cli("grade", "toy", cwd=old.root, timeout=300)
    assert "judged: 9 because of course.toml and the autograder" in done.stdout, done.stderr
    assert {who: row["total"] for who, row in grades_of(old).items()} == TOTALS
    assert_one_is_looked_at(old)
    page = reported(old)
    assert not [said for said in REPORTED if said not in page]


def test_nbgrader_itself_grades_it_where_it_lies(old: Course) -> None:
    """The native commands, after all others; nothing has got a folder that it had not."""
    shutil.copy(REPO / "nbgrader_config.py", old.root)
    page = old.feedback / "s002" / "toy" / "toy.html"
    page.unlink()
    for command in ("autograde", "generate_feedback"):
        done = subprocess.run(
            [Path(sys.executable).with_name("nbgrader"), command, "toy", "--student=s002",
             "--force"], cwd=old.root, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
    assert "(Score: 6.0 / 10.0)" in page.read_text()
    assert not (old.root / "grading" / "journal").exists()
    assert old.autograded == old.root / "autograded" and old.autograded.is_dir()
