"""q1: what wrong code earns is not a matter of the batch's seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import copy_course

from autograder.exercise.edits import read_changes
from autograder.judge.grading import Grader
from autograder.release.build import prepare
from autograder.validate import work

# These earned more or less by what a draw had: one batch, full ones alone, a single patch; words
# that are cut, long answers, words that stand in others.
ONCE = ["no-zero-grad", "last-batch-by-the-remainder", "attention-mask-not-passed",
        "pieces-with-their-marks", "long-answers-cut-off", "words-searched-in-the-context"]
# Scores that compete side against side tie by rounding, or do not.
BY_ROUNDING = ["softmax-between-start-and-end"]


@pytest.mark.sandbox
def test_points_of_wrong_code_do_not_depend_on_the_seed(tmp_path: Path) -> None:
    course = copy_course(tmp_path, patient=True)
    prepare(course, "q1")
    wrong = {change.name: (exercise, change.part) for exercise in course.exercises("q1")
             for change in read_changes(exercise, "misconception")
             if change.name not in BY_ROUNDING}
    names = [*ONCE, *random.sample(sorted(wrong.keys() - set(ONCE)), 3)]
    earned: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(3):
        with Grader(course, "q1", seed=seed) as grader:
            for name in names:
                exercise, part = wrong[name]
                verdict = grader.grade(work(exercise, "misconception", name)).part(part)
                assert verdict is not None
                earned[name].append(verdict.points)
    assert [name for name, points in earned.items() if len(set(points)) > 1] == [], earned
