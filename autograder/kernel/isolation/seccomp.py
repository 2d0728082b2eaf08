"""The seccomp filter: system calls that a Jupyter kernel never makes end the process.

The list is of calls that change what a machine is or reach into another process. libseccomp
(package `libseccomp2`) compiles it, called by ctypes: five functions of a stable C interface.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import signal
import tempfile

# Each of them is the way into something: other processes, the mount table, new namespaces, kernel
# code, keys, the clock. Whoever makes one is not doing homework, and is killed by SIGSYS.
DEADLY = (
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp",
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount",
    "fsconfig", "fspick", "mount_setattr", "unshare", "setns", "quotactl", "acct", "swapon",
    "swapoff", "name_to_handle_at", "open_by_handle_at",
    "bpf", "userfaultfd", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "reboot", "iopl", "ioperm",
    "add_key", "request_key", "keyctl",
    "settimeofday", "clock_settime", "sethostname", "setdomainname", "vhangup",
)
# Libraries try these and do without.
REFUSED = {"perf_event_open": errno.EPERM, "clone3": errno.ENOSYS, "io_uring_setup": errno.ENOSYS,
           "io_uring_enter": errno.ENOSYS, "io_uring_register": errno.ENOSYS}
NEW_NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
BLOCKED = signal.SIGSYS

# From seccomp.h: actions, an operator, the number of a call whose name libseccomp does not know.
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
MASKED_EQUAL = 7
UNKNOWN = -1


class _Argument(ctypes.Structure):
    """scmp_arg_cmp: the argument's place, an operator, and what it compares with."""

    _fields_ = (("place", ctypes.c_uint), ("operator", ctypes.c_int),
                ("first", ctypes.c_uint64), ("second", ctypes.c_uint64))


@functools.cache
def program() -> bytes:
    """The filter as the kernel's own bytecode; empty where libseccomp is not installed.

    Raises OSError where a rule cannot be made.
    """
    try:
        library = _library()
    except OSError:
        return b""
    rules = library.seccomp_init(ALLOW)
    try:
        _add_rules(library, rules)
        with tempfile.TemporaryFile() as file:
            _check(library.seccomp_export_bpf(rules, file.fileno()), "export")
            file.seek(0)
            return file.read()
    finally:
        library.seccomp_release(rules)


def _add_rules(library: ctypes.CDLL, rules: int) -> None:
    def add(action: int, name: str, *arguments: _Argument) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number == UNKNOWN:
            raise OSError(errno.ENOSYS, f"this libseccomp does not know the system call {name}")
        _check(library.seccomp_rule_add_array(rules, action, number, len(arguments),
                                              (_Argument * len(arguments))(*arguments)), name)

    for name in DEADLY:
        add(KILL_PROCESS, name)
    for name, error in REFUSED.items():
        add(ERRNO | error, name)
    for flag in NEW_NAMESPACES:
        add(KILL_PROCESS, "clone", _Argument(0, MASKED_EQUAL, flag, flag))


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int,
                                               ctypes.c_uint, ctypes.POINTER(_Argument)]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    return library


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(-result, f"seccomp, {what}: {os.strerror(-result)}")
