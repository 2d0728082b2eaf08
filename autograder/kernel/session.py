"""One sandboxed kernel, from start to end, seen as two verbs: run a cell, ask a probe.

Whatever happens inside comes back as an Outcome; a kernel that hangs, dies or floods is killed
from outside and is gone for good. The caller decides whether to start another one.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import Any, Literal

import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from autograder.kernel import agent, calls, offline, old_names, standins, wire
from autograder.kernel.as_text import as_text
from autograder.kernel.sandbox import Limits, SandboxError, Surroundings

KILLED = "was killed (signal 9)"
KERNEL_NAME = "autograder-sandbox"
A_MOMENT = 0.02  # seconds; what a kernel that is asked at once says first may be lost
Kind = Literal["done", "error", "timeout", "died", "flooded"]


@dataclass(frozen=True)
class Outcome:
    """How one cell ended: its kind, one sentence for a person, its outputs, and the answer.

    `answer` holds the packed bytes that a probe sent back, where the cell was a probe.
    """

    kind: Kind
    says: str = ""
    outputs: tuple[NotebookNode, ...] = ()
    answer: bytes | None = None

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it: from the student's own code, or from outside."""
        return self.kind == "died" and self.says == KILLED

    @property
    def fatal(self) -> bool:
        """Whether the kernel is gone."""
        return self.kind in ("timeout", "died", "flooded")


class KernelSession:
    """A student's kernel in its sandbox. Use as a context manager.

    `files` is the folder whose copy the kernel finds as its home.
    """

    def __init__(self, files: Path, limits: Limits,
                 surroundings: Surroundings | None = None) -> None:
        self.limits = limits
        self._manager = AsyncKernelManager(kernel_name=KERNEL_NAME, client_factory=_PromptClient)
        self._client = _CountingClient(limits.output * 1024 * 1024, self._manager)
        surroundings = surroundings or Surroundings()
        self._lenient = surroundings.lenient
        self._start = {"cwd": str(files), "limits": vars(limits),
                       "surroundings": vars(surroundings)}
        self.alive = False
        self.killed = False  # whether SIGKILL ended it while it started: that is no file's doing

    def __enter__(self) -> KernelSession:
        try:
            self._client.start_new_kernel(**self._start)
            self._client.start_new_kernel_client()
        except RuntimeError as error:
            self.killed = self._last_words() == KILLED
            raise SandboxError(
                f"the sandboxed kernel did not start ({error}). Run `autograder doctor` to see "
                "what this machine lacks."
            ) from error
        self.alive = True
        outcome = self.run(_bootstrap(self._lenient), timeout=60)
        provisioner: Any = self._manager.provisioner
        if provisioner is not None:
            provisioner.seal()
        if outcome.kind != "done":
            self.killed = outcome.killed
            self.close()
            raise SandboxError(f"the agent did not start in the sandbox: {outcome.says}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def run(self, source: str, timeout: float) -> Outcome:
        """Execute one cell for at most `timeout` seconds."""
        if not self.alive:
            return Outcome("died", "the kernel had already ended")
        cell = nbformat.v4.new_code_cell(source)
        self._client.nb.cells[:] = [cell]
        self._client.timeout = int(timeout)
        try:
            self._client.execute_cell(cell, 0)
        except CellTimeoutError:
            outcome = Outcome("timeout", f"ran for more than {timeout:g} s and was stopped")
        except DeadKernelError:
            outcome = Outcome("died", self._last_words())
        else:
            outcome = _read(cell)
        if self._client.flooded:
            outcome = Outcome(
                "flooded", f"printed more than {self.limits.output} MiB and was stopped")
        if outcome.fatal:
            self.close()
        return outcome

    def ask(self, request: bytes, timeout: float) -> Outcome:
        """Run a probe (see agent.answer); the packed answer stands in the outcome."""
        text = base64.b64encode(zlib.compress(request, 1)).decode()  # what is long is slow to run
        outcome = self.run(f"{_AGENT}.serve({text!r})", timeout)
        if outcome.kind == "done" and outcome.answer is None:
            return Outcome("died", "gave no answer")
        return outcome

    def close(self) -> None:
        """Kill the kernel and take its folders away."""
        self.alive = False
        if self._client.km is not None:
            self._client._cleanup_kernel()

    def _last_words(self) -> str:
        provisioner: Any = self._manager.provisioner
        process = getattr(provisioner, "process", None)
        if provisioner is not None and provisioner.group is not None and provisioner.group.ran_out:
            return f"used more than the {self.limits.memory} MiB of memory that are allowed in all"
        status = process.returncode if process is not None else None
        if status is None:
            return "ended its own process"
        number = -status if status < 0 else status - 128
        if number == calls.BLOCKED:
            return "made a system call that is blocked while grading, and was stopped"
        if number == signal.SIGKILL:
            return KILLED
        if number > 0:
            return f"crashed the Python process (signal {number})"
        return f"ended its own process (exit status {status})"


class _PromptClient(AsyncKernelClient):
    """Jupyter's client of a kernel, without its pause after the start.

    Once the kernel answers, that listens for a fifth of a second to what belongs to no cell, to
    throw it away. nbclient tells by itself what belongs to the cell that runs.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return once the kernel answers. Raises RuntimeError where it died or does not."""
        end = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < end and await self._async_is_alive():
            self.kernel_info()
            with contextlib.suppress(Empty):
                reply = await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=A_MOMENT)  # that it is connected, too
                self._handle_kernel_info_reply(reply)
                return
        raise RuntimeError("the kernel died, or gave no answer")


