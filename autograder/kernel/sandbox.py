"""The sandbox: one command line that shuts a process in.

bubblewrap builds the walls (namespaces and a minimal, read-only file system) and loads the filter
of system calls (calls.py), setpriv takes the user's rights away where we are root, prlimit sets the
kernel's own limits. All come with Debian and Ubuntu (packages `bubblewrap` and `util-linux`).
"""

from __future__ import annotations

import os
import shlex
import shutil
import site
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.kernel import calls, cgroup, offline
from autograder.kernel.scratch import Scratch

MIB = 1024 * 1024

# What a Python kernel needs of the system, and nothing else: no home, no course, no secrets.
SYSTEM_PATHS = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/ld.so.cache",
                "/etc/alternatives", "/etc/fonts", "/etc/localtime")
NAMESPACES = ("--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net",
              "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox",
              "--clearenv")
WORK = "/home/student"  # the submission's files, copied
HOME = "/home/own"  # empty at the start: no start-up file of a submission is anybody's
HUB = "/hub"  # where student code finds the offline hub
READS = "/course"  # where it finds what else of the course's folder it may read
HUB_LINKS = ".cache/huggingface"  # in the home: what libraries write to (offline.py)
CALLS = "9"  # the descriptor that hands the filter over
FIRST_UID = 200_000  # a range that no distribution gives out
UIDS = 60_000


class SandboxError(RuntimeError):
    """The sandbox cannot be built here; the message says what to install or allow."""


@dataclass(frozen=True)
class Limits:
    """What one student process may use. Sizes in MiB, times in seconds.

    What is given some seconds of its own time may take `patience` times as many by the clock.
    """

    memory: int = 4096
    processes: int = 128
    file_size: int = 256
    open_files: int = 1024
    scratch: int = 512
    output: int = 8
    cpu: int = 600
    patience: int = 10


