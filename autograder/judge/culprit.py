"""Find the step that ends a submission's kernels, so that it alone is left out.

The step that ran when a kernel ended need not have done it: an earlier one may have left something
behind (a timer, a thread), or somebody outside may have killed the process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from autograder.judge.steps import Steps
from autograder.judge.student_kernels import StudentKernels
from autograder.kernel.session import KernelSession, Outcome

KILLS = 3  # at one step, after which the step itself has done it
PAUSE = 0.5, 10.0  # seconds, at least and at most, to see whether a kernel lives on


@dataclass(frozen=True)
class End:
    """How a kernel ended, and at which step: at the number of all of them, where it was later."""

    index: int
    outcome: Outcome


RunSteps = Callable[[KernelSession, int, float], End | None]


class CulpritSearch:
    """Decides which step is left out, each time that a kernel has ended.

    `run` runs the first steps in a new kernel, waits for some seconds, and returns how the kernel
    ended, if it did. Steps that end any kernel for certain are `guilty`, by their place.
    """

    def __init__(self, steps: Steps, kernels: StudentKernels, guilty: dict[int, Outcome],
                 run: RunSteps) -> None:
        self._steps, self._kernels, self._run = steps, kernels, run
        self.guilty = guilty
        self._ends: set[int] = set()  # where kernels ended: steps, or len(steps) for a probe
        self._kills: Counter[int] = Counter()  # likewise, by a signal that anybody can send
        self._finished = False
        self.lived = 0.0  # seconds that a kernel lived, at most, before it ended
        self.probe_spoilt = False  # whether a step left behind what ended a probe
        for index, outcome in guilty.items():
            self.leave_out(End(index, outcome))

    @property
    def doubtful(self) -> bool:
        """Whether a kernel may have ended by what another step left behind."""
        return not self._finished and bool(self._ends - self.guilty.keys())

    @property
    def pause(self) -> float:
        """Seconds in which what a step left behind shows: a little longer than a kernel lived."""
        return min(max(PAUSE[0], 1.5 * self.lived), PAUSE[1])

    def probe_died(self) -> None:
        """A kernel ended while a probe ran."""
        self._ends.add(len(self._steps))

    def finish(self) -> None:
        """A kernel has lived through all steps and the pause: nobody else is to be found."""
        self._finished |= self.doubtful

    def judge(self, end: End, doubtful: bool) -> None:
        """Leave out the step that ended a kernel; `doubtful` is whether one had ended before."""
        if end.outcome.kind != "died":
            self.leave_out(end)
        elif self._may_be_killed_from_outside(end):
            return  # it is tried again: what the step itself does happens again
        elif self._ends_alone(end) or not doubtful:
            self.leave_out(end)
        else:
            self._search(end)

    def leave_out(self, end: End) -> None:
        """Leave out the step; what merely took too long on a busy machine stays."""
        if end.outcome.kind == "stalled" or end.outcome.why is None:
            return
        if end.outcome.kind == "died":
            self._ends.add(end.index)
        self._steps.leave_out(end.index, end.outcome.why)

    def take_back(self) -> None:
        """Run again the steps that another one may have ended."""
        for index in (self._steps.left_out.keys() & self._ends) - self.guilty.keys():
            self._steps.take_back(index)

    def _may_be_killed_from_outside(self, end: End) -> bool:
        if not end.outcome.killed:
            return False
        self._kills[end.index] += 1
        return self._kills[end.index] < KILLS and self._kills.total() < 2 * KILLS

    def _ends_alone(self, end: End) -> bool:
        """Whether this step, and nothing else, ends a new kernel: then it is guilty for certain."""
        session = self._kernels.new() if end.index < len(self._steps) else None
        if session is None:
            return False
        source = self._steps.all[end.index].source
        died = session.run(source, self._kernels.limits.cell).kind == "died"
        session.close()
        if died:
            self.guilty[end.index] = end.outcome
        return died

    def _search(self, end: End) -> None:
        """Find the step that leaves behind what ends kernels later, by halving.

        A kernel has ended although the steps that were suspected so far were left out. The first
        steps up to the guilty one, and no fewer, are followed by an end.
        """
        self.take_back()
        low, high, last = 0, min(end.index + 1, len(self._steps)), end.outcome
        while high - low > 1:
            session = self._kernels.new()
            if session is None:
                return
            middle = (low + high) // 2
            found = self._run(session, middle, self.pause)
            if found is not None and found.outcome.kind != "died":
                self.leave_out(found)
                return
            session.close()
            if found is None:
                low = middle
            else:
                last, high = found.outcome, min(middle, found.index + 1)
        self.leave_out(End(high - 1, last))
        self.guilty[high - 1] = last
        self.probe_spoilt |= len(self._steps) in self._ends
