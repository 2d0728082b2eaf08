"""System calls that no kernel needs end the process; what libraries try in passing is refused."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from autograder.kernel.isolation import seccomp
from autograder.kernel.isolation.policy import Limits, Surroundings
from autograder.kernel.session import KernelSession

pytestmark = pytest.mark.sandbox
COLD, WARM = Surroundings(), Surroundings(preload=["json"])
LIBC = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
NEW_USER = 0x10000000


@pytest.mark.parametrize("surroundings", [COLD, WARM], ids=["cold", "warm"])
@pytest.mark.parametrize("call", [
    "libc.ptrace(0, 0, 0, 0)", f"libc.unshare({NEW_USER})", "libc.mount(0, 0, 0, 0, 0)",
    "libc.chroot(b'/tmp')", "libc.setns(0, 0)", "libc.process_vm_readv(1, 0, 0, 0, 0, 0)",
    f"libc.syscall(56, {NEW_USER | 17}, 0, 0, 0, 0)",  # clone
])
def test_a_blocked_call_ends_the_process(surroundings: Surroundings, call: str, tmp_path: Path
                                         ) -> None:
    with KernelSession(tmp_path, Limits(), surroundings) as session:
        outcome = session.run(LIBC + call, timeout=30)
    assert (outcome.kind, "blocked while grading" in outcome.says) == ("died", True)


@pytest.mark.parametrize("surroundings", [COLD, WARM], ids=["cold", "warm"])
def test_what_libraries_try_is_refused(surroundings: Surroundings, tmp_path: Path) -> None:
    code = LIBC + ("print([(libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno())"
                   " for number in (298, 425, 435)])")  # perf_event_open, io_uring_setup, clone3
    with KernelSession(tmp_path, Limits(), surroundings) as session:
        outcome = session.run(code, timeout=30)
    assert outcome.outputs[0]["text"].strip() == str(
        [(-1, errno.EPERM), (-1, errno.ENOSYS), (-1, errno.ENOSYS)])


@pytest.mark.parametrize("surroundings", [COLD, WARM], ids=["cold", "warm"])
def test_threads_and_child_processes_still_start(surroundings: Surroundings, tmp_path: Path
                                                 ) -> None:
    code = ("import subprocess, threading, multiprocessing\n"
            "thread = threading.Thread(target=print, args=('thread',)); thread.start(); "
            "thread.join()\n"
            "print(subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout)\n"
            "with multiprocessing.get_context('fork').Pool(1) as pool: print(pool.map(abs, [-3]))")
    with KernelSession(tmp_path, Limits(), surroundings) as session:
        outcome = session.run(code, timeout=60)
    text = "".join(one.get("text", "") for one in outcome.outputs)
    assert "thread" in text and "child" in text and "[3]" in text


def test_the_program_is_whole_instructions() -> None:
    assert seccomp.program() and len(seccomp.program()) % 8 == 0
