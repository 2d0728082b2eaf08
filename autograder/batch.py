"""Grade a batch: every submission judged, journalled, put into the gradebook, and reported.

The pipeline is `grade`. A step takes what the step before it yields, a submission after another,
and imports no later step; a batch is never all in memory. What was judged before and has not
changed since is not judged again, so that a batch that was killed goes on where it stopped.
"""

from __future__ import annotations

from contextlib import closing

from autograder import doctor
from autograder.course import Course
from autograder.gradebook.backup import back_up
from autograder.gradebook.nbgrader_api import clear_abandoned_copies
from autograder.grading.enter import EnteredStates, enter
from autograder.grading.journal import OnProgress, journal
from autograder.grading.judge import judge
from autograder.grading.look_up import Summary, look_up, origins_of
from autograder.grading.page import write_pages
from autograder.grading.settle import Submissions
from autograder.intake.times import late_in
from autograder.kernel.isolation import cgroup
from autograder.kernel.scratch import clear_abandoned
from autograder.release.build import prepare

JUDGES_A_WRITER = 4  # judging a submission takes far longer than writing its page


def submitted_students(course: Course, assignment: str) -> list[str]:
    """Who has handed the assignment in, by nbgrader's folder of submissions."""
    return sorted(path.parent.name for path in course.submitted.glob(f"*/{assignment}")
                  if path.is_dir())


def grade(course: Course, assignment: str, students: list[str], processes: int,
          on_progress: OnProgress = lambda share: None, again: bool = False, scheduler: str = ""
          ) -> Summary:
    """Judge the students' submissions; write the journal, the gradebook and feedback pages.

    `processes` judge locally; with `scheduler`, the address of one, Dask's workers do. `again`
    judges what has not changed, too. Raises SandboxError where this machine does not enforce what
    the course demands, CourseError where the gradebook cannot be used.
    """
    _make_ready(course, assignment)
    summary, origins = Summary(), origins_of(course, assignment)
    late = late_in(course, assignment)
    settled = Submissions(course, assignment)
    looked_up = look_up(course, assignment, students, origins, settled.read, again, summary)
    # Where a later step stops the batch, the judges end here and now, not when Python does.
    with closing(judge(course, assignment, looked_up, processes, scheduler)) as judged:
        journalled = journal(course, assignment, judged, origins, late, on_progress)
        states = EnteredStates(course, assignment, late)
        entered = enter(course, assignment, journalled, states)
        for _ in write_pages(course, assignment, entered, states, _writers(processes, scheduler)):
            on_progress(0.5)
    return summary


def _make_ready(course: Course, assignment: str) -> None:
    """Check the machine and the gradebook, clear up after killed batches, and build the release."""
    doctor.demand(course)
    clear_abandoned()
    clear_abandoned_copies(course)
    cgroup.clear_abandoned()
    back_up(course)
    prepare(course, assignment)


def _writers(processes: int, scheduler: str) -> int:
    """How many processes beside this one write pages: few of those that judge here."""
    return processes - 1 if scheduler else processes // JUDGES_A_WRITER
