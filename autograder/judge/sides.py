"""The student's side of a probe, in its sandbox; oracle.py is the trusted one.

Both answer requests (agent.py's) with an Answer. The student's side starts its kernel when it is
first asked, starts another one where student code killed it, and stops when its time is used up.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder import text
from autograder.kernel import agent, serialization
from autograder.kernel.isolation.policy import SandboxError, Surroundings
from autograder.kernel.scratch import Scratch
from autograder.kernel.serialization import SerializationError
from autograder.kernel.session import KernelSession, Outcome
from autograder.results import words
from autograder.results.reason import Code, Reason
from autograder.settings import LimitSettings

MAX_KERNELS = 40
TRIALS = 3  # of a kernel that does not start
KILLS = 3  # at one cell, after which the cell itself has done it
LITTLE = 0.2  # of such a trial, where the kernel was killed
MAX_REPORTED = 8  # events of one submission
PAUSE = 0.5, 10.0  # seconds, at least and at most, to see whether a kernel lives on
NO_KERNEL = Reason(Code.NO_KERNEL)
USED_UP = Reason(Code.TIME_USED_UP)
BUSY = Reason(Code.MACHINE_BUSY)
OBITUARY = "EndedAtImport"  # what a module raises that took its kernel down when first imported


@dataclass(frozen=True)
class Failure:
    """Why there is no value, and whether the process is gone.

    `error` is the type of what was raised, with its message and the line of code it was raised at.
    `untried` says why that tells nothing of the code, where it does not: what the grader lacks.
    """

    reason: Reason
    error: str = ""
    fatal: bool = False
    message: str = ""
    line: str = ""
    untried: Reason | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", text.sentence(self.error))

    @property
    def says(self) -> str:
        """The reason in English."""
        return words.english(self.reason)


@dataclass(frozen=True)
class Answer:
    """A probe's value, or the failure in its place."""

    value: Any = None
    failure: Failure | None = None


@dataclass(frozen=True)
class _Step:
    """Something that is run before the first probe: a cell of the notebook, or a module's import.
    """

    source: str
    number: int = 0  # of the cell
    module: str = ""

    def ended(self, why: Reason) -> Reason:
        """That it ended its kernel."""
        if self.module:
            return Reason(Code.IN_MODULE, module=self.module, why=why)
        return Reason(Code.IN_CELL, cell=self.number, why=why)

    def reported(self, outcome: Outcome) -> list[Reason]:
        """What went on in it, where it ended by itself."""
        if self.module:
            return [Reason(Code.NOTE, text=note) for note in outcome.notes]
        if outcome.kind != "error" or outcome.why is None:
            return [Reason(Code.IN_CELL, cell=self.number, notes=note) for note in outcome.notes]
        notes = {"notes": "; ".join(outcome.notes)} if outcome.notes else {}
        return [Reason(Code.IN_CELL, cell=self.number, why=outcome.why, **notes)]


