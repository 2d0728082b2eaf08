"""Judge one exercise of one submission: its hidden tests, run by pytest in this process.

Student code never runs here; it answers from its sandbox (student_runner.py).
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import nbformat
import pytest
import torch

from autograder.course import Course, CourseError, Exercise
from autograder.exercise import source
from autograder.judge.explain import Explainer
from autograder.judge.pytest_plugin import JudgePlugin
from autograder.judge.reference import ReferenceClient, ReferenceConnection
from autograder.judge.shared import Shared, sharing
from autograder.judge.source_checks.copied_code import copied_code
from autograder.judge.source_checks.deprecated_api import deprecated_calls
from autograder.judge.source_checks.shadowed_modules import reasons, shadowing
from autograder.judge.student_runner import StudentRunner
from autograder.judge.work import Work, names_left_out, runnable_cells
from autograder.kernel import pool
from autograder.kernel.isolation.policy import Surroundings
from autograder.kernel.scratch import Scratch
from autograder.kernel.session import Outcome
from autograder.results.reason import Reason
from autograder.results.verdict import Verdict
from autograder.settings import Assignment

TRIALS = 6  # of a submission whose kernel was killed, by its own code or from outside
QUIET = ["-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler",
         "-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:logging",
         "--assert=plain", "--import-mode=importlib", "--capture=no", "-c", os.devnull]


@dataclass(frozen=True)
class _Prepared:
    """What an exercise needs to be judged, made ready once a batch."""

    points: dict[str, float]
    given: dict[str, bytes]
    notebook: nbformat.NotebookNode
    names_left_out: str
    reference: Path


class Grader:
    """Judges submissions of one assignment, one after another. Use as a context manager.

    The build (release.build.prepare) must stand. The reference's and the misconceptions' answers
    are kept from one submission to the next; nothing of a submission is. What the batch's other
    judges have as well is `shared`; without it everything is this one's own.
    """

    def __init__(self, course: Course, assignment: str, seed: int, shared: Shared | None = None
                 ) -> None:
        self.course = course
        self.seed = seed
        # Kernels that are killed in mid-message leave tasks that nobody waits for.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        self._name = assignment
        self._patience = course.toml.limits.submission / 2
        self._assignment: Assignment = course.assignment(assignment)
        self._scratch = Scratch()
        self._stack = ExitStack()
        self._stack.callback(self._scratch.close)
        self._stack.callback(pool.close_all)
        self._shared = shared or self._stack.enter_context(
            sharing(course, assignment, self._scratch.path))
        os.environ.update(self._shared.environment)  # before any library looks
        self.reference = ReferenceClient(ReferenceConnection(self._shared.reference),
                                         self._shared.answers)
        self._prepared = {exercise.name: self._prepare(exercise)
                          for exercise in course.exercises(assignment)}

    def __enter__(self) -> Grader:
        torch.set_num_threads(1)
        if self._shared.forkserver is not None:
            pool.connect(self.surroundings(), self.course.toml.limits.sandbox(),
                         self._shared.forkserver)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stack.close()

    def points(self, exercise: str) -> dict[str, float]:
        """The points of each part of an exercise that is judged."""
        return self._prepared[exercise].points

    def write(self, work: Work, folder: Path) -> None:
        """Write a work's files to a folder, those that are given as they were given."""
        work.write(folder, self._prepared[work.exercise].given, self._assignment.student_files,
                   self._assignment.hidden, self._shadows(work))

    def _shadows(self, work: Work) -> dict[str, str]:
        return shadowing(work.files, self._prepared[work.exercise].given,
                         self._assignment.student_files, self._assignment.preload)

    def surroundings(self) -> Surroundings:
        """What the kernels of this assignment find around them."""
        return self.course.surroundings(self._name)

    def grade(self, work: Work) -> Verdict:
        """Judge one exercise as somebody handed it in."""
        start = time.monotonic()
        prepared = self._prepared[work.exercise]
        guilty: dict[int, Outcome] = {}
        for _ in range(TRIALS):
            with Scratch() as folder:
                self.write(work, folder)
                with self._student(work, prepared, folder, guilty) as student:
                    plugin = self._run_tests(work, prepared, student)
                    student.conclude()
            guilty = student.guilty
            if not (student.killed or student.spoilt) or student.taken > self._patience:
                break
        if plugin.broken is not None:
            raise plugin.broken
        copied = self._copied_code(work, prepared)
        for tally in plugin.tallies.values():
            tally.review += copied
        parts = tuple(tally.verdict(part) for part, tally in plugin.tallies.items())
        incidents = (*student.events, *reasons(self._shadows(work)),
                     *deprecated_calls(student.cells))
        return Verdict(work.exercise, parts, incidents, self.seed,
                       round(time.monotonic() - start, 2), student.tried)

    def _student(self, work: Work, prepared: _Prepared, folder: Path, guilty: dict[int, Outcome]
                 ) -> StudentRunner:
        asked = [Path(name).stem for name in self._assignment.student_files
                 if name.endswith(".py")]
        modules = [name for name in asked if f"{name}.py" in work.files]
        limits = self.course.toml.limits
        return StudentRunner(folder, runnable_cells(work.notebook, prepared.notebook), modules,
                             limits, float(limits.submission), self.surroundings(),
                             prepared.names_left_out, guilty=guilty,
                             absent=frozenset(asked) - frozenset(modules))

    def _copied_code(self, work: Work, prepared: _Prepared) -> list[Reason]:
        """Files that look copied from a library or a file which the exercise forbids."""
        settings = self._assignment
        if not (settings.hidden or settings.not_copied):
            return []
        return copied_code(work.files, prepared.given, settings.hidden, tuple(settings.not_copied),
                        work.notebook, prepared.notebook)

    def _run_tests(self, work: Work, prepared: _Prepared, student: StudentRunner) -> JudgePlugin:
        plugin = JudgePlugin(prepared.points, work, self._assignment.settings, self.seed, student,
                             self.reference, prepared.reference, self.course.root.resolve())
        run_tests(self.course.exercise(work.exercise), plugin)
        if plugin.broken is None:
            plugin.explain(Explainer(self.reference, prepared.reference,
                                     self._shared.misconceptions[work.exercise], work.code))
        return plugin

    def _prepare(self, exercise: Exercise) -> _Prepared:
        notebook = source.read_notebook(exercise)
        built = self.course.build / "source" / self._name
        given = {path.name: path.read_bytes() for path in built.iterdir()
                 if path.is_file() and path.suffix != ".ipynb"}
        left_out = names_left_out(notebook, {Path(name).stem for name in given})
        return _Prepared(source.judged_parts(notebook), given, notebook, left_out,
                         self.course.build / "reference" / exercise.name)


def run_tests(exercise: Exercise, plugin: JudgePlugin) -> None:
    """Run an exercise's hidden tests with the plugin, which then knows what they showed.

    Raises CourseError where they cannot be run, RuntimeError where pytest itself stopped.
    """
    status = pytest.main([*map(str, exercise.hidden_tests), "--rootdir",
                          str(exercise.folder.parent), *QUIET], plugins=[plugin])
    if status == pytest.ExitCode.INTERNAL_ERROR:  # over what this submission answered
        raise RuntimeError("the hidden tests stopped inside pytest")
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        faults = plugin.unreadable or [f"there is none in {exercise.folder}"]
        raise CourseError(f"The hidden tests of {exercise.name} cannot be run: "
                          f"{'; '.join(faults)}.")
