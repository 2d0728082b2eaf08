"""Late penalties in nbgrader's gradebook, brought up to date.

nbgrader computes a penalty once, when a notebook is autograded. Points that a person gives later
change it; so whoever reads the gradebook for somebody has it brought up to date before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import Gradebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy.orm import joinedload, selectinload

from autograder.course import Course
from autograder.late import Applied


def bring_up_to_date(gradebook: Gradebook, course: Course, assignment: str,
                     late: Mapping[str, Applied], student: str = "") -> None:
    """Write down due dates, extensions, hand-in times and penalties, of all or of one student.

    late: by student or group, what the late rules apply to the submission (intake/times.py)

    course.toml decides: an assignment without a due date there is left alone. Nothing is written
    where nothing has changed.
    """
    deadline = course.deadline(assignment)
    if deadline is None:
        return
    submissions = ([gradebook.find_submission(assignment, student)] if student else
                   _submissions(gradebook, assignment))
    most = course.assignment(assignment).max_points
    with gradebook.db.no_autoflush:  # else it is not known afterwards whether anything has changed
        for submission in submissions:
            submission.assignment.duedate = _naive(deadline.due)
            if found := late.get(submission.student.id):
                _update(submission, found, most)
    if any(map(gradebook.db.is_modified, gradebook.db.dirty)):  # `dirty` has what was merely set
        gradebook.db.commit()


def _submissions(gradebook: Gradebook, assignment: str) -> list[Any]:
    """All submissions of an assignment with their notebooks' scores, in a few queries."""
    return gradebook.db.query(SubmittedAssignment).filter(
        SubmittedAssignment.assignment.has(name=assignment)).options(
        joinedload(SubmittedAssignment.student), joinedload(SubmittedAssignment.assignment),
        selectinload(SubmittedAssignment.notebooks).undefer(SubmittedNotebook.score)).all()


def _update(submission: Any, applied: Applied, most: float) -> None:
    """Write what applies to one of nbgrader's SubmittedAssignments."""
    one = applied.handed_in
    submission.extension = one.extension.until - one.deadline.due if one.extension else None
    if one.at is not None:
        submission.timestamp = _naive(one.at)
    scores = [max(float(notebook.score or 0), 0.0) for notebook in submission.notebooks]
    total = sum(scores)
    penalty = applied.penalty(total, most)
    for notebook, score in zip(submission.notebooks, scores, strict=True):
        # Each notebook's share is by its score, which it cannot exceed; None is nbgrader's zero.
        share = min(score, penalty * (score / total)) if total else 0.0
        notebook.late_submission_penalty = share or None


def _naive(time: datetime) -> datetime:
    """A time as nbgrader keeps it: in UTC, without saying so."""
    return time.astimezone(UTC).replace(tzinfo=None)
