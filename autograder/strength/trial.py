"""Run an exercise's hidden tests on versions of its own solution, in a process without a sandbox.

The code is the kit's own, in part made worse; so it needs no sandbox and no kernel, and a trial
takes a tenth of what a submission does. What is changed in a process stays there: each version is
tried in a process of its own, forked from one in which the reference has answered already.
"""

from __future__ import annotations

import functools
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import torch
from pebble import ProcessPool

from autograder.course import Course, CourseError, Exercise
from autograder.exercise import source
from autograder.judge import reference_process, reference_server
from autograder.judge.answer import Answer, Failure, unpack
from autograder.judge.domain import Domain
from autograder.judge.grading import run_tests
from autograder.judge.pytest_plugin import JudgePlugin, marked
from autograder.judge.shared import offline_environment
from autograder.judge.work import Work
from autograder.results.reason import Code, Reason
from autograder.strength.code import Solution

Result = TypeVar("Result")
SECONDS = 60  # of processor time that a trial may take; the reference takes a few
PATIENCE = 5  # times as long by the clock


@dataclass(frozen=True)
class Stopped:
    """Why a trial has no result: its process ended, or what it ran could not be loaded."""

    reason: str


class _Side:
    """Answers as one version does; `remember` keeps the answers, the first time they are asked."""

    def __init__(self, folder: Path, scratch: Path, remember: bool = False) -> None:
        self._folder, self._scratch, self._remember = folder, scratch, remember
        self._known: dict[bytes, Answer] = {}

    def ask(self, request: bytes, seconds: float | None = None) -> Answer:
        if request in self._known:
            return self._known[request]
        try:
            answer = unpack(reference_process.answer(self._folder, request, str(self._scratch)))
        except Exception as error:  # it cannot even be loaded
            return Answer(failure=Failure(Reason(
                Code.VERSION_FAILED, error=f"{type(error).__name__}: {error}"), fatal=True))
        if self._remember:
            self._known[request] = answer
        return answer


class _Reference:
    """The reference's side, as the plugin asks it."""

    def __init__(self, side: _Side) -> None:
        self._side = side

    def ask(self, version: Path, request: bytes) -> Answer:
        return self._side.ask(request)


class _Hasty(JudgePlugin):
    """Runs no more tests once a part has lost what it cannot win back together with others.

    Of all tests it runs those of `parts`, where some are given.
    """

    parts: Collection[str] = ()
    together: frozenset[str] = frozenset()
    decided = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        super().pytest_collection_modifyitems(items)
        items[:] = [item for item in items if not self.parts or marked(item)[0] in self.parts]
        self.together = frozenset(part for part, _, together, *_ in map(marked, items)
                                  if together is not None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None
                                ) -> bool | None:
        if self.decided:
            item.session._setupstate.teardown_exact(nextitem)
            return True
        return super().pytest_runtest_protocol(item, nextitem)

    def _record(self, item: pytest.Item, error: BaseException | None) -> None:
        super()._record(item, error)
        part, *_ = marked(item)
        self.decided |= part not in self.together and not self.tallies[part].trials[-1].passed


def begin(course: Course, assignment: str, scratch: Path) -> None:
    """Make this process ready for laboratories of an assignment: models are found offline.

    Call it with `scratch` as the working directory, where notebooks write: pytest returns to the
    one in which it was called.
    """
    around = course.surroundings(assignment)
    reference_server.prepare(offline_environment(around, scratch / "hub"), around.preload)
    torch.set_num_threads(1)


