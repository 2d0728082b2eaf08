"""A Jupyter kernel provisioner that starts kernels in the sandbox.

Registered under the entry-point group `jupyter_client.kernel_provisioners` as
`autograder-sandbox`, so that any Jupyter client can use it through the kernelspec of that name.
Clients reach the kernel over unix sockets: the sandbox has no network.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Dict

from autograder.kernel import cgroup
from autograder.kernel.cgroup import Group
from autograder.kernel.sandbox import Limits, Sandbox, Surroundings
from autograder.kernel.scratch import Scratch
from autograder.kernel.warm import Nursery, nursery_of

OURS = 8  # processes beside the student's: the walls' own
LOOKS, LOOK_SECONDS = 40, 0.005  # at whether a kernel that was killed is gone
SOCKET_PATH_LIMIT = 88  # of the 107 bytes that Linux allows, less the socket's own name


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel inside bubblewrap. The client's `cwd` becomes the kernel's home, as a copy.

    A client that names no folder gets an empty home.

    `limits` and `surroundings` (fields of sandbox.Limits and sandbox.Surroundings) may stand in
    the kernelspec's provisioner config or be set by the client before the kernel starts.
    """

    limits = Dict().tag(config=True)
    surroundings = Dict().tag(config=True)
    folder: Scratch | None = None
    nursery: Nursery | None = None
    group: Group | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Lay out the folders, move the channels to unix sockets and wrap the command."""
        limits = Limits(**{**self.limits, **kwargs.pop("limits", {})})
        surroundings = Surroundings(**{**self.surroundings, **kwargs.pop("surroundings", {})})
        cwd = kwargs.pop("cwd", None)
        self._remove_folder()
        self.nursery = nursery_of(surroundings, limits)
        self.folder = _private_folder(self.nursery)
        private = self.folder.path
        runtime = private / "runtime"
        runtime.mkdir()
        self._use_unix_sockets(runtime)
        kwargs = await super().pre_launch(**kwargs)
        copy = private / "files"
        if cwd is None:  # never guessed: the folder of the process may hold anything
            copy.mkdir()
        else:
            shutil.copytree(cwd, copy, symlinks=True)
        sandbox = Sandbox(copy, runtime, limits, surroundings)
        _give(private, sandbox.uid)
        self.group = cgroup.create(limits.memory + limits.scratch, limits.processes + OURS)
        if self.nursery is not None:
            self._fork = (copy, runtime, str(runtime / "connection.json"), sandbox.uid, limits,
                          self.group.procs_inside if self.group else [])
            return kwargs
        kwargs["cmd"] = sandbox.command(kwargs["cmd"], self.group.procs if self.group else [])
        kwargs["env"] = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        kwargs["cwd"] = str(private)
        kwargs["stdout"] = kwargs["stderr"] = subprocess.DEVNULL
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a warm kernel or, without a nursery, start a cold one."""
        if self.nursery is None:
            return await super().launch_kernel(cmd, **kwargs)
        kernel: Any = self.nursery.start(*self._fork)
        self.process, self.pid, self.pgid = kernel, kernel.pid, None
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel, and see it gone: its client would look again in a tenth of a second."""
        await super().kill(restart=restart)
        for _ in range(LOOKS):
            if await self.poll() is not None:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _use_unix_sockets(self, runtime: Path) -> None:
        manager: Any = self.parent
        manager.cleanup_connection_file()
        manager.transport = "ipc"
        manager.ip = str(runtime / "channel")
        manager.connection_file = str(runtime / "connection.json")

    async def cleanup(self, restart: bool = False) -> None:
        """Take the private folders away once the kernel is gone."""
        await super().cleanup(restart=restart)
        if not restart:
            self._remove_folder()

    def _remove_folder(self) -> None:
        if self.group is not None:
            self.group.remove()
            self.group = None
        if self.folder is not None:
            self.folder.close()
            self.folder = None

    def seal(self) -> None:
        """Once the kernel's sockets are there: nobody else can put anything beside them.

        They lie in a folder of this machine, where no limit but the disk's would hold. Without
        root the sandbox's user is ourselves, and could open the folder again.
        """
        if self.folder is not None:
            os.chmod(self.folder.path / "runtime", 0o555)
            if os.geteuid() == 0:
                os.chown(self.folder.path / "runtime", 0, 0)


def _private_folder(nursery: Nursery | None = None) -> Scratch:
    """A new folder that only we can enter, its path short enough to hold a socket."""
    if nursery is not None:
        return Scratch(nursery.folder)
    scratch = Scratch()
    if len(str(scratch.path)) > SOCKET_PATH_LIMIT:
        scratch.close()
        scratch = Scratch("/tmp")
    return scratch


def _give(folder: Path, uid: int) -> None:
    """Let the sandbox's user read and write below `folder`; the folder itself stays ours."""
    if os.geteuid() != 0:
        return
    for root, names, files in os.walk(folder):
        for name in (*names, *files):
            os.chown(os.path.join(root, name), uid, uid, follow_symlinks=False)
