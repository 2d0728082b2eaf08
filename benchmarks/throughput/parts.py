"""Where the time of a submission goes: seconds of wall time, the mean of some that are right.

    cd benchmarks && ../.venv/bin/python -m throughput.parts q2

One judge in this process, on a machine that does nothing else; the first submission, for which
everything starts, is left out. Then nbgrader's part of it, in the coordinator.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from autograder.course import Course
from autograder.gradebook import nbgrader_api
from autograder.grading.enter import autograde
from autograder.grading.submission import JudgedSubmission, read_submission
from autograder.judge.grading import Grader
from autograder.judge.student_runner import StudentRunner
from autograder.kernel.session import KernelSession
from autograder.results.verdict import Verdict
from throughput import classes

# What is told apart: a name, where it is done, and by which function.
PARTS = (("kernel: start", KernelSession, "__enter__"), ("kernel: end", KernelSession, "close"),
         ("kernel: cells and modules", StudentRunner, "_run"),
         ("kernel: questions", KernelSession, "ask"),
         ("judge: what looks borrowed", Grader, "_copied_code"))
NBGRADER = (("coordinator: autograde", nbgrader_api, "autograde"),
            ("coordinator: feedback page", nbgrader_api, "generate_feedback"))


def main() -> None:
    """Print a line a part."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assignment", help="one that has one exercise")
    parser.add_argument("--submissions", type=int, default=8)
    args = parser.parse_args()
    with TemporaryDirectory(dir="/tmp") as scratch:
        course = classes.course_at(Path(scratch) / "course", args.assignment)
        taken, verdicts = _judge(course, args.assignment, args.submissions)
        taken |= _enter(course, args.assignment, verdicts)
    for name, seconds in taken.items():
        print(f"{seconds / args.submissions:6.2f}  {name}")


def _judge(course: Course, assignment: str, number: int) -> tuple[Counter[str], dict[str, Verdict]]:
    """Judge variants, after one that is not timed; seconds by part, and the verdicts."""
    right = list(classes.works(course, assignment, 2 * number + 2))[::2]
    with Grader(course, assignment, seed=1) as grader:
        grader.grade(right[0][1])
        with _timed(PARTS) as taken:
            start = time.perf_counter()
            verdicts = {student: grader.grade(work) for student, work in right[1:]}
            judged = time.perf_counter() - start
    taken["judge: the rest, pytest mostly"] = judged - sum(taken.values())
    taken["judged, all in all"] = judged
    return taken, verdicts


def _enter(course: Course, assignment: str, verdicts: dict[str, Verdict]) -> Counter[str]:
    """Enter the verdicts in the gradebook and make pages, after one that is not timed."""
    (exercise,) = course.exercises(assignment)
    classes.hand_in(course, assignment, 2 * len(verdicts) + 2)
    students = list(verdicts)
    _into_gradebook(course, assignment, students[0], exercise.name, verdicts)
    with _timed(NBGRADER) as taken:
        for student in students:
            _into_gradebook(course, assignment, student, exercise.name, verdicts)
    return taken


def _into_gradebook(course: Course, assignment: str, student: str, exercise: str,
                    verdicts: dict[str, Verdict]) -> None:
    submission = read_submission(course, assignment, student)
    autograde(course, assignment, JudgedSubmission(submission, {exercise: verdicts[student]}))
    nbgrader_api.generate_feedback(course, assignment, student)


@contextlib.contextmanager
def _timed(parts: tuple[tuple[str, Any, str], ...]) -> Iterator[Counter[str]]:
    """While this holds, the functions add up how long they take."""
    taken: Counter[str] = Counter()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                taken[name] += time.perf_counter() - start
        return run

    with contextlib.ExitStack() as stack:
        for name, place, function in parts:
            stack.enter_context(mock.patch.object(
                place, function, timed(name, getattr(place, function))))
        yield taken


if __name__ == "__main__":
    main()
