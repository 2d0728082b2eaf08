"""The pool of forked kernels: takes them from a fork server (forkserver.py), one ready ahead.

For each kind of surroundings there is one fork server in the sandbox: that of another process which
gave its address (`connect`), or one of this process's own, started when the first kernel is asked
for. A forked kernel is isolated as one that starts cold is. While one is in use, the next is made
ready: it waits, with an empty working directory, for the files that it is to run. Each is used
once.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict

from autograder.kernel.forkserver_process import Address, ForkServer
from autograder.kernel.isolation import cgroup
from autograder.kernel.isolation.policy import Limits, SandboxError, Surroundings
from autograder.kernel.slot import KernelSlot

READY_SECONDS = 120


class KernelPool:
    """This process's connection to a fork server: asks for kernels, and hears how they end.

    Without an `address`, the fork server is this process's own, and ends with the connection.
    `wait` returns once it serves.
    """

    def __init__(self, surroundings: Surroundings, limits: Limits, address: Address | None = None
                 ) -> None:
        self.server: ForkServer | None = None
        if address is None:
            self.server = ForkServer(surroundings, limits)
            address = self.server.address
        self.address = address
        self._surroundings, self._limits = surroundings, limits
        self._spare: ForkedKernel | None = None
        self._count = 0
        self._ended: dict[str, int] = {}
        self._received = b""
        self._owner = os.getpid()
        self._latest = time.monotonic() + READY_SECONDS
        self._ready = False
        self._alive = True
        self._connection = socket.socket(socket.AF_UNIX)
        try:
            self._connection.connect(self.address.socket)
        except OSError:
            self._alive = False

    def take(self) -> ForkedKernel:
        """A kernel that nobody has used: the one that is ready, or else a new one.

        Raises SandboxError where the fork server does not live.
        """
        ready, self._spare = self._spare, None
        if ready is not None and ready.poll() is not None:  # killed from outside
            ready.slot.close()
            ready = None
        return ready or self._start()

    def release(self, name: str) -> None:
        """Let a kernel copy its files and serve; make the next one ready."""
        self._send({"go": name})
        if self._spare is None:
            with contextlib.suppress(OSError, SandboxError):  # the next `take` will raise it
                self._spare = self._start()

    def _start(self) -> ForkedKernel:
        """Fork a kernel that waits in a slot of its own."""
        self._count += 1
        name = str(self._count)
        slot = KernelSlot(self._limits, self._surroundings, self.address.folder,
                          self.address.cgroups)
        try:
            slot.write_connection_file()
            own = slot.policy(slot.group.procs_inside if slot.group else ())
            self._send({"start": name, "connection": str(slot.connection),
                        "policy": own.to_json()})
        except BaseException:  # a full disk, too
            slot.close()
            raise
        return ForkedKernel(self, name, slot)

    def kill(self, name: str) -> None:
        """Kill a kernel and all that it started."""
        if self.alive:
            self._send({"kill": name})

    def status(self, name: str) -> int | None:
        """A kernel's exit status; None while it lives."""
        if not self.alive and name not in self._ended:
            self._ended[name] = -signal.SIGKILL
        return self._ended.get(name)

    @property
    def alive(self) -> bool:
        """Whether the fork server lives, as far as is known by now."""
        self._receive()
        return self._alive

    def close(self) -> None:
        """End every kernel of this process, and the fork server where it is its own."""
        if os.getpid() != self._owner:
            return
        self._alive = False
        self._connection.close()
        if self.server is not None:
            self.server.close()
        if self._spare is not None:
            self._spare.slot.close()
            self._spare = None

    def wait(self) -> None:
        """Wait for the imports. Raises SandboxError where it does not come to serve."""
        while not self._ready:
            if not self.alive or time.monotonic() > self._latest:
                reason = self._why_not_ready()
                self.close()
                raise SandboxError(f"no kernel could be warmed: {reason}")
            time.sleep(0.01)

    def _send(self, request: dict[str, object]) -> None:
        try:
            self._connection.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            self._alive = False
            raise SandboxError(f"the warm kernels' process is gone ({error})") from None

    def _receive(self) -> None:
        """Read what has arrived by now; a closed connection means that the fork server ended."""
        while self._alive:
            try:
                data = self._connection.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self._alive = bool(data)
            *lines, self._received = (self._received + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                self._ready |= "ready" in message
                if "ended" in message:
                    self._ended[message["ended"]] = message["status"]

    def _why_not_ready(self) -> str:
        if self.alive:
            return f"its libraries were not imported within {READY_SECONDS} s"
        return self.server.last_output() if self.server is not None else "it ended"


class ForkedKernel:
    """A forked kernel, with as much of Popen's interface as a provisioner needs."""

    stdin = stdout = stderr = None

    def __init__(self, pool: KernelPool, name: str, slot: KernelSlot) -> None:
        self._pool = pool
        self._name = name
        self.slot = slot
        self.pid = 0  # it has none outside

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        return self._pool.status(self._name)

    def wait(self, timeout: float | None = None) -> int:
        end = time.monotonic() + (timeout or 3600)
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a warm kernel", timeout or 3600)
            time.sleep(0.01)
        return status

    def release(self) -> None:
        """Serve, with the files that are in the slot by now."""
        self._pool.release(self._name)

    def kill(self) -> None:
        self._pool.kill(self._name)

    terminate = kill

    def send_signal(self, number: int) -> None:
        """Every signal ends it: kernels that grade are not interrupted."""
        self.kill()


_pools: dict[str, KernelPool | None] = {}  # None where kernels start cold


def begin(surroundings: Surroundings, limits: Limits) -> None:
    """Start a fork server for these surroundings, if there is none yet; do not wait."""
    key = _key(surroundings, limits)
    if not surroundings.preload or key in _pools:
        return
    try:
        _pools[key] = KernelPool(surroundings, limits)
    except SandboxError as error:
        _start_cold(key, error)


def connect(surroundings: Surroundings, limits: Limits, address: Address) -> None:
    """Take kernels for these surroundings from the fork server at this address, while it lives."""
    _pools[_key(surroundings, limits)] = KernelPool(surroundings, limits, address)


def pool_for(surroundings: Surroundings, limits: Limits) -> KernelPool | None:
    """This process's pool for these surroundings; a new one where it has none that lives.

    None where they ask for none or where it cannot live here, which is printed once: kernels then
    start cold.
    """
    key = _key(surroundings, limits)
    known = _pools.get(key)
    if known is not None and not known.alive:
        known.close()
        del _pools[key]
    begin(surroundings, limits)
    found = _pools.get(key)
    try:
        if found is not None:
            found.wait()
    except SandboxError as error:
        if found is not None and found.server is None:  # another's: one of our own may live
            del _pools[key]
            return pool_for(surroundings, limits)
        _start_cold(key, error)
    return _pools.get(key)


def _key(surroundings: Surroundings, limits: Limits) -> str:
    return json.dumps([os.getpid(), asdict(surroundings), asdict(limits)], sort_keys=True)


def _start_cold(key: str, error: SandboxError) -> None:
    print(f"Kernels start cold: {error}", file=sys.stderr)
    _pools[key] = None


@atexit.register
def close_all() -> None:
    """End this process's pools; multiprocessing's processes call it themselves."""
    for key in list(_pools):
        pool = _pools.pop(key)
        if pool is not None:
            pool.close()
    cgroup.close()
