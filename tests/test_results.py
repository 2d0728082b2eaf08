"""Graded submissions: each source is read once for the whole class, and nobody is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from class_report.classes import entry, toy_course, toy_verdict, write_class
from typer.testing import CliRunner

from autograder import batch, files
from autograder.cli import app
from autograder.course import Course
from autograder.faults import Faults, Step
from autograder.intake.records import IntakeRecord, write_notes
from autograder.journal import path_of
from autograder.report.grades import grade_rows
from autograder.report.read import CourseResults

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own

ROSTER = "id,name,group\ns001,Ada Example,\ns002,Bo Sample,\n"


@pytest.fixture
def toy(tmp_path: Path) -> Course:
    """Two who were judged, an upload that cannot be read, and one that is nobody's."""
    course = toy_course(tmp_path, ROSTER)
    settings = course.root / "course.toml"
    settings.write_text(settings.read_text().replace(
        "[course]", '[course]\nexercises = "../exercises"').replace(
        "[assignments.toy]", "[assignments.toy]\ndue = 2026-03-14T23:59:00+09:00"))
    course = Course.load(course.root)
    write_class(course, "toy", [entry(who, toy_verdict(words)) for who, words in (
        ("s001", 4), ("s002", 1))], {"s001": 0.5})
    write_notes(course, "toy", [
        IntakeRecord("s001.zip", "s001", remarks=("a file too many",)), IntakeRecord("lost.zip"),
        IntakeRecord("s003.zip", "s003", problem="not a zip")])
    return course


@contextmanager
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each file of lines is read from here on, by name."""
    found: Counter[str] = Counter()

    def counted(path: Path, mode: str = "r", **options: str) -> object:
        found[Path(path).name] += "r" in mode
        return open(path, mode, **options)

    monkeypatch.setattr(files, "open", counted, raising=False)
    yield found
    monkeypatch.undo()


@pytest.mark.parametrize("command", [
    ("grade", "toy"), ("feedback", "toy"), ("todo", "toy"), ("report", "toy"), ("latedays",),
    ("export", "toy", "--to", "csv"), ("export", "toy", "--to", "gradescope", "--partial")])
def test_a_command_reads_the_notes_once(toy: Course, monkeypatch: pytest.MonkeyPatch,
                                        command: tuple[str, ...]) -> None:
    (toy.submitted / "s001" / "toy").mkdir(parents=True)
    monkeypatch.setattr(batch, "grade", lambda *given: SimpleNamespace())  # reads for itself
    with opened(monkeypatch) as count:
        result = CliRunner().invoke(app, [*command, "--course", str(toy.root)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert result.exit_code in (0, 1), result.output
    assert count["toy.intake.jsonl"] == 1
    assert count["toy.jsonl"] <= 1 + (command[0] == "report")  # for the times of its batches


def test_everybody_of_whom_a_source_knows_has_a_record(toy: Course) -> None:
    with Faults(toy, "toy").guard(Step.ENTER, "s004"):
        raise ValueError("odd")
    (toy.submitted / "s005" / "toy").mkdir(parents=True)
    (toy.submitted / "s005" / "toy" / "timestamp.txt").write_text("in spring")
    one, two, unread, failed, doubted, nobodys = CourseResults(toy).submissions("toy")
    assert one.gradebook and one.gradebook.parts == {
        "toy_words": 4, "toy_count": 3, "toy_scale": 3, "toy_why": 1}
    assert one.gradebook.manual.parts["toy_why"].points == 1 and one.notes == ("a file too many",)
    assert two.waiting == ["toy_why"] and list(two.judged) == ["toy"]
    assert (unread.owner, unread.gradebook, unread.notes) == ("s003", None, ("not a zip",))
    assert (failed.owner, [fault.step for fault in failed.faults]) == ("s004", [Step.ENTER])
    assert doubted.owner == "s005" and "in spring" in str(doubted.time_doubt)
    assert (nobodys.owner, nobodys.received.upload) == ("", "lost.zip")
    assert [row.who for row in grade_rows(CourseResults(toy), "toy")] == [
        "s001", "s002", "s004", "lost.zip"]


def test_a_record_is_of_one_time(toy: Course) -> None:
    before = CourseResults(toy)
    assert len(before.submissions("toy")) == 4
    path_of(toy, "toy").unlink()
    write_notes(toy, "toy", [IntakeRecord("s009.zip", "s009")])
    assert len(before.submissions("toy")) == 4
    assert {one.owner for one in CourseResults(toy).submissions("toy") if one.judged} == set()
