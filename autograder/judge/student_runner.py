"""Run a submission's code in sandboxed kernels, and put probes to it.

The first probe starts a kernel and runs the cells and modules in it. Where student code ends the
kernel, another one is started without the step that did it (culprit.py). Everything stops when the
submission's time is used up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.judge.answer import BUSY, Answer, Failure, read_answer
from autograder.judge.culprit import CulpritSearch, End
from autograder.judge.steps import ExecutionStep, Steps
from autograder.judge.student_kernels import StudentKernels
from autograder.kernel import agent
from autograder.kernel.isolation.policy import Surroundings
from autograder.kernel.session import KernelSession, Outcome
from autograder.results.reason import Code, Reason
from autograder.settings import LimitSettings

MAX_REPORTED = 8  # events of one submission
NO_KERNEL = Reason(Code.NO_KERNEL)
USED_UP = Reason(Code.TIME_USED_UP)


@dataclass
class StudentRunner:
    """One submission's code in sandboxed kernels, one at a time. Use as a context manager.

    `before` and `cells` are run and `modules` imported before the first probe; `events` is what
    happened, for the report. `seconds` are the code's own (kernel/owntime.py). Steps that are known
    to end their kernel (`guilty`, by their place) are not run. `absent` are modules that were to be
    handed in and were not: that they cannot be imported is not the machine's fault.
    """

    folder: Path
    cells: list[str]
    modules: list[str]
    limits: LimitSettings
    seconds: float
    surroundings: Surroundings = field(default_factory=Surroundings)
    before: str = ""
    events: list[Reason] = field(default_factory=list)
    guilty: dict[int, Outcome] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._steps = Steps(self.folder, self.cells, self.modules, self.events)
        self._kernels = StudentKernels(self.folder, self.limits, self.seconds, self.surroundings)
        self._search = CulpritSearch(self._steps, self._kernels, self.guilty, self._run)
        self._since = 0.0  # when the kernel began
        self._probe_killed = False
        self.tried = True  # whether everything that was asked was tried

    def __enter__(self) -> StudentRunner:
        return self

    def __exit__(self, *exc: object) -> None:
        self._kernels.close()

    @property
    def taken(self) -> float:
        """Seconds of its own that this submission has taken."""
        return self._kernels.taken

    @property
    def killed(self) -> bool:
        """Whether a probe, or a kernel's start, was ended by a signal that anybody can send."""
        return self._probe_killed or self._kernels.killed

    @property
    def spoilt(self) -> bool:
        """Whether a probe was ended by what a step had left behind."""
        return self._search.probe_spoilt

    def ask(self, request: bytes, seconds: float | None = None) -> Answer:
        """Put one request to the student's code, for so many seconds if not as many as usual."""
        session = self._ready()
        if session is None or self._kernels.left <= 0:
            return self._untried()
        outcome = session.ask(request, timeout=seconds or self.limits.probe)
        self._probe_killed |= outcome.killed
        self._kernels.stalled |= outcome.kind == "stalled"
        if outcome.kind == "died":
            self._note_age()
            self._search.probe_died()
        answer = read_answer(outcome)
        if answer.failure is None:
            return answer
        return Answer(failure=self._steps.explained(self._without_excuse(answer.failure)))

    def _without_excuse(self, failure: Failure) -> Failure:
        """The failure; where what is missing was to be handed in, it excuses nothing."""
        excuses = [Reason(Code.LACKING, what=f"the package {name}") for name in self.absent]
        return replace(failure, untried=None) if failure.untried in excuses else failure

    def conclude(self) -> None:
        """Once all is asked: was a probe ended by what a step had left behind?"""
        if self._search.doubtful:
            self._ready()

    def _untried(self) -> Answer:
        self.tried = False
        why = (NO_KERNEL if not self._kernels.startable else
               BUSY if self._kernels.stalled else USED_UP)
        return Answer(failure=Failure(why, fatal=True, untried=why))

    def _ready(self) -> KernelSession | None:
        """A kernel that has run all steps; None where time or kernels are used up."""
        while self._kernels.session is None or not self._kernels.session.alive:
            session = self._kernels.new()
            if session is None:
                if not self._kernels.startable and NO_KERNEL not in self.events:
                    self.events.append(NO_KERNEL)
                return None
            doubtful = self._search.doubtful
            end = self._run(session, len(self._steps), self._search.pause if doubtful else 0.0)
            if end is None:
                self._search.finish()
            else:
                self._search.judge(end, doubtful)
        return self._kernels.session

    def _run(self, session: KernelSession, count: int, pause: float = 0.0) -> End | None:
        """Run the first `count` steps that are not left out, then wait for `pause` seconds."""
        self._since = time.monotonic()
        if self.before:
            session.run(self.before, self.limits.cell)
        for index, step in enumerate(self._steps.all[:count]):
            if index == self._steps.first_module:
                self._put_back_modules(session)
            if index in self._steps.left_out:
                continue
            left = self._kernels.left
            if left <= 0:
                return None
            outcome = session.run(step.source, min(self.limits.cell, max(1.0, left)))
            self._kernels.stalled |= outcome.kind == "stalled"
            self._report(step, outcome)
            if outcome.fatal:
                self._note_age()
                return End(index, outcome)
        outcome = session.rest(pause)
        if outcome.fatal:
            self._note_age()
            return End(count, outcome)
        return None

    def _note_age(self) -> None:
        """Tell the search how long the kernel lived that has ended."""
        self._search.lived = max(self._search.lived, time.monotonic() - self._since)

    def _put_back_modules(self, session: KernelSession) -> None:
        """Write the modules as they were handed in, where a cell has rewritten one of them."""
        files = self._steps.module_files()
        if not files:
            return
        outcome = session.run(f"__import__({agent.__name__!r}, fromlist=['put_back'])"
                              f".put_back({files!r})", timeout=self.limits.probe)
        printed = " ".join(str(out.get("data", {}).get("text/plain", ""))
                           for out in outcome.outputs)
        for name in files:
            event = Reason(Code.MODULE_REWRITTEN, file=name)
            if name in printed and event not in self.events:
                self.events.append(event)

    def _report(self, step: ExecutionStep, outcome: Outcome) -> None:
        for event in step.reported(outcome):
            if event not in self.events and len(self.events) < MAX_REPORTED:
                self.events.append(event)
