"""What a recording earns: the right answers of one batch, played back in another.

Nobody need write a part whose right answers are the same in each batch. Here the judge hears, in
the place of a student's side, what the reference answered in a batch of another seed; nothing that
runs in a sandbox can replay more. A part counts as played back in the way that earns it most, in
the mean over some batches. Files and saved outputs are the skeleton's, so that only answers count.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from conftest import copy_course

from autograder.course import Course, CourseError
from autograder.judge.answer import Answer, unpack
from autograder.judge.grading import Grader
from autograder.judge.pool import JudgingFailed, ask_all
from autograder.judge.student_runner import StudentRunner
from autograder.judge.work import Work
from autograder.kernel import serialization
from autograder.release.build import prepare
from autograder.validate import work as filled_in
from redteam.playback import WAYS, Player, Row

NAMES = {f"replay of {assignment}": assignment for assignment in ("q1", "q2", "hw3")}
RECORDED_IN = 1
PLAYED_IN = (2, 3, 4)
MOST = 1.0  # points of an assignment that a recording may earn
Side = Callable[[bytes], Answer]


@dataclass(frozen=True)
class Replay:
    """What a recording earns in one exercise: of each part, by the way of replaying.

    `right` is what the reference's own answers earn there.
    """

    exercise: str
    right: dict[str, float]
    earned: dict[str, dict[str, float]]

    @property
    def best(self) -> dict[str, float]:
        """The points of each part, replayed in the way that earns it most."""
        return {part: max(by_way.values()) for part, by_way in self.earned.items()}


def run(say: Callable[[str], None]) -> set[str]:
    """Say what recordings earn in each assignment; return the names of those that earn too much."""
    totals = {}
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="redteam-") as folder:
        course = copy_course(Path(folder))
        for name, assignment in NAMES.items():
            best = {part: points for found in replays(course, assignment)
                    for part, points in found.best.items() if points}
            say(f"{name}: " + (", ".join(
                f"{part} {points:.2f}" for part, points in best.items()) or "nothing"))
            totals[name] = sum(best.values())
    say("replay: " + " ".join(f"{NAMES[name]}={total:.2f}" for name, total in totals.items()))
    return {name for name, total in totals.items() if total > MOST}


def replays(course: Course, assignment: str, seeds: Sequence[int] = PLAYED_IN) -> list[Replay]:
    """Record an assignment's answers in one batch, and play them back in those of some seeds."""
    prepare(course, assignment)
    course.assignment(assignment).preload.clear()  # no kernel is started
    works = [(exercise.name, filled_in(exercise, "skeleton", "skeleton"))
             for exercise in course.exercises(assignment)]
    found = []
    for exercise, replay in ask_all(course, assignment, RECORDED_IN, works, 1,
                                    partial(_replay, seeds=tuple(seeds))):
        if isinstance(replay, JudgingFailed):
            raise CourseError(f"{exercise}: {replay.reason}")
        found.append(replay)
    return found


def _replay(grader: Grader, work: Work, seeds: tuple[int, ...]) -> Replay:
    """Runs in a judge's process."""
    for known in grader._shared.misconceptions.values():
        known._changes.clear()  # which of them it is like is not asked
    pairs, right = recorded(grader, work)
    rows = [Row.of(request, serialization.unpack(value)) for request, value in pairs]
    earned: dict[str, dict[str, float]] = {part: {} for part in right}
    for way in WAYS:
        batches = [_points(grader, work, seed, _playing(Player(rows, way))) for seed in seeds]
        for part in right:
            earned[part][way] = mean(points[part] for points in batches)
    return Replay(work.exercise, right, earned)


def recorded(grader: Grader, work: Work) -> tuple[list[tuple[bytes, bytes]], dict[str, float]]:
    """All that one batch asks, with the reference's answers, and what these earn by part."""
    rows = []

    def listen(request: bytes) -> Answer:
        answer = grader.reference.ask(grader._prepared[work.exercise].reference, request)
        rows.append((request, serialization.pack(answer.value)))
        return answer

    return rows, _points(grader, work, RECORDED_IN, listen)


def _playing(player: Player) -> Side:
    return lambda request: unpack(player.answer(request))


def _points(grader: Grader, work: Work, seed: int, side: Side) -> dict[str, float]:
    """The points of each part where `side` answers in the place of the student's code."""

    def student(*args: Any) -> StudentRunner:
        made = Grader._student(grader, *args)
        made.ask = side  # type: ignore[method-assign]
        return made

    grader.seed, seed_before = seed, grader.seed
    grader._student = student  # type: ignore[method-assign]
    try:
        return {part.part: part.points for part in grader.grade(work).parts}
    finally:
        grader.seed = seed_before
        del grader._student
