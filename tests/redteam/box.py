"""What lies around the line (line.py) while it grades, in a box of its own, and what it leaves.

The box (batch.py) has a /tmp and process ids of its own, so what is there once the line has ended
is what it left. Around it lies bait: servers, a variable, files, shared memory. Each is tried from
here first; a wall in front of bait that nobody can reach proves nothing.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autograder.course import Course
from autograder.kernel import scratch
from autograder.kernel.isolation import cgroup
from autograder.release.build import prepare
from redteam.attack import CANARY

PORT = 46011
ABSTRACT = "\0redteam-bait"
SOCKET = "/tmp/redteam-bait.sock"
SHARED = "/dev/shm/redteam-bait"
MIB = 1024 * 1024
PATIENCE = 10  # seconds for what ends by itself once the line has ended


@dataclass
class Left:
    """What the box looked like while the batch ran and after it."""

    files: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)
    bait: list[str] = field(default_factory=list)  # that was changed
    controls: int = 0  # callers from here, which must have got through
    disk: int = 0  # MiB of /tmp that were in use at most
    inodes: int = 0
    seconds: float = 0.0


class Bait:
    """Servers that tell of everybody who reaches them."""

    def __init__(self) -> None:
        self.callers: list[str] = []
        for family, kind, address in self.doors():
            server = socket.socket(family, kind)
            server.bind(address)
            if kind == socket.SOCK_STREAM:
                server.listen()
            threading.Thread(target=self._serve, args=(server, kind, repr(address)),
                             daemon=True).start()
        Path(SHARED).write_text(CANARY)
        os.chmod(SHARED, 0o666)
        os.chmod(SOCKET, 0o666)

    @staticmethod
    def doors() -> Iterator[tuple[int, int, tuple[str, int] | str]]:
        yield socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PORT)
        yield socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", PORT)
        yield socket.AF_UNIX, socket.SOCK_STREAM, SOCKET
        yield socket.AF_UNIX, socket.SOCK_STREAM, ABSTRACT

    def try_all(self) -> int:
        """Reach everything from here; return how many doors opened."""
        for family, kind, address in self.doors():
            with socket.socket(family, kind) as client:
                client.connect(address)
                if kind == socket.SOCK_DGRAM:
                    client.send(b"control")
        time.sleep(0.3)
        found = len(self.callers)
        self.callers.clear()
        return found

    def _serve(self, server: socket.socket, kind: int, name: str) -> None:
        while True:
            if kind == socket.SOCK_STREAM:
                client, _ = server.accept()
                self.callers.append(name)
                client.close()
            else:
                server.recvfrom(1024)
                self.callers.append(name)


def main(root: Path, exercises: Path, uploads: list[Path], report: Path) -> int:
    """Have each folder of uploads graded in turn; write what was left to `report`."""
    left, bait = Left(), Bait()
    prepare(Course.load(root, exercises), "toy")
    left.controls = bait.try_all()
    mounts = _mounts()
    groups = set(_groups())
    os.environ["REDTEAM_BAIT"] = CANARY
    watching = threading.Thread(target=_watch, args=(left,), daemon=True)
    watching.start()
    start = time.monotonic()
    line = subprocess.run([sys.executable, "-m", "redteam.line", root, exercises, *uploads])
    left.seconds = time.monotonic() - start
    end = time.monotonic() + PATIENCE
    while list(_processes()) and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1)
    left.files = sorted(str(path) for path in Path("/tmp").iterdir()
                        if path != Path(SOCKET) and path not in root.parents)
    left.processes = list(_processes())
    left.mounts = sorted(_mounts() - mounts)
    left.groups = sorted(set(_groups()) - groups)
    left.callers = bait.callers
    left.bait = [SHARED] if Path(SHARED).read_text() != CANARY else []
    if line.returncode == 0:
        report.write_text(json.dumps(asdict(left)))
    return line.returncode


def _watch(left: Left) -> None:
    while True:
        now = os.statvfs("/tmp")
        left.disk = max(left.disk, (now.f_blocks - now.f_bfree) * now.f_frsize // MIB)
        left.inodes = max(left.inodes, now.f_files - now.f_ffree)
        time.sleep(0.1)


def _processes() -> Iterator[str]:
    """All processes in the box but those that stand above this one."""
    own = {os.getpid(), 1}
    while (parent := _parent(min(own - {1}))) > 1:
        own.add(parent)
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) not in own:
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            yield f"{folder.name} {words[:80]}"


def _parent(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text.rpartition(")")[2].split()[1])


def _mounts() -> set[str]:
    return {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def _groups() -> Iterator[str]:
    """Control groups of this box's processes that are still there."""
    for parent in cgroup.parents():
        yield from map(str, scratch.abandoned(parent))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[4:]],
                  Path(sys.argv[3])))
