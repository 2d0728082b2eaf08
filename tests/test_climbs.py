"""The way of one submission through the engine: which modules call into a layer above their own.

The layers of pyproject.toml hold for imports. Functions that are passed down, steps that are
resumed from below and plug-ins call up all the same, and whoever follows a submission through the
code has to jump.
"""

from __future__ import annotations

import sys
import threading
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from conftest import REPO
from test_batch import hand_in, own_course

import autograder
from autograder.batch import grade
from autograder.course import Course
from autograder.grading import judge
from autograder.judge.grading import Grader
from autograder.judge.work import Work
from autograder.results.verdict import Verdict
from autograder.terminal import counting

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]
ROOT = f"{Path(autograder.__file__).parent}/"
# nbgrader runs plug-ins of ours where it converts a submission, and where it makes a page of it.
KNOWN = {"gradebook/nbgrader_api.py -> grading/plugins.py",
         "gradebook/fast_nbgrader.py -> grading/plugins.py"}
(CONTRACT,) = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"]
HEIGHTS = {name: -number for number, line in enumerate(CONTRACT["layers"])
           for name in line.split(" | ")}


def height(frame: FrameType) -> int | None:
    """The layer of a frame's module, None outside of the engine."""
    path = frame.f_code.co_filename
    if not path.startswith(ROOT):
        return None
    return HEIGHTS.get(path.removeprefix(ROOT).partition("/")[0].removesuffix(".py"))


def module(frame: FrameType) -> str:
    return frame.f_code.co_filename.removeprefix(ROOT)


@contextmanager
def climbs() -> Iterator[set[str]]:
    """The pairs of modules of which one calls, in any thread, into the other's higher layer."""
    found = set[str]()

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or (own := height(frame)) is None or (
                frame.f_code.co_name == "<module>"):  # is imported by its name
            return
        caller = frame.f_back
        while caller is not None and height(caller) is None:
            caller = caller.f_back  # of a library, which calls back
        if caller is not None and (below := height(caller)) is not None and below < own:
            found.add(f"{module(caller)} -> {module(frame)}")

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def judge_here(course: Course, assignment: str, seed: int, works: Iterable[tuple[Any, Work]]
               ) -> Iterator[tuple[Any, Verdict]]:
    """In the place of judges that are processes of their own, where no call would be seen."""
    with Grader(course, assignment, seed) as grader:
        for key, work in works:
            yield key, grader.grade(work)


def test_a_climb_is_seen() -> None:
    """Also over a library; a call down is none."""
    names: dict[str, Any] = {}
    for path, code in (("text.py", "def low(up): return list(map(up, 'x'))"),
                       ("batch.py", "def high(x): return low(str)")):
        exec(compile(code, f"{ROOT}{path}", "exec"), names)
    with climbs() as found:
        names["high"]("x")
    assert found == set()
    with climbs() as found:
        names["low"](names["high"])
    assert found == {"text.py -> batch.py"}


def test_the_way_of_a_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = own_course(tmp_path)
    hand_in(course, "s001", "text.lower().split()", "text.split()")
    monkeypatch.setattr(judge, "judging", lambda processes, scheduler, works: judge_here)
    with counting("submissions") as count:
        on_progress = count.task("Grading toy", 1)
        with climbs() as found:
            assert grade(course, "toy", ["s001"], 1, on_progress).judged
        hand_in(course, "s001")
        with climbs() as again:
            assert grade(course, "toy", ["s001"], 1, on_progress).judged
    assert (found, again) == (KNOWN, KNOWN)
