"""Feedback pages are written beside the batch: of all that follows a verdict they take longest."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType

from pebble import ProcessExpired, ProcessPool

from autograder.course import Course
from autograder.faults import of_the_machine
from autograder.gradebook import nbgrader_api

AHEAD = 2  # pages under way for each process
LOOK_SECONDS = 10  # between two looks at whether the processes live


class PageWriters:
    """Processes that write feedback pages; with none, they are written here and now.

    Use as a context manager. Whoever starts a page collects it with `written`.
    """

    def __init__(self, course: Course, assignment: str, processes: int) -> None:
        self._course, self._assignment, self._processes = course, assignment, processes
        self._pool: ProcessPool | None = None
        self._begun: dict[Future[bool], str] = {}

    def __enter__(self) -> PageWriters:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()

    def start(self, student: str) -> None:
        """Have the page of a student who stands in the gradebook written."""
        if self._processes and self._pool is None:
            self._pool = ProcessPool(self._processes, context=multiprocessing.get_context("spawn"))
        self._begun[self._future(student)] = student

    def _future(self, student: str) -> Future[bool]:
        page = (self._course, self._assignment, student)
        if self._pool is not None and not self._is_broken:
            with contextlib.suppress(RuntimeError):  # killed just now
                pooled: Future[bool] = self._pool.schedule(_write, args=page)
                return pooled
        future: Future[bool] = Future()
        future.set_result(_write(*page))
        return future

    def written(self, every: bool = False) -> Iterator[tuple[str, bool]]:
        """Pages that have come to an end: whose, and whether there is one.

        Waits for `every` page or else, where many are under way, for one. Raises CourseError
        where the machine is at fault.
        """
        while self._begun:
            wait_for_one = every or len(self._begun) > AHEAD * self._processes
            done = wait(self._begun, LOOK_SECONDS if wait_for_one else 0, FIRST_COMPLETED).done
            if self._is_broken:
                done = set(self._begun)
            if not done and not wait_for_one:
                return
            for future in done:
                student = self._begun.pop(future)
                yield student, self._there(future, student)

    @property
    def _is_broken(self) -> bool:
        """Whether somebody has killed what writes: all that is left is written here."""
        return self._pool is not None and not self._pool.active

    def _there(self, future: Future[bool], student: str) -> bool:
        """Whether there is a page; one whose process was killed is written here."""
        try:
            return future.result(timeout=0)
        except (ProcessExpired, BrokenProcessPool, CancelledError, FutureTimeout):
            return _write(self._course, self._assignment, student)


def _write(course: Course, assignment: str, student: str) -> bool:
    """Whether nbgrader could make a page of what lies in autograded/."""
    try:
        nbgrader_api.generate_feedback(course, assignment, student)
    except Exception as error:
        if of_the_machine(error):
            raise
        return False
    return True
