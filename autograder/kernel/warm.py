"""Warm kernels: forked from a process that has imported the libraries already.

There is one nursery (nursery.py) in the sandbox for each kind of surroundings: that which another
process of this machine has opened to this one (`join`), or else one that is started when the first
kernel is asked for, and serves this process until it ends. A forked kernel has walls of its own, as
strong as those of a kernel that is started cold. While one is in use the next is made ready: it
waits behind its walls, with an empty home, for what it is to find there. Each is used once.
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

from autograder.kernel.berth import Berth
from autograder.kernel.isolation import cgroup
from autograder.kernel.isolation.policy import Limits, SandboxError, Surroundings
from autograder.kernel.nursery_process import Door, NurseryProcess

READY_SECONDS = 120


class Nursery:
    """This process's line to a nursery: asks for kernels, and hears how they end.

    Without a `door` to knock at, the nursery is this process's own, and ends with the line.
    `wait` returns once it has come to life.
    """

    def __init__(self, surroundings: Surroundings, limits: Limits, door: Door | None = None
                 ) -> None:
        self.process: NurseryProcess | None = None
        if door is None:
            self.process = NurseryProcess(surroundings, limits)
            door = self.process.door
        self.door = door
        self._surroundings, self._limits = surroundings, limits
        self._spare: WarmKernel | None = None
        self._count = 0
        self._ended: dict[str, int] = {}
        self._heard = b""
        self._owner = os.getpid()
        self._latest = time.monotonic() + READY_SECONDS
        self._ready = False
        self._alive = True
        self._line = socket.socket(socket.AF_UNIX)
        try:
            self._line.connect(self.door.address)
        except OSError:
            self._alive = False

    def take(self) -> WarmKernel:
        """A kernel that nobody has used: the one that is ready, or else a new one.

        Raises SandboxError where the nursery does not live.
        """
        ready, self._spare = self._spare, None
        if ready is not None and ready.poll() is not None:  # killed from outside
            ready.berth.close()
            ready = None
        return ready or self._start()

    def go(self, name: str) -> None:
        """Let a kernel fetch its home and serve; make the next one ready."""
        self._tell({"go": name})
        if self._spare is None:
            with contextlib.suppress(OSError, SandboxError):  # who asks for it will be told
                self._spare = self._start()

    def _start(self) -> WarmKernel:
        """Fork a kernel that waits in a berth of its own."""
        self._count += 1
        name = str(self._count)
        berth = Berth(self._limits, self._surroundings, self.door.folder, self.door.groups)
        berth.connect()
        try:
            policy = berth.policy(berth.group.procs_inside if berth.group else ())
            self._tell({"start": name, "connection": str(berth.connection),
                        "policy": policy.to_json()})
        except SandboxError:
            berth.close()
            raise
        return WarmKernel(self, name, berth)

    def kill(self, name: str) -> None:
        """Kill a kernel and all that it started."""
        if self.alive:
            self._tell({"kill": name})

    def status(self, name: str) -> int | None:
        """A kernel's exit status; None while it lives."""
        if not self.alive and name not in self._ended:
            self._ended[name] = -signal.SIGKILL
        return self._ended.get(name)

    @property
    def alive(self) -> bool:
        """Whether the nursery lives, so far as has been heard by now."""
        self._hear()
        return self._alive

    def close(self) -> None:
        """End every kernel of this process, and the nursery where it is its own."""
        if os.getpid() != self._owner:
            return
        self._alive = False
        self._line.close()
        if self.process is not None:
            self.process.close()
        if self._spare is not None:
            self._spare.berth.close()
            self._spare = None

    def wait(self) -> None:
        """Wait for the imports. Raises SandboxError where it does not come to life."""
        while not self._ready:
            if not self.alive or time.monotonic() > self._latest:
                words = self._last_words()
                self.close()
                raise SandboxError(f"no kernel could be warmed: {words}")
            time.sleep(0.01)

    def _tell(self, request: dict[str, object]) -> None:
        try:
            self._line.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            self._alive = False
            raise SandboxError(f"the warm kernels' process is gone ({error})") from None

    def _hear(self) -> None:
        """Read what has been said by now; an end of the line is the end of the nursery."""
        while self._alive:
            try:
                data = self._line.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self._alive = bool(data)
            *lines, self._heard = (self._heard + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                self._ready |= "ready" in message
                if "ended" in message:
                    self._ended[message["ended"]] = message["status"]

    def _last_words(self) -> str:
        if self.alive:
            return f"its libraries were not imported within {READY_SECONDS} s"
        return self.process.last_words() if self.process is not None else "it ended"


class WarmKernel:
    """A forked kernel, with as much of Popen's interface as a provisioner needs."""

    stdin = stdout = stderr = None

    def __init__(self, nursery: Nursery, name: str, berth: Berth) -> None:
        self._nursery = nursery
        self._name = name
        self.berth = berth
        self.pid = 0  # it has none outside

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        return self._nursery.status(self._name)

    def wait(self, timeout: float | None = None) -> int:
        end = time.monotonic() + (timeout or 3600)
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a warm kernel", timeout or 3600)
            time.sleep(0.01)
        return status

    def go(self) -> None:
        """Serve, with what lies in the berth by now."""
        self._nursery.go(self._name)

    def kill(self) -> None:
        self._nursery.kill(self._name)

    terminate = kill

    def send_signal(self, number: int) -> None:
        """Every signal ends it: kernels that grade are not interrupted."""
        self.kill()


_nurseries: dict[str, Nursery | None] = {}


def begin(surroundings: Surroundings, limits: Limits) -> None:
    """Have a nursery for these surroundings come to life, if there is none yet; do not wait."""
    key = _key(surroundings, limits)
    if not surroundings.preload or key in _nurseries:
        return
    try:
        _nurseries[key] = Nursery(surroundings, limits)
    except SandboxError as error:
        _give_up(key, error)


def join(surroundings: Surroundings, limits: Limits, door: Door) -> None:
    """Take kernels for these surroundings from the nursery behind this door, while it lives."""
    _nurseries[_key(surroundings, limits)] = Nursery(surroundings, limits, door)


def nursery_of(surroundings: Surroundings, limits: Limits) -> Nursery | None:
    """This process's nursery for these surroundings; a new one where it has none that lives.

    None where they ask for none or where it cannot live here, which is said once: kernels then
    start cold.
    """
    key = _key(surroundings, limits)
    known = _nurseries.get(key)
    if known is not None and not known.alive:
        known.close()
        del _nurseries[key]
    begin(surroundings, limits)
    found = _nurseries.get(key)
    try:
        if found is not None:
            found.wait()
    except SandboxError as error:
        if found is not None and found.process is None:  # another's: one of its own may live
            del _nurseries[key]
            return nursery_of(surroundings, limits)
        _give_up(key, error)
    return _nurseries.get(key)


def _key(surroundings: Surroundings, limits: Limits) -> str:
    return json.dumps([os.getpid(), asdict(surroundings), asdict(limits)], sort_keys=True)


def _give_up(key: str, error: SandboxError) -> None:
    print(f"Kernels start cold: {error}", file=sys.stderr)
    _nurseries[key] = None


@atexit.register
def close_all() -> None:
    """End this process's nurseries; multiprocessing's processes call it themselves."""
    for key in list(_nurseries):
        nursery = _nurseries.pop(key)
        if nursery is not None:
            nursery.close()
    cgroup.close()
