"""What one input may do to this machine: how long, how much memory, and where it may write."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

CPU_SECONDS = 5
WALL_SECONDS = 60
MEMORY = 1536 * 1024 * 1024  # that may come on top of what the process has
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events (docs.python.org, "Audit events table") and which of their arguments are paths.
CHANGES = {"os.mkdir": (0,), "os.rename": (0, 1), "os.remove": (0,), "os.rmdir": (0,),
           "os.symlink": (1,), "os.link": (0, 1), "os.truncate": (0,), "os.chmod": (0,),
           "os.chown": (0,), "os.utime": (0,), "shutil.rmtree": (0,), "sqlite3.connect": (0,)}
IN_A_FOLDER = ("os.mkdir", "os.remove", "os.rmdir")  # their last argument may be an open one
LEAVES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect")

_allowed: tuple[str, ...] | None = None  # None: nobody looks
_broken: list[str] = []


class TooSlow(BaseException):
    """One input took longer than an input may."""


class Outside(Exception):
    """Something was written, or started, where nothing may be."""


def install() -> None:
    """Listen to what this process does. Once a process: a hook cannot be taken off again."""
    sys.addaudithook(_hear)


def limit_memory() -> None:
    """Let this process have no more than what it has now and MEMORY."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))


@contextlib.contextmanager
def around(allowed: Sequence[Path]) -> Iterator[None]:
    """Raise TooSlow where the block takes too long, Outside where it writes elsewhere."""
    global _allowed
    before = [signal.signal(which, _stop) for which in (signal.SIGPROF, signal.SIGALRM)]
    _broken.clear()
    _allowed = tuple(os.path.realpath(path) for path in allowed)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _allowed = None
        for which, handler in zip((signal.SIGPROF, signal.SIGALRM), before, strict=True):
            signal.signal(which, handler)
    if _broken:
        raise Outside("; ".join(dict.fromkeys(_broken)))


@contextlib.contextmanager
def open_gate() -> Iterator[None]:
    """For a while nobody looks: a check itself lays something out."""
    global _allowed
    kept, _allowed = _allowed, None
    try:
        yield
    finally:
        _allowed = kept


def _stop(which: int, frame: FrameType | None) -> None:
    raise TooSlow(f"more than {CPU_SECONDS} s of a processor" if which == signal.SIGPROF
                  else f"more than {WALL_SECONDS} s")


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if _allowed is None:
        return
    if event == "open":
        path, _, flags = args
        if isinstance(flags, int) and flags & WRITES and not isinstance(path, int):
            _look(event, path)
    elif event in CHANGES:
        if event in IN_A_FOLDER and args[-1] != -1:
            return  # below a folder that is open: that one was looked at
        for number in CHANGES[event]:
            _look(event, args[number])
    elif event in LEAVES:
        _broken.append(f"{event} {str(args[:2])[:200]}")


def _look(event: str, path: Any) -> None:
    if path is None or isinstance(path, int):
        return
    real = os.path.realpath(os.fsdecode(path))
    if real != os.devnull and not any(
            real == one or real.startswith(one + os.sep) for one in _allowed or ()):
        _broken.append(f"{event} {real[:200]!r}")
