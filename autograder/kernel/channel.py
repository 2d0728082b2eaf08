"""The judge's end of the socket on which questions go to a student's kernel, and answers come back.

Cells go through Jupyter; a question of a microsecond is not to wait for Jupyter's milliseconds. The
kernel's end is agent.Line. Both ways go a header (agent.HEADER) and raw bytes.

Nothing that the kernel does holds the judge up: each step waits for a moment only, and between
moments somebody looks after the kernel and the clock.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from autograder.kernel import agent, serialization
from autograder.kernel.owntime import Budget

MOST = 2 * serialization.MAX_BYTES  # that is read for one question, whatever it is
AT_ONCE = 1024 * 1024
A_MOMENT = 0.05  # seconds
Given = TypeVar("Given")
Result = TypeVar("Result")


class Flooded(Exception):
    """The kernel sends more than it may."""


class Gone(Exception):
    """The kernel is dead, or has closed its end."""


@dataclass(frozen=True)
class Reply:
    """What came back: an answer or, where the agent itself `failed`, the error in one line.

    Where the kernel has `printed` meanwhile, a message on Jupyter's channel follows that, which
    names the question's number as its parent.
    """

    data: bytes
    failed: bool
    printed: bool
    number: bytes


class Channel:
    """A connection to one kernel, of one question at a time.

    `look` is called every other moment while the kernel is silent or busy, with the question's
    number, and may raise Flooded or Gone.
    """

    def __init__(self, connection: socket.socket, look: Callable[[bytes], None]) -> None:
        self._connection = connection
        self._connection.settimeout(A_MOMENT)
        self._look = look
        self._next_look = 0.0
        self._budget: Budget | None = None
        self._left = 0
        self._number = b""

    def ask(self, request: bytes, budget: Budget) -> Reply:
        """Put one question. Raises OutOfTime, Stalled, Flooded or Gone.

        An answer bears the number of its question. What student code wrote ahead bears another and
        is thrown away.
        """
        self._budget, self._left = budget, MOST
        self._next_look = time.monotonic() + A_MOMENT
        self._number = secrets.token_bytes(agent.NUMBER)
        self._send(agent.HEADER.pack(self._number, len(request), False, False) + request)
        while True:
            theirs, size, printed, failed = agent.HEADER.unpack(self._receive(agent.HEADER.size))
            data = self._receive(size)
            if theirs == self._number:
                return Reply(data, failed, printed, self._number)

    def close(self) -> None:
        self._connection.close()

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._step(self._connection.send, rest):]

    def _receive(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise Flooded
        data = bytearray()
        while len(data) < size:
            piece = self._step(self._connection.recv, min(size - len(data), AT_ONCE))
            if not piece:
                raise Gone
            data += piece
        return bytes(data)

    def _step(self, step: Callable[[Given], Result], given: Given) -> Result:
        """Try, moment after moment, until it is done."""
        while True:
            if time.monotonic() >= self._next_look:
                if self._budget is not None:
                    self._budget.look()
                self._look(self._number)
                self._next_look = time.monotonic() + A_MOMENT
            try:
                return step(given)
            except TimeoutError:
                pass
            except OSError as error:
                raise Gone from error
