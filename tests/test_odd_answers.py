"""Odd answers on their whole way: answer, sentence, journal, resume, grades.csv, page."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nbformat
import pytest
from conftest import TOY_COURSE, TOY_HIDDEN_TESTS, Toy, toy_work
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_text import ODD, is_fit
from typer.testing import CliRunner

from autograder import batch
from autograder.cli import app
from autograder.course import Course
from autograder.faults import Faults
from autograder.files import FORMULA, inert, write_page, write_table
from autograder.grading.enter import read_states
from autograder.intake.records import IntakeRecord, notes, write_notes
from autograder.journal import last_entries, path_of, read
from autograder.release.build import prepare
from autograder.report.todo import marks
from autograder.similarity import journal
from autograder.text import printable

# A hidden test that quotes what was answered, as a careless one would.
QUOTING = TOY_HIDDEN_TESTS.replace(
    '"the words of a text differ"', 'f"yours are {student}"').replace(
    '"the counts differ"', 'f"{list(student)[:1]} is not {reference}: {student!r}"')
ANSWERS = {
    "s001": "text.lower().split()",  # right
    "s002": r"['\ud800']", "s003": r"{'\udfff': 1}", "s004": "['x' * 12_000_000]",
    "s005": r"['\x1b[2J\r\0\u202e\u2028']", "s006": r"[{'\ud83d\ud83d': ['\ude00']}]",
    "s007": "['=HYPERLINK(1)\\r\\n' * 9999]", "s008": "[10 ** 4000]",
}


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_a_class_of_odd_answers_is_graded_and_goes_on(tmp_path: Path) -> None:
    text = TOY_COURSE.replace("[course]", '[course]\nexercises = "../exercises"')
    Toy(course=text + 'preload = ["torch"]\n', hidden_tests=QUOTING).write(tmp_path)
    course = Course.load(tmp_path / "course")
    prepare(course, "toy")
    for student, answer in ANSWERS.items():
        work = toy_work(course, "text.lower().split()", answer)
        folder = course.submitted / student / "toy"
        folder.mkdir(parents=True)
        nbformat.write(work.notebook, folder / "toy.ipynb")
        for name, data in work.files.items():
            (folder / name).write_bytes(data)
    for _ in range(2):  # the second time, verdicts come from the journal
        result = CliRunner().invoke(app, ["grade", "toy", "-j", "2", "--course", str(course.root)])
        assert result.exit_code in (0, 1), result.output
        with open(course.grades, newline="", encoding="utf-8") as file:
            rows = {row["student"]: row for row in csv.DictReader(file)}
        assert set(rows) == set(ANSWERS)
        assert rows["s001"]["total"] == "10"
        assert all(float(row["total"]) <= 6 for name, row in rows.items() if name != "s001")
        assert all(len("".join(row.values())) < 10_000 for row in rows.values())
    for student in ANSWERS:
        for page in (f"{student}/toy.html", f"{student}/toy/toy.html"):
            shown = (course.feedback / page).read_bytes()
            assert len(shown) < 2_000_000 and b"\0" not in shown and b"\x1b" not in shown
            shown.decode("utf-8")
    assert max(map(len, path_of(course, "toy").read_bytes().splitlines())) < 20_000
    assert "half of a surrogate pair" in rows["s002"]["what_happened"]
    assert batch.grade(course, "toy", sorted(ANSWERS), 1).judged == {}


@given(ODD)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_can_be_written(tmp_path: Path, odd: str) -> None:
    write_table(tmp_path / "a.csv", ["a", "b"], [[odd, 1]])
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        (_, row) = csv.reader(file)
    assert row == [inert(printable(odd)), "1"]
    assert not FORMULA.match(row[0])
    write_page(tmp_path / "a.html", odd)
    assert "\x1b" not in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.html"]


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["student", "exercise", "fingerprint", "verdict", "parts",
                                         "part", "points", "max_points", "says", "events", "seed",
                                         "seconds", "origin", "time", "upload", "flags", "remarks",
                                         "id", "state", "note", "name", "step", "error", "x"]),
                        inner, max_size=6), max_leaves=20)


@given(JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None,
          max_examples=200)
def test_a_line_of_another_kind_counts_as_cut_off(course: Course, value: object) -> None:
    """In each file of lines that the kit reads again; the lines around it count."""
    line = json.dumps(value) + "\n"
    folder = course.journal
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.dumps({"student": "s1", "exercise": "q2", "fingerprint": "f",
                        "verdict": {"exercise": "q2", "parts": [], "events": []}}) + "\n"
    path_of(course, "q2").write_text(whole + line + whole)
    assert len(list(read(path_of(course, "q2")))) >= 2
    assert ("s1", "q2") in last_entries(course, "q2")
    (folder / "q2.intake.jsonl").write_text('{"upload": "a"}\n' + line + '{"upload": "b"}\n')
    assert {"a", "b"} <= {row.upload for row in notes(course, "q2")}
    write_notes(course, "q2", [IntakeRecord("c")])
    assert all(is_fit(row.upload) for row in notes(course, "q2"))
    for name in ("q2.todo.jsonl", "faults.jsonl", "q2.entered.jsonl", "q2.similar.json"):
        (folder / name).write_text(line)
    marks.read(course)
    journal.read(course, "q2")
    assert isinstance(Faults(course, "q2").failed, list)
    assert {str} >= {type(one) for pair in read_states(folder / "q2.entered.jsonl").items()
                     for one in pair}
