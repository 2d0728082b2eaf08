"""A kernel slot: the folder, user, control group and sockets of one kernel on this machine."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from pathlib import Path

from jupyter_client.connect import write_connection_file

from autograder.kernel.isolation import cgroup
from autograder.kernel.isolation.policy import Limits, Policy, Surroundings
from autograder.kernel.isolation.student_policy import sandbox_uid, student_policy
from autograder.kernel.scratch import Scratch

OURS = 8  # processes beside the student's: bubblewrap's, setpriv's and the like
SOCKET_PATH_LIMIT = 88  # of the 107 bytes that Linux allows, less the socket's own name


class KernelSlot:
    """A private folder in `parent`, a user and a control group, gone when it is closed.

    The group lies in the folders `groups` (see cgroup.create).
    """

    def __init__(self, limits: Limits, surroundings: Surroundings, parent: Path | None = None,
                 groups: tuple[Path, ...] | None = None) -> None:
        self._folder = private_folder(parent)
        self.path = self._folder.path
        self.files, self.runtime = self.path / "files", self.path / "runtime"
        self.files.mkdir()
        self.runtime.mkdir()
        self._limits, self._surroundings = limits, surroundings
        self._uid = sandbox_uid(self.runtime)
        self.group = cgroup.create(limits.memory + limits.scratch, limits.processes + OURS, groups)
        self._give()

    def policy(self, cgroups: tuple[str, ...]) -> Policy:
        """The policy of the kernel, which joins these of its `group`'s files."""
        return student_policy(self.files, self.runtime, self._limits, self._surroundings, cgroups)

    @property
    def connection(self) -> Path:
        """Jupyter's connection file, with the paths of the kernel's channels."""
        return self.runtime / "connection.json"

    @property
    def channel(self) -> str:
        """What the names of the channels' sockets begin with."""
        return str(self.runtime / "channel")

    def write_connection_file(self) -> None:
        """Choose the channels before the kernel's client does, and a key of their own."""
        write_connection_file(str(self.connection), ip=self.channel, transport="ipc",
                              key=secrets.token_hex(32).encode(), kernel_name="warm")
        self._give()

    def fill(self, folder: str | None) -> None:
        """Copy the files for the kernel's working directory, just before it starts.

        Without a folder it is empty: that of the calling process may hold anything.
        """
        if folder is not None:
            shutil.copytree(folder, self.files, symlinks=True, dirs_exist_ok=True)
        self._give()

    @property
    def questions(self) -> Path:
        """The socket on which the judge asks probes."""
        return self.runtime / "questions"

    def listen(self) -> socket.socket:
        """Make the socket to which the kernel connects once."""
        listener = socket.socket(socket.AF_UNIX)
        listener.setblocking(False)
        listener.bind(str(self.questions))
        listener.listen(1)
        if os.geteuid() == 0:
            os.chown(self.questions, self._uid, self._uid)
        return listener

    def seal(self) -> None:
        """Close the folder of sockets to new files, once the kernel's own sockets are there.

        The folder is on this machine's disk, where no limit but the disk's would hold. Without
        root the sandbox's user is ourselves, and could open the folder again.
        """
        os.chmod(self.runtime, 0o555)
        if os.geteuid() == 0:
            os.chown(self.runtime, 0, 0)

    def close(self) -> None:
        if self.group is not None:
            self.group.remove()
            self.group = None
        self._folder.close()

    def _give(self) -> None:
        """Let the sandbox's user read and write what is in the folder, which itself stays ours."""
        if os.geteuid() != 0:
            return
        for root, names, files in os.walk(self.path):
            for name in (*names, *files):
                os.chown(os.path.join(root, name), self._uid, self._uid,
                         follow_symlinks=False)


def private_folder(parent: Path | None = None) -> Scratch:
    """A new folder that only we can enter, its path short enough to hold a socket."""
    if parent is not None:
        return Scratch(parent)
    scratch = Scratch()
    if len(str(scratch.path)) > SOCKET_PATH_LIMIT:
        scratch.close()
        scratch = Scratch("/tmp")
    return scratch
