"""Folders that go with the process that made them, however it ends.

Each is locked while somebody uses it, so that what a killed process left is known from what
another still needs. A process's id in the name would not show that: ids are given out again, and in
another container they mean other processes or none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

PREFIX = "autograder-held-"


class Held:
    """A new folder in `parent`, locked until it is released."""

    def __init__(self, parent: str | Path) -> None:
        lock = None
        while lock is None:  # somebody who clears up may come between the two
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            lock = _lock(self.path)
        self.release = weakref.finalize(self, os.close, lock)


class Scratch:
    """A new folder for temporary files, gone when it is closed. Use as a context manager."""

    def __init__(self, parent: str | Path | None = None) -> None:
        held = Held(parent or tempfile.gettempdir())
        self.path = held.path
        self.close = weakref.finalize(self, _take_away, held, os.getpid())

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def abandoned(parent: str | Path) -> Iterator[Path]:
    """Our folders in `parent` whose processes have ended."""
    for folder in Path(parent).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield folder
            finally:
                os.close(lock)


def clear_abandoned() -> None:
    """Take away what killed processes have left in the folder for temporary files."""
    for folder in abandoned(tempfile.gettempdir()):
        remove_tree(folder)


def remove_tree(folder: Path) -> None:
    """Take a folder away, however deep somebody has made it."""
    subprocess.run(["/bin/rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)


def _lock(folder: Path) -> int | None:
    """Lock a folder; None where it is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    fcntl.flock(lock, fcntl.LOCK_SH)
    if folder.is_dir():
        return lock
    os.close(lock)
    return None


def _take_away(held: Held, owner: int) -> None:
    if os.getpid() == owner:  # and not a fork of it
        remove_tree(held.path)
        held.release()
