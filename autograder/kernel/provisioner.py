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

from autograder.kernel.isolation.bubblewrap import kernel_command
from autograder.kernel.isolation.cgroup import Group
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.pool import ForkedKernel, pool_for
from autograder.kernel.slot import KernelSlot

LOOKS, LOOK_SECONDS = 40, 0.005  # at whether a kernel that was killed is gone


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel in the sandbox, in a copy of the client's `cwd`.

    A client that names no folder gets an empty one. Where `surroundings` names modules to be
    imported ahead, the kernel is a forked one, made ready before it was asked for.

    `limits` and `surroundings` (fields of policy.Limits and policy.Surroundings) come from the
    kernelspec's provisioner config, or the client sets them before the kernel starts.
    """

    limits = Dict().tag(config=True)
    surroundings = Dict().tag(config=True)
    slot: KernelSlot | None = None
    forked: ForkedKernel | None = None

    @property
    def group(self) -> Group | None:
        """The kernel's control group, where this machine has any."""
        return self.slot.group if self.slot is not None else None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Take a slot, move the channels to unix sockets in it, and wrap the command."""
        limits = Limits(**{**self.limits, **kwargs.pop("limits", {})})
        surroundings = Surroundings(**{**self.surroundings, **kwargs.pop("surroundings", {})})
        folder = kwargs.pop("cwd", None)
        self._leave()
        pool = pool_for(surroundings, limits)
        self.forked = pool.take() if pool is not None else None
        slot = self.slot = (self.forked.slot if self.forked is not None
                            else KernelSlot(limits, surroundings))
        self._use_sockets(slot)
        kwargs = await super().pre_launch(**kwargs)
        slot.fill(folder)
        if self.forked is not None:
            return kwargs
        policy = slot.policy(slot.group.procs if slot.group else ())
        kwargs["cmd"] = kernel_command(policy, kwargs["cmd"], slot.path)
        kwargs["env"] = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        kwargs["cwd"] = str(slot.path)
        kwargs["stdout"] = kwargs["stderr"] = subprocess.DEVNULL
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Release a forked kernel or, without a fork server, start a cold one."""
        if self.forked is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.forked.release()
        process: Any = self.forked
        self.process, self.pid, self.pgid = process, process.pid, None
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel, and see it gone: its client would look again in a tenth of a second."""
        await super().kill(restart=restart)
        for _ in range(LOOKS):
            if await self.poll() is not None:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _use_sockets(self, slot: KernelSlot) -> None:
        """Have the client use the slot's sockets; a forked kernel listens to them already."""
        manager: Any = self.parent
        manager.cleanup_connection_file()
        manager.connection_file = str(slot.connection)
        if slot.connection.exists():
            manager.load_connection_file()
            manager._connection_file_written = True  # and is not written again: it may be read now
        else:
            manager.transport, manager.ip = "ipc", slot.channel

    async def cleanup(self, restart: bool = False) -> None:
        """Close the slot once the kernel is gone."""
        await super().cleanup(restart=restart)
        if not restart:
            self._leave()

    def _leave(self) -> None:
        if self.slot is not None:
            self.slot.close()
            self.slot = None
