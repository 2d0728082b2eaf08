"""Judge many submissions, several at a time, each process with a Grader of its own.

A process that dies is replaced, and its submission tried again: whether the submission killed it
or the machine did cannot be told from one death.
"""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import signal
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.util import Finalize
from types import TracebackType
from typing import TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from autograder.course import Course, CourseError
from autograder.judge.grading import Grader
from autograder.judge.verdict import Verdict
from autograder.judge.work import Work
from autograder.kernel.sandbox import SandboxError
from autograder.kernel.scratch import Scratch

Key = TypeVar("Key")
CONSTS.term_timeout = 20  # seconds for a process to clear up before it is killed
LOOK_SECONDS = 10  # between two looks at whether the processes live
TRIALS = 3  # deaths of its judge after which a submission is given up
A_LITTLE = 0.1
SLACK_SECONDS = 180  # for what is not the student's own time: starting, the reference, restarts


@dataclass(frozen=True)
class Lost:
    """The judge's own process died or hung over this work: nobody's zero, but a person's case."""

    reason: str


def judge_all(course: Course, assignment: str, seed: int, works: Iterable[tuple[Key, Work]],
              processes: int) -> Iterator[tuple[Key, Verdict | Lost]]:
    """Judge everything; yield results as they come. One that kills its judge harms no other.

    At most a few works are under way at a time: a batch is never all in memory. All temporary
    files lie in one folder, which goes at the end however the processes ended.
    """
    limit = course.toml.limits.submission + SLACK_SECONDS
    coming, under_way = iter(works), dict[Future[Verdict], tuple[Key, Work, float]]()
    with Scratch() as scratch, _Judges(
            processes, (course, assignment, seed, str(scratch))) as judges:
        while True:
            for key, work in itertools.islice(coming, 2 * processes - len(under_way)):
                under_way[judges.start(work, limit)] = (key, work, 0.0)
            if not under_way:
                return
            done = wait(under_way, LOOK_SECONDS, return_when=FIRST_COMPLETED).done
            for future in done or (() if judges.active else list(under_way)):
                key, work, before = under_way.pop(future)
                deaths = _deaths(future)
                if deaths and before + deaths <= TRIALS:
                    under_way[judges.start(work, limit)] = (key, work, before + deaths)
                else:
                    yield key, _result(future, limit)


class _Judges:
    """Processes that judge. Where their pool breaks, another takes its place."""

    def __init__(self, processes: int, args: tuple[Course, str, int, str]) -> None:
        self._make = functools.partial(
            ProcessPool, max_workers=processes, initializer=_start, initargs=args,
            context=multiprocessing.get_context("spawn"))
        self._pool = self._make()

    def __enter__(self) -> _Judges:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is None:
            self._pool.close()  # the processes end by themselves, and clear up
        else:
            self._pool.stop()
        self._pool.join()

    @property
    def active(self) -> bool:
        return bool(self._pool.active)

    def start(self, work: Work, limit: float) -> Future[Verdict]:
        """Have one work judged within `limit` seconds."""
        try:
            return self._pool.schedule(_judge, args=(work,), timeout=limit)
        except RuntimeError:  # a process that was killed took the pool's pipe along
            self._pool.stop()
            self._pool.join()
            self._pool = self._make()
            return self._pool.schedule(_judge, args=(work,), timeout=limit)


def _deaths(future: Future[Verdict]) -> float:
    """How much it tells of a submission that there is no result: 0 where there is one.

    Its own judge's death counts. Somebody may have killed that from outside, so it is tried again;
    that all processes are gone tells next to nothing.
    """
    if not future.done() or future.cancelled():
        return A_LITTLE
    error = future.exception()
    return A_LITTLE if isinstance(error, BrokenProcessPool) else isinstance(error, ProcessExpired)


def _result(future: Future[Verdict], limit: float) -> Verdict | Lost:
    try:
        return future.result(timeout=0)
    except CancelledError:
        return Lost("the judging processes died")
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
