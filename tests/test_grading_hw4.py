"""A whole homework, graded from the command line: two assignments, a written part, one total."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import copy_course, grades_of, run_cli

from autograder.cells import is_staff
from autograder.course import Course
from autograder.desk.answers import AnswerIndex
from autograder.desk.questions import questions_of
from autograder.exercise import source
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.report.feedback import write as feedback

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]

RIGHT, UNWRITTEN, MISNAMED = "2026_00001", "2026_00004", "2026_00005"
WRONG_NAME = f"homework-{MISNAMED}.zip"


@dataclass(frozen=True)
class Graded:
    """A course after `autograder grade hw4`. Read it, leave it alone."""

    course: Course
    printed: str

    def rows(self) -> dict[str, dict[str, str]]:
        return grades_of(self.course)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    root = tmp_path_factory.mktemp("hw4")
    course = copy_course(root, patient=True)
    assert run_cli("samples", "hw4", "samples", cwd=root).returncode == 0
    for path in (root / "samples").iterdir():
        if not path.name.startswith((RIGHT, UNWRITTEN, MISNAMED)):
            path.unlink()
    shutil.move(root / "samples" / f"{MISNAMED}_coding.zip", root / "samples" / WRONG_NAME)
    done = run_cli("grade", "hw4", "samples", "-j", 1, cwd=root, timeout=600)
    assert done.returncode in (0, 1), done.stderr
    return Graded(course, done.stdout)


def test_a_zip_holds_both_assignments(graded: Graded) -> None:
    assert {path.name for path in (graded.course.submitted / RIGHT).iterdir()} == {"q1", "q2"}
    assert (graded.course.submitted / RIGHT / "q1" / "written.pdf").is_file()


def test_everything_right_is_everything_but_what_a_person_grades(graded: Graded) -> None:
    """20 + 4 as a bonus, 26 of 30 before (e) is graded, 50: the cap is just reached."""
    row = graded.rows()[RIGHT]
    assert (float(row["total"]), float(row["max"]), row["q1b_discussion"]) == (100, 100, "")
    assert "q1b discussion: to be graded by hand" in row["what_happened"]


def test_nothing_written_earns_nothing(graded: Graded) -> None:
    row = graded.rows()[UNWRITTEN]
    assert float(row["total"]) == 0
    assert "4 points off: result.log is missing" in row["what_happened"]


def test_a_wrong_name_costs_four_points_and_is_named(graded: Graded) -> None:
    row = graded.rows()[MISNAMED]
    parts = [float(points) for name, points in row.items() if name.startswith("q") and points]
    assert float(row["deduction"]) == 4
    assert float(row["total"]) == sum(parts) - 4
    assert f"4 points off: handed in as {WRONG_NAME}" in row["what_happened"]
    assert "deduction" in graded.printed


def test_the_ta_sees_rubric_curves_and_pages_beside_the_answer(graded: Graded) -> None:
    path = graded.course.autograded / RIGHT / "q1" / "q1b.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    answer = next(index for index, cell in enumerate(cells) if source.by_hand(cell))
    shown = [cell.source for cell in cells[answer + 1:] if is_staff(cell)]
    assert "**Rubric, for staff only**" in shown[0]
    assert any(text.startswith("**Recorded losses") for text in shown)
    assert any(text.startswith("**The written part, page 1**") for text in shown)


def test_the_desk_has_curves_and_pages_beside_the_answer(graded: Graded) -> None:
    index = AnswerIndex(graded.course, "q1")
    (question,) = questions_of(graded.course, "hw4")
    answer = index.answers(question)[RIGHT]
    curves, page = answer.pages
    assert curves.caption.startswith("Recorded losses, drawn by the kit: training ")
    assert page.caption == "The written part, page 1"
    assert all(one.png.startswith(b"\x89PNG\r\n") for one in answer.pages)
    assert not answer.empty, "it is in the PDF"
    assert index.answers(question)[UNWRITTEN].empty


@pytest.mark.parametrize("student", [RIGHT, UNWRITTEN, MISNAMED])
def test_no_student_reads_the_rubric(graded: Graded, student: str) -> None:
    page = (graded.course.feedback / student / "q1" / "q1b.html").read_text()
    assert "for staff only" not in page and "full marks" not in page


def test_every_student_has_a_page_on_the_whole_homework(graded: Graded) -> None:
    assert "Feedback pages: 3 written, 0 unchanged." in graded.printed
    pages = {student: BeautifulSoup(
        feedback.path(graded.course, "q2", student).read_text(), "html.parser")
        for student in (RIGHT, UNWRITTEN, MISNAMED)}
    assert pages[RIGHT].select_one(".total").get_text() == "100 of 100 points"
    assert pages[RIGHT].select_one("#part-q1b_discussion.waits")
    assert WRONG_NAME in pages[MISNAMED].select_one(".sums").get_text()
    assert {one.get_text() for one in pages[UNWRITTEN].select("article .state")} == {
        "○ not written", "✗ not right yet"}  # an empty answer without a PDF waits for nobody
    code = pages[RIGHT].select_one("#part-q2_layer pre").get_text()
    assert code.startswith("def forward(self, hidden_states: Tensor") and "add_norm" in code


def test_a_grade_given_by_hand_reaches_the_total_and_survives(graded: Graded, tmp_path: Path
                                                              ) -> None:
    shutil.copytree(graded.course.root, tmp_path / "own", symlinks=True)
    course = Course.load(tmp_path / "own")
    with open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("q1b_discussion", "q1b", "q1", UNWRITTEN)
        grade.manual_score, grade.needs_manual_grade = 3.5, False
        gradebook.db.commit()
    for _ in range(2):
        done = run_cli("grade", "q1", cwd=course.root, timeout=600)
        assert done.returncode in (0, 1), done.stderr
    assert float(grades_of(course)[UNWRITTEN]["total"]) == 3.5
    done = run_cli("feedback", "hw4", cwd=course.root)  # `grade q1` wrote it already
    assert "0 written, 3 unchanged" in done.stdout
    assert "Points given: 3.5" in feedback.path(course, "hw4", UNWRITTEN).read_text()


def test_nbgrader_autograde_gives_the_same_scores(graded: Graded, tmp_path: Path) -> None:
    from autograder.gradebook import nbgrader_api, queries

    before = {row.student: row.parts for row in queries.entries(graded.course, "q1")}
    shutil.copytree(graded.course.root, tmp_path / "own", symlinks=True)
    course = Course.load(tmp_path / "own")
    nbgrader_api.autograde(course, "q1", MISNAMED)
    nbgrader_api.autograde(course, "q1", RIGHT)
    assert {row.student: row.parts for row in queries.entries(course, "q1")} == before
