"""The isolation policy: what a student's process may see, use and call.

A policy is plain data and is written in one place (student_policy.py). Two modules enforce it:
bubblewrap.py for a kernel that starts cold, namespaces.py for one that the fork server forks, to
which policies travel as JSON. tests/test_isolation.py compares what code sees behind either.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

MIB = 1024 * 1024

# Paths inside the sandbox.
WORK = "/home/student"  # the submission's files, copied: the working directory
HOME = "/home/own"  # $HOME, empty at first: no start-up file of a submission is read
SUBMISSION = "/submission"  # the submission's files, read-only
HUB = "/hub"  # the offline Hugging Face hub
READS = "/course"  # below it, other files of the course that student code may read
CGROUPS = "/cgroups"  # control groups of the host, for the fork server alone

NAMESPACES = ("mount", "pid", "net", "ipc", "uts")
HOST_NAME = "sandbox"


class SandboxError(RuntimeError):
    """The sandbox cannot be built here; the message says what to install or allow."""


@dataclass(frozen=True)
class Limits:
    """What one student process may use. Sizes in MiB, times in seconds.

    A step that may use N seconds of its own time may take N times `patience` by the clock.
    """

    memory: int = 4096
    processes: int = 128
    file_size: int = 256
    open_files: int = 1024
    scratch: int = 512
    temporary: int = 64  # /tmp, and /dev/shm likewise
    output: int = 8
    cpu: int = 600
    patience: int = 10


@dataclass(frozen=True)
class Surroundings:
    """What student code finds around it, beside its own files.

    `hidden` maps top-level packages that cannot be imported to the message of the ImportError;
    `hub` is the folder of an offline Hugging Face cache, or empty. Kernels are forked from a
    process that has imported the modules `preload`; without any, they start cold. `lenient`
    accepts names of older libraries (compat.py). `reads` maps paths inside to paths of this
    machine that can be read there.
    """

    hidden: dict[str, str] = field(default_factory=dict)
    hub: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    preload: list[str] = field(default_factory=list)
    lenient: bool = False
    reads: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mount:
    """One entry of the file system inside, at the path `target`.

    `source` is a path of this machine for a "bind", the path that a "symlink" leads to, else
    empty. A "tmpfs" is an empty folder of `size` MiB. With `own`, each kernel has its own; the
    other mounts are the same for all kernels of one fork server.
    """

    kind: Literal["bind", "tmpfs", "symlink", "proc", "dev"]
    target: str
    source: str = ""
    size: int = 0
    writable: bool = False
    own: bool = False


@dataclass(frozen=True)
class Policy:
    """Everything that shuts one process in.

    `mounts` come in the order in which they are made; nothing else of the file system is visible.
    `rlimits` are limits of each process, by the names of setrlimit(2) in small letters. The
    process runs as user and group `uid`, without capabilities, and joins the control groups whose
    `cgroup.procs` files are `cgroups`. `seccomp` is the compiled filter of system calls, or empty.
    """

    mounts: tuple[Mount, ...]
    rlimits: dict[str, int]
    environment: dict[str, str]
    uid: int
    seccomp: bytes = b""
    cgroups: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "seccomp": base64.b64encode(self.seccomp).decode()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Policy:
        return cls(**{**data, "mounts": tuple(Mount(**mount) for mount in data["mounts"]),
                      "seccomp": base64.b64decode(data["seccomp"]),
                      "cgroups": tuple(data["cgroups"])})
