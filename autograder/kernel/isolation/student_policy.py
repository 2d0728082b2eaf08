"""The policy for student code: a minimal read-only system, private folders, no network."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterator
from pathlib import Path

from autograder.kernel import offline
from autograder.kernel.isolation import seccomp
from autograder.kernel.isolation.policy import (
    HOME,
    HUB,
    MIB,
    SUBMISSION,
    Limits,
    Mount,
    Policy,
    Surroundings,
)

# What a Python kernel needs of the system, and nothing else: no home, no course, no secrets.
SYSTEM_PATHS = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/ld.so.cache",
                "/etc/alternatives", "/etc/fonts", "/etc/localtime")
HUB_LINKS = ".cache/huggingface"  # in $HOME: what libraries write to (offline.py)
FIRST_UID = 200_000  # a range that no distribution gives out
UIDS = 60_000
OTHER_ADDRESSES = 8192  # MiB of address space beside the memory: libraries, thread stacks


def student_policy(files: Path, runtime: Path, limits: Limits, surroundings: Surroundings,
                   cgroups: tuple[str, ...] = ()) -> Policy:
    """The policy of a process that finds a copy of `files`, and its sockets in `runtime`."""
    return Policy(tuple(_mounts(files, runtime, limits, surroundings)), _rlimits(limits),
                  _environment(surroundings), sandbox_uid(runtime), seccomp.program(), cgroups)


def sandbox_uid(runtime: Path) -> int:
    """The user inside: where we are root one of its own for each `runtime` folder, else ours."""
    if os.geteuid() != 0:
        return os.geteuid()
    return FIRST_UID + runtime.stat().st_ino % UIDS


def _mounts(files: Path, runtime: Path, limits: Limits, surroundings: Surroundings
            ) -> Iterator[Mount]:
    """The private folders first: the interpreter may lie below /tmp or /home itself."""
    yield Mount("tmpfs", "/tmp", size=limits.temporary, own=True)
    yield Mount("tmpfs", "/home", size=limits.scratch, own=True)
    for path in SYSTEM_PATHS:
        if os.path.islink(path):
            yield Mount("symlink", path, os.readlink(path))
        elif os.path.exists(path):
            yield Mount("bind", path, path)
    for path in dict.fromkeys((sys.base_prefix, sys.prefix)):
        yield Mount("bind", path, os.path.realpath(path))
    packages = Path(site.getsitepackages()[0])
    for name, reason in surroundings.hidden.items():
        if (packages / name).is_dir():
            stub = _stub(runtime.parent / "hidden" / name, reason)
            yield Mount("bind", str(packages / name), str(stub))
    if surroundings.hub:
        yield Mount("bind", HUB, surroundings.hub)
    for inside, outside in surroundings.reads.items():
        yield Mount("bind", inside, outside)
    yield Mount("proc", "/proc", own=True)
    yield Mount("dev", "/dev")
    yield Mount("tmpfs", "/dev/shm", size=limits.temporary, own=True)
    yield Mount("bind", SUBMISSION, str(files), own=True)
    yield Mount("bind", str(runtime), str(runtime), writable=True, own=True)


def _stub(folder: Path, reason: str) -> Path:
    """Write a package whose import fails with the reason."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text(f"raise ImportError({reason!r})\n")
    return folder


def _rlimits(limits: Limits) -> dict[str, int]:
    return {"data": limits.memory * MIB, "as": (limits.memory + OTHER_ADDRESSES) * MIB,
            "nproc": limits.processes, "fsize": limits.file_size * MIB,
            "nofile": limits.open_files, "cpu": limits.cpu, "core": 0}


def _environment(surroundings: Surroundings) -> dict[str, str]:
    plain = {
        "HOME": HOME, "USER": "student", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin", "PYTHONNOUSERSITE": "1",
        "MPLBACKEND": "Agg", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else Jupyter's debugger warns
    }
    if surroundings.hub:
        plain |= offline.environment(HUB, f"{HOME}/{HUB_LINKS}")
    return plain | surroundings.environment
