"""What people did in formgrader: points and comments, a submission at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import BindParameter, bindparam, select

from autograder.course import Course
from autograder.gradebook.native import open_gradebook


@dataclass(frozen=True)
class Hand:
    """What a person gave for one part: points (None where none) and points on top of them."""

    points: float | None = None
    extra: float = 0.0


@dataclass(frozen=True)
class Hands:
    """What people did with one submission.

    `parts` are by the part's name, `comments` by the grade_id of the cell that they stand at.
    """

    parts: dict[str, Hand] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


OF = (Assignment.name == bindparam("assignment"),
      SubmittedAssignment.student_id == bindparam("student"))
# Built once: to build a query takes longer than to run it.
NOTEBOOKS = (select(SubmittedNotebook.id).join(SubmittedNotebook.assignment)
             .join(SubmittedAssignment.assignment).where(*OF))
HERE: BindParameter[list[str]] = bindparam("notebooks", expanding=True)
GRADES = (select(BaseCell.name, Grade.manual_score, Grade.extra_credit).join(Grade.cell)
          .where(Grade.notebook_id.in_(HERE)))
COMMENTS = (select(BaseCell.name, Comment.manual_comment).join(Comment.cell)
            .where(Comment.notebook_id.in_(HERE)))


class HandGrades:
    """Reads them from an open gradebook."""

    def __init__(self, gradebook: Gradebook) -> None:
        self._run = gradebook.db.connection().execute

    def __call__(self, assignment: str, student: str) -> Hands:
        """What people did with a student's submission; nothing where there is none."""
        notebooks = self._run(NOTEBOOKS, {"assignment": assignment, "student": student})
        here = {"notebooks": notebooks.scalars().all()}
        return Hands(
            {name: Hand(manual, float(extra or 0))
             for name, manual, extra in self._run(GRADES, here) if manual is not None or extra},
            {name: text.strip() for name, text in self._run(COMMENTS, here)
             if (text or "").strip()})


@contextlib.contextmanager
def hand_grades(course: Course) -> Iterator[HandGrades]:
    """Open the gradebook for a while, to read from. Raises CourseError where it cannot be."""
    with open_gradebook(course) as gradebook:
        yield HandGrades(gradebook)
