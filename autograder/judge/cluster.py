"""Judge on other machines: Dask brings works to workers and verdicts back.

A worker needs this kit and a machine on which the sandbox works, and no file of the course: that
is sent to whoever joins, whenever that is (`CoursePlugin`). It judges with the pool of a single
machine, one process for each of its threads, so that a judge that hangs or dies costs its own work
only. Dask gives the works of workers that are gone to others.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import logging
import multiprocessing
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path

import dask
from distributed import Client, KilledWorker, Worker, WorkerPlugin, get_worker
from distributed.client import ClosedClientError

from autograder import doctor
from autograder.course import COURSE_FILE, Course, CourseError
from autograder.exercise import source
from autograder.judge.cache_key import engine_hash
from autograder.judge.pool import Judges, JudgingFailed, Key, streamed
from autograder.judge.work import Work
from autograder.kernel.isolation.policy import SandboxError
from autograder.kernel.scratch import Scratch
from autograder.results.reason import Code, Reason
from autograder.results.verdict import Verdict

Answer = Verdict | JudgingFailed | CourseError | SandboxError
CONNECT_SECONDS = 10  # for the scheduler to answer, and to come back when it is lost
SENT = 10  # messages, works and all, that Dask keeps for those who debug it; it would be 1,000
COUNT_SECONDS = 2.0  # between two counts of the workers
AHEAD = 2  # works under way for each process: one is judged, one waits beside it


def judge_afar(course: Course, assignment: str, seed: int, works: Iterable[tuple[Key, Work]],
               scheduler: str) -> Iterator[tuple[Key, Verdict | JudgingFailed]]:
    """Judge everything on the workers of a Dask scheduler; yield results as they come.

    Raises CourseError where the scheduler cannot be reached, or a worker cannot judge.
    """
    with connect(scheduler) as client:
        plugin = CoursePlugin(course, assignment, seed)
        _send(client, plugin, scheduler)
        executor = client.get_executor(pure=False)
        try:
            for key, future in streamed(
                    works, lambda work: executor.submit(_judge_here, plugin.name, work),
                    _Crew(client).most):
                yield key, _result(future)
        except (CancelledError, ClosedClientError):
            raise CourseError(f"The Dask scheduler at {scheduler} is gone. Start it and grade "
                              "again: what is judged already is kept.") from None
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                client.unregister_worker_plugin(plugin.name)


def connect(scheduler: str) -> Client:
    """A client that forgets what it has sent. Raises CourseError where no scheduler answers."""
    try:
        with dask.config.set({"distributed.admin.low-level-log-length": SENT}):
            return Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CourseError(f"No Dask scheduler answers at {scheduler} ({error}). Start one with: "
                          "dask scheduler") from None


class CoursePlugin(WorkerPlugin):
    """What a worker judges with: the course as bytes, laid out when the worker joins."""

    def __init__(self, course: Course, assignment: str, seed: int) -> None:
        self._assignment, self._seed, self._engine = assignment, seed, engine_hash()
        self._parcel = pack(course, assignment)
        digest = hashlib.sha256(self._parcel + f"{assignment} {seed}".encode())
        self.name = f"autograder-{digest.hexdigest()[:16]}"

    def setup(self, worker: Worker) -> None:
        """Lay the course out and be ready to judge. Raises CourseError where that cannot be."""
        if engine_hash() != self._engine:
            raise CourseError(f"The worker {worker.address} runs another version of this kit.")
        # Dask marks its processes as having no children; ours end with their parent all the same.
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
        self._scratch = Scratch()
        course = unpack(self._parcel, self._scratch.path / "course")
        doctor.demand(course)
        (self._scratch.path / "judges").mkdir()
        self.judges = Judges(course, self._assignment, self._seed, self._scratch.path / "judges",
                             worker.state.nthreads)

    def teardown(self, worker: Worker) -> None:
        self.judges.__exit__(None, None, None)
        self._scratch.close()


def pack(course: Course, assignment: str) -> bytes:
    """What judging an assignment needs of a course, as the bytes of a packed tar file."""
    settings, packed = course.assignment(assignment), io.BytesIO()
    places = {COURSE_FILE: course.root / COURSE_FILE,
              "exercises": course.exercises_folder,
              ".build/reference": course.build / "reference",
              f".build/source/{assignment}": course.build / "source" / assignment}
    places |= {f"data/{file.name}": file for exercise in course.exercises(assignment)
               for file in source.included(exercise)}
    if settings.hub or settings.data_sets:
        places["data/hf"] = course.hub
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, place in places.items():
            tar.add(place, name, filter=_as_ever)
    return gzip.compress(packed.getvalue(), compresslevel=1, mtime=0)


def unpack(parcel: bytes, folder: Path) -> Course:
    """Lay a packed course out in a new folder."""
    with tarfile.open(fileobj=io.BytesIO(parcel)) as tar:
        tar.extractall(folder, filter="tar")
    return Course.load(folder, folder / "exercises")


def _as_ever(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """The same bytes for the same course, whenever it is packed."""
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return None if "__pycache__" in entry.name else entry


def _send(client: Client, plugin: CoursePlugin, scheduler: str) -> None:
    """Have the scheduler give the plugin to every worker, those that join later included."""
    if not client.scheduler_info(n_workers=-1).get("workers"):
        print("No worker has joined yet; works wait for the first one. On each machine: "
              f"dask worker {scheduler}", file=sys.stderr)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # workers that go are not news
    try:
        client.register_plugin(plugin)
    except (CourseError, SandboxError):
        raise
    except Exception as error:  # whatever a worker met
        raise CourseError(f"A worker cannot judge: {type(error).__name__}: {error}") from None


class _Crew:
    """How many works may be under way: what the workers that are there now can take."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._counted = float("-inf")
        self._most = AHEAD

    def most(self) -> int:
        if time.monotonic() - self._counted > COUNT_SECONDS:
            info = self._client.scheduler_info(n_workers=-1)  # empty once the scheduler is gone
            threads = sum(worker["nthreads"] for worker in info.get("workers", {}).values())
            self._most = AHEAD * max(1, threads)
            self._counted = time.monotonic()
        return self._most


def _result(future: Future[Answer]) -> Verdict | JudgingFailed:
    try:
        answer = future.result()
    except KilledWorker as error:
        return JudgingFailed(Reason(Code.WORKERS_ENDED, count=error.allowed_failures + 1))
    if isinstance(answer, (CourseError, SandboxError)):
        raise answer
    return answer


def _judge_here(plugin: str, work: Work) -> Answer:
    """On a worker: judge one work. What is the machine's fault is an answer, not tried again."""
    sent = get_worker().plugins[plugin]
    assert isinstance(sent, CoursePlugin)
    try:
        return sent.judges.judge(work)
    except (CourseError, SandboxError) as error:
        return error
