"""Processes forked from one: each as it would be alone, and none that outlives the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import WARM_TOY_COURSE, Toy, toy_work

from autograder.judge.pool import judge_all
from autograder.judge.workers import forked_pool
from autograder.kernel.scratch import clear_abandoned
from autograder.release.build import prepare
from autograder.results.verdict import Verdict

LATE = "huggingface_hub", "transformers", "datasets", "tokenizers", "matplotlib"
PARENT = """
import os, time
from autograder.judge.workers import _folder, forked_pool
if __name__ == "__main__":
    pool = forked_pool(2, os.getpid)
    print(pool.schedule(os.getpid).result(), _folder().path, flush=True)
    time.sleep(60)
"""


def nothing() -> None:
    """An initializer."""


def variable(name: str) -> str | None:
    return os.environ.get(name)


def fork_server(pid: int | None = None) -> psutil.Process:
    """That of a process, or of this one."""
    (found,) = (child for child in psutil.Process(pid).children()
                if "multiprocessing.forkserver" in " ".join(child.cmdline()))
    return found


def until(seen: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not seen() and time.monotonic() < end:
        time.sleep(0.02)
    return seen()


@pytest.mark.parametrize("value", ["one", "two", None])
def test_the_environment_is_that_of_now(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """And not what it was when the fork server started."""
    if value is not None:
        monkeypatch.setenv("AUTOGRADER_TRIED", value)
    with forked_pool(1, nothing) as pool:
        assert pool.schedule(variable, args=("AUTOGRADER_TRIED",)).result(30) == value


def test_all_come_from_one() -> None:
    with forked_pool(2, nothing) as pool, forked_pool(1, nothing) as other:
        parents = {one.schedule(os.getppid).result(30) for one in (pool, other)}
    assert parents == {fork_server().pid}


def test_what_is_imported_ahead_does_not_look_at_the_environment() -> None:
    """Libraries of models read it when they are imported, and it differs between courses."""
    done = subprocess.run(
        [sys.executable, "-c", "import atexit, sys, autograder.judge.worker_preload as ahead\n"
                               "atexit.unregister(ahead.os._exit)\n"
                               f"print([name for name in {LATE!r} if name in sys.modules])"],
        capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_none_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker, folder = parent.stdout.readline().split()
        server = fork_server(parent.pid).pid
        assert Path(folder).is_dir()
        parent.kill()
    assert until(lambda: not (psutil.pid_exists(int(worker)) or psutil.pid_exists(server)))
    clear_abandoned()
    assert until(lambda: not Path(folder).exists())  # another batch may have been about it


@pytest.mark.sandbox
def test_judges_whose_fork_server_is_killed_are_replaced_and_nothing_is_lost(tmp_path: Path
                                                                             ) -> None:
    course = Toy(course=WARM_TOY_COURSE).write(tmp_path)
    prepare(course, "toy")
    works = [(number, toy_work(course)) for number in range(8)]
    points = {}
    for number, verdict in judge_all(course, "toy", 7, works, processes=2):
        assert isinstance(verdict, Verdict), verdict
        points[number] = verdict.points
        if len(points) == 1:
            before = fork_server()
            theirs = before.children()
            os.kill(before.pid, signal.SIGKILL)
            assert until(lambda: not any(one.is_running() for one in theirs))  # noqa: B023
    assert points == dict.fromkeys(range(8), 10)
    assert fork_server().pid != before.pid
