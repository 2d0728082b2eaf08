"""Step 4, journal: each new verdict is on disk before anything is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from autograder.course import Course
from autograder.grading.judge import Judged
from autograder.grading.look_up import Origins
from autograder.grading.submission import JudgedSubmission, Submission
from autograder.journal import Entry, Journal, path_of
from autograder.late import Applied
from autograder.results.verdict import Verdict

OnProgress = Callable[[float], None]  # called with the share of one submission that is now done


def journal(course: Course, assignment: str, judged: Iterator[Judged], origins: Origins,
            late: Mapping[str, Applied], on_progress: OnProgress) -> Iterator[JudgedSubmission]:
    """Write new verdicts down; yield each submission once all of its exercises are judged.

    late: by student, what the late rules apply to the submission
    """
    verdicts: dict[str, dict[str, Verdict]] = {}  # by student, of those judged in part
    with Journal(path_of(course, assignment)) as file:
        for one in judged:
            on_progress(0.5 / len(origins))
            submission = one.submission
            if one.is_new:
                file.write(entry(submission, one.exercise, one.verdict, origins[one.exercise]))
            of_student = verdicts.setdefault(submission.student, {})
            of_student[one.exercise] = one.verdict
            if len(of_student) == len(origins):
                yield JudgedSubmission(submission, verdicts.pop(submission.student),
                                       late.get(submission.student))


def entry(submission: Submission, exercise: str, verdict: Verdict, origin: dict[str, str]
          ) -> Entry:
    """A verdict as the journal keeps it. One that is not final has no origin: see look_up."""
    return Entry(submission.student, exercise, submission.fingerprints[exercise], verdict,
                 origin if verdict.final else {})
