"""Judge many submissions, several at a time, each process with a Grader of its own.

A process that dies is replaced, and its submission tried again: one death does not show whether the
submission killed it or the machine did.
"""

from __future__ import annotations

import functools
import itertools
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum, auto
from multiprocessing.util import Finalize, is_exiting
from pathlib import Path
from threading import Lock
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from autograder.course import Course, CourseError
from autograder.judge.shared import Shared, sharing
from autograder.judge.work import Work
from autograder.judge.workers import forked_pool
from autograder.kernel.isolation.policy import SandboxError
from autograder.kernel.scratch import Scratch
from autograder.results import words
from autograder.results.reason import Code, Reason
from autograder.results.verdict import Verdict

if TYPE_CHECKING:
    from autograder.judge.grading import Grader

Key = TypeVar("Key")
Result = TypeVar("Result")
CONSTS.term_timeout = 60  # seconds for a process to clear up before it is killed
LOOK_SECONDS = 10  # between two looks at whether the processes live
SLACK_SECONDS = 180  # for what is not the student's own time: starting, the reference, restarts


class _End(Enum):
    """How one trial to judge a submission ended."""

    RESULT = auto()  # or an error that another trial would not change
    JUDGE_DIED = auto()  # its own process: by the submission's doing, or killed from outside
    CUT_SHORT = auto()  # by what befell all processes, or the clock: no sign against the submission


# How often a trial may end so; once more, and the submission is given up.
MOST = {_End.JUDGE_DIED: 3, _End.CUT_SHORT: 30}


@dataclass(frozen=True)
class JudgingFailed:
    """The judge's process died or hung over this work: not a zero, but for a person to look at."""

    why: Reason

    @property
    def reason(self) -> str:
        """Why, in English."""
        return words.english(self.why)


def judge_all(course: Course, assignment: str, seed: int, works: Iterable[tuple[Key, Work]],
              processes: int) -> Iterator[tuple[Key, Verdict | JudgingFailed]]:
    """Judge everything on this machine; yield results as they come.

    One that kills its judge harms no other. All temporary files lie in one folder, which goes at
    the end however the processes ended.
    """
    return ask_all(course, assignment, seed, works, processes, _grade)


def ask_all(course: Course, assignment: str, seed: int, works: Iterable[tuple[Key, Work]],
            processes: int, ask: Callable[[Grader, Work], Result]
            ) -> Iterator[tuple[Key, Result | JudgingFailed]]:
    """Likewise, with another question to the judges than what a work earns.

    `ask` is a function of a module: the judges are other processes.
    """
    with (Scratch() as scratch, ThreadPoolExecutor(processes) as threads,
          Judges(course, assignment, seed, scratch, processes) as judges):
        for key, future in streamed(works, lambda work: threads.submit(judges.ask, work, ask),
                                    lambda: 2 * processes):
            yield key, future.result()


def streamed(works: Iterable[tuple[Key, Work]], start: Callable[[Work], Future[Result]],
             most: Callable[[], int]) -> Iterator[tuple[Key, Future[Result]]]:
    """Start each work, and yield it when it is done; at no time are more than `most()` begun.

    A batch is never all in memory.
    """
    coming, begun = iter(works), dict[Future[Result], Key]()
    while True:
        for key, work in itertools.islice(coming, max(0, most() - len(begun))):
            begun[start(work)] = key
        if not begun:
            return
        for future in wait(begun, LOOK_SECONDS, return_when=FIRST_COMPLETED).done:
            yield begun.pop(future), future