@dataclass(frozen=True)
class Surroundings:
    """What student code finds around it, beside its own files.

    `hidden` names top-level packages that cannot be imported, each with the sentence that an
    import then raises; `hub` is the folder of an offline Hugging Face cache, or empty. Kernels
    are forked from a process that has imported the modules `preload`; without any, they start
    cold. `lenient` takes names of older libraries as their successors (old_names.py). What lies at
    the places `reads` out here can be read at their names inside.
    """

    hidden: dict[str, str] = field(default_factory=dict)
    hub: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    preload: list[str] = field(default_factory=list)
    lenient: bool = False
    reads: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sandbox:
    """Where one student process lives.

    `files` is copied to its home (a private tmpfs), `runtime` holds the sockets that reach it.
    """

    files: Path
    runtime: Path
    limits: Limits = field(default_factory=Limits)
    surroundings: Surroundings = field(default_factory=Surroundings)

    def command(self, argv: list[str], groups: Sequence[str] = ()) -> list[str]:
        """Return the command line that runs `argv` inside the walls.

        It joins the control groups by their files `groups` (cgroup.py).

        Raises SandboxError where bubblewrap is missing.
        """
        walls = [_bwrap(), *self._calls(), *NAMESPACES, *self._rights(), *self._file_system(),
                 *self._environment()]
        before = [f"echo 0 >{shlex.quote(procs)}" for procs in groups]
        handed = f" {CALLS}<{shlex.quote(str(self._calls_file))}" if calls.program() else ""
        walls = ["sh", "-c", " && ".join([*before, f'exec "$@"{handed}']), "walls", *walls]
        return [*walls, "--", *self._drop_rights(), *self._enter([*self._limit(), *_inside(argv)])]

    def nursery(self, argv: list[str], folder: Path) -> list[str]:
        """Return the command line of a process of ours inside the walls, which forks kernels.

        It keeps the right to build walls for them, and sees the submissions' `folder`; they have
        no such right and see only what is theirs (nursery.py).
        """
        rights = [word for name in (
            "SYS_ADMIN", "NET_ADMIN", "SETPCAP", "SETUID", "SETGID", "KILL")
                  for word in ("--cap-add", f"CAP_{name}")]
        if os.geteuid() != 0:
            rights = ["--unshare-user", *rights]
        return [_bwrap(), *NAMESPACES, *rights, *self._file_system(),
                "--bind", str(folder), str(folder), *self._groups(), "--remount-ro", "/",
                *self._environment(), "--", *_inside(argv)]

    def _groups(self) -> list[str]:
        """Let the nursery put kernels into our control groups."""
        binds: list[str] = []
        for number, base in enumerate(cgroup.bases()):
            binds += ["--bind", str(base), f"{cgroup.INSIDE}/{number}"]
        return binds

    def _calls(self) -> list[str]:
        """Let bubblewrap load the filter of system calls, from a descriptor of ours."""
        if not calls.program():
            return []
        self._calls_file.write_bytes(calls.program())
        return ["--seccomp", CALLS]

    @property
    def _calls_file(self) -> Path:
        return self.runtime.parent / "calls.bpf"

    def _rights(self) -> list[str]:
        """Root needs no user namespace, only the right to become somebody else inside."""
        if os.geteuid() == 0:
            return ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        return ["--unshare-user"]

    def _drop_rights(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        uid = str(self.uid)
        return ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--no-new-privs",
                "--inh-caps=-all", "--bounding-set=-all", "--"]

    @property
    def uid(self) -> int:
        """The user inside: one of its own for each sandbox where we are root, else ours."""
        if os.geteuid() != 0:
            return os.geteuid()
        return FIRST_UID + self.runtime.stat().st_ino % UIDS

    def _file_system(self) -> list[str]:
        """The private folders first: the interpreter may lie below /tmp or /home itself."""
        private = ["--perms", "1777", "--size", str(64 * MIB), "--tmpfs", "/tmp",
                   "--perms", "1777", "--size", str(self.limits.scratch * MIB), "--tmpfs", "/home"]
        binds: list[str] = []
        for path in SYSTEM_PATHS:
            if os.path.islink(path):
                binds += ["--symlink", os.readlink(path), path]
            elif os.path.exists(path):
                binds += [*_way_to(path), "--ro-bind", path, path]
        for path in (sys.base_prefix, sys.prefix):  # a link to them leads to what is not there
            binds += [*_way_to(path), "--ro-bind", os.path.realpath(path), path]
        packages = Path(site.getsitepackages()[0])
        for name in self.surroundings.hidden:
            if (packages / name).is_dir():
                stub = self._stub(name)
                binds += ["--ro-bind", str(stub), str(packages / name)]
        if self.surroundings.hub:
            binds += ["--ro-bind", self.surroundings.hub, HUB]
        for inside, outside in self.surroundings.reads.items():
            binds += [*_way_to(inside), "--ro-bind", outside, inside]
        return [*private, *binds, "--proc", "/proc", "--dev", "/dev",
                "--perms", "1777", "--size", str(64 * MIB), "--tmpfs", "/dev/shm",
                "--ro-bind", str(self.files), "/submission",
                *_way_to(str(self.runtime)), "--bind", str(self.runtime), str(self.runtime),
                "--chdir", "/home"]

    def _stub(self, name: str) -> Path:
        """A package of the same name that says why it is not here."""
        stub = self.runtime.parent / "hidden" / name
        stub.mkdir(parents=True, exist_ok=True)
        reason = self.surroundings.hidden[name]
        (stub / "__init__.py").write_text(f"raise ImportError({reason!r})\n")
        return stub

    def _environment(self) -> list[str]:
        plain = {
            "HOME": HOME, "USER": "student", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": f"{sys.prefix}/bin:/usr/bin:/bin", "PYTHONNOUSERSITE": "1",
            "MPLBACKEND": "Agg", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
            "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else Jupyter's debugger warns
        }
        if self.surroundings.hub:
            plain |= offline.environment(HUB, f"{HOME}/{HUB_LINKS}")
        pairs = (plain | self.surroundings.environment).items()
        return [word for name, value in pairs for word in ("--setenv", name, value)]

    def _limit(self) -> list[str]:
        limits = self.limits
        return ["prlimit", f"--data={limits.memory * MIB}", f"--as={(limits.memory + 8192) * MIB}",
                f"--nproc={limits.processes}", f"--fsize={limits.file_size * MIB}",
                f"--nofile={limits.open_files}", f"--cpu={limits.cpu}", "--core=0", "--"]

    def _enter(self, argv: list[str]) -> list[str]:
        """Fill the private home, then become the process that was asked for."""
        script = f'mkdir {HOME} && cp -R /submission {WORK} && chmod -R u+w {WORK} && cd {WORK}'
        return ["sh", "-c", f'{script} && exec "$@"', "sandbox", *argv]


def _inside(argv: list[str]) -> list[str]:
    """This interpreter by the path that it has inside: here somebody may have named it otherwise,
    such as `../.venv/bin/python`, through folders that are not there."""
    if argv[0] != sys.executable:
        return argv
    return [os.path.join(sys.prefix, "bin", os.path.basename(sys.executable)), *argv[1:]]


def run_to_the_end(code: str, files: Mapping[str, bytes], limits: Limits, seconds: float
                   ) -> subprocess.CompletedProcess[bytes]:
    """Run a few lines of Python inside the walls, with `files` in its home.

    Raises SandboxError where bubblewrap is missing, subprocess.TimeoutExpired after `seconds`.
    """
    with Scratch() as folder:
        home, runtime = folder / "files", folder / "runtime"
        home.mkdir()
        runtime.mkdir()
        for name, data in files.items():
            (home / name).write_bytes(data)
        sandbox = Sandbox(home, runtime, limits)
        if os.geteuid() == 0:
            for path in (home, *home.iterdir()):
                os.chown(path, sandbox.uid, sandbox.uid)
        return subprocess.run(sandbox.command([sys.executable, "-c", code]), timeout=seconds,
                              capture_output=True, stdin=subprocess.DEVNULL)


def _bwrap() -> str:
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxError(
            "bubblewrap is not installed, and student code is never run without a sandbox. "
            "Install the package `bubblewrap` (apt-get install bubblewrap), then try again."
        )
    return found


def _way_to(path: str) -> list[str]:
    """The folders above `path`, empty but passable: outside they may be closed, as /root is."""
    above = reversed(Path(path).parents[:-1])
    return [word for folder in above for word in ("--perms", "0755", "--dir", str(folder))]
