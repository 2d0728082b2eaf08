"""Judge many submissions, several at a time, each process with a Grader of its own.

A process that dies is replaced, and its submission tried again: whether the submission killed it
or the machine did cannot be told from one death.
"""

from __future__ import annotations

import itertools
import multiprocessing
import signal
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
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
TRIALS = 3  # of a submission whose judge died
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
        yield from _run(course, pool, works, most=2 * processes)


def _run(course: Course, pool: ProcessPool, works: Iterable[tuple[Key, Work]], most: int
         ) -> Iterator[tuple[Key, Verdict | Lost]]:
    """Hand works to the pool, at most `most` at a time: a batch is never all in memory."""
    limit = course.toml.limits.submission + SLACK_SECONDS
    coming, under_way = iter(works), dict[Future[Verdict], tuple[Key, Work, int]]()

    def start(key: Key, work: Work, trial: int) -> None:
        future = pool.schedule(_judge, args=(work,), timeout=limit)
        under_way[future] = (key, work, trial)

    try:
        while True:
            for key, work in itertools.islice(coming, most - len(under_way)):
                start(key, work, trial=1)
            if not under_way:
                break
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                key, work, trial = under_way.pop(future)
                if isinstance(future.exception(), ProcessExpired) and trial < TRIALS:
                    start(key, work, trial + 1)  # somebody may have killed it from outside
                else:
                    yield key, _result(future, limit)
        pool.close()  # the processes end by themselves, and clear up
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()


def _result(future: Future[Verdict], limit: float) -> Verdict | Lost:
    try:
        return future.result()
    except FutureTimeout:
        return Lost(f"judging took more than {limit} s and was stopped")
    except ProcessExpired as error:
        return Lost(f"the judging process died ({error})")
    except (SandboxError, CourseError):
        raise  # this machine's or the exercise's fault: no submission can be judged
    except Exception as error:
        return Lost(f"judging stopped with {type(error).__name__}: {error}")


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
