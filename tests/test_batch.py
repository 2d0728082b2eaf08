"""A batch judges what is new or has changed, says why, and goes on where it was stopped."""

from __future__ import annotations

import csv
import functools
import multiprocessing
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import REPO, TOY_COURSE, Toy, toy_work, until

from autograder import batch
from autograder.course import Course, CourseError
from autograder.gradebook import nbgrader_api, queries
from autograder.gradebook.backup import KEPT, back_up
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.grading.enter import autograde
from autograder.grading.judge import judging
from autograder.grading.page import NO_PAGE
from autograder.grading.page_writers import PageWriters
from autograder.grading.submission import JudgedSubmission, read_submission
from autograder.intake.records import note_of
from autograder.intake.times import late_in
from autograder.journal import by_student
from autograder.release.build import prepare
from autograder.report.grades import grade_rows
from autograder.report.read import CourseResults

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]
NEW = "no verdict so far"


def own_course(folder: Path) -> Course:
    """A toy course that finds its exercises by course.toml alone, as nbgrader needs it."""
    settings = TOY_COURSE.replace("[course]", '[course]\nexercises = "../exercises"')
    Toy(course=settings + 'preload = ["torch"]\n').write(folder)
    course = Course.load(folder / "course")
    prepare(course, "toy")
    return course


def hand_in(course: Course, student: str, replace: str = "", by: str = "") -> None:
    work = toy_work(course, replace, by)
    folder = course.submitted / student / "toy"
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(work.notebook, folder / "toy.ipynb")
    for name, data in work.files.items():
        (folder / name).write_bytes(data)


def grade(course: Course, again: bool = False) -> batch.Summary:
    return batch.grade(course, "toy", batch.submitted_students(course, "toy"), 1, again=again)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with two graded submissions; tests add to it, in their order."""
    course = own_course(tmp_path_factory.mktemp("batch"))
    hand_in(course, "s001")
    hand_in(course, "s002", "text.lower().split()", "text.split()")
    assert grade(course).judged == {NEW: 2}
    return course


def points(course: Course) -> dict[str, float]:
    rows = queries.entries(course, "toy", late_in(course, "toy"))
    return {row.student: row.points for row in rows}


def pages(course: Course) -> dict[str, int]:
    return {path.parents[1].name: path.stat().st_mtime_ns
            for path in course.feedback.glob("*/toy/toy.html")}


def test_what_has_not_changed_is_left_alone(graded: Course) -> None:
    before, seen = points(graded), pages(graded)
    done = grade(graded)
    assert (done.judged, done.kept) == ({}, 2)
    assert (points(graded), pages(graded)) == (before, seen)
    assert before["s001"] == 10 > before["s002"]


@pytest.fixture
def opened() -> Iterator[Counter[Path]]:
    """How often files are opened, by path, while the test runs."""
    opened: Counter[Path] = Counter()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if watching and event == "open":
            opened[Path(str(args[0]))] += 1

    watching = [True]
    sys.addaudithook(hook)  # which stays
    yield opened
    watching.clear()


def test_a_submission_is_read_once_and_the_notes_are(graded: Course, opened: Counter[Path]
                                                     ) -> None:
    """Both where its verdict is kept and where it is judged and entered anew."""
    hand_in(graded, "s001", "text.lower().split()", "text.split(' ')")
    files = [path for path in graded.submitted.rglob("*") if path.is_file()]
    for judged in ({"the submission": 1}, {}):
        opened.clear()
        assert grade(graded).judged == judged
        assert {path: opened[path] for path in files} == dict.fromkeys(files, 1)
        assert opened[graded.journal / "toy.intake.jsonl"] == 1
    hand_in(graded, "s001")
    grade(graded)


def test_what_was_handed_in_anew_is_judged_and_nothing_else(graded: Course) -> None:
    seen = pages(graded)
    hand_in(graded, "s002")
    done = grade(graded)
    assert (done.judged, done.kept) == ({"the submission": 1}, 1)
    assert points(graded) == {"s001": 10, "s002": 10}
    assert pages(graded)["s001"] == seen["s001"] and pages(graded)["s002"] != seen["s002"]


@pytest.mark.parametrize(("file", "why"), [
    ("test_hidden.py", "hidden tests or probes"), ("misconceptions.toml", "misconceptions")])
def test_a_changed_exercise_is_the_reason(graded: Course, file: str, why: str) -> None:
    path = graded.exercise("toy").folder / file
    path.write_text(path.read_text() + "\n# changed\n")
    assert grade(graded).judged == {why: 2}
    assert grade(graded).judged == {}


def test_another_model_on_the_hub_is_a_reason(graded: Course, monkeypatch: pytest.MonkeyPatch
                                              ) -> None:
    monkeypatch.setattr(Course, "hub_revisions", lambda self, assignment: ["another"])
    assert grade(graded).judged == {"the offline hub": 2}
    monkeypatch.undo()
    assert grade(graded).judged == {"the offline hub": 2}


def test_again_judges_everything(graded: Course) -> None:
    assert grade(graded, again=True).judged == {"--again": 2}


def test_a_batch_that_was_cut_off_goes_on(graded: Course) -> None:
    """The journal's last line is half a line, and the gradebook misses what it told."""
    journal = graded.journal / "toy.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    (graded.journal / "toy.entered.jsonl").write_text('["s00')
    before = points(graded)
    done = grade(graded)
    assert sum(done.judged.values()) <= 1 and done.kept >= 1
    assert points(graded) == before


