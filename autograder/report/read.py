"""Read the graded submissions of a course, each source once for the whole class."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from functools import cached_property

from autograder import journal, roster
from autograder.course import Course
from autograder.faults import Fault, faults
from autograder.gradebook import queries
from autograder.gradebook.nbgrader_api import has_assignment
from autograder.gradebook.queries import GradebookEntry
from autograder.intake import times
from autograder.intake.records import IntakeRecord, notes
from autograder.journal import Entry
from autograder.late import Applied
from autograder.marking.results import QuestionMarks, question_marks
from autograder.report.submission import GradedSubmission
from autograder.roster import Roster


class CourseResults:
    """The results of a course at one time: what is read is read once, when first asked for.

    To see what has changed since, make another one.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self.notes = functools.cache(self._notes)
        self.judged = functools.cache(self._judged)
        self.gradebook = functools.cache(self._gradebook)
        self.submissions = functools.cache(self._submissions)
        self.question_marks = functools.cache(self._question_marks)

    @cached_property
    def roster(self) -> Roster:
        """The roster; an empty one where there is no such file."""
        return roster.known(self.course)

    @cached_property
    def roster_of_groups(self) -> Roster:
        """The roster of a course where groups hand in. Raises CourseError where it is missing."""
        return self.roster if self.roster.members else roster.of(self.course)

    @cached_property
    def late(self) -> dict[tuple[str, str], Applied]:
        """What the late rules apply, by the name of what has a due date and by owner."""
        return times.late(self.course, notes_of=self.notes)

    def late_in(self, assignment: str) -> dict[str, Applied]:
        """What the late rules apply to the submissions of an assignment, by owner."""
        deadline = self.course.deadline(assignment)
        return {owner: applied for (name, owner), applied in self.late.items()
                if name == deadline.name} if deadline else {}

    def is_graded(self, assignment: str) -> bool:
        """Whether the gradebook has the assignment."""
        return self.gradebook(assignment) is not None

    def of(self, name: str) -> Iterable[GradedSubmission]:
        """The submissions to an assignment, or to all assignments of a homework."""
        return (submission for assignment in self.course.together(name)
                for submission in self.submissions(assignment))

    def _notes(self, assignment: str) -> list[IntakeRecord]:
        """The intake notes of an assignment, those of nobody's uploads included."""
        return notes(self.course, assignment)

    def _judged(self, assignment: str) -> dict[str, dict[str, Entry]]:
        """The last journal entries, by student and exercise."""
        return journal.by_student(self.course, assignment)

    def _gradebook(self, assignment: str) -> dict[str, GradebookEntry] | None:
        """The gradebook's entries by owner; None where it does not have the assignment."""
        if not has_assignment(self.course, assignment):
            return None
        found = queries.entries(self.course, assignment, self.late_in(assignment))
        return {entry.student: entry for entry in found}

    def _question_marks(self, assignment: str) -> dict[str, QuestionMarks]:
        """What was given at the desk, by question."""
        return question_marks(self.course, assignment) if self.is_graded(assignment) else {}

    def _submissions(self, assignment: str) -> list[GradedSubmission]:
        """Everybody of whom any source knows, by owner; then the uploads that are nobody's."""
        course, most = self.course, self.course.assignment(assignment).max_points
        received = {note.student: note for note in self.notes(assignment) if note.student}
        judged, graded = self.judged(assignment), self.gradebook(assignment) or {}
        late = self.late_in(assignment)
        doubts = times.unread(course, assignment, self.notes(assignment))
        failed: dict[str, list[Fault]] = {}
        for fault in faults(course, assignment):
            if fault.name == assignment:
                failed.setdefault(fault.student, []).append(fault)
        owners = {*received, *judged, *graded, *doubts, *failed}
        return [*(GradedSubmission(
            assignment, owner, most, received.get(owner) or IntakeRecord("", owner),
            graded.get(owner), judged.get(owner, {}), late.get(owner), doubts.get(owner),
            tuple(failed.get(owner, ()))) for owner in sorted(owners)),
            *(GradedSubmission(assignment, "", most, note)
              for note in self.notes(assignment) if not note.student)]
