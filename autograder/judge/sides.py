"""The student's side of a probe, in its sandbox; oracle.py is the trusted one.

Both answer requests (agent.py's) with an Answer. The student's side starts its kernel when it is
first asked, starts another one where student code killed it, and stops when its time is used up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder import text
from autograder.flag import Flag, Kind
from autograder.judge.imports import is_failed_import, one_by_one
from autograder.kernel import agent, wire
from autograder.kernel.sandbox import SandboxError, Surroundings
from autograder.kernel.scratch import Scratch
from autograder.kernel.session import KernelSession, Outcome
from autograder.kernel.wire import WireError
from autograder.settings import LimitSettings

MAX_KERNELS = 12
TRIALS = 3  # of a kernel that does not start
LITTLE = 0.2  # of such a trial, where the kernel was killed
MAX_REPORTED_CELLS = 5
NO_START = "with the files of this submission no Jupyter kernel starts"
OBITUARY = "EndedAtImport"  # what a module raises that took its kernel down when first imported


@dataclass(frozen=True)
class Failure:
    """Why there is no value: a sentence for the student, and whether the process is gone.

    `error` is the type of what was raised, with its message and the line of code it was raised at.
    """

    says: str
    error: str = ""
    fatal: bool = False
    message: str = ""
    line: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "says", text.sentence(self.says))
        object.__setattr__(self, "error", text.sentence(self.error))


@dataclass(frozen=True)
class Answer:
    """A probe's value, or the failure in its place."""

    value: Any = None
    failure: Failure | None = None


@dataclass
class StudentSide:
    """One submission's code in sandboxed kernels, one at a time. Use as a context manager.

    `before` and `cells` are run and `modules` imported before the first probe; `events` tells what
    happened, for the report.
    """

    folder: Path
    cells: list[str]
    modules: list[str]
    limits: LimitSettings
    seconds: float
    surroundings: Surroundings = field(default_factory=Surroundings)
    before: str = ""
    events: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._session: KernelSession | None = None
        self._deadly: set[int] = set()
        self._kernels = 0
        self._end = time.monotonic() + self.seconds
        self.killed = False  # whether a kernel was ended by a signal that anybody can send

    def __enter__(self) -> StudentSide:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._session is not None:
            self._session.close()

    def ask(self, request: bytes) -> Answer:
        """Put one request to the student's code."""
        session = self._ready()
        if session is None or self._left() <= 0:
            return Answer(failure=Failure(
                NO_START if NO_START in self.events else
                "not tried: this submission's time was used up by what came before", fatal=True))
        outcome = session.ask(request, timeout=self.limits.probe)
        self.killed |= outcome.killed
        return read_answer(outcome)

    def _left(self) -> float:
        """Seconds that this submission may still take."""
        return self._end - time.monotonic()

    def _ready(self) -> KernelSession | None:
        """The session, fed with the notebook's cells; None where time or kernels are used up."""
        while self._session is None or not self._session.alive:
            if self._left() <= 0 or self._kernels >= MAX_KERNELS:
                return None
            self._kernels += 1
            session = self._start()
            if session is None:
                return None
            self._session = session
            self._run_cells(session)
            self._put_back_modules(session)
            self._import_modules(session)
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
        self.events.append(Flag(NO_START, Kind.CRASHED))
        return None

    def _run_cells(self, session: KernelSession) -> None:
        if self.before:
            session.run(self.before, timeout=self.limits.cell)
        for index, source in enumerate(self.cells):
            if index in self._deadly:
                continue
            if self._left() <= 0:
                return
            outcome = self._run_cell(session, source)
            self.killed |= outcome.killed
            if outcome.fatal:
                self._deadly.add(index)
            if outcome.kind != "done":
                self._report(index, outcome)
            if outcome.fatal:
                if len(self._deadly) >= MAX_REPORTED_CELLS:
                    self._deadly.update(range(len(self.cells)))
                return

    def _run_cell(self, session: KernelSession, source: str) -> Outcome:
        """Run a cell; one whose imports fail is run again with each of them for itself."""
        outcome = session.run(source, timeout=min(self.limits.cell, max(1, self._left())))
        again = one_by_one(source) if is_failed_import(outcome) else None
        if again is not None and self._left() > 0:
            second = session.run(again, timeout=min(self.limits.cell, max(1, self._left())))
            return second if second.kind != "done" else outcome  # it is told of all the same
        return outcome

    def _put_back_modules(self, session: KernelSession) -> None:
        """Write the modules as they were handed in, where a cell has rewritten one of them."""
        files = {f"{name}.py": path.read_bytes() for name in self.modules
                 if (path := self.folder / f"{name}.py").is_file()}
        if not files or not session.alive:
            return
        outcome = session.run(f"__import__({agent.__name__!r}, fromlist=['put_back'])"
                              f".put_back({files!r})", timeout=self.limits.probe)
        self.killed |= outcome.killed
        said = " ".join(str(out.get("data", {}).get("text/plain", "")) for out in outcome.outputs)
        for name in files:
            event = (f"A code cell of the notebook wrote to {name} while it ran; {name} counts as "
                     "it was handed in.")
            if name in said and event not in self.events:
                self.events.append(event)

    def _import_modules(self, session: KernelSession) -> None:
        """Import each module once; one that kills the kernel is replaced by its own obituary.

        An import that merely fails is left alone: the probes that need it will say so.
        """
        for name in self.modules if session.alive else ():
            outcome = session.run(f"__import__({name!r}) and None", timeout=self.limits.probe)
            self.killed |= outcome.killed
            if outcome.fatal:
                reason = f"{name}.py, while it was imported, {outcome.says}"
                (self.folder / f"{name}.py").write_text(
                    f"class {OBITUARY}(ImportError): ...\n\nraise {OBITUARY}({reason!r})\n")
                self.events.append(Flag(f"{reason}.", Kind.CRASHED))
                return

    def _report(self, index: int, outcome: Outcome) -> None:
        event = f"A code cell of the notebook (number {index + 1} of those run): {outcome.says}."
        if event not in self.events and len(self.events) < MAX_REPORTED_CELLS:
            self.events.append(Flag(event, Kind.CRASHED) if outcome.fatal else event)


