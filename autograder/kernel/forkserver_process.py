"""The fork server's process, started in the sandbox and ended from here (see forkserver.py)."""

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

from autograder.kernel import forkserver
from autograder.kernel.isolation import cgroup, namespaces, policy
from autograder.kernel.isolation.bubblewrap import forkserver_command
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.isolation.student_policy import student_policy
from autograder.kernel.module_text import module_text
from autograder.kernel.scratch import Scratch

MAIN = "import json; module.main(*json.loads(sys.argv[1]))"
WAITING = 128  # judges that connect while the fork server imports


@dataclass(frozen=True)
class Address:
    """Where processes of this machine find a fork server: its folder, and its control groups'."""

    folder: Path
    cgroups: tuple[Path, ...]

    @property
    def socket(self) -> str:
        return str(self.folder / "socket")


class ForkServer:
    """A fork server in the sandbox, alive until it is closed or this process ends.

    Who connects while it imports waits. Raises SandboxError where bubblewrap is missing.
    """

    def __init__(self, surroundings: Surroundings, limits: Limits) -> None:
        self._scratch = Scratch("/tmp")
        folder = self._scratch.path
        self.address = Address(folder, cgroup.bases())
        self._owner = os.getpid()
        (folder / "runtime").mkdir()
        (folder / "files").mkdir()
        own = student_policy(folder / "files", folder / "runtime", limits, surroundings)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address.socket)
            listener.listen(WAITING)
            arguments = json.dumps([listener.fileno(), surroundings.preload,
                                    {"policy": own.to_json()}])
            code = f"{module_text(policy, namespaces, forkserver)}\n{MAIN}"
            command = forkserver_command(
                own, [sys.executable, "-P", "-c", code, arguments], folder)
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                bufsize=0, pass_fds=[listener.fileno()], start_new_session=True,
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")})

    @property
    def pid(self) -> int:
        return self._process.pid

    def last_output(self) -> str:
        """End it, and return the end of what it wrote to stderr."""
        assert self._process.stderr is not None
        self._end()
        return self._process.stderr.read().decode(errors="replace").strip()[-300:] or "it ended"

    def close(self) -> None:
        """End the fork server and every kernel in it."""
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
