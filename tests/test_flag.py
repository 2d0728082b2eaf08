"""A flag is its sentence, and keeps its kind in journals, old and new."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pytest

from autograder.course import Course
from autograder.intake.records import IntakeRecord, note_of, notes, replace_note, write_notes
from autograder.results.flag import Flag, Kind, from_json, kind_of, to_json
from autograder.results.reason import LABELS
from autograder.results.verdict import PartVerdict, Verdict
from autograder.text import LONGEST

DOUBT = Flag("who is Eve?", Kind.NAMES)


def test_a_flag_is_its_sentence() -> None:
    assert DOUBT == "who is Eve?" and f"{DOUBT}; {DOUBT}" == "who is Eve?; who is Eve?"
    assert list(dict.fromkeys([DOUBT, "who is Eve?"])) == ["who is Eve?"]


def test_a_mere_sentence_is_of_no_kind() -> None:
    assert (kind_of(DOUBT), kind_of("look")) == (Kind.NAMES, Kind.OTHER)


def test_every_kind_has_a_label() -> None:
    assert set(LABELS) == set(Kind)


@pytest.mark.parametrize("sentence", [DOUBT, Flag("odd"), "look"])
def test_json_keeps_the_kind(sentence: str) -> None:
    again = from_json(json.loads(json.dumps(to_json(sentence))))
    assert (again, kind_of(again)) == (sentence, kind_of(sentence))


def test_a_kind_of_a_newer_kit_is_read_as_a_flag() -> None:
    assert kind_of(from_json({"kind": "haunted", "says": "boo"})) is Kind.OTHER


def test_other_processes_get_the_kind_too() -> None:
    assert kind_of(pickle.loads(pickle.dumps(DOUBT))) is Kind.NAMES


def test_verdicts_keep_kinds_and_old_ones_are_read() -> None:
    part = PartVerdict("a", 1.0, 2.0, reasons=("wrong", Flag("it hung", Kind.CRASHED)),
                       review=(Flag("copied", Kind.BORROWED),))
    verdict = Verdict("q2", (part,), incidents=(Flag("it hung", Kind.CRASHED), "a cell failed"))
    again = Verdict.from_json(json.loads(json.dumps(verdict.to_json())))
    assert again == verdict
    assert kind_of(again.parts[0].flags[0]) is Kind.BORROWED
    assert [kind_of(event) for event in again.events] == [Kind.CRASHED, Kind.OTHER]
    assert [kind_of(says) for says in again.parts[0].says] == [Kind.OTHER, Kind.CRASHED]
    old = {"exercise": "q2", "events": ["it hung", "a cell failed"], "parts": [
        {"part": "a", "points": 1.0, "max_points": 2.0, "says": ["wrong", "it hung"],
         "remarks": [], "flags": ["copied"], "misconceptions": [], "staff": []}]}
    before = Verdict.from_json(old)
    assert (before.events, before.parts[0].says, before.parts[0].flags) == (
        verdict.events, verdict.parts[0].says, verdict.parts[0].flags)
    assert kind_of(before.parts[0].flags[0]) is Kind.OTHER


def test_notes_of_intake_keep_kinds_and_old_ones_are_read(course: Course) -> None:
    row = IntakeRecord("a.zip", "a", flags=(DOUBT, "look", Flag("x" * 2 * LONGEST, Kind.NOTEBOOK)))
    write_notes(course, "q2", [row])
    (again,) = notes(course, "q2")
    assert again == row
    assert [kind_of(flag) for flag in again.flags] == [Kind.NAMES, Kind.OTHER, Kind.NOTEBOOK]
    (course.journal / "q2.intake.jsonl").write_text(
        '{"upload": "a.zip", "student": "a", "flags": ["look"]}\n')
    assert notes(course, "q2") == [replace(row, flags=("look",))]


def test_a_note_that_is_appended_replaces_the_students(course: Course) -> None:
    """Also after a line that was cut off, and whoever reads one student's notes alone."""
    one, mended, other, new = (
        IntakeRecord("a.zip", "a"), IntakeRecord("a.zip", "a", remarks=("mended",)),
        IntakeRecord("b.zip", "b"), IntakeRecord("c.zip", "c"))
    write_notes(course, "q2", [one, IntakeRecord("a2.zip", "a", "it is older"), other])
    with open(course.journal / "q2.intake.jsonl", "a") as file:
        file.write('{"upload": "a.zip", "stud')
    replace_note(course, "q2", mended)
    assert notes(course, "q2") == [other, mended]
    assert note_of(course, "q2", "a") == mended
    write_notes(course, "q2", [new])
    assert notes(course, "q2") == [other, mended, new]
