"""Chooses a process of a batch, and kills it."""

from __future__ import annotations

import random

import psutil

# How often each kind is chosen. While there is none of it, nothing is killed: the batch goes on.
WEIGHTS = {"batch": 1, "worker": 3, "trusted process": 2, "kernel": 8}


class Killer:
    """Kills processes below `pid`, and `pid` itself, with SIGKILL."""

    def __init__(self, pid: int, chance: random.Random) -> None:
        self._pid, self._chance = pid, chance

    def strike(self) -> str:
        """Kill one process; return what it was, or nothing where there is none such now."""
        (kind,) = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        victims = [one for name, one in self._victims() if name == kind]
        try:
            self._chance.choice(victims).kill()
        except (psutil.Error, IndexError):
            return ""
        return kind

    def _victims(self) -> list[tuple[str, psutil.Process]]:
        try:
            batch = psutil.Process(self._pid)
            found = [("batch", batch)]
            for one in batch.children():
                if not _is_spawned(one):
                    continue
                found.append(("worker", one))
                for below in one.children():
                    if _is_spawned(below):
                        found.append(("trusted process", below))
                    else:
                        found += [("kernel", kernel) for kernel in below.children(recursive=True)]
            return found
        except psutil.Error:
            return []


def _is_spawned(process: psutil.Process) -> bool:
    """Whether multiprocessing started it; the rest are helpers of Python's own, and walls."""
    return any("spawn_main" in word for word in process.cmdline())
