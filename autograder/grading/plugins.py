"""Plug-ins for nbgrader's extension points (gradebook/config.py): judge, points, late penalties.

`nbgrader autograde` runs them like its own. `autograder grade` judges first, many submissions at a
time, and passes what it knows as configuration (`Judge.judged`); all else is the same. Penalties
are brought up to date for each feedback page, and for `nbgrader export`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import Comment, Grade, Gradebook
from nbgrader.plugins import CsvExportPlugin, LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Instance

from autograder.cells import is_staff
from autograder.course import Course
from autograder.crossfeedback import merge
from autograder.exercise.source import by_hand
from autograder.gradebook import sanitize
from autograder.gradebook.fast_nbgrader import SaveGrades
from autograder.gradebook.late_penalties import bring_up_to_date
from autograder.grading import grading_context
from autograder.grading.explanation import explanation_cell, part_output
from autograder.grading.submission import JudgedSubmission
from autograder.intake import written
from autograder.intake.times import late_in, late_of
from autograder.late import Applied
from autograder.marking.database import prepare
from autograder.marking.entering import KnownAnswer, enter_answers

JUDGED = "autograder_judged"  # the JudgedSubmission, in nbconvert's resources
NO_ANSWER = "No response."  # nbgrader's own words


class Judge(NbGraderPreprocessor):
    """Judges a notebook and the files beside it; the sentences become the grade cells' outputs."""

    judged = Instance(JudgedSubmission, allow_none=True, help="what was judged already").tag(
        config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        names = resources["nbgrader"]
        course, exercise = Course.find(Path(resources["metadata"]["path"])), names["notebook"]
        judged = self.judged or _judge_now(course, names["assignment"], names["student"], exercise)
        verdict, note = judged.verdicts[exercise], judged.submission.note
        sanitize.clean(nb)
        for cell in nb.cells:
            if utils.is_grade(cell) and cell.cell_type == "code":
                part = verdict.part(cell.metadata.nbgrader.grade_id)
                cell.outputs = [part_output(part)] if part else []
        grading_context.insert(nb, course, judged.submission.works[exercise])
        noted = [] if note is None else [note.problem] if note.problem else list(note.remarks)
        if judged.late:
            noted += judged.late.sentences(reasons=False)
        for heading, lines in (("While it ran", verdict.events),
                               ("About what you handed in", noted)):
            if lines:
                nb.cells.insert(0, explanation_cell(heading, lines))
        resources[JUDGED] = judged
        return nb, resources


def _judge_now(course: Course, assignment: str, student: str, exercise: str) -> JudgedSubmission:
    from autograder.grading.judge_one import judge_one  # rarely needed, and slow to import

    return judge_one(course, assignment, student, exercise)


class SaveJudgedGrades(SaveGrades):
    """Saves the judge's points. Points and comments given by hand stay.

    An answer that is not there earns nothing, and nobody is asked. Where it may be elsewhere, in a
    written part that was handed in, a person looks. So they do where an answer was graded and
    another one came.
    """

    _answers: Mapping[str, tuple[str, str]]  # the digest and text of those graded by hand
    _entered: Mapping[str, KnownAnswer] | None  # what was known of them before

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        work = resources[JUDGED].submission.works[resources["nbgrader"]["notebook"]]
        pdf = work.files.get(written.WRITTEN)
        self._answers, self._entered = {}, None
        for cell in nb.cells:
            if by_hand(cell):
                self._answers[cell.metadata.nbgrader.grade_id] = (
                    written.digest_of(cell, pdf), cell.source)
        if self._answers:
            prepare(resources["nbgrader"]["db_url"])
        return super().preprocess(nb, resources)

    def score(self, grade: Grade, cell: NotebookNode, resources: ResourcesDict) -> bool:
        judged: JudgedSubmission = resources[JUDGED]
        grade_id = cell.metadata.nbgrader.grade_id
        if cell.cell_type == "code" and not utils.is_solution(cell):
            part = judged.verdicts[self.notebook_id].part(grade_id)
            grade.auto_score = part.points if part else 0.0  # no verdict, no points
            note = judged.submission.note
            in_doubt = not grade.auto_score and note is not None and (
                grade_id in dict(note.elsewhere))
            grade.needs_manual_grade = grade.manual_score is not None or in_doubt or bool(
                part and part.flags)
            return True
        if by_hand(cell):
            known, (digest, _) = self._known(grade), self._answers[grade_id]
            zero = self._is_zero(cell, judged)
            grade.auto_score = 0.0 if zero else None
            grade.needs_manual_grade = not zero if grade.manual_score is None else (
                known.asks_again(digest, grade.manual_score, grade.needs_manual_grade))
            return True
        return False

    def _known(self, grade: Grade) -> KnownAnswer:
        """What was known of an answer graded by hand; all of the notebook are noted at once."""
        if self._entered is None:
            self._entered = enter_answers(self.gradebook, grade.notebook_id, self.assignment_id,
                                          self.student_id, self._answers)
        return self._entered[grade.name]

    def comment(self, comment: Comment, cell: NotebookNode, resources: ResourcesDict) -> None:
        if by_hand(cell):
            zero = self._is_zero(cell, resources[JUDGED])
            comment.auto_comment = NO_ANSWER if zero else None

    def _is_zero(self, cell: NotebookNode, judged: JudgedSubmission) -> bool:
        note = judged.submission.note
        came = written.written_came(judged.submission.works[self.notebook_id].files, note)
        return written.is_zero_by_itself(cell, came, note)


class WithoutStaffCells(NbGraderPreprocessor):
    """Takes out what only staff may read, before feedback is written for a student."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        nb.cells = [cell for cell in nb.cells if not is_staff(cell)]
        return nb, resources


class OtherGroupsComments(NbGraderPreprocessor):
    """Puts what another group wrote under the subtasks, before feedback is written."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict
                   ) -> tuple[NotebookNode, ResourcesDict]:
        names = resources["nbgrader"]
        course = Course.find(Path(resources["metadata"]["path"]))
        merge.insert(nb, course, names["assignment"], names["student"], names["notebook"])
        return nb, resources


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
