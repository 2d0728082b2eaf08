"""What the trusted process does first, before any library has looked at the environment.

Nothing heavy is imported here: the process that asks for it needs none of that.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
from pathlib import Path
from types import FrameType


def begin(environment: dict[str, str], preload: list[str]) -> None:
    """Find models offline, and import what versions of the exercise will."""
    os.environ.update(environment)
    for name in preload:
        with contextlib.suppress(Exception):  # whoever needs it will say what is wrong with it
            importlib.import_module(name)


def answer(version: Path, request: bytes, scratch: str, seconds: float) -> bytes:
    """See trusted.answer. Empty where it took more than so many seconds of processor time.

    How long that is by the clock depends on what else runs on this machine; an answer must not.
    """
    from autograder.judge import trusted

    too_long = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal too_long
        too_long = True
        raise TimeoutError(f"no answer after {seconds:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        said = trusted.answer(version, request, scratch)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return b"" if too_long else said