class Judges:
    """Processes that judge. Where their pool breaks, another takes its place.

    Use as a context manager; its threads may call `judge` at the same time.
    """

    def __init__(self, course: Course, assignment: str, seed: int, scratch: Path, processes: int
                 ) -> None:
        limits = course.toml.limits
        self._limit = limits.patience * (limits.submission + SLACK_SECONDS)  # by the clock
        self._stack = ExitStack()
        shared = self._stack.enter_context(sharing(course, assignment, scratch))
        self._make = functools.partial(
            forked_pool, processes, _start, course, assignment, seed, str(scratch), shared)
        self._pool = self._make()
        self._lock = Lock()
        self._open = True

    def __enter__(self) -> Judges:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        with self._lock:
            self._open = False
            if error is None:
                self._pool.close()  # the processes end by themselves, and clear up
            else:
                self._pool.stop()
            self._pool.join()
        self._stack.close()

    def judge(self, work: Work) -> Verdict | JudgingFailed:
        """Judge one work; one whose judge dies is tried again.

        Raises SandboxError or CourseError where this machine or the exercise is at fault.
        """
        return self.ask(work, _grade)

    def ask(self, work: Work, ask: Callable[[Grader, Work], Result]) -> Result | JudgingFailed:
        """Likewise, with another question to the judge."""
        ends: Counter[_End] = Counter()
        while True:
            start = time.monotonic()
            pool, future = self._begin(ask, work)
            while not wait([future], LOOK_SECONDS).done and pool.active:
                pass
            in_time = time.monotonic() - start < self._limit
            end = _end_of(future, in_time)
            ends[end] += 1
            if end is _End.RESULT or ends[end] > MOST[end] or not self._open:
                return _result(future, self._limit)

    def _begin(self, ask: Callable[[Grader, Work], Result], work: Work
               ) -> tuple[ProcessPool, Future[Result]]:
        with self._lock:
            try:
                return self._pool, self._schedule(ask, work)
            except RuntimeError:  # a process that was killed took the pool's pipe along
                if not self._open:
                    raise
                self._pool.stop()
                self._pool.join()
                self._pool = self._make()
                return self._pool, self._schedule(ask, work)

    def _schedule(self, ask: Callable[[Grader, Work], Result], work: Work) -> Future[Result]:
        future: Future[Result] = self._pool.schedule(_ask, args=(ask, work), timeout=self._limit)
        return future


def _end_of(future: Future[Result], in_time: bool) -> _End:
    """How a trial ended. A process stopped for its time while still `in_time` was cut short: the
    clock has jumped, by which the pool measures."""
    if not future.done() or future.cancelled():
        return _End.CUT_SHORT
    error = future.exception()
    if isinstance(error, BrokenProcessPool) or (isinstance(error, FutureTimeout) and in_time):
        return _End.CUT_SHORT
    return _End.JUDGE_DIED if isinstance(error, ProcessExpired) else _End.RESULT


def _result(future: Future[Result], limit: float) -> Result | JudgingFailed:
    try:
        return future.result(timeout=0)
    except CancelledError:
        return JudgingFailed(Reason(Code.JUDGES_DIED))
    except FutureTimeout:
        return JudgingFailed(Reason(Code.JUDGED_TOO_LONG, limit=limit))
    except ProcessExpired as error:
        return JudgingFailed(Reason(Code.JUDGE_DIED, error=str(error)))
    except (SandboxError, CourseError):
        raise  # this machine's or the exercise's fault: no submission can be judged
    except Exception as error:
        return JudgingFailed(Reason(Code.JUDGING_STOPPED, error=f"{type(error).__name__}: {error}"))


_grader: Grader | Exception


def _start(course: Course, assignment: str, seed: int, scratch: str,
           shared: Shared | None = None) -> None:
    """Make this process a judge. One that cannot be made says why when it is asked."""
    global _grader
    from autograder.judge.grading import Grader  # slow to import: the coordinator does without

    tempfile.tempdir = scratch
    _end_once()
    try:
        _grader = Grader(course, assignment, seed, shared).__enter__()
    except (CourseError, SandboxError) as error:
        _grader = error
    except Exception as error:
        _grader = CourseError(f"Nothing can be judged: {type(error).__name__}: {error}")
    else:
        Finalize(None, _end, (_grader,), exitpriority=100)


def _end_once() -> None:
    """Let SIGTERM end this process as before, but not cut it short where it ends already.

    A judge ends by its closed pipe, by SIGTERM, or by both at a time.
    """
    ended_by = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        if not is_exiting() and callable(ended_by):
            ended_by(number, frame)

    if callable(ended_by):
        signal.signal(signal.SIGTERM, end)


def _end(grader: Grader) -> None:
    grader.__exit__(None, None, None)


def _ask(ask: Callable[[Grader, Work], Result], work: Work) -> Result:
    if isinstance(_grader, Exception):
        raise _grader
    return ask(_grader, work)


def _grade(grader: Grader, work: Work) -> Verdict:
    return grader.grade(work)
