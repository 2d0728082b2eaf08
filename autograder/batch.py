"""Grade a batch: every submission judged, journalled, put into the gradebook, and reported.

The pipeline is `grade`. A step takes what the step before it yields, a submission after another,
and imports no later step; a batch is never all in memory. What was judged before and has not
changed since is not judged again, so that a batch that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from autograder import doctor
from autograder.course import Course
from autograder.gradebook.backup import back_up
from autograder.gradebook.nbgrader_api import clear_abandoned_copies
from autograder.grading.enter import EnteredStates, enter
from autograder.grading.journal import journal
from autograder.grading.judge import Judged, judge
from autograder.grading.look_up import LookedUp, look_up, origins_of
from autograder.grading.page import write_pages
from autograder.grading.settle import Submissions
from autograder.intake.times import late_in
from autograder.kernel.isolation import cgroup
from autograder.kernel.scratch import clear_abandoned
from autograder.release.build import prepare

OnProgress = Callable[[float], None]  # called with the share of one submission that is now done
JUDGES_A_WRITER = 4  # judging a submission takes far longer than writing its page


@dataclass
class Summary:
    """What a batch did: how many exercises it judged, by reason, and how many it left as is."""

    judged: dict[str, int] = field(default_factory=dict)
    kept: int = 0

    def __str__(self) -> str:
        reasons = [f"{count} because of {why}" for why, count in self.judged.items()]
        return f"judged: {', '.join(reasons) or 'nothing'}; kept: {self.kept}"

    def count(self, found: LookedUp) -> LookedUp:
        """Count the exercises of a submission; return it."""
        self.kept += len(found.kept)
        for why in found.due.values():
            self.judged[why] = self.judged.get(why, 0) + 1
        return found


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

    def counted(judged: Iterator[Judged]) -> Iterator[Judged]:
        for one in judged:
            on_progress(0.5 / len(origins))
            yield one

    settled = Submissions(course, assignment)
    looked_up = map(summary.count, look_up(course, assignment, students, origins, settled.read,
                                           again))
    # Where a later step stops the batch, the judges end here and now, not when Python does.
    with closing(judge(course, assignment, looked_up, processes, scheduler)) as judged:
        journalled = journal(course, assignment, counted(judged), origins, late)
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
