"""The nursery: a process that has imported the libraries, and forks a kernel whenever asked.

It runs inside the sandbox (warm.py starts it there, giving this file as text), and holds nothing
of any submission. Each kernel that it forks goes behind walls of its own before it runs a line of
student code: its own pid, mount, network and ipc namespaces, empty /home, /tmp and /dev/shm, its
own user, its own limits. It then waits to be let go, and fetches its home: until then its `files`
may be empty. Requests are JSON lines on stdin, answers JSON lines on stdout:

    {"start": "7", "files": ..., "runtime": ..., "connection": ..., "uid": ..., "limits": ...}
    {"go": "7"}
    {"kill": "7"}                   ->      {"ended": "7", "status": -9}
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import random
import resource
import selectors
import shutil
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any, NoReturn

MIB = 1024 * 1024
WORK, HOME = "/home/student", "/home/own"
GATE = 3  # the descriptor at which a kernel waits
# What every kernel imports while it starts.
JUPYTER = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", "sqlite3",
           "IPython.core.completerlib", "IPython.extensions.storemagic", "tornado.queues",
           "tornado.platform.asyncio", "encodings.idna")
GROUPS = "/cgroups"

# From the kernel's headers: sched.h, mount.h, prctl.h.
NEW_MOUNT, NEW_UTS, NEW_IPC, NEW_PID, NEW_NET = (
    0x00020000, 0x04000000, 0x08000000, 0x20000000, 0x40000000)
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, BIND = 1, 2, 4, 8, 32, 4096
NO_ATIME, NO_DIR_ATIME, REL_ATIME = 1024, 2048, 1 << 21
WITH_ALL_BELOW = 0x4000
PRIVATE = 0x40000 | WITH_ALL_BELOW
SET_DEATH_SIGNAL, SET_DUMPABLE, DROP_FROM_BOUNDS, NO_NEW_PRIVILEGES, AMBIENT = 1, 4, 24, 38, 47
CAPABILITY_VERSION_3 = 0x20080522
SET_INTERFACE_FLAGS, INTERFACE_UP = 0x8914, 1

DETACH = 2
SET_SECCOMP, FILTER_MODE = 22, 2

_libc = ctypes.CDLL(None, use_errno=True)


def main(preload: list[str], trial: dict[str, Any]) -> None:
    """Import, try the walls, say that all is ready, then fork kernels until stdin ends."""
    _import(preload)
    pid = os.fork()
    if pid == 0:
        _become_keeper(trial)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit(1)  # what went wrong is on stderr
    gc.collect()
    gc.freeze()  # what is here stays shared between all kernels
    _say(ready=True)
    kernels: dict[int, str] = {}
    gates: dict[str, int] = {}  # what is written there lets a kernel go
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        pending = b""
        while True:
            for key, _ in selector.select():
                if key.fd == 0:
                    data = os.read(0, 65536)
                    if not data:
                        return
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        _obey(json.loads(line), kernels, gates, selector)
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid = key.data
                    _, status = os.waitpid(pid, 0)
                    name = kernels.pop(pid)
                    _shut(gates, name)
                    _say(ended=name, status=os.waitstatus_to_exitcode(status))


def _import(preload: list[str]) -> None:
    """Import what kernels will need; what cannot be imported, they will miss in their own way."""
    for name in [*JUPYTER, *preload]:
        try:
            importlib.import_module(name)
        except Exception as error:
            print(f"{name} is not imported ahead: {error}", file=sys.stderr)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # a fork takes no other threads along


def _say(**message: Any) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def _obey(request: dict[str, Any], kernels: dict[int, str], gates: dict[str, int], selector: Any
          ) -> None:
    if "kill" in request:
        for pid, name in kernels.items():
            if name == request["kill"]:
                os.kill(pid, signal.SIGKILL)
    elif "go" in request:
        _shut(gates, request["go"], b"go")
    else:
        request["gate"], gates[request["start"]] = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become_keeper(request)
        os.close(request["gate"])
        kernels[pid] = request["start"]
        selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)


def _shut(gates: dict[str, int], name: str, word: bytes = b"") -> None:
    """Say the word at a kernel's gate, and leave it. One that has ended hears nothing."""
    gate = gates.pop(name, None)
    if gate is not None:
        with contextlib.suppress(BrokenPipeError):
            os.write(gate, word)
        os.close(gate)


def _become_keeper(request: dict[str, Any]) -> NoReturn:
    """Leave for namespaces of one's own; stay outside their pids, to tell how the kernel ended."""
    try:
        _end_with_parent()
        os.setsid()
        for procs in request.get("groups", []):
            Path(procs).write_text("0")  # this process, and all that comes of it
        _check(_libc.unshare(NEW_MOUNT | NEW_UTS | NEW_IPC | NEW_PID | NEW_NET), "unshare")
        pid = os.fork()
        if pid == 0:
            _become_init(request)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    except BaseException as error:
        print(f"no kernel could be forked: {error}", file=sys.stderr, flush=True)
        os._exit(127)


def _become_init(request: dict[str, Any]) -> NoReturn:
    """Process 1 of the new namespace: build the walls, fork the kernel, reap what it leaves."""
    try:
        _end_with_parent()
        _build_walls(request["files"], request["runtime"], request["limits"])
        if "start" not in request:
            os.stat(sys.executable)  # what a kernel's own child processes will start
            os._exit(0)
        kernel = os.fork()
        if kernel == 0:
            _become_kernel(request)
        _silence()
        while True:
            pid, status = os.wait()
            if pid == kernel:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)  # and everything in here ends with us
    except BaseException as error:
        print(f"no walls could be built: {error}", file=sys.stderr, flush=True)
        os._exit(127)


