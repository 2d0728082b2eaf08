"""What needs a person stands in one list, once, until somebody has looked at it as it is now."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import status_of
from rich.console import Console

from autograder.course import Course, CourseError
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.gradebook.queries import GradebookEntry, GradebookNotebook
from autograder.intake.records import IntakeRecord, write_notes
from autograder.journal import Entry, Journal, path_of
from autograder.report import read
from autograder.report.read import CourseResults
from autograder.report.todo import marks, show
from autograder.report.todo.items import ReviewItem, review_items
from autograder.results.flag import Flag, Kind, as_reason
from autograder.results.verdict import PartVerdict, Verdict
from autograder.similarity import journal

WHO = "2026_00001"


def items(course: Course, name: str, *formgrader: str) -> list[ReviewItem]:
    return review_items(CourseResults(course), name, *formgrader)


def waiting(course: Course, name: str) -> int:
    return marks.waiting(CourseResults(course), name)


def entered(monkeypatch: pytest.MonkeyPatch, assignment: str,
            notebooks: dict[str, GradebookNotebook]) -> None:
    """A gradebook with such a notebook of each student or group in an assignment."""
    monkeypatch.setattr(read, "has_assignment", lambda course, name: name == assignment)
    monkeypatch.setattr(queries, "entries", lambda course, name, late: [
        GradebookEntry(owner, {}, 0, 0, notebooks=(notebook,))
        for owner, notebook in notebooks.items()])


def judged(course: Course, *parts: PartVerdict, student: str = WHO, fingerprint: str = "first",
           events: tuple[str, ...] = ()) -> None:
    with Journal(path_of(course, "q2")) as journal:
        journal.write(Entry(student, "q2", fingerprint, Verdict("q2", parts, events)))


def flagged(name: str, *flags: str) -> PartVerdict:
    return PartVerdict(name, 1, 2, review=flags)


def told(course: Course, name: str = "q2") -> list[tuple[Kind, str, str]]:
    return [(item.kind, item.student, item.reason) for item in items(course, name)]


def only(course: Course) -> ReviewItem:
    (item,) = items(course, "q2")
    return item


def done(course: Course, item: ReviewItem, note: str = "", reopen: bool = False) -> None:
    marks.add(course, "q2", [item], note, reopen)


# -------------------------------------------------------------------------------- what is in it


def test_where_nothing_was_graded_nobody_is_needed(course: Course) -> None:
    assert items(course, "hw4") == []
    with pytest.raises(CourseError, match="No assignment `hw5`"):
        items(course, "hw5")


def test_each_kind_of_flag_stands_with_its_reason(course: Course) -> None:
    write_notes(course, "q2", [
        IntakeRecord("a.zip", WHO, flags=(Flag("q2.ipynb: two cells fit", Kind.NOTEBOOK),
                                      Flag("who is Eve?", Kind.NAMES), "an old flag"))])
    judged(course, flagged("q2_result", Flag("result.log: too good", Kind.LOG)),
           flagged("q2_layer", Flag("not judged: lost", Kind.NOT_JUDGED)),
           events=(Flag("cell 3 ran out of memory", Kind.CRASHED), "cell 4 raised NameError"))
    assert told(course) == [
        (Kind.NOT_JUDGED, WHO, "q2_layer: not judged: lost"),
        (Kind.CRASHED, WHO, "cell 3 ran out of memory"),
        (Kind.NAMES, WHO, "who is Eve?"),
        (Kind.NOTEBOOK, WHO, "q2.ipynb: two cells fit"),
        (Kind.LOG, WHO, "q2_result: result.log: too good"),
        (Kind.OTHER, WHO, "an old flag")]


def test_a_part_that_was_stopped_has_crashed(course: Course) -> None:
    judged(course, PartVerdict("a", 0, 2, reasons=("wrong", Flag("it hung", Kind.CRASHED))),
           flagged("b"))
    assert told(course) == [(Kind.CRASHED, WHO, "a: it hung")]


def test_what_is_said_of_every_part_is_said_once(course: Course) -> None:
    copied = Flag("bert.py holds 40 tokens of transformers", Kind.BORROWED)
    judged(course, flagged("a", copied), flagged("b", copied))
    assert told(course) == [(Kind.BORROWED, WHO, copied)]


def test_only_the_last_verdict_counts(course: Course) -> None:
    judged(course, flagged("a", Flag("odd", Kind.LOG)))
    judged(course, flagged("a"))
    assert told(course) == []


def test_uploads_of_nobody_and_unreadable_ones(course: Course) -> None:
    for assignment in ("q1", "q2"):  # a homework's upload is looked at once for each
        write_notes(course, assignment, [IntakeRecord("lost.zip", problem="holds no student id"),
                                         IntakeRecord("a.zip", WHO, "it is empty (0 bytes)")])
    assert told(course, "hw4") == [
        (Kind.UNREAD, WHO, "it is empty (0 bytes)"),
        (Kind.NOBODYS, "", "holds no student id")]
    assert [item.about for item in items(course, "hw4")] == ["a.zip", "lost.zip"]


def test_what_waits_for_a_grade_leads_to_the_desk_and_to_formgrader(
        course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    entered(monkeypatch, "q2", {
        WHO: GradebookNotebook("q2", "c0ffee", {"q2_why": 3.0, "q2_plot": 1.5}),
        "2026_00002": GradebookNotebook("q2", "decaf", {})})
    assert only(course).reason == "q2_why (3 points); q2_plot (1.5 points)"
    (item,) = items(course, "q2", "https://hub.example/formgrader/")
    assert item.where == ("autograder desk q2",
                          "https://hub.example/formgrader/submissions/c0ffee/")


def test_groups_that_the_roster_does_not_know(
        course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    (course.root / "roster.csv").write_text("id,name,group\n1,Ada Example,a\n")
    entered(monkeypatch, "hw3", {group: GradebookNotebook("hw3", group, {}) for group in "ab"})
    (item,) = items(course, "hw3")
    assert (item.kind, item.student) == (Kind.NAMES, "b") and "roster.csv" in item.where


def test_pairs_that_are_alike_lead_to_their_page(course: Course) -> None:
    alike = journal.SimilarPair("ada", "bo", "both have 90% of it", "similar/hw4.html#x", "seen")
    journal.write(course, "q2", [alike])
    assert (only(course).kind, only(course).student) == (Kind.SIMILAR, "ada and bo")
    assert only(course).where == ("similar/hw4.html#x",)


def test_files_are_named_by_where_they_lie(course: Course) -> None:
    (course.submitted / WHO / "q2").mkdir(parents=True)
    judged(course, flagged("a", Flag("odd", Kind.LOG)))
    assert only(course).where == (f"grading/submitted/{WHO}/q2",)


@pytest.mark.nbgrader
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_the_gradebook_tells_what_waits(course: Course) -> None:
    with open_gradebook(course) as gradebook:
        gradebook.add_assignment("q2")
        gradebook.add_notebook("q2", "q2")
        for name in ("by_hand", "judged"):
            gradebook.add_grade_cell(name, "q2", "q2", max_score=3, cell_type="markdown")
        gradebook.add_student(WHO)
        gradebook.add_submission("q2", WHO)
        gradebook.find_grade("judged", "q2", "q2", WHO).auto_score = 1
        for name in ("by_hand", "judged"):
            gradebook.find_grade(name, "q2", "q2", WHO).needs_manual_grade = True
        gradebook.db.commit()
        there = gradebook.find_submission_notebook("q2", "q2", WHO).id
    assert queries.entry(course, "q2", WHO).notebooks == (
        GradebookNotebook("q2", there, {"by_hand": 3}, {}, {"by_hand": 3, "judged": 3}),)
    assert only(course).where == ("autograder desk q2",
                                  f"http://localhost:8888/formgrader/submissions/{there}/",)


# --------------------------------------------------------------------------- looked at, and again


def test_what_was_looked_at_is_off_the_list(course: Course) -> None:
    judged(course, flagged("a", Flag("odd", Kind.LOG)))
    assert waiting(course, "q2") == waiting(course, "hw4") == 1
    done(course, only(course), "a typo")
    assert waiting(course, "q2") == waiting(course, "hw4") == 0
    mark = marks.mark_of(only(course), marks.read(course))
    assert mark is not None and mark.note == "a typo"


@pytest.mark.parametrize(("flag", "fingerprint"), [("odd", "second"), ("odder", "first")])
def test_a_new_submission_or_reason_brings_it_back(course: Course, flag: str, fingerprint: str
                                                   ) -> None:
    judged(course, flagged("a", Flag("odd", Kind.LOG)))
    before = only(course)
    done(course, before)
    judged(course, flagged("a", Flag(flag, Kind.LOG)), fingerprint=fingerprint)
    assert waiting(course, "q2") == 1 and only(course).id == before.id


def test_judging_again_brings_nothing_back(course: Course) -> None:
    judged(course, flagged("a", Flag("odd", Kind.LOG)))
    done(course, only(course))
    judged(course, flagged("a", Flag("odd", Kind.LOG)), events=("slower today",))
    assert waiting(course, "q2") == 0


def test_a_mark_can_be_taken_back(course: Course) -> None:
    judged(course, flagged("a", Flag("odd", Kind.LOG)))
    done(course, only(course))
    done(course, only(course), reopen=True)
    assert waiting(course, "q2") == 1


def test_a_mark_is_of_one_student(course: Course) -> None:
    for student in ("s1", "s2"):
        judged(course, flagged("a", Flag("odd", Kind.LOG)), student=student)
    done(course, items(course, "q2")[0])
    assert waiting(course, "q2") == 1


def test_marks_survive_a_line_that_was_cut_off(course: Course) -> None:
    judged(course, flagged("a", Flag("odd", Kind.LOG)))
    done(course, only(course))
    with open(course.journal / "q2.todo.jsonl", "a") as file:
        file.write('{"id": "half')
    assert waiting(course, "q2") == 0
    done(course, only(course), "again")
    assert marks.read(course)[only(course).id].note == "again"


@pytest.mark.parametrize(("late", "at", "named"), [
    (True, "", "no time is known"), (True, "2026-03-10T12:00:00+00:00", "not after the due date"),
    (True, "2026-03-20T12:00:00+00:00", ""), (False, "", ""),
    (False, "2026-03-20T12:00+00:00", "")])
def test_a_late_mark_that_the_due_date_does_not_explain_is_for_a_person(
        course: Course, late: bool, at: str, named: str) -> None:
    settings = course.root / "course.toml"
    settings.write_text(settings.read_text().replace(
        "[assignments.hw3]", "[assignments.hw3]\ndue = 2026-03-14T23:59:00+09:00", 1))
    (course.root / "roster.csv").write_text("id,name,group\ng1-1,Sample One,g1\n")
    write_notes(course, "hw3", [IntakeRecord("g1_hw3.ipynb", "g1", late=late, handed_in=at)])
    found = [item.reason for item in items(Course.load(course.root), "hw3")
             if item.kind is Kind.TIME]
    assert len(found) == bool(named) and all("LATE" in one and named in one for one in found)


# -------------------------------------------------------------------------------------- as shown


def test_what_students_wrote_is_shown_as_text(course: Course, tmp_path: Path) -> None:
    write_notes(course, "q2", [IntakeRecord("=HYPERLINK(1).zip", problem="[bold]no[/bold] id")])
    rows: list[show.ReviewRow] = [(item, None) for item in items(course, "q2")]
    screen = Console(width=160, record=True)
    for piece in show.listed("q2", rows, {}):
        screen.print(piece, markup=False)
    assert "[bold]no[/bold] id" in screen.export_text()
    show.write_csv(tmp_path / "todo.csv", rows)
    with open(tmp_path / "todo.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["kind"], row["about"]) == ("nobody's upload", "'=HYPERLINK(1).zip")


def command(course: Course, monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    return status_of(monkeypatch, "todo", "q2", "--course", course.root, *args)


def test_the_command_lists_marks_and_tells_by_its_status(
        course: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
        ) -> None:
    judged(course, flagged("a", Flag("odd", Kind.LOG)))
    one = only(course).id
    assert command(course, monkeypatch, "--csv", course.root / "todo.csv") == 1
    assert one in capsys.readouterr().out and one in (course.root / "todo.csv").read_text()
    assert command(course, monkeypatch, "--done", one, "--note", "fine") == 0
    assert "1 looked at" in capsys.readouterr().out
    assert command(course, monkeypatch, "--all") == 0
    assert "fine" in capsys.readouterr().out
    assert command(course, monkeypatch, "--undo", one) == 1
    assert command(course, monkeypatch, "--done", "nonsense") == 2
    assert "holds no nonsense" in capsys.readouterr().err


def test_an_id_is_the_same_on_every_machine() -> None:
    item = ReviewItem(Kind.LOG, WHO, "q2", "q2", (as_reason("odd"),))
    odder = replace(item, reasons=(as_reason("odder"),))
    assert item.id == odder.id == "e1949a2b"
    assert item.state != odder.state
