"""A batch that is killed while nbgrader converts: submitted/ stays as it is, nothing is lost.

Nobody is judged here: all verdicts are in the journal, and what follows them is killed at each of
its steps, for a notebook that is right, for one that nbgrader refuses, and for one of which no
page can be made. The next batch makes of all of them what an undisturbed one makes.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from test_batch import grade, hand_in, own_course

from autograder import doctor
from autograder.course import Course
from autograder.gradebook import nbgrader_api, queries
from autograder.grading.page_writers import PageWriters
from autograder.intake.records import IntakeRecord, write_notes

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]
RIGHT, REFUSED, NO_PAGE = "s001", "s002", "s003"
EVERY = 7  # of about 144 ends of steps: each kind of step is among these
# A batch is killed before and after each call of each of these.
STEPS = (
    "autograder.gradebook.nbgrader_api._write_files",
    "autograder.gradebook.nbgrader_api.autograde",
    "autograder.gradebook.nbgrader_api.generate_feedback",
    "nbgrader.converters.autograde.Autograde.init_assignment",
    "nbgrader.converters.base.BaseConverter.convert_single_notebook",
    "nbgrader.converters.base.BaseConverter.write_single_notebook",
    "nbgrader.converters.base.BaseConverter.set_permissions",
    "autograder.gradebook.fast_nbgrader.OverwriteCells.preprocess",
    "autograder.grading.plugins.Judge.preprocess",
    "autograder.grading.plugins.SaveJudgedGrades.preprocess",
    "autograder.gradebook.fast_nbgrader.GetGrades.preprocess",
    "autograder.grading.enter.EnteredStates.begin",
    "autograder.grading.enter.EnteredStates.end",
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of which all is judged, and nothing that follows is there. To be copied."""
    folder = tmp_path_factory.mktemp("judged")
    course = own_course(folder)
    empty = course.gradebook.read_bytes()
    for student in (RIGHT, REFUSED, NO_PAGE):
        hand_in(course, student)
    write_notes(course, "toy", [IntakeRecord(f"{student}.zip", student)
                                for student in (RIGHT, REFUSED, NO_PAGE)])
    path = course.submitted / REFUSED / "toy" / "toy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    next(cell for cell in notebook.cells if "nbgrader" in cell.metadata).metadata.nbgrader = {}
    nbformat.write(notebook, path)
    grade(course)
    with pytest.raises(nbgrader_api.NativeError):
        nbgrader_api.autograde(course, "toy", REFUSED)
    for made in (course.autograded, course.feedback):
        shutil.rmtree(made)
    course.gradebook.write_bytes(empty)
    (course.journal / "toy.entered.jsonl").unlink()
    return folder


def copy_of(judged: Path, folder: Path) -> Course:
    shutil.copytree(judged, folder)
    return Course.load(folder / "course")


def submitted(course: Course) -> dict[str, bytes]:
    return {str(path.relative_to(course.submitted)): path.read_bytes()
            for path in course.submitted.rglob("*") if path.is_file()}


def made_of(course: Course) -> dict[str, Any]:
    """Rows and pages, by student."""
    return {row.student: (row.parts, row.points, [
        path.read_text() for path in sorted((course.feedback / row.student).rglob("*.html"))])
        for row in queries.entries(course, "toy")}


def graded(course: Course, kill_at: int = 0) -> tuple[int, int]:
    """Grade in a fork that kills itself at an event; its exit code, and how many events it met."""
    counted = course.root / "events"
    counted.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            doctor.demand = lambda course: None  # type: ignore[assignment]
            _without_page(course)
            for name in STEPS:
                _watch(name, counted, kill_at)
            grade(course)
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), len(counted.read_text()) if counted.exists() else 0


def _without_page(course: Course) -> None:
    """Spoil what nbgrader makes a page of."""
    start = PageWriters.start

    def spoiled(self: PageWriters, student: str) -> None:
        if student == NO_PAGE:
            path = course.autograded / student / "toy" / "toy.ipynb"
            path.chmod(0o600)
            path.write_text("no notebook")
        start(self, student)

    PageWriters.start = spoiled  # type: ignore[method-assign]


def _watch(name: str, counted: Path, kill_at: int) -> None:
    """Count both ends of each call of a function, and die at the one with a number."""
    holder, attribute = _held(name)
    function: Callable[..., Any] = getattr(holder, attribute)

    def event() -> None:
        with open(counted, "a") as file:
            file.write(".")
        if counted.stat().st_size == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(*args: Any, **kwargs: Any) -> Any:
        event()
        try:
            return function(*args, **kwargs)
        finally:
            event()

    setattr(holder, attribute, watched)


def _held(name: str) -> tuple[Any, str]:
    """What holds a function of a module or of a class of a module, and the function's name."""
    above, _, attribute = name.rpartition(".")
    try:
        return importlib.import_module(above), attribute
    except ModuleNotFoundError:
        module, _, kind = above.rpartition(".")
        return getattr(importlib.import_module(module), kind), attribute


def test_a_batch_may_be_killed_at_each_step_of_a_conversion(judged: Path, tmp_path: Path) -> None:
    undisturbed = copy_of(judged, tmp_path / "undisturbed")
    code, events = graded(undisturbed)
    expected, handed_in = made_of(undisturbed), submitted(undisturbed)
    assert code == 0 and set(expected) == {RIGHT, REFUSED, NO_PAGE} and events > 100
    assert all(row[1] == 10 and len(row[2]) == 1 for row in expected.values())
    for number in range(1, events + 1, EVERY):
        course = copy_of(judged, tmp_path / str(number))
        assert graded(course, number) == (-signal.SIGKILL, number)
        assert submitted(course) == handed_in, f"killed at event {number}"
        assert graded(course)[0] == 0
        assert made_of(course) == expected, f"killed at event {number}"
        assert submitted(course) == handed_in
        assert not list(course.build.glob("autograder-held-*")), "a copy was left behind"
        shutil.rmtree(tmp_path / str(number))