def test_what_a_person_typed_survives_and_reaches_the_page(graded: Course) -> None:
    with open_gradebook(graded) as gradebook:
        grade_ = gradebook.find_grade("toy_scale", "toy", "toy", "s001")
        grade_.manual_score = 1.5
        gradebook.db.commit()
    seen = pages(graded)
    done = grade(graded)
    assert done.judged == {} and points(graded)["s001"] == 8.5
    assert pages(graded)["s001"] != seen["s001"], "the page does not show what was typed"
    assert pages(graded)["s002"] == seen["s002"]


def test_nbgraders_own_commands_give_the_same_and_leave_submissions_alone(tmp_path: Path) -> None:
    course = own_course(tmp_path)
    shutil.copy(REPO / "nbgrader_config.py", course.root)
    hand_in(course, "s001")
    hand_in(course, "s002", "text.lower().split()", "text.split()")
    grade(course)
    expected, seen = points(course), set(pages(course))
    handed_in = {path: path.read_bytes() for path in course.submitted.rglob("*") if path.is_file()}
    for folder in (course.autograded, course.feedback):
        shutil.rmtree(folder)
    course.gradebook.unlink()
    prepare(course, "toy")
    for command in ("autograde", "generate_feedback"):
        done = subprocess.run([Path(sys.executable).with_name("nbgrader"), command, "toy"],
                              cwd=course.root, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-2000:]
    assert (points(course), set(pages(course))) == (expected, seen)
    assert {path.name for path in course.root.iterdir()} - {".nbgrader.log"} == {
        "course.toml", "nbgrader_config.py", "exercises", ".build", "grading"}
    assert handed_in == {path: path.read_bytes() for path in course.submitted.rglob("*")
                         if path.is_file()}


# ---------------------------------------------------------------------------------------- late days

DUE = "due = 2026-03-14T23:59:00+09:00\n"


