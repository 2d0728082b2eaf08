"""Judge one submission in this process, for `nbgrader autograde`; a Grader is kept for the next."""

from __future__ import annotations

import atexit
from dataclasses import replace
from pathlib import Path

from autograder import doctor
from autograder.course import Course
from autograder.grading.journal import entry
from autograder.grading.submission import JudgedSubmission, read_submission
from autograder.intake.records import note_of
from autograder.intake.times import late_of
from autograder.journal import Journal, path_of
from autograder.judge.cache_key import cache_key
from autograder.judge.grading import Grader
from autograder.judge.shared import new_seed
from autograder.release.build import prepare

_graders: dict[tuple[Path, str], Grader] = {}  # by the course's folder and the assignment


def judge_one(course: Course, assignment: str, student: str, exercise: str) -> JudgedSubmission:
    """Judge one exercise of a submission, and write the verdict to the journal."""
    submission = replace(read_submission(course, assignment, student),
                         note=note_of(course, assignment, student))
    verdict = _grader(course, assignment).grade(submission.works[exercise])
    depends_on = cache_key(course, assignment, course.exercise(exercise))
    with Journal(path_of(course, assignment)) as journal:
        journal.write(entry(submission, exercise, verdict, depends_on))
    return JudgedSubmission(submission, {exercise: verdict}, late_of(course, assignment, student))


def _grader(course: Course, assignment: str) -> Grader:
    """The grader of this process for an assignment; it ends with the process."""
    key = (course.root, assignment)
    if key not in _graders:
        doctor.demand(course)
        prepare(course, assignment)
        _graders[key] = Grader(course, assignment, new_seed()).__enter__()
        atexit.register(_graders[key].__exit__, None, None, None)
    return _graders[key]
