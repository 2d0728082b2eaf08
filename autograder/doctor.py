"""What this machine can do for grading, found by trying, and whether a course asks for more."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.kernel.isolation import cgroup
from autograder.kernel.isolation.bubblewrap import run_to_the_end
from autograder.kernel.isolation.policy import Limits, SandboxError

TOGETHER = "limits on all processes together"
PACKAGES = ("torch", "nbgrader", "jupytext", "ipykernel")


@dataclass(frozen=True)
class Finding:
    """One thing that grading needs: whether it is there, and what to do where it is not."""

    name: str
    ok: bool
    detail: str


def examine() -> Iterator[Finding]:
    """Try everything that grading stands on."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python 3.11 or later", sys.version_info >= (3, 11), version)
    for package in PACKAGES:
        yield _package(package)
    for tool, owner in (("bwrap", "bubblewrap"), ("prlimit", "util-linux"),
                        ("setpriv", "util-linux")):
        path = shutil.which(tool)
        yield Finding(tool, path is not None, path or f"install the package {owner}")
    for name, code in PROBES:
        yield _try(name, code)
    yield _together()


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, False, f"run `pip install {name}`")


# Each runs inside the sandbox and prints `yes` where that is enforced.
PROBES: tuple[tuple[str, str], ...] = (
    ("sandbox starts", "print('yes')"),
    ("no network", "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 1); print('no')"
                   "\nexcept OSError: print('yes')"),
    ("read-only system", "try: open('/usr/probe', 'w'); print('no')\nexcept OSError: print('yes')"),
    ("home out of sight", f"import os; print('no' if os.path.exists({str(Path.home())!r} + "
                          "'/.profile') or os.path.exists('/etc/shadow') else 'yes')"),
    ("unprivileged user", "print('yes' if not int([l for l in open('/proc/self/status') if "
                          "'CapEff' in l][0].split()[1], 16) else 'no')"),
    ("system calls", "import os, ctypes\nif not os.fork(): ctypes.CDLL(None).ptrace(0, 0, 0, 0); "
                     "os._exit(0)\nprint('yes' if os.wait()[1] else 'no')"),
    ("memory limit", "try: bytearray(4 * 2**30); print('no')\nexcept MemoryError: print('yes')"),
    ("process limit", "import os, time\ntry:\n for _ in range(99):\n  if not os.fork(): "
                      "time.sleep(9); os._exit(0)\n print('no')\nexcept OSError: print('yes')"),
    ("file size limit", "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
                        "try: open('big', 'wb').write(bytes(9 * 2**20)); print('no')\n"
                        "except OSError: print('yes')", ),
)


def demand(course: Course) -> None:
    """Try what course.toml demands of the sandbox. Raises SandboxError where it does not hold."""
    probes: dict[str, Callable[[], Finding]] = {
        name: functools.partial(_try, name, code) for name, code in PROBES}
    probes[TOGETHER] = _together
    unknown = sorted(set(course.toml.sandbox.demands) - probes.keys())
    if unknown:
        raise CourseError(f"course.toml: sandbox.demands names {', '.join(unknown)}; there are: "
                          f"{', '.join(probes)}.")
    tried = [probes[name]() for name in course.toml.sandbox.demands]
    missing = [finding for finding in tried if not finding.ok]
    if missing:
        found = "; ".join(f"{finding.name}: {finding.detail}" for finding in missing)
        raise SandboxError(f"This machine does not enforce what course.toml demands ({found}). "
                           "Run `autograder doctor`; nothing was graded.")


def _together() -> Finding:
    """Whether control groups can be made here."""
    group = cgroup.create(64, 8)
    if group is None:
        return Finding(TOGETHER, False, "no control groups can be made here (needs root); each "
                                        "process is limited by itself")
    group.remove()
    return Finding(TOGETHER, True, "holds")


def _try(name: str, code: str) -> Finding:
    """Run a few lines in a small sandbox that print whether something is enforced."""
    limits = Limits(memory=512, processes=48, file_size=8, scratch=64)
    try:
        done = run_to_the_end(code, {}, limits, seconds=20)
    except (SandboxError, subprocess.TimeoutExpired) as error:
        return Finding(name, False, str(error).split(". ")[0])
    holds = done.stdout.split()[:1] == [b"yes"]
    words = done.stderr.decode(errors="replace").strip()[-200:]
    detail = "holds" if holds else words or "does not hold"
    return Finding(name, holds, detail)


def all_well(findings: list[Finding]) -> bool:
    """Whether grading is safe here; limits on all processes together come on top of that."""
    return all(finding.ok for finding in findings if finding.name != TOGETHER)
