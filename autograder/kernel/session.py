"""One sandboxed kernel, from start to end, seen as two verbs: run a cell, ask a probe.

Whatever happens inside comes back as an Outcome; a kernel that hangs, dies or floods is killed
from outside and is gone for good. The caller decides whether to start another one.
"""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from autograder.kernel import (
    agent,
    compat,
    offline,
    portability,
    serialization,
    statements,
    stubs,
)
from autograder.kernel.channel import Channel, Flooded, Gone
from autograder.kernel.client import START_SECONDS, CountingClient, PromptClient
from autograder.kernel.isolation import seccomp
from autograder.kernel.isolation.policy import Limits, SandboxError, Surroundings
from autograder.kernel.module_text import module_text
from autograder.kernel.owntime import Budget, OutOfTime, OwnTime, Stalled, root_of
from autograder.results import words
from autograder.results.reason import Code, Reason

KERNEL_NAME = "autograder-sandbox"
A_WHILE = 15.0  # seconds, from a kernel's last word to its end
MOST_NOTES = 8  # of one cell
MOST_SAID = 2000  # bytes of an error in one line
PRINTED = 5.0  # seconds for what was printed to arrive
PEER = struct.Struct("3i")  # process, user and group at the other end of a unix socket
STILL_THERE = serialization.pack({"probes": "", "function": "nothing", "inputs": {}})
Kind = Literal["done", "error", "timeout", "stalled", "died", "flooded"]


@dataclass(frozen=True)
class Outcome:
    """How a cell or a probe ended: its kind, and why where it is not `done`.

    A cell leaves `outputs`, a probe its `answer`, as packed bytes.
    """

    kind: Kind
    why: Reason | None = None
    outputs: tuple[NotebookNode, ...] = ()
    answer: bytes | None = None

    @property
    def says(self) -> str:
        """Why, in English; empty where it is done."""
        return words.english(self.why) if self.why else ""

    @property
    def error(self) -> str:
        """The type of the error that was raised; empty where none was."""
        raised = self.why is not None and self.why.code is Code.RAISED
        return str(self.why.values["error"]) if self.why and raised else ""

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it: from the student's own code, or from outside."""
        return self.why is not None and self.why.code is Code.KILLED

    @property
    def notes(self) -> list[str]:
        """What the agent printed for the judge, a sentence each."""
        found = [line.removeprefix(statements.NOTE).removesuffix(")")
                 for output in self.outputs if output.output_type == "stream"
                 for line in str(output.text).splitlines() if line.startswith(statements.NOTE)]
        return list(dict.fromkeys(found))[:MOST_NOTES]

    @property
    def fatal(self) -> bool:
        """Whether the kernel is gone."""
        return self.kind in ("timeout", "stalled", "died", "flooded")