@dataclass
class StudentSide:
    """One submission's code in sandboxed kernels, one at a time. Use as a context manager.

    `before` and `cells` are run and `modules` imported before the first probe; `events` tells what
    happened, for the report. `seconds` are the code's own (kernel/owntime.py). Cells and modules
    that are known to end their kernel (`guilty`, by their place) are not run.
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

    def __post_init__(self) -> None:
        self._steps = [*(_Step(source, number=number)
                         for number, source in enumerate(self.cells, start=1)),
                       *(_Step(f"__import__({name!r}) and None", module=name)
                         for name in self.modules)]
        self._session: KernelSession | None = None
        self._kernels = 0
        self._taken = 0.0  # by kernels that have ended
        self._deaths: list[int] = []  # the step at which a kernel ended, or len(steps): a probe
        self._kills: Counter[int] = Counter()  # likewise, by a signal that anybody can send
        self._last = Outcome("done")  # how a step ended its kernel
        self._lived = 0.0  # seconds that one lived that ended
        self._since = 0.0
        self._blamed: dict[int, Reason] = {}  # steps that are not run, and why
        self._obituaries: dict[str, Reason] = {}  # by what stands in the place of such a module
        self._buried: dict[int, bytes] = {}  # likewise, modules
        self._searched = False
        self._end = time.monotonic() + self.seconds * self.limits.patience
        self.killed = False  # whether a probe was ended by a signal that anybody can send
        self.stalled = False  # whether the machine was too busy
        self.spoilt = False  # whether a probe was ended by what a cell had left behind
        self.tried = True  # whether everything that was asked was tried
        for index, outcome in self.guilty.items():
            self._last = outcome
            self._blame(index)

    def __enter__(self) -> StudentSide:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._session is not None:
            self._session.close()

    def ask(self, request: bytes, seconds: float | None = None) -> Answer:
        """Put one request to the student's code, for so many seconds if not as many as usual."""
        session = self._ready()
        if session is None or self._left() <= 0:
            why = (NO_KERNEL if NO_KERNEL in self.events else
                   BUSY if self.stalled else USED_UP)
            self.tried = False
            return Answer(failure=Failure(why, fatal=True, untried=why))
        outcome = session.ask(request, timeout=seconds or self.limits.probe)
        self.killed |= outcome.killed
        self.stalled |= outcome.kind == "stalled"
        if outcome.kind == "died":
            self._lived = self._age()
            self._deaths.append(len(self._steps))
        answer = read_answer(outcome)
        failure = answer.failure
        if failure is None or failure.error != OBITUARY:
            return answer
        return Answer(failure=replace(failure, reason=self._obituaries.get(
            failure.message, failure.reason)))

    @property
    def taken(self) -> float:
        """Seconds of its own that this submission has taken."""
        return self._taken + (self._session.taken if self._session is not None else 0.0)

    def _left(self) -> float:
        """Those that it may still take."""
        self.stalled |= time.monotonic() > self._end
        return 0.0 if self.stalled else self.seconds - self.taken

    def _ready(self) -> KernelSession | None:
        """The session, fed with cells and modules; None where time or kernels are used up."""
        while self._session is None or not self._session.alive:
            session = self._new()
            if session is None:
                return None
            doubtful = self._doubtful
            ended_at = self._run(session, len(self._steps), self._pause() if doubtful else 0.0)
            if ended_at is None:
                self._searched |= doubtful
            elif self._last.kind != "died":
                self._blame(ended_at)
            elif not self._may_be_anybodys(ended_at):
                if self._ends_alone(ended_at) or not doubtful:
                    self._blame(ended_at)
                else:
                    self._search(ended_at)
        return self._session

    def conclude(self) -> None:
        """Once all is asked: was a probe ended by what a cell had left behind?"""
        if self._doubtful:
            self._ready()

    @property
    def _doubtful(self) -> bool:
        """Whether a kernel may have ended by another's doing than that of what ran in it."""
        return not self._searched and bool(set(self._deaths) - self.guilty.keys())

    def _new(self) -> KernelSession | None:
        """A new kernel; None where none starts, or time or kernels are used up."""
        if self._session is not None:
            self._session.close()
            self._taken += self._session.taken
            self._session = None
        if self._left() <= 0 or self._kernels >= MAX_KERNELS:
            return None
        self._kernels += 1
        self._session = self._start()
        return self._session

    def _start(self) -> KernelSession | None:
        """A new kernel; None where this submission's files keep it from starting.

        One that failed is tried again. Where it was killed, which somebody outside may have done,
        that tells less. Raises SandboxError where none starts without the files either: it is this
        machine's fault.
        """
        failed = 0.0
        while failed < TRIALS and self._left() > 0:
            session = KernelSession(self.folder, self.limits.sandbox(), self.surroundings)
            try:
                return session.__enter__()
            except SandboxError:
                self.killed |= session.killed
                failed += LITTLE if session.killed else 1
                session.close()
        with Scratch() as empty, KernelSession(
                empty, self.limits.sandbox(), self.surroundings):
            self._kernels = MAX_KERNELS
        self.events.append(NO_KERNEL)
        return None

    # -- before the first probe ---------------------------------------------------------------

    def _run(self, session: KernelSession, count: int, pause: float = 0.0) -> int | None:
        """Run the first `count` steps that are not deadly, then wait for so many seconds.

        Returns the step at which the kernel ended, or `count` where it ended later.
        """
        self._since = time.monotonic()
        if self.before:
            session.run(self.before, self.limits.cell)
        for index, step in enumerate(self._steps[:count]):
            if index == len(self.cells):
                self._put_back_modules(session)
            if index in self._blamed:
                continue
            if self._left() <= 0:
                return None
            outcome = session.run(step.source, min(self.limits.cell, max(1.0, self._left())))
            self.stalled |= outcome.kind == "stalled"
            self._report(step, outcome)
            if outcome.fatal:
                self._last, self._lived = outcome, self._age()
                return index
        outcome = session.rest(pause)
        if outcome.fatal:
            self._last, self._lived = outcome, self._age()
            return count
        return None

    def _age(self) -> float:
        """Seconds that a kernel has lived, at most, before it ended."""
        return max(self._lived, time.monotonic() - self._since)

    def _put_back_modules(self, session: KernelSession) -> None:
        """Write the modules as they were handed in, where a cell has rewritten one of them."""
        files = {f"{name}.py": path.read_bytes() for name in self.modules
                 if (path := self.folder / f"{name}.py").is_file()}
        if not files:
            return
        outcome = session.run(f"__import__({agent.__name__!r}, fromlist=['put_back'])"
                              f".put_back({files!r})", timeout=self.limits.probe)
        said = " ".join(str(out.get("data", {}).get("text/plain", "")) for out in outcome.outputs)
        for name in files:
            event = Reason(Code.MODULE_REWRITTEN, file=name)
            if name in said and event not in self.events:
                self.events.append(event)

    def _may_be_anybodys(self, index: int) -> bool:
        """Whether the kernel that ended at this step may have been killed from outside.

        Then it is tried again: what the step itself does happens again.
        """
        if not self._last.killed:
            return False
        self._kills[index] += 1
        return self._kills[index] < KILLS and self._kills.total() < 2 * KILLS

    def _ends_alone(self, index: int) -> bool:
        """Whether this step, and nothing else, ends a new kernel: then it is guilty for certain."""
        told, session = self._last, self._new() if index < len(self._steps) else None
        if session is None:
            return False
        ended = session.run(self._steps[index].source, self.limits.cell).kind == "died"
        session.close()
        self._last = told
        if ended:
            self.guilty[index] = told
        return ended

    def _blame(self, index: int) -> None:
        """A step that ended its kernel is not run again, and told of.

        A module is replaced by its own obituary: the probes that need it will say so. What merely
        fails is left alone.
        """
        step, outcome = self._steps[index], self._last
        if outcome.kind == "stalled" or outcome.why is None:
            return
        if outcome.kind == "died":
            self._deaths.append(index)
        event = step.ended(outcome.why)
        self._blamed[index] = event
        self.events.append(event)
        if step.module:
            file = self.folder / f"{step.module}.py"
            self._buried[index] = file.read_bytes()
            obituary = words.english(event).removesuffix(".")
            self._obituaries[obituary] = event
            file.write_text(f"class {OBITUARY}(ImportError): ...\n\n"
                            f"raise {OBITUARY}({obituary!r})\n")

    def _acquit(self) -> None:
        """Forget who was blamed for a death: it may have been another's doing."""
        for index in (self._blamed.keys() & set(self._deaths)) - self.guilty.keys():
            self.events.remove(self._blamed.pop(index))
            if index in self._buried:
                file = self.folder / f"{self._steps[index].module}.py"
                file.write_bytes(self._buried.pop(index))

    def _search(self, ended_at: int) -> None:
        """Find the step that leaves something behind (a timer, a thread) that ends kernels later.

        A kernel has ended although who was blamed so far was left out. The first steps up to that
        one, and no fewer, are followed by an end.
        """
        self._acquit()
        low, high = 0, min(ended_at + 1, len(self._steps))
        while high - low > 1:
            session = self._new()
            if session is None:
                return
            middle = (low + high) // 2
            found = self._run(session, middle, self._pause())
            if found is not None and self._last.kind != "died":
                self._blame(found)
                return
            session.close()
            low, high = (middle, high) if found is None else (low, min(middle, found + 1))
        self._blame(high - 1)
        self.guilty[high - 1] = self._last
        self.spoilt |= len(self._steps) in self._deaths

    def _pause(self) -> float:
        """As long as it took a kernel to end, and a little longer."""
        return min(max(PAUSE[0], 1.5 * self._lived), PAUSE[1])

    def _report(self, step: _Step, outcome: Outcome) -> None:
        for event in step.reported(outcome):
            if event not in self.events and len(self.events) < MAX_REPORTED:
                self.events.append(event)