def set_course(course: Course, old: str, new: str) -> Course:
    file = course.root / "course.toml"
    settings = file.read_text()
    assert old in settings
    file.write_text(settings.replace(old, new))
    return Course.load(course.root)


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A dated course; s001 handed in 3 days late, s002 in time. Tests go on with it, in order."""
    course = own_course(tmp_path_factory.mktemp("late"))
    course = set_course(course, "max_points = 10", f"max_points = 10\n{DUE}")
    course = set_course(course, "[limits]", "[late]\nfree_days = 1\npercent_per_day = 10\n[limits]")
    shutil.copy(REPO / "nbgrader_config.py", course.root)
    for student, day in (("s001", 17), ("s002", 13)):
        hand_in(course, student)
        timestamp = course.submitted / student / "toy" / "timestamp.txt"
        timestamp.write_text(f"2026-03-{day} 12:00 UTC")
    assert grade(course).judged == {NEW: 2}
    return course


def native_points(course: Course) -> dict[str, float]:
    """Points less penalties as nbgrader's own CSV export has them."""
    done = subprocess.run(
        [Path(sys.executable).with_name("nbgrader"), "export", "--to=native.csv"],
        cwd=course.root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    with open(course.root / "native.csv", newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def test_a_penalty_stands_in_the_gradebook_and_on_the_page(late: Course) -> None:
    """Each day that has begun; one of three is free."""
    with open_gradebook(late) as gradebook:  # as it was left, before anything reads it
        assert gradebook.find_submission("toy", "s001").late_submission_penalty == 2
    assert points(late) == {"s001": 8, "s002": 10}
    page = (late.feedback / "s001" / "toy" / "toy.html").read_text()
    assert "handed in 2 days 21 h late: 1 late day used, none left; 20 % of the maximum off" in page
    assert "(Score: 8.0 / 10.0)" in page
    assert "late" not in (late.feedback / "s002" / "toy" / "toy.html").read_text().split("<body")[1]


def test_points_by_hand_change_the_penalty_and_stay(late: Course) -> None:
    course = set_course(late, "percent_per_day = 10", "percent_per_day = 10\npercent_of = 'earned'")
    with open_gradebook(course) as gradebook:
        gradebook.find_grade("toy_scale", "toy", "toy", "s001").manual_score = 2
        gradebook.db.commit()
    assert native_points(course) == {"s001": pytest.approx(7.2), "s002": 10}
    assert grade_rows(CourseResults(course), "toy")[0].late_penalty == 1.8
    (entry,) = by_student(course, "toy")["s001"].values()
    autograde(course, "toy", JudgedSubmission(
        read_submission(course, "toy", "s001"), {"toy": entry.verdict}))
    with open_gradebook(course) as gradebook:
        submission = gradebook.find_submission("toy", "s001")
        assert (submission.score, submission.late_submission_penalty) == (9, 1.8)


def test_a_changed_rule_judges_nothing_and_reaches_the_page(late: Course) -> None:
    grade(late)
    seen = pages(late)
    course = set_course(late, "[limits]", '''[[extensions]]
student = "s001"
assignment = "toy"
until = 2026-03-16T23:59:00+09:00
reason = "a secret"
[limits]''')
    done = grade(course)
    assert (done.judged, done.kept) == ({}, 2)
    assert points(course) == {"s001": 9, "s002": 10}
    assert pages(course)["s001"] != seen["s001"] and pages(course)["s002"] == seen["s002"]
    page = (course.feedback / "s001" / "toy" / "toy.html").read_text()
    assert "extension until 2026-03-16 23:59+09:00" in page and "a secret" not in page
    with open_gradebook(course) as gradebook:
        assert gradebook.find_grade("toy_scale", "toy", "toy", "s001").manual_score == 2


def test_without_its_due_date_nothing_is_late_any_more(late: Course) -> None:
    file = late.root / "course.toml"
    text = file.read_text()
    file.write_text(text[:text.index("[[ext")] + text[text.index("[limits]"):].replace(DUE, ""))
    course = Course.load(late.root)
    done = grade(course)
    assert (done.judged, done.kept) == ({}, 2)
    assert points(course) == {"s001": 9, "s002": 10}
    assert queries.entry(course, "toy", "s001").late_penalty == 0


# ------------------------------------------------------------------------------------ the gradebook


def with_gradebook(course: Course, data: bytes | None = None) -> Course:
    course.grading.mkdir()
    if data is None:
        with sqlite3.connect(course.gradebook) as database:
            database.execute("CREATE TABLE grades (points)")
    else:
        course.gradebook.write_bytes(data)
    return course


def test_a_copy_is_kept_before_each_batch(toy: Course) -> None:
    course = with_gradebook(toy)
    copies = [back_up(course) for _ in range(KEPT + 2)]
    kept = sorted((course.journal / "backups").iterdir())
    assert kept == sorted(copy for copy in copies[-KEPT:] if copy)
    with sqlite3.connect(kept[-1]) as copy:
        assert copy.execute("SELECT count(*) FROM grades").fetchone() == (0,)


def test_without_a_gradebook_there_is_nothing_to_copy(tmp_path: Path) -> None:
    course = Toy().write(tmp_path)
    assert back_up(course) is None


@pytest.mark.parametrize("data", [b"this is no database at all" * 50,
                                  b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_gradebook_is_a_sentence(tmp_path: Path, data: bytes) -> None:
    course = with_gradebook(Toy().write(tmp_path), data)
    with pytest.raises(CourseError, match=r"is damaged|cannot be"):
        back_up(course)
    assert course.gradebook.read_bytes() == data


def test_a_locked_gradebook_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = with_gradebook(Toy().write(tmp_path))
    connect = sqlite3.connect
    monkeypatch.setattr("autograder.gradebook.backup.sqlite3.connect",
                        lambda path, timeout=0: connect(path, timeout=0.1))
    other = connect(course.gradebook, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CourseError, match="in use by another program"):
        back_up(course)
    other.execute("ROLLBACK")
    other.close()


def test_a_log_that_speaks_of_a_full_disk_is_not_believed(toy: Course) -> None:
    """A student's notebook may bring any words into it, and must not stop the batch."""
    found = nbgrader_api._error(toy, "nbgrader autograde",
                                "OSError: No space left on device: 'mine'")
    assert isinstance(found, nbgrader_api.NativeError)


def test_a_gradebook_that_was_locked_meanwhile_is_the_machines_fault(toy: Course) -> None:
    course = with_gradebook(toy)
    other = sqlite3.connect(course.gradebook, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    found = nbgrader_api._error(course, "nbgrader autograde",
                                "OperationalError: database is locked")
    other.close()
    assert isinstance(found, CourseError) and "database is locked" in str(found)


def test_a_password_may_hold_a_dollar(toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    info = toy.toml.course.model_copy(update={"db_url": "postgresql://me:$SECRET@host/grades"})
    course = replace(toy, toml=toy.toml.model_copy(update={"course": info}))
    with pytest.raises(CourseError, match="SECRET, which is not set"):
        _ = course.db_url
    monkeypatch.setenv("SECRET", "a$b")
    assert course.db_url == "postgresql://me:a$b@host/grades"


@pytest.mark.parametrize("writers", [0, 2])
def test_pages_are_collected_whoever_wrote_them(graded: Course, writers: int) -> None:
    with PageWriters(graded, "toy", writers) as pages:
        for student in ("s001", "s002", "s404"):  # of whom there is nothing
            pages.start(student)
        assert dict(pages.written(every=True)) == {"s001": True, "s002": True, "s404": False}
        assert not dict(pages.written(every=True))


def test_a_page_whose_process_is_killed_is_written_all_the_same(graded: Course) -> None:
    with PageWriters(graded, "toy", 1) as pages:
        pages.start("s001")
        assert pages._pool is not None
        until(lambda: bool(multiprocessing.active_children()))
        for process in multiprocessing.active_children():
            process.kill()
        pages.start("s002")
        assert dict(pages.written(every=True)) == {"s001": True, "s002": True}


@pytest.mark.parametrize("writers", [0, 1])
def test_whose_page_cannot_be_made_gets_the_released_one(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writers: int) -> None:
    course = own_course(tmp_path)
    hand_in(course, "s001")
    monkeypatch.setattr(batch, "JUDGES_A_WRITER", 1 if writers else 99)
    start = PageWriters.start

    def spoiled(self: PageWriters, student: str) -> None:
        (course.autograded / student / "toy" / "toy.ipynb").write_text("no notebook")
        start(self, student)

    monkeypatch.setattr(PageWriters, "start", spoiled)
    grade(course)
    assert (course.feedback / "s001" / "toy" / "toy.html").is_file()
    note = note_of(course, "toy", "s001")
    assert note is not None and NO_PAGE in note.flags
    assert points(course) == {"s001": 10}


@pytest.mark.parametrize(("works", "judges"), [(1, 1), (2, 1), (3, 2), (100, 16)])
def test_few_submissions_start_few_judges(works: int, judges: int) -> None:
    judge = judging(16, "", works)
    assert isinstance(judge, functools.partial) and judge.keywords == {"processes": judges}
