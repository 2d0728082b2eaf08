"""The host's end of a nursery's life: starts it in the sandbox, and ends it (nursery.py)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.kernel import nursery
from autograder.kernel.as_text import as_text
from autograder.kernel.isolation import cgroup, namespaces, policy
from autograder.kernel.isolation.bubblewrap import forkserver_command
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.isolation.student_policy import student_policy
from autograder.kernel.scratch import Scratch

CALL = "import json; module.main(*json.loads(sys.argv[1]))"  # of the nursery
WAITING = 128  # judges at the door while it imports


@dataclass(frozen=True)
class Door:
    """Where processes of this machine find a nursery: its folder, and its control groups'."""

    folder: Path
    groups: tuple[Path, ...]

    @property
    def address(self) -> str:
        """Of the unix socket."""
        return str(self.folder / "door")


class NurseryProcess:
    """A nursery in the sandbox, alive until it is closed or this process ends.

    It comes to life by itself; who comes to its door meanwhile waits there. Raises SandboxError
    where bubblewrap is missing.
    """

    def __init__(self, surroundings: Surroundings, limits: Limits) -> None:
        self._scratch = Scratch("/tmp")
        folder = self._scratch.path
        self.door = Door(folder, cgroup.bases())
        self._owner = os.getpid()
        (folder / "runtime").mkdir()
        (folder / "files").mkdir()
        own = student_policy(folder / "files", folder / "runtime", limits, surroundings)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.door.address)
            listening.listen(WAITING)
            arguments = json.dumps([listening.fileno(), surroundings.preload,
                                    {"policy": own.to_json()}])
            code = f"{as_text(policy, namespaces, nursery)}\n{CALL}"
            command = forkserver_command(
                own, [sys.executable, "-P", "-c", code, arguments], folder)
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                bufsize=0, pass_fds=[listening.fileno()], start_new_session=True,
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")})

    @property
    def pid(self) -> int:
        return self._process.pid

    def last_words(self) -> str:
        """End it, and return what it said."""
        assert self._process.stderr is not None
        self._end()
        return self._process.stderr.read().decode(errors="replace").strip()[-300:] or "it ended"

    def close(self) -> None:
        """End the nursery and every kernel in it."""
        if os.getpid() != self._owner:
            return
        self._end()
        self._process.communicate()
        self._scratch.close()

    def _end(self) -> None:
        """Kill bubblewrap, and with it what it has started, however far that is.

        One that is killed at its very start leaves a child behind, which would never end.
        """
        if self._process.returncode is None:  # it is waited for nowhere else: the pid is its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
