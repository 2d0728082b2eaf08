"""The journal and its crashes: whatever was written whole can be read, whatever comes after it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.journal import Entry, Journal, by_student, path_of, read
from autograder.results.verdict import PartVerdict, Verdict

LETTERS = "größer als 8 MiB, 너무 큽니다"


def entry(student: str, says: str = LETTERS) -> Entry:
    return Entry(student, "q2", "hash", Verdict("q2", (PartVerdict("a", 1, 8, reasons=(says,)),)))


def write(path: Path, *entries: Entry) -> None:
    with Journal(path) as journal:
        for one in entries:
            journal.write(one)


def test_entries_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = [entry("one"), entry("two"), entry("one", "")]
    write(tmp_path / "q2.jsonl", *written)
    assert list(read(tmp_path / "q2.jsonl")) == written


def test_a_journal_that_is_not_there_has_no_entries(tmp_path: Path) -> None:
    assert list(read(tmp_path / "q2.jsonl")) == []


def test_a_second_batch_is_appended(tmp_path: Path) -> None:
    for student in ("one", "two"):
        write(tmp_path / "deep" / "q2.jsonl", entry(student))
    assert [found.student for found in read(tmp_path / "deep" / "q2.jsonl")] == ["one", "two"]


@pytest.mark.parametrize(("finished", "places"), [
    (("q1a", "q1b"), [0, 1]), (("q1b", "q1a", "q1b"), [1, 2]), (("gone", "q1b", "q1a"), [2, 1, 0])])
def test_the_latest_stand_in_the_courses_order(tmp_path: Path, finished: tuple[str, ...],
                                               places: list[int]) -> None:
    """q1a before q1b, whichever was finished first, and what is no exercise any more at the end."""
    course = dataclasses.replace(Course.load(Path(__file__).parents[1]), root=tmp_path)
    write(path_of(course, "q1"), *(Entry("one", name, "hash", Verdict(name, (), (), place))
                                   for place, name in enumerate(finished)))
    (entries,) = by_student(course, "q1").values()
    assert [entry.verdict.seed for entry in entries.values()] == places


def test_every_line_is_json_with_its_time(tmp_path: Path) -> None:
    write(tmp_path / "q2.jsonl", entry("one"), entry("two"))
    lines = (tmp_path / "q2.jsonl").read_text().splitlines()
    assert all(json.loads(line)["time"].endswith("+00:00") for line in lines)
    assert [one.time for one in read(tmp_path / "q2.jsonl")] == [
        json.loads(line)["time"] for line in lines]


def test_a_crash_at_any_byte_leaves_the_lines_before(tmp_path: Path) -> None:
    path = tmp_path / "q2.jsonl"
    write(path, entry("one"))
    first = path.stat().st_size
    write(path, entry("two"))
    whole = path.read_bytes()
    for cut in range(first, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert [found.student for found in read(path)] == ["one"], cut


@pytest.mark.parametrize("lost", [1, 20])
def test_the_first_verdict_after_a_crash_is_not_lost(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "q2.jsonl"
    write(path, entry("one"), entry("two"))
    path.write_bytes(path.read_bytes()[:-lost])
    write(path, entry("three"))
    assert "three" in [found.student for found in read(path)]


@pytest.mark.parametrize("letter", [
    "\u2028", "\u2029", "\x85", "\x1c", "\x0b", "\x00", "\r", "\n", "\ufeff", "\ud800"], ids=ascii)
def test_a_verdict_may_hold_any_letter(tmp_path: Path, letter: str) -> None:
    written = entry("one", f"`a{letter}b`")
    write(tmp_path / "q2.jsonl", written)
    assert list(read(tmp_path / "q2.jsonl")) == [written]
