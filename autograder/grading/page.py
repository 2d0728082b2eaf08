"""Step 6, page: nbgrader's feedback page of each submission that was entered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from autograder.course import Course
from autograder.faults import Faults, Step
from autograder.gradebook import nbgrader_api
from autograder.grading.enter import Entered, EnteredStates, autograde_released
from autograder.grading.page_writers import PageWriters
from autograder.grading.submission import JudgedSubmission
from autograder.intake.records import IntakeRecord, replace_note
from autograder.results.flag import Flag, Kind

NO_PAGE = Flag("no page can be made of this notebook; formgrader shows the released one in its "
               "place", Kind.NOTEBOOK)


def write_pages(course: Course, assignment: str, entered: Iterator[Entered],
                states: EnteredStates, processes: int) -> Iterator[str]:
    """Write the pages that are needed; yield each student for whom all is done."""
    faults = Faults(course, assignment)
    begun: dict[str, JudgedSubmission] = {}  # by student

    def finished(pages: Iterable[tuple[str, bool]]) -> Iterator[str]:
        for student, is_there in pages:
            judged = begun.pop(student)
            with faults.guard(Step.PAGE, student):
                if not is_there:
                    judged = _write_released(course, assignment, judged)
                states.end(judged)
            yield student

    with PageWriters(course, assignment, processes) as writers:
        for one in entered:
            if one.needs_page:
                begun[one.judged.student] = one.judged
                writers.start(one.judged.student)
            else:
                yield one.judged.student
            yield from finished(writers.written())
        yield from finished(writers.written(every=True))


def _write_released(course: Course, assignment: str, judged: JudgedSubmission
                    ) -> JudgedSubmission:
    """Make a page from the released notebook, where none can be made of the student's.

    The note of the submission says so from then on.
    """
    autograde_released(course, assignment, judged)
    nbgrader_api.generate_feedback(course, assignment, judged.student)
    note = judged.submission.note or IntakeRecord("", judged.student)
    note = replace(note, flags=(*note.flags, NO_PAGE))
    replace_note(course, assignment, note)
    return replace(judged, submission=replace(judged.submission, note=note))
