"""Ten students' zips, graded from the command line; then nbgrader's own commands on the result."""

from __future__ import annotations

import contextlib
import fcntl
import html
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_course, grades_of, run_cli

from autograder.course import Course
from autograder.exercise.edits import read_changes
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.journal import by_student, path_of, read
from autograder.release.check import _plain, _secrets
from autograder.report import grades
from autograder.report.read import CourseResults

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]

PARTS = ("q2_attention", "q2_self_attention", "q2_add_norm", "q2_layer", "q2_train", "q2_result")
FULL = (10, 8, 8, 8, 8, 8)
EXPECTED = {
    "2026_00001": FULL,                  # everything right
    "2026_00002": FULL,                  # right in another form
    "2026_00003": (0, 8, 8, 8, 8, 8),    # scores not scaled
    "2026_00004": (0, 0, 0, 0, 0, 0),    # nothing written
    "2026_00005": (10, 8, 8, 8, 0, 8),   # classifier.py is cut off
    "2026_00006": (0, 8, 8, 8, 8, 8),    # attention never ends
    "2026_00007": (0, 0, 0, 0, 0, 8),    # bert.py ends the process
    "2026_00008": (0, 0, 0, 0, 0, 0),    # forges
    "2026_00009": (10, 8, 0, 8, 0, 8),   # memory and output without end
    "2026_00010": (0, 0, 0, 0, 0, 0),    # not a zip
}
NOBODYS = "homework.zip"


@dataclass(frozen=True)
class Graded:
    """A course after `autograder grade`, and what the command printed. Read it, leave it alone."""

    course: Course
    status: int
    printed: str
    warned: str

    def rows(self) -> dict[str, dict[str, str]]:
        return grades_of(self.course)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one worker of pytest-xdist in at a time."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The batch, graded once for all workers: whoever comes first does it, others wait."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "graded-q2"
    with locked(root.with_suffix(".lock")):
        if not (root / "printed").exists():
            root.mkdir()
            _grade_samples(root)
    status, printed, warned = json.loads((root / "printed").read_text())
    return Graded(Course.load(root), status, printed, warned)


def _grade_samples(root: Path) -> None:
    copy_course(root)
    assert run_cli("samples", "q2", "samples", cwd=root).returncode == 0
    shutil.copy(root / "samples" / "2026_00001_coding.zip", root / "samples" / NOBODYS)
    done = run_cli("grade", "q2", "samples", cwd=root, timeout=600)
    (root / "printed").write_text(json.dumps([done.returncode, done.stdout, done.stderr]))


# --------------------------------------------------------------------------------- autograder grade


def test_the_command_ends_with_a_table_and_says_that_a_person_is_needed(graded: Graded) -> None:
    assert graded.status == 1, graded.warned
    assert all(student in graded.printed for student in (*EXPECTED, NOBODYS))
    for path in (graded.course.gradebook, graded.course.grades, graded.course.feedback):
        assert str(path) in graded.printed


@pytest.mark.parametrize("student", EXPECTED)
def test_every_sample_gets_the_points_that_it_deserves(graded: Graded, student: str) -> None:
    row = graded.rows()[student]
    assert tuple(float(row[part]) for part in PARTS) == EXPECTED[student]
    assert (float(row["total"]), float(row["max"])) == (sum(EXPECTED[student]), 50)


@pytest.mark.parametrize(("student", "reason"), [
    ("2026_00003", "q2 attention: Your scores are not divided by the square root"),
    ("2026_00004", "q2 attention, q2 self attention, q2 add norm, q2 layer, q2 train: not written "
                   "yet"),
    ("2026_00005", "q2 train: Your code stopped with SyntaxError: invalid syntax at classifier.py"),
    ("2026_00006", "q2 attention: Your code ran for more than 6 s and was stopped."),
    ("2026_00007", "bert.py, while it was imported, ended its own process (exit status 0)"),
    ("2026_00009", "q2 add norm: Your code ran out of memory at bert.py"),
    ("2026_00009", "q2 train: Your code printed more than 8 MiB and was stopped."),
    ("2026_00010", "this is not a zip file"),
    (NOBODYS, "the file's name holds no student id"),
])
def test_grades_csv_says_why_points_were_lost(graded: Graded, student: str, reason: str) -> None:
    assert reason in graded.rows()[student]["what_happened"]


def test_a_right_submission_is_told_nothing(graded: Graded) -> None:
    assert graded.rows()["2026_00001"]["what_happened"] == ""


def test_an_upload_that_is_nobodys_has_no_points_and_waits_for_a_person(graded: Graded) -> None:
    row = graded.rows()[NOBODYS]
    assert (row["student"], row["total"], row["for_a_person"]) == ("", "", "not graded")


def test_grades_csv_has_a_row_for_each_upload_and_no_other(graded: Graded) -> None:
    assert set(graded.rows()) == {*EXPECTED, NOBODYS}


@pytest.mark.parametrize("student", EXPECTED)
def test_the_journal_has_the_verdict(graded: Graded, student: str) -> None:
    (entry,) = by_student(graded.course, "q2")[student].values()
    assert tuple(part.points for part in entry.verdict.parts) == EXPECTED[student]
    assert entry.verdict.seed and entry.verdict.seconds > 0


def test_all_of_a_batch_are_judged_with_one_seed(graded: Graded) -> None:
    entries = list(read(path_of(graded.course, "q2")))
    assert len(entries) == len(EXPECTED) and len({entry.verdict.seed for entry in entries}) == 1


# ----------------------------------------------------------------------------------------- feedback


def feedback(course: Course, student: str) -> str:
    return (course.feedback / student / "q2" / "q2.html").read_text()


