"""How long a submission itself takes, on a machine that may be busy with other things.

A submission's own time is the processor time of all its processes, and the time in which all of
them sleep. It does not run while one of them waits for a processor or a disk. The wall clock
is looked at only as a backstop.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

LOOK = 0.1  # seconds between two looks at a kernel
LONGEST_SLEEP = 2 * LOOK  # that one look can see: the judge, too, may have waited for a processor
TICKS = os.sysconf("SC_CLK_TCK")
WAITING = b"RD"  # states of a thread that runs or could run, or waits for a disk


class OutOfTime(Exception):
    """The code has used up its own time."""


class Stalled(Exception):
    """The backstop: much time has passed, of which little was the code's own."""


class OwnTime:
    """The time that the processes below `root` (process 1 of their namespace) have taken."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._processor, _ = _usage(root)
        self._looked = time.monotonic()
        self.total = 0.0

    def look(self) -> float:
        """Add what was taken since the last look; return it, in seconds."""
        processor, waits = _usage(self._root)
        now = time.monotonic()
        passed, self._looked = now - self._looked, now
        taken = max(0.0, processor - self._processor)
        self._processor = processor
        if not waits:
            taken = max(taken, min(passed, LONGEST_SLEEP))
        self.total += taken
        return taken


class Budget:
    """The time of one cell or probe: `seconds` of its own, `wall` seconds in all.

    Without an OwnTime, which nobody has while a kernel starts, only the wall counts.
    """

    def __init__(self, own: OwnTime | None, seconds: float, wall: float) -> None:
        self._own, self.seconds, self.wall = own, seconds, wall
        self._left = seconds
        self._start = time.monotonic()
        self._first = True

    def look(self) -> None:
        """Raises OutOfTime or Stalled."""
        passed = time.monotonic() - self._start
        if self._own is not None:
            taken = self._own.look()
            # The first look also sees what was done since the last one of the question before.
            self._left -= min(taken, passed) if self._first else taken
            self._first = False
            if self._left <= 0:
                raise OutOfTime
        if passed > self.wall:
            raise Stalled


def root_of(pid: int) -> int:
    """The parent of a kernel's process: process 1 of its namespace."""
    return int(_stat(Path(f"/proc/{pid}/stat"))[1])


def _usage(root: int) -> tuple[float, bool]:
    """Processor seconds of a process and all below it; whether one of their threads waits."""
    ticks, waits = 0, False
    below = [root]
    while below:
        tasks = Path(f"/proc/{below.pop()}/task")
        try:
            ticks += sum(map(int, _stat(tasks.parent / "stat")[11:15]))
            for thread in os.listdir(tasks):
                waits = waits or _stat(tasks / thread / "stat")[0] in WAITING
                below += map(int, (tasks / thread / "children").read_bytes().split())
        except (OSError, IndexError):
            continue  # it has ended meanwhile
    return ticks / TICKS, waits


def _stat(path: Path) -> list[bytes]:
    """The fields of a stat file from the state on; the name before may hold anything."""
    return path.read_bytes().rpartition(b")")[2].split()
