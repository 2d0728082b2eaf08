"""A Jupyter kernel provisioner that starts kernels in the sandbox.

Registered under the entry-point group `jupyter_client.kernel_provisioners` as
`autograder-sandbox`, so that any Jupyter client can use it through the kernelspec of that name.
Clients reach the kernel over unix sockets: the sandbox has no network.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Dict

from autograder.kernel.berth import Berth
from autograder.kernel.isolation.bubblewrap import kernel_command
from autograder.kernel.isolation.cgroup import Group
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.warm import WarmKernel, nursery_of

LOOKS, LOOK_SECONDS = 40, 0.005  # at whether a kernel that was killed is gone


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel inside bubblewrap. The client's `cwd` becomes the kernel's home, as a copy.

    A client that names no folder gets an empty home. Where `surroundings` names modules to be
    imported ahead, the kernel is a warm one, made ready before it was asked for.

    `limits` and `surroundings` (fields of policy.Limits and policy.Surroundings) may stand in
    the kernelspec's provisioner config or be set by the client before the kernel starts.
    """

    limits = Dict().tag(config=True)
    surroundings = Dict().tag(config=True)
    berth: Berth | None = None
    warm: WarmKernel | None = None

    @property
    def group(self) -> Group | None:
        """The kernel's control group, where this machine has any."""
        return self.berth.group if self.berth is not None else None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Find a berth, move the channels to unix sockets in it, and wrap the command."""
        limits = Limits(**{**self.limits, **kwargs.pop("limits", {})})
        surroundings = Surroundings(**{**self.surroundings, **kwargs.pop("surroundings", {})})
        home = kwargs.pop("cwd", None)
        self._leave()
        nursery = nursery_of(surroundings, limits)
        self.warm = nursery.take() if nursery is not None else None
        berth = self.berth = (self.warm.berth if self.warm is not None
                              else Berth(limits, surroundings))
        self._use_sockets(berth)
        kwargs = await super().pre_launch(**kwargs)
        berth.fill(home)
        if self.warm is not None:
            return kwargs
        policy = berth.policy(berth.group.procs if berth.group else ())
        kwargs["cmd"] = kernel_command(policy, kwargs["cmd"], berth.path)
        kwargs["env"] = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        kwargs["cwd"] = str(berth.path)
        kwargs["stdout"] = kwargs["stderr"] = subprocess.DEVNULL
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Let a warm kernel go or, without a nursery, start a cold one."""
        if self.warm is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.warm.go()
        process: Any = self.warm
        self.process, self.pid, self.pgid = process, process.pid, None
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel, and see it gone: its client would look again in a tenth of a second."""
        await super().kill(restart=restart)
        for _ in range(LOOKS):
            if await self.poll() is not None:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _use_sockets(self, berth: Berth) -> None:
        """Of a warm kernel, those that it listens to already."""
        manager: Any = self.parent
        manager.cleanup_connection_file()
        manager.connection_file = str(berth.connection)
        if berth.connection.exists():
            manager.load_connection_file()
            manager._connection_file_written = True  # and is not written again: it may be read now
        else:
            manager.transport, manager.ip = "ipc", berth.channel

    async def cleanup(self, restart: bool = False) -> None:
        """Give the berth up once the kernel is gone."""
        await super().cleanup(restart=restart)
        if not restart:
            self._leave()

    def _leave(self) -> None:
        if self.berth is not None:
            self.berth.close()
            self.berth = None
