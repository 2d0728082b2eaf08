"""Step 1, settle: read each submission, and mend what nbgrader or the present release cannot use.

Intake mends what it takes in. What came another way, such as by nbgrader's own collector, or was
made from an older release since, is mended here.
"""

from __future__ import annotations

from dataclasses import replace

from autograder.course import Course
from autograder.faults import Faults, Step
from autograder.grading.submission import Submission, read_submission
from autograder.intake.records import IntakeRecord, notes, replace_note
from autograder.intake.settle import Findings, is_settled, settle


class Submissions:
    """Reads the submissions of an assignment, each settled. The notes are read once, at first."""

    def __init__(self, course: Course, assignment: str) -> None:
        self._course, self._assignment = course, assignment
        self._notes = {row.student: row for row in notes(course, assignment)}
        self._faults = Faults(course, assignment)

    def read(self, student: str) -> Submission:
        """One submission, settled; what settling found is in its note."""
        submission = self._read(student) if student in self._notes else None
        settled: list[Findings] = []
        may_have_changed = False  # settling may fail with half of it done
        with self._faults.guard(Step.SETTLE, student):
            for exercise in self._course.assignment(self._assignment).exercises:
                if self._is_due(submission, exercise):
                    may_have_changed = True
                    settled.append(self._settle(student, exercise))
        if settled:
            note = _noted(self._notes.get(student, IntakeRecord("", student)), settled)
            replace_note(self._course, self._assignment, note)
            self._notes[student] = note
        if submission is None or may_have_changed:
            submission = self._read(student)
        return replace(submission, note=self._notes.get(student))

    def _read(self, student: str) -> Submission:
        return read_submission(self._course, self._assignment, student)

    def _is_due(self, submission: Submission | None, exercise: str) -> bool:
        return submission is None or not is_settled(
            self._course, self._assignment, exercise,
            submission.files.get(f"{exercise}.ipynb", b""))

    def _settle(self, student: str, exercise: str) -> Findings:
        folder = self._course.submitted / student / self._assignment
        return settle(self._course, self._assignment, exercise, folder)


def _noted(before: IntakeRecord, settled: list[Findings]) -> IntakeRecord:
    """The note of an upload, with what settling its notebooks found."""
    remarks = [text for one in settled for text in (*one.violations, *one.remarks)]
    flags = [flag for one in settled for flag in one.flags]
    elsewhere = {part: where for one in settled for part, where in one.elsewhere.items()}
    return replace(before, remarks=tuple(dict.fromkeys((*before.remarks, *remarks))),
                   flags=tuple(dict.fromkeys((*before.flags, *flags))),
                   elsewhere=tuple(elsewhere.items()) or before.elsewhere)
