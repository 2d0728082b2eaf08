"""A batch on a Dask cluster: real schedulers and workers who see nothing of the course's folder."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from conftest import run_cli, until
from distributed import Client
from faults.arena import Outcome, build, outcome
from nbformat.v4 import new_notebook

from autograder.course import Course, CourseError
from autograder.judge import cluster
from autograder.judge.cluster import judge_afar, pack, unpack
from autograder.judge.work import Work
from autograder.release.build import prepare

pytestmark = pytest.mark.sandbox
DASK = Path(sys.executable).with_name("dask")
AUTOGRADER = Path(sys.executable).with_name("autograder")
SUBMISSIONS = 7
Start = Callable[[], "subprocess.Popen[bytes]"]


@contextmanager
def running(*command: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; at the end the whole group is gone."""
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True, cwd="/")
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker with its nanny and its judges, as when its machine is switched off."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)  # the box's first process: all inside end with it
    process.wait(20)


@contextmanager
def scheduling(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler on this machine, with no worker: its address and its process."""
    file = folder / "scheduler.json"
    with running(DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                 "--scheduler-file", file) as process:
        until(file.is_file)
        yield json.loads(file.read_text())["address"], process


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    with scheduling(tmp_path) as (address, _):
        yield address


@pytest.fixture
def worker(scheduler: str, tmp_path: Path) -> Iterator[Start]:
    """Starts workers that have a /tmp of their own, processes of their own, and no course."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(running(
            "bwrap", "--dev-bind", "/", "/", "--tmpfs", "/tmp", "--unshare-pid", "--proc", "/proc",
            "--die-with-parent", DASK, "worker", scheduler, "--host", "127.0.0.1", "--nworkers",
            "1", "--nthreads", "1", "--no-dashboard"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A course as it is handed in, and what comes of it on this machine alone."""
    folder = tmp_path_factory.mktemp("cluster")
    build(folder / "fresh", SUBMISSIONS)
    shutil.copytree(folder / "fresh", folder / "graded", symlinks=True)
    done = run_cli("grade", "toy", "-j", 1, cwd=folder / "graded" / "course", timeout=300)
    assert done.returncode in (0, 1), done.stderr
    return folder / "fresh", outcome(folder / "graded")


@pytest.fixture
def fresh(undisturbed: tuple[Path, Outcome], tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed[0], tmp_path / "fresh", symlinks=True))


def test_workers_join_and_die_and_nothing_is_lost(
        fresh: Path, undisturbed: tuple[Path, Outcome], scheduler: str, worker: Start) -> None:
    """Works wait for the first worker; it dies over them, and another takes its place."""
    journal = fresh / "course" / "grading" / "journal" / "toy.jsonl"
    command = [AUTOGRADER, "grade", "toy", "--scheduler", scheduler, "--course", fresh / "course"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as batch:
        assert batch.stderr is not None
        assert f"dask worker {scheduler}".encode() in batch.stderr.readline()
        first = worker()
        until(lambda: journal.is_file() and journal.read_bytes().count(b"\n") >= 2)
        second = worker()
        end(first)
        assert batch.wait(240) in (0, 1)
        assert second.poll() is None
    assert outcome(fresh) == undisturbed[1]


def test_a_scheduler_that_goes_is_a_sentence_and_what_is_judged_stays(
        fresh: Path, undisturbed: tuple[Path, Outcome], tmp_path: Path) -> None:
    course = fresh / "course"
    journal = course / "grading" / "journal" / "toy.jsonl"
    command = [AUTOGRADER, "grade", "toy", "--course", course]
    with ExitStack() as stack:
        address, scheduler = stack.enter_context(scheduling(tmp_path))
        stack.enter_context(running(
            DASK, "worker", address, "--host", "127.0.0.1", "--nworkers", "1", "--nthreads", "1",
            "--no-dashboard", "--death-timeout", "5"))
        with subprocess.Popen([*command, "--scheduler", address], stderr=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, text=True) as batch:
            until(lambda: journal.is_file() and journal.read_bytes().count(b"\n") >= 2)
            end(scheduler)
            _, said = batch.communicate(timeout=120)
    assert batch.returncode == 2 and "is gone" in said and "Traceback" not in said, said
    before = journal.read_bytes().count(b"\n")
    run_cli("grade", "toy", "-j", 1, cwd=course)
    assert outcome(fresh) == undisturbed[1]
    assert journal.read_bytes().count(b"\n") == SUBMISSIONS and before >= 2


def test_a_scheduler_lost_while_nothing_is_under_way_is_the_same_sentence(
        toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client has given up by itself before the first work is there to be sent."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(cluster, "COUNT_SECONDS", 0)
    with scheduling(tmp_path) as (address, process):
        def works() -> Iterator[tuple[str, Work]]:
            end(process)
            until(lambda: all(client.status == "closed" for client in Client._instances))
            yield "one", Work("toy", new_notebook())

        with pytest.raises(CourseError, match="is gone"):
            list(judge_afar(toy, "toy", 1, works(), address))


def test_works_that_were_sent_are_not_kept(scheduler: str) -> None:
    """Dask would keep the last thousand messages, each with a work in it."""
    with cluster.connect(scheduler) as client:
        kept = client.scheduler_comm.recent_message_log
        assert kept.maxlen == cluster.SENT < 100


def test_no_scheduler_is_a_sentence(fresh: Path) -> None:
    done = run_cli("grade", "toy", "--scheduler", "tcp://127.0.0.1:1", cwd=fresh / "course")
    assert done.returncode == 2 and "No Dask scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_with_another_kit_is_not_used(toy: Course, scheduler: str, worker: Start,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    process = worker()
    monkeypatch.setattr(cluster, "engine_hash", lambda: "of another time")
    with pytest.raises(CourseError, match="another version of this kit"):
        until(lambda: list(judge_afar(toy, "toy", 1, [], scheduler)) == ["never"], 30)
    assert process.poll() is None


def test_a_packed_course_is_the_same_course(toy: Course, tmp_path: Path) -> None:
    prepare(toy, "toy")
    there = unpack(pack(toy, "toy"), tmp_path / "there")
    assert there.toml == toy.toml and there.root != toy.root
    assert there.exercise("toy").hidden_tests[0].read_text() == \
        toy.exercise("toy").hidden_tests[0].read_text()
    assert {path.name for path in (there.build / "reference" / "toy").iterdir()} == {
        path.name for path in (toy.build / "reference" / "toy").iterdir()}
    assert pack(toy, "toy") == pack(toy, "toy")
