"""Chooses a process of a batch, and kills it."""

from __future__ import annotations

import contextlib
import random

import psutil

# How often each kind is chosen. While there is none of it, nothing is killed: the batch goes on.
WEIGHTS = {"batch": 1, "fork server": 1, "worker": 3, "trusted process": 2, "kernel": 8}


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
        """What lives now, by kind. What runs before there is a worker only tries the walls."""
        try:
            batch = psutil.Process(self._pid)
            below = batch.children(recursive=True)
            where = batch.cwd()
        except psutil.Error:
            return []
        found = []
        for one in below:
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                found.append((_kind(one, batch.pid, where), one))
        workers = any(kind == "worker" for kind, _ in found)
        return [("batch", batch), *(found if workers else ())]


def _kind(process: psutil.Process, batch: int, where: str) -> str:
    """What a process below the batch is; that one is in the folder `where`."""
    words = " ".join(process.cmdline())
    if "multiprocessing.forkserver" in words:  # and what it has forked
        if process.ppid() == batch:
            return "fork server"
        # One that has answered for the reference does so in a folder of its own.
        return "worker" if process.cwd() == where else "trusted process"
    return "kernel" if "module.main" in words else "a helper"
