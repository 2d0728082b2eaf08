"""Grade a batch: every submission judged, journalled, put into the gradebook, and reported."""

from __future__ import annotations

from collections.abc import Callable

from autograder.course import Course
from autograder.gradebook import native
from autograder.gradebook.preprocessors import known
from autograder.intake.receive import ensure_notebook, released_instead
from autograder.journal import Entry, Journal, path_of
from autograder.judge.grading import new_seed
from autograder.judge.pool import Lost, judge_all
from autograder.judge.verdict import Verdict, nothing
from autograder.judge.work import Work, read_work
from autograder.release import source
from autograder.release.build import prepare

Told = Callable[[float], None]  # called with the share of one submission that is now done


def submitted_students(course: Course, assignment: str) -> list[str]:
    """Who has handed the assignment in, by nbgrader's folder of submissions."""
    return sorted(path.parent.name for path in course.submitted.glob(f"*/{assignment}")
                  if path.is_dir())


def grade(course: Course, assignment: str, students: list[str], processes: int,
          told: Told = lambda share: None) -> None:
    """Judge the students' submissions; write the journal, the gradebook and feedback pages."""
    prepare(course, assignment)
    for student in students:  # nbgrader's own collectors do not look into notebooks
        for exercise in course.assignment(assignment).exercises:
            ensure_notebook(course, assignment, exercise, course.submitted / student / assignment)
    works = {(student, exercise): read_work(course, assignment, student, exercise)
             for student in students for exercise in course.assignment(assignment).exercises}
    verdicts = _judge(course, assignment, works, processes, told)
    for student in students:
        own = {(assignment, student, exercise): verdict
               for (owner, exercise), verdict in verdicts.items() if owner == student}
        with known(own):
            _enter(course, assignment, student)
        native.generate_feedback(course, assignment, student)
        told(0.5)


def _enter(course: Course, assignment: str, student: str) -> None:
    """Enter a judged submission in the gradebook.

    A notebook that nbgrader refuses (cells twice, metadata of another world) gives way to the
    released one: the points are the judge's either way, and nobody falls out of the gradebook.
    """
    try:
        native.autograde(course, assignment, student)
    except native.NativeError:
        with released_instead(course, assignment, course.submitted / student / assignment):
            native.autograde(course, assignment, student)


def _judge(course: Course, assignment: str, works: dict[tuple[str, str], Work], processes: int,
           told: Told) -> dict[tuple[str, str], Verdict]:
    verdicts: dict[tuple[str, str], Verdict] = {}
    with Journal(path_of(course, assignment)) as journal:
        for key, verdict in judge_all(course, assignment, new_seed(), works.items(), processes):
            student, exercise = key
            if isinstance(verdict, Lost):
                points = source.judged_parts(source.read_notebook(course.exercise(exercise)))
                verdict = nothing(exercise, points, verdict.reason,
                                  flags=(f"not judged: {verdict.reason}",))
            journal.write(Entry.of(student, works[key], verdict))
            verdicts[key] = verdict
            told(0.5 / len(course.assignment(assignment).exercises))
    return verdicts
