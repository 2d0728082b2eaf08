"""The reference process and its server: one process answers all judges of a machine.

The process runs our own code (reference_process.py), one request after another. Judges ask it from
theirs by a reference.ReferenceConnection.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import socketserver
import threading
import time
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pebble import ProcessExpired, ProcessPool

from autograder.judge.workers import forked_pool
from autograder.kernel.scratch import Scratch
from autograder.kernel.slot import private_folder

TRIALS = 3  # of a request whose process died
START_SECONDS = 60  # the first request also waits for the process and its imports
A_MOMENT = 0.05  # seconds between two looks at whether to end
SLACK_SECONDS = 30  # until a process that should have been ended is given up


@dataclass(frozen=True)
class ReferenceReply:
    """A packed answer; or none, and what our own code stopped with, or that it is silent."""

    answer: bytes = b""
    fault: str = ""
    silent: bool = False


class ReferenceProcess:
    """Runs our own code: the reference and the misconceptions. It starts when it is first needed.

    A version that takes more than `seconds` of processor time for an answer, or ends its process,
    is not asked again. `patience` is how many times as long it may take by the clock.
    """

    def __init__(self, seconds: float, environment: dict[str, str], preload: list[str],
                 patience: int = 1) -> None:
        self._seconds, self._patience = seconds, patience
        self._initargs = (environment, preload)
        self._scratch = Scratch()
        self._lock = threading.Lock()
        self._hopeless: set[Path] = set()
        self._pool = self._new_pool()

    def begin(self) -> None:
        """Have the process start, and import; do not wait."""
        self._pool.schedule(os.getpid)

    def ask(self, version: Path, request: bytes, place: Path | None = None) -> ReferenceReply:
        """Put one request to the version of an exercise in that folder.

        The answer is kept in the file `place`, or found there. Any thread may ask; one is answered
        at a time.
        """
        with self._lock:
            if place is not None and place.is_file():  # somebody has asked meanwhile
                return ReferenceReply(place.read_bytes())
            if version in self._hopeless:
                return ReferenceReply(silent=True)
            reply = self._tried(version, request)
            if reply.silent:
                self._hopeless.add(version)
            if reply.answer and place is not None:
                _keep(reply.answer, place)
            return reply

    def close(self) -> None:
        self._pool.stop()
        self._pool.join()
        self._scratch.close()

    def _new_pool(self) -> ProcessPool:
        return forked_pool(1, prepare, *self._initargs)

    def _tried(self, version: Path, request: bytes) -> ReferenceReply:
        for _ in range(TRIALS):
            start = time.monotonic()
            try:
                answer = self._answer(version, request)
                return ReferenceReply(answer, silent=not answer)
            except (ProcessExpired, BrokenProcessPool, CancelledError):
                continue  # killed from outside, perhaps: the next one will tell
            except FutureTimeout:
                if self._pool.active and time.monotonic() - start >= self._seconds:
                    break  # else the clock has jumped, by which the pool measures
            except Exception as error:  # our own code: whatever it is, no student is to blame
                return ReferenceReply(fault=f"{type(error).__name__}: {error}")
        return ReferenceReply(silent=True)

    def _answer(self, version: Path, request: bytes) -> bytes:
        """What agent.answer returns; where the pool is broken, in another one's process."""
        if not self._pool.active:
            self._pool.stop()
            self._pool.join()
            self._pool = self._new_pool()
        seconds = self._seconds + START_SECONDS
        wall = seconds * self._patience
        future = self._pool.schedule(answer_in_time, timeout=wall, args=(
            version, request, str(self._scratch.path), seconds))
        answer: bytes = future.result(timeout=wall + SLACK_SECONDS)
        return answer


class ReferenceServer:
    """Lets other processes of this user ask; `address` is where."""

    def __init__(self, process: ReferenceProcess) -> None:
        self._folder = private_folder()
        self.address = str(self._folder.path / "reference")

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                """Both ends are processes of ours, in a folder that nobody else can enter."""
                pickle.dump(process.ask(*pickle.load(self.rfile)), self.wfile)

        self._server = _Server(self.address, Handler)
        threading.Thread(target=self._server.serve_forever, args=(A_MOMENT,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.close()


class _Server(socketserver.ThreadingUnixStreamServer):
    """Each question is a connection, and a thread that waits for its turn."""

    daemon_threads, block_on_close, request_queue_size = True, False, 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A judge that was killed takes no reply: nothing to report."""


def _keep(data: bytes, place: Path) -> None:
    """Put an answer where others find it, whole or not at all; a full disk costs only time."""
    own = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        own.write_bytes(data)
        own.replace(place)
    except OSError:
        own.unlink(missing_ok=True)


# ----------------------------------------------------------------------- in the reference process


def prepare(environment: dict[str, str], preload: list[str]) -> None:
    """Find models offline, and import what versions of the exercise will.

    No library that looks at the environment may have been imported before.
    """
    os.environ.update(environment)
    for name in preload:
        with contextlib.suppress(Exception):  # the version that needs it will raise it
            importlib.import_module(name)


def answer_in_time(version: Path, request: bytes, scratch: str, seconds: float) -> bytes:
    """See reference_process.answer. Empty where it took more than `seconds` of processor time.

    How long that is by the clock depends on what else runs on this machine; an answer must not.
    """
    from autograder.judge import reference_process  # slow to import: nobody else needs it

    too_long = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal too_long
        too_long = True
        raise TimeoutError(f"no answer after {seconds:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        answer = reference_process.answer(version, request, scratch)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return b"" if too_long else answer
