"""Jupyter's clients of a kernel, as the judge needs them: prompt, and bounded in what they take."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from queue import Empty
from typing import Any

import nbformat
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from autograder.kernel.channel import Flooded
from autograder.kernel.owntime import LOOK, Budget, OutOfTime, Stalled

A_MOMENT = 0.02  # seconds; what a kernel that is asked at once says first may be lost
CONTENT = 6  # the place of a message's content among its frames
START_SECONDS = 600  # for a kernel to start, on a machine that has much to do
OUTPUT_SECONDS = 10  # for what a cell printed to arrive after its reply; no verdict needs it


class PromptClient(AsyncKernelClient):
    """Jupyter's client of a kernel, without its pause after the start.

    Once the kernel answers, that listens for a fifth of a second to what belongs to no cell, to
    throw it away. nbclient sorts out by itself what belongs to the cell that runs.
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


class CountingClient(NotebookClient):
    """nbclient's notebook client, with bounds on a cell's time and on what the kernel may print.

    After a cell, `reply` is what the kernel replied, and `over` why it was stopped, if it was.
    """

    def __init__(self, most: int, manager: AsyncKernelManager) -> None:
        super().__init__(nbformat.v4.new_notebook(), km=manager, allow_errors=True,
                         interrupt_on_timeout=False, iopub_timeout=OUTPUT_SECONDS,
                         shutdown_kernel="immediate", startup_timeout=START_SECONDS,
                         timeout=None)
        self._most = most
        self._count = 0
        self._seen = b""
        self.flooded = False
        self.budget: Budget | None = None
        self.over: OutOfTime | Stalled | None = None
        self.reply: dict[str, Any] = {}
        self.on_cell_executed = self._keep_reply

    def _keep_reply(self, execute_reply: dict[str, Any], **_: Any) -> None:
        """Called by nbclient once a cell has run."""
        self.reply = execute_reply["content"]

    async def _async_poll_kernel_alive(self) -> None:
        """While a cell runs: does the kernel live, and has the cell time left?"""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._async_check_alive()
                if self.budget is not None:
                    self.budget.look()
            except (OutOfTime, Stalled) as over:
                self.over = over
                break
            except DeadKernelError:
                break
        assert self.task_poll_for_reply is not None
        self.task_poll_for_reply.cancel()

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
                        ) -> NotebookNode | None:
        """Count what arrives; over the bound, kill the kernel and keep nothing more."""
        content = msg["content"]
        self._count += (len(content["text"]) if "text" in content
                        else len(json.dumps(content, default=str)))
        if self._count > self._most:
            if not self.flooded and self.km is not None and self.km.provisioner is not None:
                self.flooded = True
                self._killing = asyncio.ensure_future(self.km.provisioner.kill())
            return None
        try:
            return super().process_message(msg, cell, cell_index)
        except nbformat.ValidationError:
            return None  # an output that no notebook can hold

    def drain(self, last: bytes, seconds: float = 0.0) -> None:
        """Count what was printed outside of cells, and keep none of it. Raises Flooded.

        Returns where nothing more is there. Given some `seconds`, it waits so long for the message
        that names `last` as its parent, if that has not come already.
        """
        assert self.kc is not None
        channel: zmq.Socket[bytes] = zmq.Socket.shadow(self.kc.iopub_channel.socket)
        end = time.monotonic() + max(seconds, A_MOMENT)
        while not (seconds and self._seen == last) and time.monotonic() < end:
            if not channel.poll(int(1000 * seconds)):
                return
            frames = channel.recv_multipart()
            self._count += sum(map(len, frames[CONTENT:]))
            if self._count > self._most:
                raise Flooded
            if any(last in frame for frame in frames[:CONTENT]):
                self._seen = last
