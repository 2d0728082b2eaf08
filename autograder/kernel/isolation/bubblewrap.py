"""Enforce a policy on a command: bubblewrap, setpriv and prlimit, as one command line.

bubblewrap makes the namespaces and mounts and loads the seccomp filter, setpriv drops root's
rights, prlimit sets the limits of each process. All come with Debian and Ubuntu (packages
`bubblewrap` and `util-linux`).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from autograder.kernel.isolation import cgroup
from autograder.kernel.isolation.policy import (
    CGROUPS,
    HOME,
    HOST_NAME,
    MIB,
    NAMESPACES,
    SUBMISSION,
    WORK,
    Limits,
    Mount,
    Policy,
    SandboxError,
    Surroundings,
)
from autograder.kernel.isolation.student_policy import student_policy
from autograder.kernel.scratch import Scratch

FILTER = "9"  # the file descriptor on which bubblewrap reads the seccomp filter
# What the fork server needs to isolate the kernels that it forks.
FORKSERVER_CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "SETPCAP", "SETUID", "SETGID", "KILL")


def kernel_command(policy: Policy, argv: list[str], folder: Path) -> list[str]:
    """The command line that runs `argv` under the policy; the filter is written to `folder`.

    Raises SandboxError where bubblewrap is missing.
    """
    steps = [f"echo 0 >{shlex.quote(procs)}" for procs in policy.cgroups]
    options, redirect = [], ""
    if policy.seccomp:
        file = folder / "seccomp.bpf"
        file.write_bytes(policy.seccomp)
        options, redirect = ["--seccomp", FILTER], f" {FILTER}<{shlex.quote(str(file))}"
    join = ["sh", "-c", " && ".join([*steps, f'exec "$@"{redirect}']), "join"]
    capabilities = ("SETUID", "SETGID") if os.geteuid() == 0 else ()  # setpriv needs them
    return [*join, _bwrap(), *options, *_namespaces(capabilities), *_file_system(policy),
            "--remount-ro", "/dev", "--remount-ro", "/", *_environment(policy), "--",
            *_drop_rights(policy.uid), *_limit(policy.rlimits), *_fill_home(), *_inside(argv)]


def forkserver_command(policy: Policy, argv: list[str], folder: Path) -> list[str]:
    """The command line of a process of ours that forks kernels under such policies.

    It has the file system and environment of the policy, keeps the capabilities to isolate the
    kernels, and sees the `folder` in which their files are, and our control groups.
    """
    binds = ["--bind", str(folder), str(folder)]
    for number, base in enumerate(cgroup.bases()):
        binds += ["--bind", str(base), f"{CGROUPS}/{number}"]
    return [_bwrap(), *_namespaces(FORKSERVER_CAPABILITIES), *_file_system(policy), *binds,
            "--remount-ro", "/", *_environment(policy), "--", *_inside(argv)]


def run_to_the_end(code: str, files: Mapping[str, bytes], limits: Limits, seconds: float
                   ) -> subprocess.CompletedProcess[bytes]:
    """Run a few lines of Python under the student policy, with `files` in the working directory.

    Raises SandboxError where bubblewrap is missing, subprocess.TimeoutExpired after `seconds`.
    """
    with Scratch() as folder:
        home, runtime = folder / "files", folder / "runtime"
        home.mkdir()
        runtime.mkdir()
        for name, data in files.items():
            (home / name).write_bytes(data)
        policy = student_policy(home, runtime, limits, Surroundings())
        if os.geteuid() == 0:
            for path in (home, *home.iterdir()):
                os.chown(path, policy.uid, policy.uid)
        return subprocess.run(kernel_command(policy, [sys.executable, "-c", code], folder),
                              timeout=seconds, capture_output=True, stdin=subprocess.DEVNULL)


def _bwrap() -> str:
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxError(
            "bubblewrap is not installed, and student code is never run without a sandbox. "
            "Install the package `bubblewrap` (apt-get install bubblewrap), then try again."
        )
    return found


def _namespaces(capabilities: tuple[str, ...]) -> list[str]:
    """Root needs no user namespace; a mount namespace there is always."""
    options = ["--die-with-parent", "--new-session", "--hostname", HOST_NAME, "--clearenv",
               "--unshare-cgroup-try"]
    options += [f"--unshare-{name}" for name in NAMESPACES if name != "mount"]
    if os.geteuid() != 0:
        options.append("--unshare-user")
    for name in capabilities:
        options += ["--cap-add", f"CAP_{name}"]
    return options


def _file_system(policy: Policy) -> list[str]:
    return [word for mount in policy.mounts for word in _mount(mount)]


def _mount(mount: Mount) -> list[str]:
    if mount.kind == "tmpfs":
        return ["--perms", "1777", "--size", str(mount.size * MIB), "--tmpfs", mount.target]
    if mount.kind == "symlink":
        return ["--symlink", mount.source, mount.target]
    if mount.kind != "bind":
        return [f"--{mount.kind}", mount.target]
    bind = "--bind" if mount.writable else "--ro-bind"
    return [*_parents(mount.target), bind, mount.source, mount.target]


def _parents(path: str) -> list[str]:
    """The folders above `path`, empty but passable: outside they may be closed, as /root is."""
    above = reversed(Path(path).parents[:-1])
    return [word for folder in above for word in ("--perms", "0755", "--dir", str(folder))]


def _environment(policy: Policy) -> list[str]:
    return [word for name, value in policy.environment.items()
            for word in ("--setenv", name, value)]


def _drop_rights(uid: int) -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups",
            "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]


def _limit(rlimits: dict[str, int]) -> list[str]:
    return ["prlimit", *(f"--{name}={most}" for name, most in rlimits.items()), "--"]


def _fill_home() -> list[str]:
    """Make the home and the working directory, then become the process that was asked for."""
    script = (f"mkdir {HOME} && cp -R {SUBMISSION} {WORK} && chmod -R u+w {WORK} && cd {WORK} "
              '&& unset OLDPWD && exec "$@"')
    return ["sh", "-c", script, "sandbox"]


def _inside(argv: list[str]) -> list[str]:
    """Replace this interpreter by the path that it has inside: it may have been started by another,
    such as `../.venv/bin/python`, through folders that are not there."""
    if argv[0] != sys.executable:
        return argv
    return [os.path.join(sys.prefix, "bin", os.path.basename(sys.executable)), *argv[1:]]
