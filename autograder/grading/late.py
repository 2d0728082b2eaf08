"""Late penalties at nbgrader's own extension points.

They are brought up to date for each feedback page, and for `nbgrader export`.
"""

from __future__ import annotations

from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin, LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Instance

from autograder.course import Course
from autograder.gradebook.late_penalties import bring_up_to_date
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
        _update(asking.gradebook, course, asking.assignment_id, student_id, self.applied)
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
                _update(gradebook, course, names["assignment"], names["student"], self.applied)
        return nb, resources


class UpToDateCsv(CsvExportPlugin):
    """nbgrader's CSV export, of penalties that follow from the points as they stand."""

    def export(self, gradebook: Gradebook) -> None:
        course = Course.find(Path(self.config.CourseDirectory.root))
        for assignment in course.toml.assignments:
            bring_up_to_date(gradebook, course, assignment, late_in(course, assignment))
        super().export(gradebook)


def _update(gradebook: Gradebook, course: Course, assignment: str, student: str,
            known: Applied | None) -> None:
    """Bring one student's penalty up to date, by what applies to it where that is known."""
    applied = known or late_of(course, assignment, student)
    bring_up_to_date(gradebook, course, assignment, {student: applied} if applied else {}, student)