class Laboratory:
    """Where versions of one exercise's solution are tried, once `begin` has been called.

    Files go to the folder `scratch`.
    """

    def __init__(self, course: Course, assignment: str, exercise: Exercise, processes: int,
                 scratch: Path) -> None:
        self.solution = Solution(exercise)
        self._exercise, self._processes = exercise, processes
        self._scratch = scratch
        self._points = source.judged_parts(self.solution.work.notebook)
        self._settings = course.assignment(assignment).settings
        self._reference = _Side(self._written(self.solution.work, exercise.name), self._scratch,
                                remember=True)

    def warm(self, seed: int) -> list[str]:
        """Have the reference answer all that it will be asked with a seed.

        Returns the edges of domains that no question of this batch has; see Domain.missing.
        Raises CourseError where the reference loses.
        """
        judged = self._judged(seed, self._reference, JudgePlugin)
        if lost := _losses(judged):
            raise CourseError(f"With seed {seed} the solution of {self._exercise.name} loses "
                              f"points in {', '.join(lost)}.")
        cases: dict[Domain, list[SimpleNamespace]] = defaultdict(list)
        for domain, case in (drawn for draw in judged.draws for drawn in draw.cases):
            cases[domain].append(case)
        return [edge for domain, drawn in cases.items() for edge in domain.missing(drawn)]

    def tried(self, tasks: Iterable[tuple[Result, Callable[..., Any], tuple[Any, ...]]]
              ) -> Iterator[tuple[Result, Any]]:
        """Call functions in a forked process each, several at a time; yield their results.

        A task is what it is about, a function, and arguments; the function gets this laboratory
        first. In the place of a result is Stopped where the process ended or took too long.
        """
        global _tasks
        every = list(tasks)
        _tasks = [functools.partial(function, self, *arguments)
                  for _, function, arguments in every]  # each fork has them all
        pool = ProcessPool(self._processes, max_tasks=1, context=get_context("fork"))
        try:
            futures = [pool.schedule(_run, args=(number,), timeout=SECONDS * PATIENCE)
                       for number in range(len(every))]
            for (about, *_), future in zip(every, futures, strict=True):
                try:
                    yield about, future.result()
                except Exception as error:
                    yield about, Stopped(f"{type(error).__name__}: {error}")
        finally:
            pool.stop()
            pool.join()

    def loses(self, work: Work, seed: int, parts: Collection[str] = ()) -> dict[str, float]:
        """Whether a version loses points with a seed, in `parts` or in all: of some part that it
        loses in, how many at least. In this process."""
        return self.loses_all(work, seed, type("Chosen", (_Hasty,), {"parts": parts}))

    def loses_all(self, work: Work, seed: int, plugin: type[JudgePlugin] = JudgePlugin
                  ) -> dict[str, float]:
        """What a version loses with a seed in each part, in this process."""
        side = _Side(self._written(work, f"version.{os.getpid()}"), self._scratch)
        return _losses(self._judged(seed, side, plugin, work))

    def _judged(self, seed: int, side: _Side, plugin: type[JudgePlugin], work: Work | None = None
                ) -> JudgePlugin:
        """The plugin after a run of the hidden tests on `side`, who handed in `work`."""
        judged: Any = plugin(
            self._points, work or self.solution.work, self._settings, seed,
            side, _Reference(self._reference), Path())  # type: ignore[arg-type]
        run_tests(self._exercise, judged)
        return judged

    def _written(self, work: Work, name: str) -> Path:
        folder = self._scratch / name
        self.solution.write(work, folder)
        return folder


def _losses(judged: JudgePlugin) -> dict[str, float]:
    """The points lost in each part in which some are."""
    verdicts = [tally.verdict(part) for part, tally in judged.tallies.items() if tally.weight]
    return {verdict.part: round(verdict.max_points - verdict.points, 2)
            for verdict in verdicts if verdict.points < verdict.max_points}


_tasks: list[Callable[[], Any]] = []


def _run(number: int) -> Any:
    """What a forked process does: one task, with so much processor time and no more."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    return _tasks[number]()


def loses(laboratory: Laboratory, work: Work, seed: int, parts: Collection[str] = ()
          ) -> dict[str, float]:
    """See Laboratory.loses: a task for `tried`."""
    return laboratory.loses(work, seed, parts)


def loses_all(laboratory: Laboratory, work: Work, seed: int) -> dict[str, float]:
    """See Laboratory.loses_all: a task for `tried`."""
    return laboratory.loses_all(work, seed)