@pytest.mark.parametrize("student", EXPECTED)
def test_every_student_gets_a_page_with_the_points(graded: Graded, student: str) -> None:
    page = feedback(graded.course, student)
    for points, most in zip(EXPECTED[student], FULL, strict=True):
        assert f"<b>{points} of {most} points</b>" in page


def test_the_page_holds_the_misconceptions_sentence(graded: Graded) -> None:
    (says,) = (change.says for change in read_changes(graded.course.exercise("q2"), "misconception")
               if change.name == "unscaled-scores")
    assert html.escape(says) in feedback(graded.course, "2026_00003")
    assert html.escape(says) not in feedback(graded.course, "2026_00001")


def test_the_page_says_what_was_unusual_about_the_upload(graded: Graded) -> None:
    assert "this is not a zip file" in feedback(graded.course, "2026_00010")


@pytest.mark.parametrize("student", EXPECTED)
def test_no_page_holds_a_line_of_the_solution_or_of_a_hidden_test(graded: Graded, student: str
                                                                  ) -> None:
    page = _plain(html.unescape(feedback(graded.course, student)))
    secrets = [secret for secret, kind in _secrets(graded.course.exercise("q2"))
               if kind != "a misconception"]
    assert len(secrets) > 50
    assert [secret for secret in secrets if secret in page] == []


# -------------------------------------------------------------------------- nbgrader's own commands


@pytest.fixture
def own(graded: Graded, tmp_path: Path) -> Course:
    """A copy of the graded course, free to be changed."""
    root = tmp_path / "own"
    shutil.copytree(graded.course.root, root)
    return Course.load(root)


def run_nbgrader(course: Course, *args: str) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("nbgrader")
    path = os.pathsep.join([str(script.parent), os.environ["PATH"]])
    return subprocess.run([script, *args], cwd=course.root, timeout=600, text=True,
                          capture_output=True, env={**os.environ, "PATH": path})


def grade_by_hand(course: Course, student: str, part: str, points: float) -> None:
    with open_gradebook(course) as gradebook:
        grade = gradebook.find_grade(part, "q2", "q2", student)
        grade.manual_score = points
        gradebook.db.commit()


def test_nbgrader_autograde_gives_the_same_scores_and_keeps_those_given_by_hand(own: Course
                                                                                ) -> None:
    grade_by_hand(own, "2026_00003", "q2_attention", 6.5)
    done = run_nbgrader(own, "autograde", "q2", "--force")
    assert done.returncode == 0, done.stderr[-2000:]
    expected = {**EXPECTED, "2026_00003": (6.5, 8, 8, 8, 8, 8)}
    assert {row.student: tuple(row.parts[part] for part in PARTS)
            for row in queries.entries(own, "q2")} == expected
    # The judge really judged again.
    assert len(list(read(path_of(own, "q2")))) == 2 * len(EXPECTED)


def test_a_score_given_by_hand_survives_grading_again_and_reaches_grades_csv(own: Course) -> None:
    grade_by_hand(own, "2026_00001", "q2_layer", 1.5)
    again = own.root / "again"
    again.mkdir()
    shutil.copy(own.root / "samples" / "2026_00001_coding.zip", again)
    done = run_cli("grade", "q2", "again", cwd=own.root, timeout=300)
    assert done.returncode < 2, done.stderr  # 1: the upload that is nobody's still waits
    rows = grades_of(own)
    assert (rows["2026_00001"]["q2_layer"], rows["2026_00001"]["total"]) == ("1.5", "43.5")
    assert set(rows) >= set(EXPECTED), "the others' rows are still there"
    assert "this is not a zip file" in rows["2026_00010"]["what_happened"]


def test_an_upload_that_is_nobodys_keeps_its_row_when_all_are_graded_again(graded: Graded) -> None:
    found = grades.grade_rows(CourseResults(graded.course), "q2")  # as `autograder grade q2` has it
    assert NOBODYS in [line.upload for line in found]


# --------------------------------------------------------------------------------------- formgrader


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class Formgrader:
    """nbgrader's formgrader in a Jupyter server of its own. Use as a context manager."""

    def __init__(self, course: Course, home: Path) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("jupyter"), "server", "--no-browser", "--allow-root",
             "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--port-retries=0",
             "--IdentityProvider.token=token"],
            cwd=course.root, env={**os.environ, "HOME": str(home)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> Formgrader:
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                self.ask("formgrader/api/status")
                return self
        raise AssertionError("the server does not answer")

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(15)

    def ask(self, path: str, put: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}", method="PUT" if put else "GET",
            data=json.dumps(put).encode() if put else None,
            headers={"Authorization": "token token", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.loads(response.read())


def test_formgrader_lists_the_submissions_and_takes_a_grade(own: Course, tmp_path: Path) -> None:
    with Formgrader(own, tmp_path) as formgrader:
        scores = {one["student"]: one["score"]
                  for one in formgrader.ask("formgrader/api/submissions/q2")}
        assert scores == {student: sum(points) for student, points in EXPECTED.items()}
        notebooks = formgrader.ask("formgrader/api/submitted_notebooks/q2/q2")
        (notebook,) = (one for one in notebooks if one["student"] == "2026_00004")
        grades = formgrader.ask(f"formgrader/api/grades?submission_id={notebook['id']}")
        (layer,) = (grade for grade in grades if grade["name"] == "q2_layer")
        formgrader.ask(f"formgrader/api/grade/{layer['id']}", put={"manual_score": 2.5})
    (row,) = (row for row in queries.entries(own, "q2") if row.student == "2026_00004")
    assert row.parts["q2_layer"] == row.points == 2.5
