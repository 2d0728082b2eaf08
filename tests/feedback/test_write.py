"""Pages are written from journal and gradebook, those alone that change, each with its own data."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from conftest import TOY_COURSE, Toy, run_cli, toy_work
from nbgrader.api import Gradebook

from autograder.course import Course, CourseError
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.intake.records import IntakeRecord, write_notes
from autograder.journal import Entry, Journal, last_entries, path_of
from autograder.report.feedback.write import PagesWritten, page_name, path, write
from autograder.report.read import CourseResults
from autograder.results.verdict import PartVerdict, Verdict

POINTS = {"toy_words": 4.0, "toy_count": 3.0, "toy_scale": 3.0}
LOST = "The words of a text differ."
Making = Callable[..., Course]
# nbgrader's own way with its database.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
STAFF = "the reference said 0.7310585786300049"
HOMEWORK = """
[homeworks.all]
title = "All of it"
assignments = ["toy"]
max_points = 9
deduction = 2
waivers = [{ student = "s002", reason = "the platform was down" }]
"""


def judged(course: Course, student: str, lost: float = 0.0, says: str = LOST) -> None:
    """A verdict in the journal."""
    parts = tuple(PartVerdict(part, most - (lost if part == "toy_words" else 0), most,
                              (says,) if lost and part == "toy_words" else (), staff=(STAFF,))
                  for part, most in POINTS.items())
    with Journal(path_of(course, "toy")) as journal:
        journal.write(Entry(student, "toy", "f" + student, Verdict("toy", parts), {"a": "b"}))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy course with a gradebook in which nobody is yet: to make one takes seconds."""
    folder = tmp_path_factory.mktemp("empty")
    Toy(course=TOY_COURSE.replace("[course]", '[course]\nexercises = "../exercises"')).write(folder)
    with open_gradebook(Course.load(folder / "course")) as gradebook:
        gradebook.add_assignment("toy")
        gradebook.add_notebook("toy", "toy")
        for part, most in POINTS.items():
            gradebook.add_grade_cell(part, "toy", "toy", max_score=most, cell_type="code")
        gradebook.add_solution_cell("toy_words-solution", "toy", "toy")
    return folder


@pytest.fixture
def course_with(empty: Path, tmp_path: Path) -> Making:
    """Make a course of students, each of whom has lost so many points."""

    def make(students: dict[str, float], settings: str = "") -> Course:
        shutil.copytree(empty, tmp_path / "own")
        root = tmp_path / "own" / "course"
        (root / "course.toml").write_text((root / "course.toml").read_text() + settings)
        course = Course.load(root)
        with open_gradebook(course) as gradebook:
            for student, lost in students.items():
                _enter(gradebook, student, lost)
        for student, lost in students.items():
            folder = course.submitted / student / "toy"
            folder.mkdir(parents=True)
            nbformat.write(toy_work(course).notebook, folder / "toy.ipynb")
            judged(course, student, lost)
        return course

    return make


def _enter(gradebook: Gradebook, student: str, lost: float) -> None:
    gradebook.add_student(student)
    gradebook.add_submission("toy", student)
    for part, most in POINTS.items():
        grade = gradebook.find_grade(part, "toy", "toy", student)
        grade.auto_score = most - (lost if part == "toy_words" else 0)
        grade.needs_manual_grade = False
    gradebook.db.commit()


def said(course: Course, student: str) -> str:
    return path(course, "toy", student).read_text()


def counts(done: PagesWritten) -> tuple[int, int]:
    return done.new, done.kept


@pytest.fixture
def two(course_with: Making) -> Course:
    return course_with({"s001": 0.0, "s002": 1.5})


