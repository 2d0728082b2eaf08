"""The tests of q2 are tested: every misconception, every variant, the reference, the skeleton."""

from __future__ import annotations

import re

import pytest
from conftest import run_cli

from autograder.course import Course
from autograder.judge.edits import read_changes
from autograder.validate import cases

LAST_LINE = (r"misconceptions=(\d+)/\1 elsewhere=0 variants=(\d+)/\2 reference=full "
             r"skeleton=zero")


@pytest.mark.sandbox
def test_every_wrong_answer_loses_and_every_right_one_does_not(course: Course) -> None:
    done = run_cli("validate", "q2", "-j", "2", cwd=course.root, timeout=1500)
    last = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(LAST_LINE, last), done.stdout + done.stderr
    assert done.returncode == 0


def test_there_are_enough_of_each(course: Course) -> None:
    kinds = [case.kind for case in cases(course, "q2")]
    assert kinds.count("misconception") >= 40
    assert kinds.count("variant") >= 15


def test_every_misconception_has_a_sentence_that_can_be_read(course: Course) -> None:
    for change in read_changes(course.exercise("q2"), "misconception"):
        assert change.says.endswith((".", "?")), change.name
        assert 40 <= len(change.says) <= 400, change.name
