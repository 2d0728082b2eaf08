"""Late penalties in nbgrader's gradebook, at nbgrader's own extension points.

nbgrader reckons a penalty once, when a notebook is autograded. Points that a person gives later
change it; so it is brought up to date whenever the gradebook is read for somebody: by the kit's
report, for a feedback page, by `nbgrader export`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.plugins import CsvExportPlugin, LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy.orm import joinedload, selectinload
from traitlets import Instance

from autograder.course import Course
from autograder.intake.times import late_in, late_of
from autograder.late import Applied


class LatePenalty(LateSubmissionPlugin):
    """What nbgrader asks for the penalty of each notebook of a late submission.

    Where course.toml gives no due date, nbgrader's own plug-in answers.
    """

    applied = Instance(Applied, allow_none=True, help="what the late rules apply").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float
                                ) -> float | None:
        asking = self.parent  # nbgrader's AssignLatePenalties, with the gradebook open
        course = Course.find(Path(self.config.CourseDirectory.root))
        if course.deadline(asking.assignment_id) is None:
            return super().late_submission_penalty(student_id, score, total_seconds_late)
        bring_up_to_date(asking.gradebook, course, asking.assignment_id, student_id,
                         {student_id: self.applied} if self.applied else None)
        notebook = asking.gradebook.find_submission_notebook(
            asking.notebook_id, asking.assignment_id, student_id)
        penalty: float | None = notebook.late_submission_penalty
        return penalty


class UpToDate(NbGraderPreprocessor):
    """Tells the gradebook when a submission was due and handed in, and what that costs by now."""

    applied = Instance(Applied, allow_none=True, help="what the late rules apply").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        names = resources["nbgrader"]
        course = Course.find(Path(resources["metadata"]["path"]))
        if course.deadline(names["assignment"]):
            with Gradebook(names["db_url"], course.toml.course.id) as gradebook:
                student = names["student"]
                bring_up_to_date(gradebook, course, names["assignment"], student,
                                 {student: self.applied} if self.applied else None)
        return nb, resources


class UpToDateCsv(CsvExportPlugin):
    """nbgrader's CSV export, of penalties that follow from the points as they stand."""

    def export(self, gradebook: Gradebook) -> None:
        course = Course.find(Path(self.config.CourseDirectory.root))
        for assignment in course.toml.assignments:
            bring_up_to_date(gradebook, course, assignment)
        super().export(gradebook)


def bring_up_to_date(gradebook: Gradebook, course: Course, assignment: str, student: str = "",
                     late: Mapping[str, Applied] | None = None) -> None:
    """Write down due dates, extensions, hand-in times and penalties, of all or of one student.

    course.toml decides: an assignment without a due date there is left alone. Nothing is written
    where nothing has changed. `late` is what the rules apply to them, if that is known already.
    """
    deadline = course.deadline(assignment)
    if deadline is None:
        return
    applied: Mapping[str, Applied | None]
    if student:
        submissions = [gradebook.find_submission(assignment, student)]
        applied = {student: late_of(course, assignment, student)} if late is None else late
    else:
        submissions = _submissions(gradebook, assignment)
        applied = late_in(course, assignment) if late is None else late
    most = course.assignment(assignment).max_points
    with gradebook.db.no_autoflush:  # else it is not known afterwards whether anything has changed
        for submission in submissions:
            submission.assignment.duedate = _naive(deadline.due)
            if found := applied.get(submission.student.id):
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
