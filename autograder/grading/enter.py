"""Step 5, enter: each judged submission into nbgrader's gradebook, by nbgrader's own converter."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from traitlets.config import Config

from autograder.course import Course
from autograder.faults import Faults, Step, of_the_machine
from autograder.files import UNLIKE, read_lines
from autograder.gradebook import nbgrader_api, queries
from autograder.grading.submission import JudgedSubmission
from autograder.late import Applied
from autograder.release.build import fingerprint


@dataclass(frozen=True, eq=False)
class Entered:
    """A judged submission, and whether its feedback page is to be written."""

    judged: JudgedSubmission
    needs_page: bool


class EnteredStates:
    """In which state each submission was entered last: journal/NAME.entered.jsonl.

    A submission whose state is still the same is left alone. Its line is empty from when it is
    entered until its page is there, so that a batch that was killed in between does both again.
    """

    def __init__(self, course: Course, assignment: str, late: Mapping[str, Applied]) -> None:
        self._course, self._assignment = course, assignment
        self._release = fingerprint(course, assignment)
        self._file = course.journal / f"{assignment}.entered.jsonl"
        self._known = read_states(self._file)
        self._rows = {row.student: row for row in queries.entries(course, assignment, late)}

    def is_current(self, judged: JudgedSubmission) -> bool:
        """Whether row and page were there when the batch began, and show what they should."""
        row = self._rows.get(judged.student)
        page = self._course.feedback / judged.student / self._assignment
        return bool(row and page.is_dir()
                    and self._known.get(judged.student) == self._state(row, judged))

    def begin(self, judged: JudgedSubmission) -> None:
        """Note that a submission is being entered."""
        if self._known.get(judged.student):
            self._note(judged.student, "")

    def end(self, judged: JudgedSubmission) -> None:
        """Note that row and page of a submission are there."""
        row = queries.entry(self._course, self._assignment, judged.student)
        self._note(judged.student, self._state(row, judged))

    def _note(self, student: str, state: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with open(self._file, "a", encoding="utf-8") as file:
            file.write("\n" + json.dumps([student, state]))

    def _state(self, row: queries.GradebookEntry, judged: JudgedSubmission) -> str:
        """A hash over what the feedback page shows; what a person typed since is in the row.

        So is a late penalty; the sentences on it may change while it stays.
        """
        submission, late = judged.submission, judged.late
        shown = [self._release, repr(row), repr(submission.note),
                 repr(late.sentences(reasons=False) if late else None),
                 *(submission.fingerprints[exercise] for exercise in sorted(judged.verdicts)),
                 *(json.dumps(judged.verdicts[exercise].to_json())
                   for exercise in sorted(judged.verdicts))]
        return hashlib.sha256("\0".join(shown).encode(errors="surrogatepass")).hexdigest()[:16]


def enter(course: Course, assignment: str, judged: Iterator[JudgedSubmission],
          states: EnteredStates) -> Iterator[Entered]:
    """Enter each submission, unless its row and its page are there already."""
    faults = Faults(course, assignment)
    for one in judged:
        entered = Entered(one, needs_page=False)
        with faults.guard(Step.ENTER, one.student):
            if faults.has(Step.PAGE, one.student) or not states.is_current(one):
                states.begin(one)
                _enter(course, assignment, one)
                entered = Entered(one, needs_page=True)
        yield entered


def _enter(course: Course, assignment: str, judged: JudgedSubmission) -> None:
    """Enter a submission in the gradebook.

    A notebook that nbgrader refuses (cells twice, metadata of another world) gives way to the
    released one: the points are the judge's either way, and nobody falls out of the gradebook.
    """
    try:
        autograde(course, assignment, judged)
    except Exception as error:
        if of_the_machine(error):
            raise
        autograde_released(course, assignment, judged)


def autograde_released(course: Course, assignment: str, judged: JudgedSubmission) -> None:
    """Enter a submission with the released notebooks in place of the student's."""
    released = judged.submission.with_released_notebooks(course, assignment)
    autograde(course, assignment, JudgedSubmission(released, judged.verdicts, judged.late))


def autograde(course: Course, assignment: str, judged: JudgedSubmission) -> None:
    """Run nbgrader's autograde; its preprocessors get what is known, and judge nothing again."""
    given = Config()
    given.Judge.judged = judged
    given.UpToDate.applied = given.LatePenalty.applied = judged.late
    nbgrader_api.autograde(course, assignment, judged.student, judged.submission.files, given)


def read_states(path: Path) -> dict[str, str]:
    """The last state of each student; a line that holds something else is left out."""
    known = {}
    for line in read_lines(path):
        with contextlib.suppress(*UNLIKE):
            student, state = line
            if isinstance(student, str) and isinstance(state, str):
                known[student] = state
    return known
