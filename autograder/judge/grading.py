"""Judge one exercise of one submission: its hidden tests, run by pytest in this process.

Student code never runs here; it answers from its sandbox (sides.StudentSide).
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import nbformat
import pytest
import torch

from autograder.course import Course, CourseError, Exercise
from autograder.judge.borrowed import borrowed
from autograder.judge.oracle import TrustedSide
from autograder.judge.outdated import outdated
from autograder.judge.plugin import JudgePlugin
from autograder.judge.sides import StudentSide
from autograder.judge.verdict import Verdict
from autograder.judge.work import Work, runnable_cells
from autograder.kernel import offline, warm
from autograder.kernel.scratch import Scratch
from autograder.release import source
from autograder.release.edits import write_misconceptions
from autograder.settings import Assignment

TRIALS = 6  # of a submission whose kernel was killed, by its own code or from outside
QUIET = ["-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:faulthandler",
         "-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:logging",
         "--assert=plain", "--import-mode=importlib", "--capture=no", "-c", os.devnull]


def new_seed() -> int:
    """A batch's seed: what hidden tests draw their inputs from. Nobody can know it beforehand."""
    return secrets.randbelow(2**31)


@dataclass(frozen=True)
class _Prepared:
    """What an exercise needs to be judged, made ready once a batch."""

    points: dict[str, float]
    given: dict[str, bytes]
    notebook: nbformat.NotebookNode
    reference: Path


class Grader:
    """Judges submissions of one assignment, one after another. Use as a context manager.

    The build (release.build.prepare) must stand. The reference's and the misconceptions' answers
    are kept from one submission to the next, and in the folder `shared` for the batch's other
    judges; nothing of a submission is.
    """

    def __init__(self, course: Course, assignment: str, seed: int, shared: Path | None = None
                 ) -> None:
        self.course = course
        self.seed = seed
        # Kernels that are killed in mid-message leave tasks that nobody waits for.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        self._name = assignment
        self._patience = course.toml.limits.submission / 2
        self._assignment: Assignment = course.assignment(assignment)
        surroundings = course.surroundings(assignment)
        # Before any library looks: the trusted process, too, finds models offline only.
        os.environ.update({"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
                           "MPLBACKEND": "Agg", **surroundings.environment})
        self._scratch = Scratch()
        if surroundings.hub:
            links = self._scratch.path / "hub"
            os.environ.update(offline.environment(surroundings.hub, str(links)))
            offline.lay_links(Path(surroundings.hub), links)
        self.trusted = TrustedSide(float(course.toml.limits.probe), shared)
        self._prepared = {exercise.name: self._prepare(exercise)
                          for exercise in course.exercises(assignment)}
        self._misconceptions = {
            exercise.name: write_misconceptions(
                exercise, self._scratch.path / exercise.name)
            for exercise in course.exercises(assignment)}

    def __enter__(self) -> Grader:
        torch.set_num_threads(1)
        # While the reference is asked first, what kernels are forked from imports its libraries.
        warm.begin(self.course.surroundings(self._name), self.course.toml.limits.sandbox())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.trusted.__exit__()
        warm.close_all()
        self._scratch.close()

    def points(self, exercise: str) -> dict[str, float]:
        """The points of each part of an exercise that is judged."""
        return self._prepared[exercise].points

    def grade(self, work: Work) -> Verdict:
        """Judge one exercise as somebody handed it in."""
        start = time.monotonic()
        prepared = self._prepared[work.exercise]
        for _ in range(TRIALS):
            with Scratch() as folder:
                work.write(folder, prepared.given, self._assignment.student_files,
                           self._assignment.hidden)
                with self._student(work, prepared, folder) as student:
                    plugin = self._run_tests(work, prepared, student)
            if not student.killed or time.monotonic() - start > self._patience:
                break
        if plugin.broken is not None:
            raise plugin.broken
        looked_at = self._borrowed(work, prepared)
        for tally in plugin.tallies.values():
            tally.flags += looked_at
        parts = tuple(tally.verdict(part) for part, tally in plugin.tallies.items())
        events = (*student.events, *outdated(student.cells))
        return Verdict(work.exercise, parts, events, self.seed,
                       round(time.monotonic() - start, 2))

    def _student(self, work: Work, prepared: _Prepared, folder: Path) -> StudentSide:
        modules = [Path(name).stem for name in self._assignment.student_files
                   if name.endswith(".py") and name in work.files]
        limits = self.course.toml.limits
        return StudentSide(folder, runnable_cells(work.notebook, prepared.notebook), modules,
                           limits, float(limits.submission), self.course.surroundings(self._name))

    def _borrowed(self, work: Work, prepared: _Prepared) -> list[str]:
        """What of the files a person should look at, where libraries are forbidden."""
        settings = self._assignment
        if not settings.hidden:
            return []
        return borrowed(work.files, prepared.given, settings.hidden, tuple(settings.not_copied))

    def _run_tests(self, work: Work, prepared: _Prepared, student: StudentSide) -> JudgePlugin:
        exercise = self.course.exercise(work.exercise)
        plugin = JudgePlugin(prepared.points, work, self._assignment.settings, self.seed, student,
                             self.trusted, prepared.reference,
                             self._misconceptions[work.exercise])
        status = pytest.main([*map(str, exercise.hidden_tests), "--rootdir",
                              str(exercise.folder.parent), *QUIET], plugins=[plugin])
        if status == pytest.ExitCode.INTERNAL_ERROR:  # over what this submission answered
            raise RuntimeError("the hidden tests stopped inside pytest")
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            faults = plugin.unreadable or [f"there is none in {exercise.folder}"]
            raise CourseError(f"The hidden tests of {exercise.name} cannot be run: "
                              f"{'; '.join(faults)}.")
        return plugin

    def _prepare(self, exercise: Exercise) -> _Prepared:
        notebook = source.read_notebook(exercise)
        built = self.course.build / "source" / self._name
        given = {path.name: path.read_bytes() for path in built.iterdir()
                 if path.is_file() and path.suffix != ".ipynb"}
        return _Prepared(source.judged_parts(notebook), given, notebook,
                         self.course.build / "reference" / exercise.name)
