"""Whoever mistypes a name is told which one was meant, and which there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import EXERCISES, copy_course, status_of
from hypothesis import given
from hypothesis import strategies as st

from autograder.course import Course, CourseError
from autograder.intake.records import IntakeRecord, write_notes
from autograder.report.people import unknown_grantees
from autograder.report.read import CourseResults
from autograder.settings import Assignment, CourseInfo, Homework, LimitSettings
from autograder.suggest import close, unknown

WORDS = ["assignment", "transformers", "max_points", "student_files", "attention", "2026_00017"]


SLIPS = st.sampled_from(["drop", "twice", "swap", "case"])


@given(st.sampled_from(WORDS), st.integers(0, 8), SLIPS)
def test_one_slip_of_the_finger_is_seen(word: str, at: int, slip: str) -> None:
    before, after = word[:at], word[at:]
    mistyped = {"drop": before + after[1:], "twice": before + after[:1] + after,
                "swap": before + after[:2][::-1] + after[2:], "case": word.upper()}[slip]
    assert close(mistyped, WORDS) == word
    assert f"did you mean `{word}`?" in unknown("word", mistyped, "the list", WORDS)


def test_what_is_like_nothing_gets_the_list_alone() -> None:
    assert unknown("word", "zzz", "the list", ["a", "b"]) == (
        "No word `zzz` in the list; it has: a, b.")
    assert unknown("word", "zzz", "the list", []).endswith("it has none.")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_course(tmp_path_factory.mktemp("course")).root


@pytest.mark.parametrize(("args", "meant"), [
    (("grade", "hw44"), "hw4"), (("todo", "HW4"), "hw4"), (("report", "wh4"), "hw4"),
    (("feedback", "hw_4"), "hw4"), (("similar", "hw33"), "hw3"), (("restore", "h4w"), "hw4"),
    (("samples", "hw4x", "s"), "hw4"), (("release", "hw-4"), "hw4"), (("validate", "q22"), "q2"),
    (("intake", "hwq4", "."), "hw4"), (("export", "hw44", "--to", "csv"), "hw4"),
    (("crossfeedback", "assign", "hw33"), "hw3"), (("crossfeedback", "report", "hw33"), "hw3"),
    (("export", "hw4", "--to", "moodel"), "moodle"),
    (("export", "hw4", "--to", "Canvas"), "canvas"),
    (("validate", "q2", "--only", "referense"), "reference"),
    (("validate", "q2", "--only", "unscalled-scores"), "unscaled-scores")], ids=" ".join)
def test_each_command_says_which_name_was_meant(
        root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
        args: tuple[str, ...], meant: str) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert status_of(monkeypatch, *args, "--course", root) == 2
    said = " ".join(re.sub("[╭╮╰╯│─]", " ", capsys.readouterr().err).split())
    assert f"did you mean `{meant}`?" in said, said
    if args[0] not in ("validate",) and "--to" not in args:
        assert "hw4, q1, q2, hw3" in said


def complaint(root: Path, folder: Path, old: str, new: str) -> str:
    text = (root / "course.toml").read_text()
    assert text.count(old), old
    (folder / "course.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(CourseError) as error:
        Course.load(folder, EXERCISES)
    return str(error.value)


KEYS = [(model, key) for model in (CourseInfo, LimitSettings, Assignment, Homework)
        for key in model.model_fields if len(key) > 4]
TABLES = {CourseInfo: "[course]", LimitSettings: "[limits]", Assignment: "[assignments.q1]",
          Homework: "[homeworks.hw4]"}


@pytest.mark.parametrize(("model", "key"), KEYS, ids=[f"{m.__name__}.{k}" for m, k in KEYS])
def test_a_mistyped_key_is_told_with_the_right_one(root: Path, tmp_path: Path, model: type,
                                                   key: str) -> None:
    mistyped = f"{key[:2]}{key[3]}{key[2]}{key[4:]}" if key[2] != key[3] else f"{key}x"
    said = complaint(root, tmp_path, TABLES[model], f"{TABLES[model]}\n{mistyped} = 1")
    assert f"{mistyped}: there is no such key; did you mean `{key}`?" in said


@pytest.mark.parametrize(("old", "new", "meant"), [
    ("[similarity]", "[similarty]", "similarity"), ("[limits]", "[limit]", "limits"),
    ('assignments = ["q1", "q2"]', 'assignments = ["q1", "q22"]', "q2"),
    ('exercises = ["q1a", "q1b"]', 'exercises = ["q1a", "q1bb"]', "q1b"),
    ("[similarity]", '[late]\nfree_dayz = 1\n[similarity]', "free_days"),
    ("[similarity]", '[[extensions]]\nstudent = "2026_00001"\nassignment = "hw44"\n'
     'until = 2026-03-20T23:59:00+09:00\nreason = "ill"\n[similarity]', "hw4"),
    ("[similarity]", '[[extensions]]\nstuednt = "2026_00001"\nassignment = "hw4"\n'
     'until = 2026-03-20T23:59:00+09:00\nreason = "ill"\n[similarity]', "student"),
    ("deduction = 4", 'deduction = 4\nwaivers = [{student = "2026_00001", raeson = "x"}]',
     "reason")])
def test_a_mistyped_name_in_course_toml_is_told(root: Path, tmp_path: Path, old: str, new: str,
                                                meant: str) -> None:
    assert f"did you mean `{meant}`?" in complaint(root, tmp_path, old, new)


@pytest.mark.parametrize("mistyped", ["2026_0001", "2026_00071", "2026_00107", "2025_00017"])
def test_a_waiver_of_nobody_is_told(root: Path, tmp_path: Path, mistyped: str) -> None:
    text = (root / "course.toml").read_text()
    (tmp_path / "course.toml").write_text(text.replace(
        "deduction = 4", f'deduction = 4\nwaivers = [{{student = "{mistyped}", reason = "x"}}]', 1))
    course = Course.load(tmp_path, EXERCISES)
    assert unknown_grantees(CourseResults(course)) == [], "nobody is known yet"
    write_notes(course, "q1", [IntakeRecord("a.zip", "2026_00017")])
    assert unknown_grantees(CourseResults(course), "hw4") == [
        f"hw4: the waiver of {mistyped}, whom nothing else names; did you mean `2026_00017`?"]
    assert unknown_grantees(CourseResults(course), "hw3") == []
    (course.root / "roster.csv").write_text(f"id,name,group\n{mistyped},Sample One,\n")
    assert unknown_grantees(CourseResults(course)) == [], "on the roster"
