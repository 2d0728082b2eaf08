"""What follows from a reason follows from its code: no word of it counts."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bs4
import pytest
from class_report.classes import entry, toy_course, write_class

from autograder.files import UNLIKE
from autograder.journal import path_of
from autograder.report import grades
from autograder.report.class_report.data import gather
from autograder.report.class_report.view import class_report
from autograder.report.feedback.write import path, write
from autograder.report.grades import grade_rows
from autograder.report.read import CourseResults
from autograder.report.todo.items import review_items
from autograder.report.todo.marks import add, mark_of, read
from autograder.results import reason as reasons
from autograder.results import words
from autograder.results.flag import kind_of
from autograder.results.reason import Code, Reason, ReviewKind, Stop
from autograder.results.verdict import PartVerdict, Verdict
from reasons.cases import verdicts

HERE = Path(__file__).parent
# Made by that kit's own code from what cases.py makes; it knew no stalled kernel and no flag beside
# what was not tried.
OLD = {"journal_of_sentences": set(), "journal_bef7341": {"used up", "no kernel"}}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = toy_course(tmp_path_factory.mktemp("empty"))
    write_class(course, "toy", [])
    return course.root


@pytest.fixture
def figures(tmp_path: Path, empty: Path) -> Callable[[Iterable[tuple[str, Verdict]]], Any]:
    """Makes a class of verdicts, by student, and reads all that is made of it but for words."""
    numbers = itertools.count()

    def of(found: Iterable[tuple[str, Verdict]]) -> dict[str, Any]:
        root = tmp_path / str(next(numbers))
        shutil.copytree(empty, root)
        course = toy_course(root)
        write_class(course, "toy", [entry(name, verdict) for name, verdict in found])
        return read_figures(CourseResults(course))

    return of


@pytest.fixture
def nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue in which no English word is left."""
    numbers = itertools.count()

    def other(template: str) -> str:
        return " ".join([f"zq{next(numbers)}", *(
            f"{{{name}}}" for name in sorted(set(words.PLACEHOLDER.findall(template))))])

    monkeypatch.setattr(words, "TEMPLATES", {
        code: tuple(map(other, templates)) for code, templates in words.TEMPLATES.items()})
    for labels in (reasons.LABELS, reasons.STOP_LABELS):
        for key in labels:
            monkeypatch.setitem(labels, key, f"zq{next(numbers)}")  # type: ignore[arg-type]


def read_figures(results: CourseResults) -> dict[str, Any]:
    course, rows = results.course, grade_rows(results, "toy")
    report = class_report(course, gather(results, "toy"), anonymous=False)
    write(results, "toy")
    return {
        "rows": [(row.student, row.points, row.parts, [one.review for one in row.review],
                  [kind_of(one) for one in row.flags]) for row in rows],
        "todo": [(item.kind, item.student, item.about, len(item.reasons))
                 for item in review_items(results, "toy")],
        "states": {row.student: states(path(course, "toy", row.student)) for row in rows},
        "counts": report.counts, "totals": report.totals, "items": report.analysis,
        "misconceptions": [(one.name, one.count) for one in report.misconceptions],
        "losses": [{**asdict(one.losses), "unnamed": [(said.count, said.points)
                                                      for said in one.unnamed]}
                   for one in report.losses],
        "failures": [(one.kind, one.students) for one in report.times.failures],
        "batches": [(one.judged, one.lost) for one in report.times.batches]}


def states(page: Path) -> list[tuple[str, ...]]:
    """The state of each part on a feedback page, and how many sentences of each sort there are."""
    soup = bs4.BeautifulSoup(page.read_bytes(), "html.parser")
    return [(*found["class"], str(found["id"]), str(len(found.find_all("li"))))
            for found in soup.select("article.part")]


def test_no_word_of_the_catalogue_counts(figures: Any, request: pytest.FixtureRequest) -> None:
    found = list(verdicts())
    before = figures(found)
    assert len(before["rows"]) == len(found) and len(before["failures"]) == len(Stop)
    assert {why for one in before["losses"] for why, lost in one["points"].items() if lost} == {
        "named", "stopped", "unwritten", "unnamed"}
    assert {kind for kind, *_ in before["todo"]} >= {
        ReviewKind.NOT_JUDGED, ReviewKind.CRASHED, ReviewKind.LOG, ReviewKind.BORROWED}
    assert "unwritten" in str(before["states"])
    request.getfixturevalue("nonsense")
    judged = list(verdicts())
    assert judged == found, "judged in other words, and the same"
    assert "Your code" not in str([part.says for _, one in judged for part in one.parts])
    assert figures(judged) == before
    again = [(name, Verdict.from_json(json.loads(json.dumps(verdict.to_json()))))
             for name, verdict in found]
    assert again == found


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("words_are", ["english", "nonsense"])
def test_a_journal_of_sentences_gives_the_same_figures(
        name: str, words_are: str, figures: Any, request: pytest.FixtureRequest) -> None:
    written = {line["student"]: line["verdict"] for line in map(
        json.loads, (HERE / f"{name}.jsonl").read_text().splitlines())}
    old = {student: Verdict.from_json(verdict) for student, verdict in written.items()}
    for student, verdict in old.items():
        assert_says(verdict, written[student])
    if words_are == "nonsense":
        request.getfixturevalue("nonsense")
    same = set(old) - OLD[name]
    assert figures((who, old[who]) for who in old if who in same) == figures(
        (who, verdict) for who, verdict in verdicts() if who in same)


