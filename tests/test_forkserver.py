"""Warm kernels: forked, and yet as far from each other as if each had been started by itself."""

from __future__ import annotations

import ast
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from autograder.kernel import pool
from autograder.kernel.forkserver_process import Address, ForkServer
from autograder.kernel.isolation import seccomp
from autograder.kernel.isolation.policy import Limits, SandboxError, Surroundings
from autograder.kernel.session import KernelSession

pytestmark = pytest.mark.sandbox

PRELOAD = ["numpy", "torch"]


@pytest.fixture(scope="module", autouse=True)
def an_end() -> Iterator[None]:
    yield
    pool.close_all()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def kernel(home: Path, **surroundings: Any) -> KernelSession:
    return KernelSession(home, Limits(scratch=64), Surroundings(
        **{"preload": PRELOAD, **surroundings}))


def value(session: KernelSession, code: str) -> Any:
    """What the code's last line, an expression, is in the kernel."""
    *before, last = code.strip().splitlines()
    outcome = session.run("\n".join([*before, f"print(repr({last}))"]), timeout=30)
    assert outcome.kind == "done", outcome.says
    return ast.literal_eval("".join(output.text for output in outcome.outputs))


def own_pool() -> pool.KernelPool:
    found = pool.pool_for(Surroundings(preload=PRELOAD), Limits(scratch=64))
    assert found is not None
    return found


def test_the_libraries_are_there_before_anything_runs(home: Path) -> None:
    with kernel(home) as session:
        assert value(session, "import sys\n'torch' in sys.modules")


@pytest.mark.parametrize("code", [
    "import random\nrandom.random()", "import numpy\nfloat(numpy.random.rand())",
    "import torch\nfloat(torch.rand(()))", "import torch\ntorch.initial_seed()",
    "import uuid\nstr(uuid.uuid4())", "import tempfile\ntempfile.mkdtemp()"])
def test_no_random_state_is_shared(home: Path, code: str) -> None:
    with kernel(home) as one, kernel(home) as other:
        assert value(one, code) != value(other, code)


def test_nothing_that_one_changes_reaches_another(home: Path) -> None:
    with kernel(home) as one:
        one.run("import torch, builtins, os; torch.left = builtins.left = 1; "
                "os.environ['LEFT'] = 'x'; open('/tmp/left', 'w'); open('/dev/shm/left', 'w')", 10)
        with kernel(home) as other:
            assert value(other, "import torch, builtins, os\n[hasattr(torch, 'left'), "
                         "hasattr(builtins, 'left'), 'LEFT' in os.environ, "
                         "os.path.exists('/tmp/left'), os.path.exists('/dev/shm/left')]"
                         ) == [False] * 5