class KernelSession:
    """A student's kernel in its sandbox. Use as a context manager.

    The kernel runs in a copy of the folder `files`.
    """

    def __init__(self, files: Path, limits: Limits,
                 surroundings: Surroundings | None = None) -> None:
        self.limits = limits
        self._manager = AsyncKernelManager(kernel_name=KERNEL_NAME, client_factory=PromptClient)
        self._client = CountingClient(limits.output * 1024 * 1024, self._manager)
        surroundings = surroundings or Surroundings()
        self._lenient = surroundings.lenient
        self._start = {"cwd": str(files), "limits": vars(limits),
                       "surroundings": vars(surroundings)}
        self._channel: Channel | None = None
        self._own: OwnTime | None = None
        self.alive = False
        self.killed = False  # whether SIGKILL ended it while it started: that is no file's doing

    def __enter__(self) -> KernelSession:
        try:
            self._client.start_new_kernel(**self._start)
            self._client.start_new_kernel_client()
        except RuntimeError as error:
            self.killed = self._last_words().code is Code.KILLED
            raise SandboxError(
                f"the sandboxed kernel did not start ({error}). Run `autograder doctor` to see "
                "what this machine lacks."
            ) from error
        self.alive = True
        outcome = self._start_agent()
        if outcome.kind != "done":
            self.killed = outcome.killed
            self.close()
            raise SandboxError(f"the agent did not start in the sandbox: {outcome.says}")
        return self

    def _start_agent(self) -> Outcome:
        """Put the agent into the kernel, which connects to a socket of ours, and close the way in.
        """
        provisioner: Any = self._manager.provisioner
        slot = provisioner.slot
        with slot.listen() as listener:
            outcome = self.run(_bootstrap(self._lenient, slot.questions), START_SECONDS)
            if outcome.kind != "done":
                return outcome
            slot.seal()
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                return Outcome("died", Reason(Code.NOT_CONNECTED))
        self._own = OwnTime(root_of(_process_at(connection)))
        self._channel = Channel(connection, self._look)
        return outcome

    @property
    def taken(self) -> float:
        """Seconds of its own (owntime.py) that the student's code has taken so far."""
        return self._own.total if self._own is not None else 0.0

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def run(self, source: str, timeout: float) -> Outcome:
        """Execute one cell for at most `timeout` seconds of its own, and see the kernel live on."""
        if not self.alive:
            return Outcome("died", Reason(Code.ALREADY_ENDED))
        cell = nbformat.v4.new_code_cell(source)
        client, budget = self._client, self._budget(timeout)
        client.nb.cells[:] = [cell]
        client.budget, client.over, client.reply = budget, None, {}
        try:
            client.execute_cell(cell, 0)
        except DeadKernelError:
            outcome = (self._over(client.over, budget) if client.over is not None
                       else Outcome("died", self._last_words()))
        else:
            outcome = _read(cell, client.reply)
        if client.flooded:
            outcome = self._flooded()
        if outcome.fatal:
            self.close()
        elif self._channel is not None:  # Jupyter replies first, and ends its loop a moment later
            after = self.ask(STILL_THERE, timeout)
            return after if after.fatal else outcome
        return outcome

    def ask(self, request: bytes, timeout: float) -> Outcome:
        """Run a probe (see agent.answer) for at most `timeout` seconds of its own.

        The packed answer stands in the outcome.
        """
        if not self.alive or self._channel is None:
            return Outcome("died", Reason(Code.ALREADY_ENDED))
        budget = self._budget(timeout)
        try:
            reply = self._channel.ask(request, budget)
            if reply.printed:
                self._client.drain(_name(reply.number), PRINTED)
        except (OutOfTime, Stalled) as over:
            outcome = self._over(over, budget)
        except Flooded:
            outcome = self._flooded()
        except Gone:
            outcome = Outcome("died", self._why_silent())
        else:
            if not reply.failed:
                return Outcome("done", answer=reply.data)
            said = reply.data[:MOST_SAID].decode(errors="replace")
            kind, _, message = said.partition(": ")
            outcome = Outcome("error", _raised(kind, message))
        if outcome.fatal:
            self.close()
        return outcome

    def _budget(self, seconds: float) -> Budget:
        return Budget(self._own, seconds, seconds * self.limits.patience)

    def _over(self, over: OutOfTime | Stalled, budget: Budget) -> Outcome:
        if isinstance(over, OutOfTime):
            return Outcome("timeout", Reason(Code.TIMEOUT, limit=budget.seconds))
        return Outcome("stalled", Reason(Code.STALLED, seconds=budget.wall))

    def rest(self, seconds: float) -> Outcome:
        """Run nothing for a while; tell how the kernel ended, if it did."""
        provisioner: Any = self._manager.provisioner
        if not seconds or not self.alive:
            return Outcome("done")
        try:
            provisioner.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return Outcome("done")
        outcome = Outcome("died", self._last_words())
        self.close()
        return outcome

    def close(self) -> None:
        """Kill the kernel and take its folders away."""
        self.alive = False
        if self._channel is not None:
            self._channel.close()
        if self._client.km is not None:
            self._client._cleanup_kernel()

    def _look(self, number: bytes) -> None:
        """While a probe runs: has the kernel printed too much, or ended? Raises Flooded or Gone."""
        self._client.drain(_name(number))
        provisioner: Any = self._manager.provisioner
        if provisioner.process is None or provisioner.process.poll() is not None:
            raise Gone

    def _flooded(self) -> Outcome:
        return Outcome("flooded", Reason(Code.PRINTED_TOO_MUCH, limit=self.limits.output))

    def _why_silent(self) -> Reason:
        """Why the kernel's end is closed: it ends, as a rule, and its status is known in a moment.
        """
        provisioner: Any = self._manager.provisioner
        try:
            provisioner.process.wait(A_WHILE)
        except subprocess.TimeoutExpired:
            return Reason(Code.NO_ANSWER)
        return self._last_words()

    def _last_words(self) -> Reason:
        provisioner: Any = self._manager.provisioner
        process = getattr(provisioner, "process", None)
        if provisioner is not None and provisioner.group is not None and provisioner.group.ran_out:
            return Reason(Code.OUT_OF_MEMORY, limit=self.limits.memory)
        status = process.returncode if process is not None else None
        if status is None:
            return Reason(Code.ENDED_ITSELF)
        number = -status if status < 0 else status - 128
        if number == seccomp.BLOCKED:
            return Reason(Code.BLOCKED_CALL)
        if number == signal.SIGKILL:
            return Reason(Code.KILLED)
        if number > 0:
            return Reason(Code.CRASHED, signal=number)
        return Reason(Code.ENDED_ITSELF, status=status)


def _name(number: bytes) -> bytes:
    """A question's number as the agent writes it in a message of Jupyter's."""
    return number.hex().encode()


def _process_at(connection: socket.socket) -> int:
    """The process at the other end of a unix socket, by its number here."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
    return int(PEER.unpack(data)[0])


def _read(cell: NotebookNode, reply: dict[str, Any]) -> Outcome:
    """Sort a finished cell into an Outcome, by its outputs and by what the kernel replied.

    Some errors are printed, and stand in the reply alone: groups of exceptions, magics that are not
    there.
    """
    outputs = tuple(cell.outputs)
    errors = [output for output in outputs if output.output_type == "error"]
    if errors:
        last = errors[-1]
        return Outcome("error", _raised(last.ename, last.evalue), outputs)
    if reply.get("status", "ok") != "ok":
        return Outcome("error", _raised(reply.get("ename", "Error"), reply.get("evalue", "")),
                       outputs)
    return Outcome("done", outputs=outputs)


def _raised(error: object, message: object) -> Reason:
    said = {"message": str(message)[:500]} if message else {}
    return Reason(Code.RAISED, error=str(error), **said)


def _bootstrap(lenient: bool, questions: Path) -> str:
    """The first cell: put the agent and what it needs, as text, into the kernel's modules."""
    return "\n".join([module_text(serialization, offline, compat, portability, stubs, statements,
                                 agent),
                      f"module.settle({str(questions)!r}, {lenient})",
                      "del sys, types, module"])
