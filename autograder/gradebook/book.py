"""Read the gradebook: a row for each submission, as it stands after any grading by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograder.course import Course
from autograder.gradebook.native import has_assignment, open_gradebook


@dataclass(frozen=True)
class Row:
    """One submission in the gradebook.

    `parts` maps a part's name to its points; None where a person has still to grade it.
    """

    student: str
    parts: dict[str, float | None]
    points: float
    max_points: float
    needs_person: bool
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notebook:
    """One notebook of a submission. `id` is what formgrader calls it by.

    `waiting` are the parts that nobody has graded yet, with their most points.
    """

    student: str
    exercise: str
    id: str
    waiting: dict[str, float]


def rows(course: Course, assignment: str) -> list[Row]:
    """All submissions of an assignment, by student."""
    with open_gradebook(course) as gradebook:
        found = [_row(submission) for submission in gradebook.assignment_submissions(assignment)]
    return sorted(found, key=lambda row: row.student)


def row(course: Course, assignment: str, student: str) -> Row:
    """One submission. Raises nbgrader's MissingEntry where the gradebook has none."""
    with open_gradebook(course) as gradebook:
        return _row(gradebook.find_submission(assignment, student))


def notebooks(course: Course, assignment: str) -> list[Notebook]:
    """The notebooks of all submissions of an assignment; none where there is no gradebook yet."""
    if not has_assignment(course, assignment):
        return []
    with open_gradebook(course) as gradebook:
        return [Notebook(submission.student.id, notebook.name, notebook.id,
                         {grade.name: float(grade.max_score) for grade in notebook.grades
                          if _waits(grade)})
                for submission in gradebook.assignment_submissions(assignment)
                for notebook in submission.notebooks]


def _row(submission: Any) -> Row:
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    parts = {grade.name: None if _waits(grade) else float(grade.score) for grade in grades}
    points = max(0.0, sum(points or 0.0 for points in parts.values())
                 - float(submission.late_submission_penalty or 0))
    return Row(submission.student.id, parts, points, float(submission.max_score),
               bool(submission.needs_manual_grade), tuple(
                   str(comment.comment or "") for notebook in submission.notebooks
                   for comment in notebook.comments))


def _waits(grade: Any) -> bool:
    """Whether nothing has been given for a part yet, by the judge or by a person."""
    return bool(grade.needs_manual_grade and grade.auto_score is None
                and grade.manual_score is None)
