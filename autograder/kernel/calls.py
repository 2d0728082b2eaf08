"""System calls that a Jupyter kernel never makes: seccomp ends the process that makes one.

The list is of calls that change what a machine is or reach into another process. libseccomp
(package `libseccomp2`) compiles it; the program is loaded by bubblewrap or by the nursery.
"""

from __future__ import annotations

import errno
import functools
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


@functools.cache
def program() -> bytes:
    """The filter as the kernel's own bytecode; empty where libseccomp is not installed."""
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError):
        return b""
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in DEADLY:
        rules.add_rule(pyseccomp.KILL_PROCESS, name)
    for name, number in REFUSED.items():
        rules.add_rule(pyseccomp.ERRNO(number), name)
    for flag in NEW_NAMESPACES:
        rules.add_rule(pyseccomp.KILL_PROCESS, "clone",
                       pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
