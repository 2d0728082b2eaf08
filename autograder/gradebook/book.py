"""Read the gradebook: a row for each submission, as it stands after any grading by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbgrader.api import Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy.orm import joinedload, selectinload, undefer

from autograder.course import Course
from autograder.gradebook.late import bring_up_to_date
from autograder.gradebook.native import has_assignment, open_gradebook


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
    """All submissions of an assignment, by student; late penalties are brought up to date."""
    with open_gradebook(course) as gradebook:
        bring_up_to_date(gradebook, course, assignment)
        found = [_row(submission) for submission in _submissions(gradebook, assignment)]
    return sorted(found, key=lambda row: row.student)


def row(course: Course, assignment: str, student: str) -> Row:
    """One submission. Raises nbgrader's MissingEntry where the gradebook has none."""
    with open_gradebook(course) as gradebook:
        found = _submissions(gradebook, assignment, student)
        return _row(found[0] if found else gradebook.find_submission(assignment, student))


def comments(course: Course, assignment: str) -> dict[str, dict[str, str]]:
    """What feedback pages show of comments: by student, then by the cell's name."""
    with open_gradebook(course) as gradebook:
        return {submission.student.id: {
            comment.name: str(comment.comment) for notebook in submission.notebooks
            for comment in notebook.comments if comment.comment}
            for submission in _submissions(gradebook, assignment)}


def notebooks(course: Course, assignment: str) -> list[Notebook]:
    """The notebooks of all submissions of an assignment; none where there is no gradebook yet."""
    if not has_assignment(course, assignment):
        return []
    with open_gradebook(course) as gradebook:
        return [Notebook(submission.student.id, notebook.name, notebook.id,
                         {grade.name: float(grade.max_score) for grade in notebook.grades
                          if _waits(grade)})
                for submission in _submissions(gradebook, assignment)
                for notebook in submission.notebooks]


def _submissions(gradebook: Gradebook, assignment: str, student: str = "") -> list[Any]:
    """All submissions of an assignment, or a student's, with what a row needs, in a few queries.

    `Gradebook.assignment_submissions` asks for each submission, notebook and cell anew.
    """
    notebooks = selectinload(SubmittedAssignment.notebooks)
    some = gradebook.db.query(SubmittedAssignment).filter(
        SubmittedAssignment.assignment.has(name=assignment))
    if student:
        some = some.filter(SubmittedAssignment.student_id == student)
    return some.options(
        joinedload(SubmittedAssignment.student),
        undefer(SubmittedAssignment.max_score), undefer(SubmittedAssignment.needs_manual_grade),
        undefer(SubmittedAssignment.late_submission_penalty),
        notebooks.selectinload(SubmittedNotebook.grades).joinedload(Grade.cell),
        notebooks.selectinload(SubmittedNotebook.comments)).all()


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
