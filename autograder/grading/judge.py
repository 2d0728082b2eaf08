"""Step 3, judge: a verdict on each exercise that is due, on this machine or by Dask's workers."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace

from autograder.course import Course
from autograder.exercise import source
from autograder.grading.look_up import LookedUp
from autograder.grading.submission import Submission
from autograder.judge.pool import JudgingFailed, judge_all
from autograder.judge.shared import new_seed
from autograder.judge.work import Work
from autograder.results.reason import Code, Reason
from autograder.results.verdict import Verdict, nothing

Key = tuple[Submission, str]  # with the exercise
# Takes a course, an assignment, a seed and works; yields a verdict for each, as they come.
Judging = Callable[[Course, str, int, Iterable[tuple[Key, Work]]],
                   Iterator[tuple[Key, Verdict | JudgingFailed]]]


@dataclass(frozen=True, eq=False)
class Judged:
    """The verdict on one exercise of a submission; `is_new` where it was given just now."""

    submission: Submission
    exercise: str
    verdict: Verdict
    is_new: bool


def judge(course: Course, assignment: str, looked_up: Iterator[LookedUp], processes: int,
          scheduler: str = "") -> Generator[Judged, None, None]:
    """Judge what is due; what is not passes through."""
    for found in looked_up:
        if found.due:
            coming = itertools.chain([found], looked_up)
            yield from _judge(course, assignment, coming, judging(processes, scheduler, found.left))
        else:
            yield from _kept(found)


def judging(processes: int, scheduler: str, works: int) -> Judging:
    """Judge about so many works here or, with a scheduler, elsewhere.

    A judge takes longer to start than two submissions take: no more of them here than pay.
    """
    if not scheduler:
        return functools.partial(judge_all, processes=min(processes, math.ceil(works / 2)))
    from autograder.judge.cluster import judge_afar  # slow to import

    return functools.partial(judge_afar, scheduler=scheduler)


def _judge(course: Course, assignment: str, looked_up: Iterator[LookedUp], judging: Judging
           ) -> Iterator[Judged]:
    aside: list[Judged] = []  # what needs no judge, between two that do

    def works() -> Iterator[tuple[Key, Work]]:
        for found in looked_up:
            aside.extend(_kept(found))
            for exercise in found.due:
                work = found.submission.works.get(exercise)
                if work is None:
                    error = found.submission.unreadable[exercise]
                    failed = JudgingFailed(Reason(Code.SUBMISSION_UNREADABLE, error=error))
                    aside.append(_judged(course, (found.submission, exercise), failed))
                else:
                    yield (found.submission, exercise), work

    for key, verdict in judging(course, assignment, new_seed(), works()):
        yield _judged(course, key, verdict)
        yield from aside
        aside.clear()
    yield from aside


def _kept(found: LookedUp) -> Iterator[Judged]:
    for exercise, verdict in found.kept.items():
        yield Judged(found.submission, exercise, verdict, is_new=False)


def _judged(course: Course, key: Key, verdict: Verdict | JudgingFailed) -> Judged:
    submission, exercise = key
    if isinstance(verdict, JudgingFailed):
        verdict = _not_judged(course, exercise, verdict.why)
    return Judged(submission, exercise, verdict, is_new=True)


def _not_judged(course: Course, exercise: str, why: Reason) -> Verdict:
    """No points and a flag; the next batch tries again."""
    points = source.judged_parts(source.read_notebook(course.exercise(exercise)))
    review = Reason(Code.NOT_JUDGED, why=why)
    return replace(nothing(exercise, points, why, review=(review,)), final=False)