def _build_walls(files: str, runtime: str, limits: dict[str, int]) -> None:
    """Empty private folders; of all submissions' folders, only this one's are left in sight."""
    python = {path for path in (sys.prefix, sys.base_prefix)
              if path.startswith(("/tmp/", "/home/"))}  # which the empty folders would hide
    opened = {path: os.open(path, os.O_PATH | os.O_DIRECTORY)
              for path in (files, runtime, *python)}
    _mount("none", "/", None, PRIVATE)
    for group in Path(GROUPS).glob("*"):
        _check(_libc.umount2(str(group).encode(), DETACH), "umount2")
    _mount("proc", "/proc", "proc", NO_SUID | NO_DEV | NO_EXEC)
    for path, size in (("/tmp", 64), ("/home", limits["scratch"]), ("/dev/shm", 64)):
        _mount("tmpfs", path, "tmpfs", NO_SUID | NO_DEV, f"size={size * MIB},mode=1777")
    _mount(f"/proc/self/fd/{opened[files]}", "/submission", None, BIND)
    _make_read_only("/submission")
    for path in (runtime, *sorted(python)):  # with packages that are hidden in an environment
        os.makedirs(path, mode=0o755, exist_ok=True)
        _mount(f"/proc/self/fd/{opened[path]}", path, None, BIND | WITH_ALL_BELOW)
    for path in python:
        _make_read_only(path)
    _make_read_only("/dev")
    for descriptor in opened.values():
        os.close(descriptor)
    _raise_loopback()


def _raise_loopback() -> None:
    """A new network has one interface, and it is down: Python's own servers expect it up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_INTERFACE_FLAGS, struct.pack("16sH14x", b"lo", INTERFACE_UP))


def _become_kernel(request: dict[str, Any]) -> NoReturn:
    """Give up every right, and run a Jupyter kernel until it ends."""
    try:
        _limit(request["limits"])
        _drop_rights(request["uid"])
        _silence(request["gate"])
        os.mkdir(HOME)
        os.mkdir(WORK)
        os.chdir(WORK)
        _reseed()
        _refuse(base64.b64decode(request["calls"]))
    except BaseException:
        os._exit(126)
    _serve(request["connection"])
    os._exit(0)


def _wait_and_fetch() -> None:
    """Wait at the gate; then copy what the submission's folder holds into the home."""
    try:
        if not os.read(GATE, 2):
            os._exit(125)  # nobody will ever come
        os.close(GATE)
        shutil.copytree("/submission", WORK, symlinks=True, dirs_exist_ok=True)
        for root, folders, names in os.walk(WORK):
            for name in (*folders, *names):
                path = os.path.join(root, name)
                if not os.path.islink(path):
                    os.chmod(path, os.stat(path).st_mode | 0o200)
    except BaseException:
        os._exit(126)


def _limit(limits: dict[str, int]) -> None:
    for kind, most in (
        (resource.RLIMIT_DATA, limits["memory"] * MIB),
        (resource.RLIMIT_AS, (limits["memory"] + 8192) * MIB),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_FSIZE, limits["file_size"] * MIB),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _drop_rights(uid: int) -> None:
    """Become the user `uid` for good: no capability is left, and none can be gained."""
    _libc.prctl(AMBIENT, 4, 0, 0, 0)  # clear all
    for capability in range(64):
        _libc.prctl(DROP_FROM_BOUNDS, capability, 0, 0, 0)
    if os.getuid() != uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _check(_libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    _libc.prctl(SET_DUMPABLE, 1, 0, 0, 0)  # so that /proc/self is its own


def _refuse(program: bytes) -> None:
    """From here on, system calls pass the filter (calls.py); an empty one lets all pass."""
    if program:
        code = ctypes.create_string_buffer(program, len(program))
        filter_ = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
        _check(_libc.prctl(SET_SECCOMP, FILTER_MODE, ctypes.c_char_p(filter_), 0, 0), "seccomp")


def _silence(gate: int | None = None) -> None:
    """Nothing of the nursery stays open, no pipe, no pidfd, but the kernel's own gate."""
    if gate is not None:
        os.dup2(gate, GATE)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.closerange(GATE if gate is None else GATE + 1, 4096)


def _reseed() -> None:
    """No random state is shared between kernels."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _serve(connection: str) -> None:
    """What `python -m ipykernel_launcher -f CONNECTION` does, with a wait before the last step."""
    main_module = type(sys)("__main__")
    sys.modules["__main__"] = main_module
    sys.argv = ["ipykernel_launcher", "-f", connection, "--InteractiveShellApp.ignore_cwd=True"]
    application = sys.modules["ipykernel.kernelapp"].IPKernelApp
    application.clear_instance()
    kernel = application.instance()
    kernel.initialize(sys.argv[1:])
    _wait_and_fetch()
    kernel.start()


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    _check(_libc.mount(source.encode(), target.encode(), kind.encode() if kind else None,
                       flags, data.encode() or None), f"mount {target}")


def _make_read_only(path: str) -> None:
    """Remount; without root's rights only with all the restrictions that are there already."""
    there = os.statvfs(path).f_flag
    kept = there & (NO_SUID | NO_DEV | NO_EXEC)  # the same bits as those of mount
    times = {os.ST_NOATIME: NO_ATIME, os.ST_NODIRATIME: NO_DIR_ATIME, os.ST_RELATIME: REL_ATIME}
    for here, flag in times.items():
        kept |= flag if there & here else 0
    _mount("none", path, None, BIND | REMOUNT | READ_ONLY | kept)


def _end_with_parent() -> None:
    _check(_libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "pdeathsig")


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