def assert_says(verdict: Verdict, written: Any) -> None:
    """A verdict says in English what was written down."""

    def told(one: Any) -> tuple[str, str]:
        return (one, "other") if isinstance(one, str) else (one["says"], one["kind"])

    for part, before in zip(verdict.parts, written["parts"], strict=True):
        for name in ("says", "remarks", "flags"):
            found = [(str(one), kind_of(one).value) for one in getattr(part, name)]
            assert found == [*map(told, before[name])]
        assert list(part.misconceptions) == before["misconceptions"]
    assert [(str(one), kind_of(one).value) for one in verdict.events] == [
        *map(told, written["events"])]


def test_marks_that_were_set_on_sentences_still_hold(tmp_path: Path, empty: Path) -> None:
    shutil.copytree(empty, tmp_path / "course")
    course = toy_course(tmp_path / "course")
    (name, *_), text = OLD, ""
    for line in (HERE / f"{name}.jsonl").read_text().splitlines():
        text += line + "\n"
    path_of(course, "toy").parent.mkdir(parents=True, exist_ok=True)
    path_of(course, "toy").write_text(text)
    items = review_items(CourseResults(course), "toy")
    add(course, "toy", items, "")
    marks = course.journal / "toy.todo.jsonl"
    for item in items:  # as a kit wrote it that hashed the sentences
        marks.write_text(marks.read_text().replace(item.state, item.old_state))
    with open(path_of(course, "toy"), "a", encoding="utf-8") as file:
        for student, verdict in verdicts():  # judged again, with codes
            file.write(json.dumps({"student": student, "exercise": "toy", "origin": {},
                                   "fingerprint": f"hash-of-{student}",
                                   "verdict": verdict.to_json()}) + "\n")
    again = review_items(CourseResults(course), "toy")
    assert len(again) == len(items) > 20
    assert [item.student for item in again if mark_of(item, read(course)) is None] == []


def test_every_code_has_words() -> None:
    content = {Code.TEST, Code.TEST_REMARK, Code.TEST_FLAG, Code.MISCONCEPTION, Code.REVIEW,
               Code.OLD_WORDS}
    assert set(words.TEMPLATES) == set(Code) - content


def test_a_reason_is_a_value() -> None:
    one = Reason(Code.IN_CELL, cell=3, why=Reason(Code.TIMEOUT, limit=20))
    assert one == Reason.from_json(json.loads(json.dumps(one.to_json())))
    assert len({one, Reason(Code.IN_CELL, why=Reason(Code.TIMEOUT, limit=20), cell=3)}) == 1
    assert (one.stop, one.review) == (Stop.TIME, ReviewKind.CRASHED)
    assert Reason.from_json({"code": "of a newer kit", "why": one.to_json()}).code is Code.OLD_WORDS


@pytest.mark.parametrize("data", [{}, {"code": "timeout", "limit": [20]}, {"code": []}, [], "x",
                                  {"code": "timeout", "why": {"limit": 3}}])
def test_what_is_no_reason_is_refused(data: Any) -> None:
    with pytest.raises(UNLIKE):
        Reason.from_json(data)


def test_students_may_write_what_they_want() -> None:
    """A sentence of ours in a student's own exception is text like any other."""
    for text in ("Not written yet", "Your code ran for more than 20 s and was stopped.",
                 "{why} {place} {0} {limit:g}"):
        part = PartVerdict("a", 0, 4, (Reason(Code.STOPPED_WITH, why=Reason(
            Code.RAISED, error="E", message=text)),))
        assert part.stopped and not part.unwritten and part.reasons[0].stop is None
        assert text.removesuffix(".") in part.says[0]


def test_an_old_part_with_a_name_and_no_sentence_has_a_row() -> None:
    part = {"part": "toy_words", "points": 0.0, "max_points": 4.0, "says": [], "remarks": [],
            "flags": [], "misconceptions": ["capitals-kept"], "staff": []}
    old = Verdict.from_json({"exercise": "toy", "parts": [part], "events": [], "seed": 1,
                             "seconds": 1.0, "final": True})
    assert old.parts[0].misconceptions == ("capitals-kept",)
    assert grades._reasons(list(old.parts)) == []