class _CountingClient(NotebookClient):
    """nbclient's notebook client, with a bound on what the kernel may print."""

    def __init__(self, most: int, manager: AsyncKernelManager) -> None:
        super().__init__(nbformat.v4.new_notebook(), km=manager, allow_errors=True,
                         interrupt_on_timeout=False, iopub_timeout=5, shutdown_kernel="immediate",
                         startup_timeout=60)
        self._most = most
        self._count = 0
        self.flooded = False

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
                        ) -> NotebookNode | None:
        """Count what arrives; over the bound, kill the kernel and keep nothing more."""
        content = msg["content"]
        size = len(content["text"]) if "text" in content else len(json.dumps(content, default=str))
        is_answer = agent.MIME in content.get("data", {})
        if is_answer and not isinstance(content["data"][agent.MIME], str):
            return None  # rubbish under the agent's name
        self._count += 0 if is_answer else size
        if self._count > self._most or (is_answer and size > 2 * wire.MAX_BYTES):
            if not self.flooded and self.km is not None and self.km.provisioner is not None:
                self.flooded = True
                self._killing = asyncio.ensure_future(self.km.provisioner.kill())
            return None
        try:
            return super().process_message(msg, cell, cell_index)
        except nbformat.ValidationError:
            return None  # an output that no notebook can hold


def _read(cell: NotebookNode) -> Outcome:
    """Sort a finished cell's outputs into an Outcome."""
    answer = None
    for output in cell.outputs:
        if output.output_type == "display_data" and agent.MIME in output.data:
            answer = _decode(output.data[agent.MIME])
    kept = tuple(output for output in cell.outputs
                 if not (output.output_type == "display_data" and agent.MIME in output.data))
    errors = [output for output in kept if output.output_type == "error"]
    if errors:
        last = errors[-1]
        return Outcome("error", f"{last.ename}: {str(last.evalue)[:500]}", kept)
    return Outcome("done", "", kept, answer)


def _decode(text: Any) -> bytes:
    """The bytes of an answer; what is no base64 becomes bytes that hold no value."""
    try:
        return base64.b64decode(text)
    except (ValueError, TypeError):
        return b""


_AGENT = "__import__('sys').modules['autograder.kernel.agent']"


def _bootstrap(lenient: bool) -> str:
    """The first cell: put the wire and the agent, as text, into the kernel's modules."""
    return "\n".join([as_text(wire, offline, old_names, standins, agent),
                      f"module.settle({lenient})", "del sys, types, module"])
