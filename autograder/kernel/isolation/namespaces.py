"""Enforce a policy on the calling process, by the system's own calls.

The fork server's children use it, each step in the process that it is for: new namespaces, private
mounts, limits, no rights, a seccomp filter. Of the kit it needs policy.py alone.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
from pathlib import Path

from autograder.kernel.isolation.policy import CGROUPS, MIB, NAMESPACES, Mount, Policy

# From the kernel's headers: sched.h, mount.h, prctl.h.
CLONE_NEW = {"mount": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000,
             "pid": 0x20000000, "net": 0x40000000}
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, BIND = 1, 2, 4, 8, 32, 4096
NO_ATIME, NO_DIR_ATIME, REL_ATIME = 1024, 2048, 1 << 21
RECURSIVE = 0x4000
PRIVATE = 0x40000 | RECURSIVE
DETACH = 2
SET_DEATH_SIGNAL, SET_DUMPABLE, DROP_FROM_BOUNDS, NO_NEW_PRIVILEGES, AMBIENT = 1, 4, 24, 38, 47
SET_SECCOMP, FILTER_MODE = 22, 2
CAPABILITY_VERSION_3 = 0x20080522
SET_INTERFACE_FLAGS, INTERFACE_UP = 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def unshare() -> None:
    """Enter new namespaces; that of processes is for those forked from now on."""
    flags = sum(CLONE_NEW[name] for name in NAMESPACES)
    _check(_libc.unshare(flags), "unshare")
    _libc.unshare(CLONE_NEW["cgroup"])  # where there is such a thing, as with --unshare-cgroup-try


def join_cgroups(policy: Policy) -> None:
    """Put this process, and all that it starts, into the policy's control groups."""
    for procs in policy.cgroups:
        Path(procs).write_text("0")


def mount(policy: Policy) -> None:
    """Make this kernel's own mounts; what the fork server has mounted besides stays visible.

    Folders in memory may cover what is to stay, or a source: each is opened beforehand.
    """
    covering = [one.target for one in policy.mounts if one.kind == "tmpfs" and one.own]
    wanted = [one for one in policy.mounts
              if one.own or any(_is_below(one.target, folder) for folder in covering)]
    opened = {one: os.open(one.source if one.own else one.target, os.O_PATH | os.O_DIRECTORY)
              for one in wanted if one.kind == "bind"}
    _mount("none", "/", None, PRIVATE)
    for group in Path(CGROUPS).glob("*"):
        _check(_libc.umount2(str(group).encode(), DETACH), "umount2")
    for one in wanted:
        if one.kind == "proc":
            _mount_proc(one.target)
        elif one.kind == "tmpfs":
            _mount("tmpfs", one.target, "tmpfs", NO_SUID | NO_DEV,
                   f"size={one.size * MIB},mode=1777")
        elif one.kind == "bind":
            _bind(one, opened[one])
    _make_read_only("/dev")
    for descriptor in opened.values():
        os.close(descriptor)
    _raise_loopback()


def limit(policy: Policy) -> None:
    """Set the limits of each process."""
    for name, most in policy.rlimits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (most, most))


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


def load_filter(program: bytes) -> None:
    """From here on, system calls pass the seccomp filter; an empty one lets all pass."""
    if program:
        code = ctypes.create_string_buffer(program, len(program))
        filter_ = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
        _check(_libc.prctl(SET_SECCOMP, FILTER_MODE, ctypes.c_char_p(filter_), 0, 0), "seccomp")


def end_with_parent(by: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this signal to this process when its parent ends."""
    _check(_libc.prctl(SET_DEATH_SIGNAL, by, 0, 0, 0), "pdeathsig")


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _mount_proc(target: str) -> None:
    """A view of our own processes; what governs the machine is read-only, as bubblewrap makes it.
    """
    _mount("proc", target, "proc", NO_SUID | NO_DEV | NO_EXEC)
    for path in (f"{target}/{name}" for name in ("sys", "sysrq-trigger", "irq", "bus")):
        if os.access(path, os.W_OK):
            _mount(path, path, None, BIND | RECURSIVE)
            _make_read_only(path)


def _bind(one: Mount, descriptor: int) -> None:
    """Bind what was opened, with what is mounted below it: packages that are hidden, for example.
    """
    os.makedirs(one.target, mode=0o755, exist_ok=True)
    _mount(f"/proc/self/fd/{descriptor}", one.target, None, BIND | RECURSIVE)
    if not one.writable:
        _make_read_only(one.target)


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


def _raise_loopback() -> None:
    """A new network has one interface, and it is down: Python's own servers expect it up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_INTERFACE_FLAGS, struct.pack("16sH14x", b"lo", INTERFACE_UP))


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
