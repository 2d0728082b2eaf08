"""Judge many submissions, several at a time, each process with a Grader of its own."""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, as_completed
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from multiprocessing.util import Finalize
from typing import TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from autograder.course import Course, CourseError
from autograder.judge.grading import Grader
from autograder.judge.sides import temporary_folder
from autograder.judge.verdict import Verdict
from autograder.judge.work import Work
from autograder.kernel.sandbox import SandboxError

Key = TypeVar("Key")
CONSTS.term_timeout = 20  # seconds for a process to clear up before it is killed
SLACK_SECONDS = 180  # for what is not the student's own time: starting, the reference, restarts


@dataclass(frozen=True)
class Lost:
    """The judge's own process died or hung over this work: nobody's zero, but a person's case."""

    reason: str


def judge_all(course: Course, assignment: str, seed: int, works: Iterable[tuple[Key, Work]],
              processes: int) -> Iterator[tuple[Key, Verdict | Lost]]:
    """Judge everything; yield results as they come. One that kills its judge harms no other.

    All temporary files lie in one folder, which goes at the end however the processes ended.
    """
    with temporary_folder() as scratch:
        pool = ProcessPool(max_workers=processes, context=multiprocessing.get_context("spawn"),
                           initializer=_start, initargs=(course, assignment, seed, scratch))
        yield from _run(course, pool, works)


def _run(course: Course, pool: ProcessPool, works: Iterable[tuple[Key, Work]]
         ) -> Iterator[tuple[Key, Verdict | Lost]]:
    limit = course.toml.limits.submission + SLACK_SECONDS
    try:
        keys: dict[Future[Verdict], Key] = {
            pool.schedule(_judge, args=(work,), timeout=limit): key for key, work in works}
        for future in as_completed(keys):
            try:
                yield keys[future], future.result()
            except FutureTimeout:
                yield keys[future], Lost(f"judging took more than {limit} s and was stopped")
            except ProcessExpired as error:
                yield keys[future], Lost(f"the judging process died ({error})")
            except (SandboxError, CourseError):
                raise  # this machine's or the exercise's fault: no submission can be judged
            except Exception as error:
                yield keys[future], Lost(f"judging stopped with {type(error).__name__}: {error}")
        pool.close()  # the processes end by themselves, and clear up
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()


_grader: Grader | None = None


def _start(course: Course, assignment: str, seed: int, scratch: str) -> None:
    global _grader
    tempfile.tempdir = scratch
    _grader = Grader(course, assignment, seed).__enter__()
    Finalize(None, _end, (_grader,), exitpriority=100)


def _end(grader: Grader) -> None:
    """Clear up once: a process ends by its closed pipe, by SIGTERM, or by both at a time."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    grader.__exit__(None, None, None)


def _judge(work: Work) -> Verdict:
    assert _grader is not None
    return _grader.grade(work)
