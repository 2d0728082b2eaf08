"""Read the gradebook: an entry for each submission, grades given by hand included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy.orm import joinedload, selectinload, undefer

from autograder.course import Course
from autograder.gradebook.late_penalties import bring_up_to_date
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.late import Applied


@dataclass(frozen=True)
class ManualGrade:
    """What a person gave for one part: points (None where none) and points on top of them."""

    points: float | None = None
    extra: float = 0.0


@dataclass(frozen=True)
class ManualGrades:
    """What people typed in formgrader for one submission.

    `parts` are by the part's name, `comments` by the grade_id of the cell that they are on.
    """

    parts: dict[str, ManualGrade] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GradebookNotebook:
    """One notebook of a submission. `id` is formgrader's name for it.

    `most` are the maximum points of its parts, `waiting` those of the parts that nobody has graded
    yet; `again` are those that were graded by hand before another answer came, with the points that
    they have.
    """

    exercise: str
    id: str
    waiting: dict[str, float]
    again: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GradebookEntry:
    """One submission in the gradebook.

    `parts` maps a part's name to its points; None where a person has still to grade it. `points`
    are their sum, less `late_penalty`. `comments` are those that nbgrader's feedback pages show, by
    the cell's name. The gradebook's state is hashed from the repr (grading/enter.py), which leaves
    out what changes nothing on those pages.
    """

    student: str
    parts: dict[str, float | None]
    points: float
    max_points: float
    needs_person: bool = False
    comments: dict[str, str] = field(default_factory=dict)
    late_penalty: float = 0.0
    manual: ManualGrades = field(default=ManualGrades(), repr=False)
    notebooks: tuple[GradebookNotebook, ...] = field(default=(), repr=False)


def entries(course: Course, assignment: str, late: Mapping[str, Applied] | None = None
            ) -> list[GradebookEntry]:
    """All submissions of an assignment, by student.

    With `late`, what the late rules apply to each (intake/times.py), penalties are brought up to
    date.
    """
    with open_gradebook(course) as gradebook:
        if late is not None:
            bring_up_to_date(gradebook, course, assignment, late)
        found = [_entry(submission) for submission in _submissions(gradebook, assignment)]
    return sorted(found, key=lambda entry: entry.student)


def entry(course: Course, assignment: str, student: str) -> GradebookEntry:
    """One submission. Raises nbgrader's MissingEntry where the gradebook has none."""
    with open_gradebook(course) as gradebook:
        found = _submissions(gradebook, assignment, student)
        return _entry(found[0] if found else gradebook.find_submission(assignment, student))


def _submissions(gradebook: Gradebook, assignment: str, student: str = "") -> list[Any]:
    """All submissions of an assignment, or a student's, with what an entry needs, in few queries.

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


def _entry(submission: Any) -> GradebookEntry:
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    comments = [comment for notebook in submission.notebooks for comment in notebook.comments]
    parts = {grade.name: None if _waits(grade) else float(grade.score) for grade in grades}
    points = sum(points or 0.0 for points in parts.values())
    if penalty := round(float(submission.late_submission_penalty or 0), 9):  # notebooks' shares
        points = round(points - penalty, 9)
    return GradebookEntry(
        submission.student.id, parts, max(0.0, points), float(submission.max_score),
        bool(submission.needs_manual_grade),
        {comment.name: str(comment.comment) for comment in comments if comment.comment},
        penalty, _manual(grades, comments),
        tuple(map(_notebook, submission.notebooks)))


def _notebook(notebook: Any) -> GradebookNotebook:
    by_hand = {comment.name for comment in notebook.comments}
    return GradebookNotebook(
        notebook.name, notebook.id,
        {grade.name: float(grade.max_score) for grade in notebook.grades if _waits(grade)},
        {grade.name: float(grade.score) for grade in notebook.grades if grade.needs_manual_grade
         and grade.manual_score is not None and grade.name in by_hand},
        {grade.name: float(grade.max_score) for grade in notebook.grades})


def _manual(grades: list[Any], comments: list[Any]) -> ManualGrades:
    return ManualGrades(
        {grade.name: ManualGrade(grade.manual_score, float(grade.extra_credit or 0))
         for grade in grades if grade.manual_score is not None or grade.extra_credit},
        {comment.name: comment.manual_comment.strip() for comment in comments
         if (comment.manual_comment or "").strip()})


def _waits(grade: Any) -> bool:
    """Whether nothing has been given for a part yet, by the judge or by a person."""
    return bool(grade.needs_manual_grade and grade.auto_score is None
                and grade.manual_score is None)
