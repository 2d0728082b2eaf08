"""Cells that end, hang or starve: the guilty one is told, and nobody else loses a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from conftest import WARM_TOY_COURSE, Toy, spawned, toy_work

from autograder.judge import pool, student_kernels
from autograder.judge.culprit import End
from autograder.judge.student_runner import StudentRunner
from autograder.judge.work import Work
from autograder.kernel import agent, serialization
from autograder.kernel.owntime import Budget, OutOfTime, OwnTime, Stalled
from autograder.kernel.session import Outcome
from autograder.release.build import build
from autograder.results.flag import Flag, Kind
from autograder.results.reason import Code, Reason
from autograder.results.verdict import Verdict
from autograder.settings import LimitSettings

FULL = {"toy_words": 4.0, "toy_count": 3.0, "toy_scale": 3.0}
ASKS = ("exit()", "quit()", "exit", "get_ipython().ask_exit()",
        "get_ipython().kernel.do_shutdown(True)", "get_ipython().exit_now = True",
        "import IPython\nIPython.get_ipython().kernel.do_shutdown(restart=True)",
        "from ipykernel.kernelapp import IPKernelApp\n"
        "IPKernelApp.instance().kernel.do_shutdown(False)")
ENDS = ("import os\nos._exit(0)", "import os\nos.kill(os.getpid(), 9)", "import os\nos.abort()",
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
        "get_ipython().kernel.io_loop.stop()", "import asyncio\nasyncio.get_event_loop().stop()",
        "import ctypes\nctypes.string_at(0)")
LATER = ("import os, threading\nthreading.Timer({}, os._exit, [3]).start()",
         "import signal\nsignal.setitimer(signal.ITIMER_REAL, {})",
         "import faulthandler\nfaulthandler.dump_traceback_later({}, exit=True)",
         "import os, threading\nthreading.Timer({}, os.kill, [os.getpid(), 9]).start()")
FAILS = {"import sys\nsys.exit()": "SystemExit", "raise SystemExit('no GPU')": "SystemExit",
         "raise ExceptionGroup('a', [ValueError(1)])": "ExceptionGroup",
         "# so long\n%%time\n1": "UsageError", "%nosuch": "UsageError", "%%nosuch\nx": "UsageError",
         "raise BaseExceptionGroup('a', [KeyboardInterrupt()])": "BaseExceptionGroup"}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Verdict]]:
    """Judge a right toy whose notebook begins with these cells."""
    folder = tmp_path_factory.mktemp("toy")
    course = Toy(course=WARM_TOY_COURSE).write(folder)
    build(course, "toy")
    with spawned(initializer=pool._start, initargs=(course, "toy", 7, str(folder))) as executor:

        def grade(*cells: str) -> Verdict:
            work = toy_work(course)
            work.notebook.cells[:0] = [nbformat.v4.new_code_cell(cell) for cell in cells]
            return executor.submit(pool._ask, pool._grade, work).result()

        yield grade


def points(verdict: Verdict) -> dict[str, float]:
    return {part.part: part.points for part in verdict.parts}


@pytest.mark.sandbox
@pytest.mark.parametrize("cell", ASKS)
def test_a_kernel_that_is_asked_to_end_goes_on(graded: Callable[..., Verdict], cell: str) -> None:
    verdict = graded("x = 1", cell, "y = 2", "assert x + y == 3")
    assert points(verdict) == FULL
    assert verdict.events == ("A code cell of the notebook (number 2 of those run): the kernel is "
                              "neither ended nor restarted.",)


@pytest.mark.sandbox
@pytest.mark.parametrize("cell", ENDS)
def test_who_ends_the_kernel_is_told_alone(graded: Callable[..., Verdict], cell: str) -> None:
    verdict = graded("x = 1", cell, "y = 2", "assert x + y == 3")
    assert points(verdict) == FULL
    (event,) = verdict.events
    assert event.startswith("A code cell of the notebook (number 2 of those run): ")
    assert isinstance(event, Flag) and event.kind is Kind.CRASHED


@pytest.mark.sandbox
@pytest.mark.parametrize(("number", "cell"), list(enumerate(LATER)))
def test_who_ends_the_kernel_later_is_found(graded: Callable[..., Verdict], number: int, cell: str
                                            ) -> None:
    wait = "import time\ntime.sleep(.2)"
    cells = [wait] * 5
    cells.insert(number, cell.format(.3))
    verdict = graded(*cells)
    assert points(verdict) == FULL
    (event,) = verdict.events
    assert f"(number {number + 1} of those run)" in event


@pytest.mark.sandbox
@pytest.mark.parametrize("cell", FAILS)
def test_an_error_that_is_only_replied_is_one(graded: Callable[..., Verdict], cell: str) -> None:
    verdict = graded("x = 1", cell, "y = 2")
    assert points(verdict) == FULL
    (event,) = verdict.events
    assert event.startswith(f"A code cell of the notebook (number 2 of those run): {FAILS[cell]}")


@pytest.mark.sandbox
def test_many_cells_that_end_the_kernel_cost_none_of_the_others(graded: Callable[..., Verdict]
                                                                ) -> None:
    verdict = graded(*["import os\nos._exit(1)"] * 7)
    assert points(verdict) == FULL


# ------------------------------------------------------------------------------------------ time


class Clock:
    """A machine on which somebody else works: of each second the code gets a share."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, share: float, waits: bool) -> None:
        self.now, self._share, self._waits = 0.0, share, waits
        from autograder.kernel import owntime

        monkeypatch.setattr(owntime.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(owntime, "_usage", lambda root: (self.now * share, waits))

    def ends(self, seconds: float, wall: float) -> tuple[type[Exception], float]:
        budget = Budget(OwnTime(1), seconds, wall)
        while True:
            self.now += .1
            try:
                budget.look()
            except (OutOfTime, Stalled) as error:
                return type(error), round(self.now)


@pytest.mark.parametrize(("share", "waits", "end"), [
    (1.0, True, (OutOfTime, 10)), (0.25, True, (OutOfTime, 40)), (0.0, False, (OutOfTime, 10)),
    (0.05, True, (Stalled, 100)), (4.0, True, (OutOfTime, 2)), (0.0, True, (Stalled, 100)),
])
def test_only_the_codes_own_time_counts(monkeypatch: pytest.MonkeyPatch, share: float, waits: bool,
                                        end: tuple[type[Exception], int]) -> None:
    kind, seconds = Clock(monkeypatch, share, waits).ends(10, 100)
    assert kind is end[0] and seconds == pytest.approx(end[1], abs=1)


@pytest.mark.sandbox
@pytest.mark.parametrize("kind", ["stalled", "used up"])
def test_what_was_not_tried_is_a_persons_case_and_tried_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    from autograder.judge.grading import Grader

    if kind == "stalled":
        monkeypatch.setattr(student_kernels.KernelSession, "ask", lambda self, request, timeout: (
            self.close() or Outcome("stalled", Reason(Code.STALLED, seconds=1))))
    else:
        monkeypatch.setattr(student_kernels.StudentKernels, "left", 0.0)
    course = Toy().write(tmp_path)
    build(course, "toy")
    with Grader(course, "toy", 1) as grader:
        verdict = grader.grade(toy_work(course))
    assert not verdict.final
    for part in verdict.parts:
        assert part.points == 0 and part.says[0].endswith("A person will look at it.")
        assert [flag.kind for flag in part.flags if isinstance(flag, Flag)] == [Kind.NOT_JUDGED]


def test_what_the_grader_lacks_is_a_persons_case() -> None:
    from autograder.judge.answer import unpack

    names: dict[str, object] = {}
    exec("def f():\n    import no_such_package\ndef g():\n    return gone.later()", names)
    for name, untried in (("f", "the package no_such_package"), ("g", "")):
        request = serialization.pack({"probes": "", "function": "call",
                             "inputs": {"name": name, "args": [], "kwargs": {}}})
        failure = unpack(agent.answer(request, agent.NotebookCode(names, Path("/nowhere")))).failure
        assert failure is not None and (
            untried == (failure.untried.values["what"] if failure.untried else ""))


def test_a_module_that_was_not_handed_in_is_no_lack_of_the_machine(tmp_path: Path) -> None:
    from autograder.judge.grading import Grader

    course = Toy().write(tmp_path)
    build(course, "toy")
    with Grader(course, "toy", 1) as grader:
        verdict = grader.grade(Work("toy", toy_work(course).notebook, {}))
    scale = verdict.part("toy_scale")
    assert scale is not None and scale.points == 0 and scale.flags == ()
    assert "No module named 'vectors'" in scale.says[0]


def test_a_module_that_was_blamed_for_another_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    runner = StudentRunner(tmp_path, ["a"], ["mine"], LimitSettings(), 5)
    runner._search.leave_out(End(1, Outcome("died", Reason(Code.ENDED_ITSELF))))
    assert "EndedAtImport" in (tmp_path / "mine.py").read_text() and len(runner.events) == 1
    runner._search.take_back()
    assert (tmp_path / "mine.py").read_text() == "x = 1\n" and runner.events == []