def read_answer(outcome: Outcome) -> Answer:
    """What the student's process sent, or why it sent nothing."""
    if outcome.answer is None:
        return Answer(failure=Failure(f"your code {outcome.says}", outcome.kind,
                                      fatal=outcome.fatal))
    return unpack(outcome.answer)


def unpack(data: bytes) -> Answer:
    """Read what agent.answer has packed, on whichever side."""
    try:
        answer = wire.unpack(data)
        if "error" in answer:
            return Answer(failure=_sentence(answer["error"]))
        return Answer(value=answer["value"])
    except (WireError, KeyError, TypeError, AttributeError) as error:
        return Answer(failure=Failure(f"your code's answer could not be read: {error}", "answer"))


def _sentence(error: dict[str, Any]) -> Failure:
    """Put a Python error into a sentence: what was raised and at which line."""
    kind, message, where, line = (text.sentence(error[key]).strip()
                                  for key in ("type", "message", "where", "line"))
    where = f" at {where}" if where else ""
    at = f"{where} (`{line}`)" if line else where
    if kind == OBITUARY:
        return Failure(message, kind)
    if kind == "NotImplementedError":
        return Failure(f"not written yet: NotImplementedError{where}", kind)
    if kind == "MemoryError" or "can't allocate memory" in message:
        return Failure(f"your code ran out of memory{at}", "MemoryError")
    first = message.splitlines()[0][:300] if message else ""
    return Failure(f"your code stopped with {kind}{': ' if first else ''}{first}{at}", kind,
                   message=message, line=line)


