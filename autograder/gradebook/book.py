"""Read the gradebook: a row for each submission, as it stands after any grading by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograder.course import Course
from autograder.gradebook.late import bring_up_to_date
from autograder.gradebook.native import open_gradebook


@dataclass(frozen=True)
class Row:
    """One submission in the gradebook.

    `parts` maps a part's name to its points; None where a person has still to grade it. `points`
    are what they come to, less `late_penalty`.
    """

    student: str
    parts: dict[str, float | None]
    points: float
    max_points: float
    needs_person: bool
    comments: tuple[str, ...] = ()
    late_penalty: float = 0.0


def rows(course: Course, assignment: str) -> list[Row]:
    """All submissions of an assignment, by student; late penalties are brought up to date."""
    with open_gradebook(course) as gradebook:
        bring_up_to_date(gradebook, course, assignment)
        found = [_row(submission) for submission in gradebook.assignment_submissions(assignment)]
    return sorted(found, key=lambda row: row.student)


def row(course: Course, assignment: str, student: str) -> Row:
    """One submission. Raises nbgrader's MissingEntry where the gradebook has none."""
    with open_gradebook(course) as gradebook:
        return _row(gradebook.find_submission(assignment, student))


def _row(submission: Any) -> Row:
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    parts = {grade.name: None if _waits(grade) else float(grade.score) for grade in grades}
    points = sum(points or 0.0 for points in parts.values())
    if penalty := round(float(submission.late_submission_penalty or 0), 9):  # notebooks' shares
        points = round(points - penalty, 9)
    return Row(submission.student.id, parts, max(0.0, points), float(submission.max_score),
               bool(submission.needs_manual_grade), tuple(
                   str(comment.comment or "") for notebook in submission.notebooks
                   for comment in notebook.comments), penalty)


def _waits(grade: Any) -> bool:
    """Whether nothing has been given for a part yet, by the judge or by a person."""
    return bool(grade.needs_manual_grade and grade.auto_score is None
                and grade.manual_score is None)