def test_a_page_is_written_where_it_would_change_and_nowhere_else(two: Course) -> None:
    assert counts(write(CourseResults(two), "toy")) == (2, 0)
    assert counts(write(CourseResults(two), "toy")) == (0, 2)
    judged(two, "s002", 1.5)  # judged again, to the same end
    assert counts(write(CourseResults(two), "toy")) == (0, 2)
    judged(two, "s002", 1.5, "Something else was wrong.")
    assert counts(write(CourseResults(two), "toy")) == (1, 1)
    assert "Something else was wrong." in said(two, "s002")
    with open_gradebook(two) as gradebook:
        comment = gradebook.find_comment("toy_words-solution", "toy", "toy", "s001")
        comment.manual_comment = "Neat, but <b>."
        gradebook.db.commit()
    assert counts(write(CourseResults(two), "toy")) == (1, 1)
    assert "Neat, but &lt;b&gt;." in said(two, "s001")
    german = replace(two, toml=two.toml.model_copy(update={
        "course": two.toml.course.model_copy(update={"language": "de"})}))
    assert counts(write(CourseResults(german), "toy")) == (2, 0) and "Gesamt" in said(two, "s001")
    path(two, "toy", "s001").unlink()
    assert counts(write(CourseResults(german), "toy")) == (1, 1)


def test_a_page_holds_ones_own_things_and_nothing_of_staff_or_of_others(two: Course) -> None:
    write_notes(two, "toy", [IntakeRecord("a.zip", "s001", remarks=("left out a.pt",),
                                      flags=("look at it",))])
    write(CourseResults(two), "toy")
    first, second = said(two, "s001"), said(two, "s002")
    assert "left out a.pt" in first and LOST in second
    assert "s002" not in first and LOST not in first and "s001" not in second
    for page in (first, second):
        assert STAFF not in page and "look at it" not in page
        assert "the counts differ" not in page, "a sentence of a hidden test that did not fail"
        assert "return text.lower().split()" in page, "the student's own code"


def test_pages_on_a_homework_name_its_deduction_and_waivers(course_with: Making) -> None:
    course = course_with({"s001": 0.0, "s002": 0.0}, HOMEWORK)
    for student in ("s001", "s002"):
        write_notes(course, "toy", [IntakeRecord(f"{student}.zip", student, "", ("a.zip is odd",),
                                             ("a.zip is odd",))])
    assert (page_name(course, "toy"), page_name(course, "all")) == ("all", "all")
    assert write(CourseResults(course), "toy").name == "all"
    first, second = said(course, "s001"), said(course, "s002")
    assert "8 of 9 points" in first and "a.zip is odd" in first
    assert "9 of 9 points" in second and "the platform was down" in second
    assert path(course, "all", "s001") == course.feedback / "s001" / "all.html"


def test_every_member_of_a_group_has_its_page(course_with: Making) -> None:
    course = course_with({"g1": 0.0, "g2": 1.0})
    settings = course.root / "course.toml"
    settings.write_text(settings.read_text().replace("[course]", '[course]\nroster = "r.csv"'
                                                     ).replace("max_points", "groups = true\n"
                                                               "max_points", 1))
    (course.root / "r.csv").write_text("id,name,group\ns001,Ada,g1\ns002,Ben,g1\n")
    course = Course.load(course.root)
    assert counts(write(CourseResults(course), "toy")) == (3, 0)
    for member in ("s001", "s002"):
        assert "group g1" in said(course, member) and "10 of 10 points" in said(course, member)
    assert "9 of 10 points" in said(course, "g2"), "whose roster knows nobody keeps a page"


def test_before_anything_is_graded_it_is_a_sentence(tmp_path: Path) -> None:
    course = Toy().write(tmp_path)
    with pytest.raises(CourseError,
                       match=r"Nothing of toy is graded yet\. First: autograder grade"):
        write(CourseResults(course), "toy")
    with pytest.raises(CourseError, match="No assignment `nothing`"):
        write(CourseResults(course), "nothing")


def test_the_command_says_what_it_wrote_and_where(two: Course) -> None:
    done = run_cli("feedback", "toy", cwd=two.root)
    assert done.returncode == 0, done.stderr
    assert "2 written, 0 unchanged" in done.stdout
    assert str(two.feedback / "ID" / "toy.html") in done.stdout


def test_the_last_entry_of_a_journal_counts_and_one_cut_off_does_not(two: Course) -> None:
    judged(two, "s001", 1.0, "newest")
    with open(path_of(two, "toy"), "ab") as file:
        file.write(b'{"student": "s001", "exer')  # cut off
    last = last_entries(two, "toy")
    assert "newest" in last["s001", "toy"].verdict.parts[0].says
    assert ("s003", "toy") not in last
    path_of(two, "toy").unlink()
    assert last_entries(two, "toy") == {}