def read_answer(outcome: Outcome) -> Answer:
    """What the student's process sent, or why it sent nothing."""
    if outcome.answer is not None:
        return unpack(outcome.answer)
    why = Reason(Code.YOUR_CODE, why=outcome.why or Reason(Code.NO_ANSWER))
    return Answer(failure=Failure(why, outcome.kind, outcome.fatal,
                                  untried=BUSY if outcome.kind == "stalled" else None))


def unpack(data: bytes) -> Answer:
    """Read what agent.answer has packed, on whichever side."""
    try:
        answer = serialization.unpack(data)
        if "error" in answer:
            return Answer(failure=_failure(answer["error"]))
        return Answer(value=answer["value"])
    except (SerializationError, KeyError, TypeError, AttributeError) as error:
        return Answer(failure=Failure(
            Reason(Code.UNREADABLE_ANSWER, error=str(error)), "answer"))


def _failure(error: dict[str, Any]) -> Failure:
    """Read a Python error: what was raised and at which line."""
    kind, message, where, line = (text.sentence(error[key]).strip()
                                  for key in ("type", "message", "where", "line"))
    exact = {"line": line} if line else {}
    at = {"place": Reason(Code.AT, where=where, **exact)} if where else {}
    lacking = text.sentence(error.get("lacking", ""))
    untried = Reason(Code.LACKING, what=lacking) if lacking else None
    if kind == "NotImplementedError":
        place = {"place": Reason(Code.AT, where=where)} if where else {}
        return Failure(Reason(Code.NOT_WRITTEN, why=Reason(Code.RAISED, error=kind, **place)), kind)
    if kind == "MemoryError" or "can't allocate memory" in message:
        return Failure(Reason(Code.MEMORY_ERROR, **at), "MemoryError")
    first = {"message": message.splitlines()[0][:300]} if message else {}
    return Failure(Reason(Code.STOPPED_WITH, why=Reason(Code.RAISED, error=kind, **first, **at)),
                   kind, message=message, line=line, untried=untried)
