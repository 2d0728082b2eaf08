"""The walls of a warm kernel, put up from inside by the process that will live behind them.

The nursery's forks call this: their own mounts, empty folders, limits, no rights, a filter of
system calls. All of it is the system's own calls; nothing of the kit is imported.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path

MIB = 1024 * 1024
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


def leave() -> None:
    """Leave for namespaces of one's own: mounts, names, messages, processes (of forks), network."""
    _check(_libc.unshare(NEW_MOUNT | NEW_UTS | NEW_IPC | NEW_PID | NEW_NET), "unshare")


def build(files: str, runtime: str, limits: dict[str, int]) -> None:
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


def limit(limits: dict[str, int]) -> None:
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


def drop_rights(uid: int) -> None:
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


def refuse(program: bytes) -> None:
    """From here on, system calls pass the filter (calls.py); an empty one lets all pass."""
    if program:
        code = ctypes.create_string_buffer(program, len(program))
        filter_ = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
        _check(_libc.prctl(SET_SECCOMP, FILTER_MODE, ctypes.c_char_p(filter_), 0, 0), "seccomp")


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


def end_with_parent(by: signal.Signals = signal.SIGKILL) -> None:
    _check(_libc.prctl(SET_DEATH_SIGNAL, by, 0, 0, 0), "pdeathsig")


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
