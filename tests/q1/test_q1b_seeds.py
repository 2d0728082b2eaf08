"""q1b: what wrong code earns is not a matter of the batch's seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import copy_course

from autograder.exercise.edits import read_changes
from autograder.exercises.q1b.record import EXERCISE
from autograder.judge.grading import Grader
from autograder.release.build import prepare
from autograder.validate import work

PARTS = ("q1b_train", "q1b_valid")
# These once earned more where a draw had one batch, full ones alone, or a single patch.
ONCE = ["no-zero-grad", "last-batch-by-the-remainder", "attention-mask-not-passed"]
STEPS = [change.name for change in read_changes(EXERCISE, "misconception")
         if change.part in PARTS and change.name not in ONCE]


@pytest.mark.sandbox
def test_points_of_wrong_code_do_not_depend_on_the_seed(tmp_path: Path) -> None:
    course = copy_course(tmp_path, patient=True)
    prepare(course, "q1")
    names = [*ONCE, *random.sample(STEPS, 3)]
    seeds = [0, 1, random.randrange(10**6)]  # 0 and 1 differed for each of those
    earned: dict[str, set[tuple[float, ...]]] = {name: set() for name in names}
    for seed in seeds:
        with Grader(course, "q1", seed=seed) as grader:
            for name in names:
                verdict = grader.grade(work(EXERCISE, "misconception", name))
                parts = [verdict.part(part) for part in PARTS]
                earned[name].add(tuple(part.points for part in parts if part is not None))
    assert {name: points for name, points in earned.items() if len(points) > 1} == {}, seeds
    assert all(len(points) == len(PARTS) for found in earned.values() for points in found)
