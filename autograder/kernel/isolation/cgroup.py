"""Control groups: what all processes of one submission may use together.

The rlimits of a policy hold for each process; a control group holds for their sum. Where we may not
make groups (no root, no delegation), there are none, and `autograder doctor` says so. Both versions
of the interface are served: a hierarchy for each controller (1), and a single one (2).
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder.kernel.isolation.policy import CGROUPS, MIB
from autograder.kernel.scratch import Held, abandoned

ROOT = Path("/sys/fs/cgroup")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Group:
    """The control group of one submission's processes: a folder in each hierarchy."""

    name: str
    folders: tuple[Path, ...]

    @property
    def procs(self) -> tuple[str, ...]:
        """The files into which a process writes 0 to join."""
        return tuple(str(folder / "cgroup.procs") for folder in self.folders)

    @property
    def procs_inside(self) -> tuple[str, ...]:
        """The same files as the fork server sees them."""
        return tuple(f"{CGROUPS}/{number}/{self.name}/cgroup.procs"
                     for number in range(len(self.folders)))

    @property
    def ran_out(self) -> bool:
        """Whether a process was ended because all together used too much memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError, ValueError):
                    counts = dict(line.split() for line in (folder / name).read_text().splitlines())
                    if int(counts.get("oom_kill", 0)):
                        return True
        return False

    def remove(self) -> None:
        """Take the group away; its last processes may need a moment to end."""
        for folder in self.folders:
            _remove(folder)


def create(memory: int, processes: int, within: tuple[Path, ...] | None = None) -> Group | None:
    """A group for `processes` and `memory` MiB in all; None where none can be made.

    It lies in the folders `within`, another process's `bases()`, or in this process's own.
    """
    here = bases() if within is None else within
    if not here:
        return None
    name = f"{os.getpid()}-{next(_numbers)}"
    folders = tuple(base / name for base in here)
    try:
        for folder in folders:
            folder.mkdir()
            _limit(folder, memory * MIB, processes)
    except OSError:
        for folder in folders:
            _remove(folder)
        return None
    return Group(name, folders)


def bases() -> tuple[Path, ...]:
    """This process's own folder in each hierarchy; empty where groups cannot be made here."""
    return tuple(held.path for held in _bases(os.getpid()))


@cache
def _bases(pid: int) -> tuple[Held, ...]:
    made: list[Held] = []
    try:
        for parent in parents():
            made.append(Held(parent))
            if (made[-1].path / "cgroup.subtree_control").is_file():
                (made[-1].path / "cgroup.subtree_control").write_text("+memory +pids")
    except OSError:
        for held in made:
            _remove(held.path)
        return ()
    atexit.register(close)
    return tuple(made)


def parents() -> Iterator[Path]:
    """Where groups may be made: below our own in version 1, at the root in version 2."""
    if (ROOT / "cgroup.controllers").is_file():
        yield ROOT
        return
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path.lstrip("/")))
    for controller in ("memory", "pids"):
        folder = ROOT / controller / own.get(controller, "")
        yield folder if folder.is_dir() else ROOT / controller


def _limit(folder: Path, memory: int, processes: int) -> None:
    """Write the limits that this folder's hierarchy knows. Raises OSError where none is there."""
    limits = {"memory.max": memory, "memory.swap.max": 0, "pids.max": processes,
              "memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory}
    there = [name for name in limits if (folder / name).is_file()]
    if not there:
        raise FileNotFoundError(f"{folder} offers neither memory nor pids")
    for name in there:
        try:
            (folder / name).write_text(str(limits[name]))
        except OSError:
            if "sw" not in name:  # without swap there is none to limit
                raise


def _remove_base(base: Path) -> None:
    for folder in (*base.glob("*/"), base):
        _remove(folder, 0.5)


def _remove(folder: Path, seconds: float = 2.0) -> None:
    end = time.monotonic() + seconds
    while folder.is_dir():
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > end:
                return
            time.sleep(0.02)


def clear_abandoned() -> None:
    """Take away the groups of processes that were killed."""
    with contextlib.suppress(OSError):
        for base in (base for parent in parents() for base in abandoned(parent)):
            _remove_base(base)


def close() -> None:
    """Take this process's groups away, at its end."""
    if _bases.cache_info().currsize:
        for base in bases():
            _remove_base(base)
        _bases.cache_clear()
