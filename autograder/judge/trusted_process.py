"""The trusted process, seen from outside: it answers one question after another.

One process answers all judges of a machine: `Service` lets them ask from theirs (`Distant`).
"""

from __future__ import annotations

import os
import pickle
import socket
import socketserver
import threading
import time
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from autograder.judge import answering
from autograder.judge.forked import forked_pool
from autograder.kernel.scratch import Scratch
from autograder.kernel.slot import private_folder

TRIALS = 3  # of a request whose process died
START_SECONDS = 60  # the first request also waits for the process and its imports
A_MOMENT = 0.05  # seconds between two looks at whether to end
SLACK_SECONDS = 30  # until a process that should have been ended is given up


@dataclass(frozen=True)
class Said:
    """A packed answer; or none, and what our own code stopped with, or that it is silent."""

    answer: bytes = b""
    fault: str = ""
    silent: bool = False


class TrustedProcess:
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

    def ask(self, version: Path, request: bytes, place: Path | None = None) -> Said:
        """Put one request to the version of an exercise that lies in that folder.

        The answer is kept in the file `place`, or found there. Any thread may ask; one is answered
        at a time.
        """
        with self._lock:
            if place is not None and place.is_file():  # somebody has asked meanwhile
                return Said(place.read_bytes())
            if version in self._hopeless:
                return Said(silent=True)
            said = self._tried(version, request)
            if said.silent:
                self._hopeless.add(version)
            if said.answer and place is not None:
                _keep(said.answer, place)
            return said

    def close(self) -> None:
        self._pool.stop()
        self._pool.join()
        self._scratch.close()

    def _new_pool(self) -> ProcessPool:
        return forked_pool(1, answering.begin, *self._initargs)

    def _tried(self, version: Path, request: bytes) -> Said:
        for _ in range(TRIALS):
            start = time.monotonic()
            try:
                answer = self._answer(version, request)
                return Said(answer, silent=not answer)
            except (ProcessExpired, BrokenProcessPool, CancelledError):
                continue  # killed from outside, perhaps: the next one will tell
            except FutureTimeout:
                if self._pool.active and time.monotonic() - start >= self._seconds:
                    break  # else the clock has jumped, by which the pool measures
            except Exception as error:  # our own code: whatever it is, no student is to blame
                return Said(fault=f"{type(error).__name__}: {error}")
        return Said(silent=True)

    def _answer(self, version: Path, request: bytes) -> bytes:
        """What agent.answer says; where the pool is broken, another's process says it."""
        if not self._pool.active:
            self._pool.stop()
            self._pool.join()
            self._pool = self._new_pool()
        seconds = self._seconds + START_SECONDS
        wall = seconds * self._patience
        future = self._pool.schedule(answering.answer, timeout=wall, args=(
            version, request, str(self._scratch.path), seconds))
        answer: bytes = future.result(timeout=wall + SLACK_SECONDS)
        return answer


class Service:
    """Lets other processes of this user ask; `address` is where."""

    def __init__(self, trusted: TrustedProcess) -> None:
        self._folder = private_folder()
        self.address = str(self._folder.path / "trusted")

        class Asked(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                """Both ends are processes of ours, in a folder that nobody else can enter."""
                pickle.dump(trusted.ask(*pickle.load(self.rfile)), self.wfile)

        self._server = _Server(self.address, Asked)
        threading.Thread(target=self._server.serve_forever, args=(A_MOMENT,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.close()


class _Server(socketserver.ThreadingUnixStreamServer):
    """Each question is a connection, and a thread that waits for its turn."""

    daemon_threads, block_on_close, request_queue_size = True, False, 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A judge that was killed hears nothing; that is no news."""


@dataclass(frozen=True)
class Distant:
    """The trusted process of a service elsewhere on this machine."""

    address: str

    def ask(self, version: Path, request: bytes, place: Path | None = None) -> Said:
        """See TrustedProcess. Raises OSError or EOFError where the service is gone."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self.address)
            with line.makefile("rwb") as file:
                pickle.dump((version, request, place), file)
                file.flush()
                said: Said = pickle.load(file)
        return said


def _keep(data: bytes, place: Path) -> None:
    """Put an answer where others find it, whole or not at all; a full disk costs only time."""
    own = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        own.write_bytes(data)
        own.replace(place)
    except OSError:
        own.unlink(missing_ok=True)