def test_each_is_a_user_of_its_own(home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give each kernel a user of its own")
    with ExitStack() as stack:
        sessions = [stack.enter_context(kernel(home)) for _ in range(3)]
        uids = {value(session, "import os\nos.getuid()") for session in sessions}
    assert len(uids) == 3 and os.getuid() not in uids


def test_each_sees_its_own_processes_only(home: Path) -> None:
    code = "import os\nsorted(int(name) for name in os.listdir('/proc') if name.isdigit())"
    with kernel(home) as one, kernel(home) as other:
        assert value(one, code) == value(other, code) == [1, 2]


def test_each_sees_its_own_files_only(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(name)
    code = ("import os\nsorted(file for root in ('/tmp', '/home', '/submission', '/dev/shm') "
            "for _, _, files in os.walk(root) for file in files if file in "
            "('one.txt', 'other.txt'))")
    with kernel(tmp_path / "one") as one, kernel(tmp_path / "other") as other:
        assert value(one, code) == ["one.txt", "one.txt"]  # what came in, and the home
        assert value(other, code) == ["other.txt", "other.txt"]


@pytest.mark.parametrize("path", ["/left", "/dev/left", "/submission/left", "/usr/left",
                                  "/proc/1/mem"])
def test_nothing_shared_can_be_written(home: Path, path: str) -> None:
    with kernel(home) as session:
        outcome = session.run(f"open({path!r}, 'r+' if 'mem' in {path!r} else 'w')", 10)
        assert outcome.kind == "error"


@pytest.fixture
def unfiltered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No filter of system calls (seccomp.py): the rest must hold by itself."""
    pool.close_all()  # with a kernel that is ready, and has the filter
    monkeypatch.setattr(seccomp, "program", lambda: b"")
    yield
    pool.close_all()


@pytest.mark.parametrize("call", [
    "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)", "libc.umount2(b'/tmp', 2)",
    "libc.umount2(b'/proc', 2)", "libc.setuid(0)", "libc.sethostname(b'x', 1)",
    "libc.unshare(0x20000)", "libc.ptrace(16, 1, 0, 0)"])
def test_no_right_is_left(home: Path, call: str, unfiltered: None) -> None:
    with kernel(home) as session:
        assert value(session, f"import ctypes\nlibc = ctypes.CDLL(None)\n{call}") == -1


def test_the_process_that_supervises_cannot_be_killed(home: Path) -> None:
    with kernel(home) as session:
        session.run("import os; os.kill(1, 9)", timeout=10)
        assert value(session, "1 + 1") == 2


def test_no_capability_is_left(home: Path) -> None:
    code = ("[line.split()[1] for line in open('/proc/self/status') if line.startswith('Cap') or "
            "line.startswith('NoNewPrivs')]")
    with kernel(home) as session:
        assert value(session, code) == ["0" * 16] * 5 + ["1"]


def test_what_is_mounted_below_cannot_be_uncovered(home: Path, unfiltered: None) -> None:
    """A user namespace of one's own gives rights in it, but not over mounts from outside."""
    code = ("import ctypes\nlibc = ctypes.CDLL(None)\nlibc.unshare(0x10020000)\n"
            "[libc.umount2(path, 2) for path in (b'/tmp', b'/proc', b'/home', b'/submission')]")
    with kernel(home) as session:
        assert value(session, code) == [-1] * 4


def test_no_pipe_of_the_fork_server_is_inherited(home: Path) -> None:
    code = ("import os\n[link for link in (os.readlink(f'/proc/self/fd/{name}') for name in "
            "os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{name}')) "
            "if 'pidfd' in link or link.startswith('pipe')]")
    with kernel(home) as one, kernel(home):
        own = value(one, "import os\n[f'pipe:[{os.fstat(fd).st_ino}]' for fd in range(3, 200) "
                    "if os.path.exists(f'/proc/self/fd/{fd}')]")
        assert all(link in own for link in value(one, code))


def test_a_fork_server_that_dies_is_replaced(home: Path) -> None:
    with kernel(home) as session:
        first = own_pool()
        os.kill(first.server.pid, signal.SIGKILL)  # type: ignore[union-attr]
        end = time.monotonic() + 10
        while session.run("1", timeout=20).kind == "done" and time.monotonic() < end:
            time.sleep(0.1)
        assert not session.alive
    with kernel(home) as session:
        assert value(session, "1 + 1") == 2
    assert own_pool() is not first
    first.close()


@pytest.fixture
def address(home: Path) -> Iterator[Address]:
    """Of a fork server that another process has started."""
    pool.close_all()
    process = ForkServer(Surroundings(preload=PRELOAD), Limits(scratch=64))
    pool.connect(Surroundings(preload=PRELOAD), Limits(scratch=64), process.address)
    yield process.address
    pool.close_all()
    assert process.address.folder.exists(), "it is not this process's to close"
    process.close()
    assert not process.address.folder.exists()


def process_of(address: Address) -> int:
    """The pid of the fork server behind the address."""
    (found,) = (one.pid for one in psutil.Process().children()
                if str(address.folder) in one.cmdline())
    return found


def test_a_fork_server_of_another_process_serves_as_well(home: Path, address: Address) -> None:
    with kernel(home) as one, kernel(home) as other:
        assert own_pool().server is None
        assert [value(session, "6 * 7") for session in (one, other)] == [42, 42]


def test_a_kernel_that_cannot_be_described_leaves_no_slot(
        home: Path, address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []

    def full(self: pool.KernelSlot, *given: object) -> None:
        raise OSError(28, "No space left on device")

    def close(self: pool.KernelSlot) -> None:
        closed.append(self)
        actual(self)

    actual = pool.KernelSlot.close
    other = pool.KernelPool(Surroundings(preload=PRELOAD), Limits(scratch=64), address)
    other.wait()
    monkeypatch.setattr(pool.KernelSlot, "policy", full)
    monkeypatch.setattr(pool.KernelSlot, "close", close)
    with pytest.raises(OSError, match="No space left"):
        other._start()
    assert len(closed) == 1
    other._connection.close()


def test_kernels_end_with_the_connection_of_their_judge(home: Path, address: Address) -> None:
    """A judge that is killed leaves none behind, and takes no other judge's along."""
    other = pool.KernelPool(Surroundings(preload=PRELOAD), Limits(scratch=64), address)
    other.wait()
    waiting = other.take()
    with kernel(home) as session:
        inside = psutil.Process(process_of(address))
        before = len(inside.children(recursive=True))
        other._connection.close()  # as the system does where the process is killed
        end = time.monotonic() + 10
        while len(inside.children(recursive=True)) > before - 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(inside.children(recursive=True)) <= before - 2  # its supervisor and its kernel
        assert value(session, "6 * 7") == 42
    waiting.slot.close()


def test_where_another_process_s_fork_server_dies_there_is_one_of_its_own(
        home: Path, address: Address) -> None:
    with kernel(home):
        assert own_pool().server is None
    os.kill(process_of(address), signal.SIGKILL)
    time.sleep(0.5)
    with kernel(home) as session:
        assert value(session, "6 * 7") == 42
        assert own_pool().server is not None


def test_nobody_waits_for_a_fork_server_that_dies_before_it_lives(home: Path) -> None:
    surroundings = Surroundings(preload=["torch", "json"])
    process = ForkServer(surroundings, Limits(scratch=64))
    pool.connect(surroundings, Limits(scratch=64), process.address)
    os.kill(process.pid, signal.SIGKILL)
    with kernel(home, preload=["torch", "json"]) as session:
        assert value(session, "6 * 7") == 42
    process.close()


def test_one_that_is_killed_at_its_very_start_leaves_nothing_that_never_ends() -> None:
    for moment in range(100):
        process = ForkServer(Surroundings(preload=["json"]), Limits(scratch=64))
        time.sleep(moment / 20_000)
        os.kill(process.pid, signal.SIGKILL)
        closing = threading.Thread(target=process.close, daemon=True)
        closing.start()
        closing.join(20)
        assert not closing.is_alive(), f"killed after {moment / 20} ms"


def test_what_cannot_be_imported_ahead_is_missed_by_whom_needs_it(home: Path) -> None:
    with kernel(home, preload=["no_such_module", "numpy"]) as session:
        assert value(session, "import sys\n'numpy' in sys.modules")


def test_without_a_fork_server_kernels_start_cold(home: Path, monkeypatch: pytest.MonkeyPatch,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*args: Any) -> pool.KernelPool:
        raise SandboxError("no kernel could be warmed: not here")

    monkeypatch.setattr(pool, "KernelPool", broken)
    monkeypatch.setattr(pool, "_pools", {})
    for _ in range(2):
        with kernel(home, preload=["colorsys"]) as session:
            assert value(session, "import sys\n'colorsys' in sys.modules") is False
    assert capsys.readouterr().err.count("Kernels start cold: no kernel could be warmed") == 1


def test_the_next_kernel_is_ready_before_it_is_asked_for(home: Path) -> None:
    (home / "mine.txt").write_text("here from the start of its own session")
    with kernel(home):
        ready = own_pool()._spare
        assert ready is not None and list(ready.slot.files.iterdir()) == []
    with kernel(home) as session:
        assert session._manager.provisioner.forked is ready  # type: ignore[union-attr]
        assert value(session, "open('mine.txt').read()").startswith("here")


def test_one_that_is_not_ready_yet_can_be_taken(home: Path) -> None:
    """Kernels one upon the other: each is taken while it still starts."""
    with ExitStack() as stack:
        sessions = [stack.enter_context(kernel(home)) for _ in range(6)]
        assert [value(session, "6 * 7") for session in sessions] == [42] * 6


def test_a_ready_kernel_that_was_killed_is_not_handed_out(home: Path) -> None:
    with kernel(home):
        killed = own_pool()._spare
        assert killed is not None
        killed.kill()
        killed.wait(10)
    with kernel(home) as session:
        assert session._manager.provisioner.forked is not killed  # type: ignore[union-attr]
        assert value(session, "6 * 7") == 42
    assert not killed.slot.path.exists()


def test_what_one_leaves_behind_does_not_reach_the_one_that_waits(home: Path) -> None:
    with kernel(home) as one:
        one.run("for place in ('/tmp', '/home', '/dev/shm', '.'): open(place + '/left', 'w')", 10)
    with kernel(home) as other:
        assert value(other, "import os\n[os.path.exists(p + '/left') for p in "
                            "('/tmp', '/home', '/dev/shm', '.', '/submission')]") == [False] * 5


def test_nothing_is_left_when_all_is_closed(home: Path) -> None:
    surroundings = Surroundings(preload=["json"])
    with KernelSession(home, Limits(), surroundings):
        own = pool.pool_for(surroundings, Limits())
        assert own is not None
        # Three of the fork server's own, the kernel's, and that of the one that is ready.
        assert len(list(own.address.folder.iterdir())) == 5
    assert len(list(own.address.folder.iterdir())) == 4
    pool.close_all()
    assert not own.alive and not own.address.folder.exists()
