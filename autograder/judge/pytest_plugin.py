"""The pytest plugin that runs hidden tests, and scores them (scoring.py).

It gives the tests their fixtures (both, draw, work, settings, folder, award, remark, note, flag),
and leaves out tests of a part whose code hung or died.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.judge.compare import Both, ReferenceFailed
from autograder.judge.domain import Draw
from autograder.judge.explain import Explainer, Trial
from autograder.judge.reference import ReferenceClient
from autograder.judge.scoring import Award, PartMark, Tally, is_inconclusive
from autograder.judge.student_runner import StudentRunner
from autograder.judge.work import Work
from autograder.kernel.isolation.policy import SandboxError
from autograder.results.reason import Code, Reason, misconception

NO_FOLDER = Path(os.devnull)  # in which there is no data
PLACE = re.compile(r"\S+:\d+: in ")  # a line of pytest's tracebacks


class JudgePlugin:
    """One run of an exercise's hidden tests on one submission."""

    def __init__(self, points: dict[str, float], work: Work, settings: dict[str, Any], seed: int,
                 student: StudentRunner, client: ReferenceClient, reference: Path,
                 folder: Path = NO_FOLDER) -> None:
        self.tallies = {part: Tally(most) for part, most in points.items()}
        self._work, self._settings, self._seed = work, settings, seed
        self._student, self._client, self._reference = student, client, reference
        self._folder = folder
        self._both: Both | None = None
        self._award: Award | None = None
        self.broken: SandboxError | None = None  # this machine's fault, nobody's zero
        self.draws: list[Draw] = []  # of the tests that were run
        self.unreadable: list[str] = []  # what is wrong with the tests themselves

    # -- the fixtures of hidden tests ---------------------------------------------------------

    @pytest.fixture
    def both(self) -> Both:
        """Puts a probe to both sides."""
        self._both = Both(self._student, self._client, self._reference)
        return self._both

    @pytest.fixture
    def draw(self, request: pytest.FixtureRequest) -> Draw:
        """Draws a test's inputs afresh for each batch: draw(2, 7, 12) (domain.py)."""
        name = request.node.nodeid.rpartition("::")[2]
        self.draws.append(Draw(f"{self._seed}/{name}"))
        return self.draws[-1]

    @pytest.fixture
    def work(self) -> Work:
        """What was handed in: files and notebook."""
        return self._work

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        """The assignment's [settings] in course.toml."""
        return self._settings

    @pytest.fixture
    def folder(self) -> Path:
        """The course's own, in which data may lie; what is not there is nobody's fault."""
        return self._folder

    @pytest.fixture
    def award(self) -> Callable[[float, str], None]:
        """Gives the test a share of its weight between 0 and 1, with a sentence if under 1."""

        def give(share: float, says: str) -> None:
            share = float(share)
            self._award = Award(0.0 if math.isnan(share) else min(max(share, 0.0), 1.0), says)

        return give

    @pytest.fixture
    def remark(self, request: pytest.FixtureRequest) -> Callable[[str], None]:
        """Gives the student a remark that costs nothing."""
        asides = self._tally(request.node).asides
        return lambda sentence: asides.append(Reason(Code.TEST_REMARK, text=sentence))

    @pytest.fixture
    def note(self, request: pytest.FixtureRequest) -> Callable[[str], None]:
        """Writes a note for staff to the journal, which asks nobody to look."""
        return self._tally(request.node).staff.append

    @pytest.fixture
    def flag(self, request: pytest.FixtureRequest) -> Callable[[str], None]:
        """Asks for a person to look at what was handed in, such as a log that cannot be."""
        review = self._tally(request.node).review
        return lambda sentence: review.append(Reason(Code.TEST_FLAG, text=sentence))

    # -- pytest's hooks -----------------------------------------------------------------------

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Alone first; together after everything, since it's only needed where alone failed."""
        self.unreadable += [fault for item in items if (fault := self._misplaced(item))]
        if self.unreadable:
            items.clear()  # the run ends without a test, and so without points
        items.sort(key=lambda item: marked(item).together is not None)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the error and its place where a file of tests cannot be imported."""
        if report.failed:
            said = report.longreprtext.splitlines()
            places = [line.partition(": in ")[0] for line in said if PLACE.match(line)]
            errors = [line[1:].strip() for line in said if line.startswith("E ")]
            self.unreadable.append(": ".join([*(places[-1:] or [report.nodeid]), *errors[-1:]]))

    def _misplaced(self, item: pytest.Item) -> str:
        """Why a test counts for no part; empty where it counts for one."""
        mark = item.get_closest_marker("part")
        if mark is None:
            return f"{item.nodeid} needs @part(...)"
        if mark.args[0] in self.tallies:
            return ""
        return (f"{item.nodeid} is of the part `{mark.args[0]}`, which no source cell has; there "
                f"are: {', '.join(self.tallies)}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None
                                ) -> bool | None:
        """Leave out (by returning True) tests that can change nothing any more."""
        self._both = self._award = None
        tally = self._tally(item)
        mark = marked(item)
        if mark.together is None:
            tally.weight += mark.weight
        if tally.stopped or (mark.together is not None and tally.right_alone):
            if mark.together is not None and not tally.right_alone:
                tally.together_passed = False
            # The test before has kept what this one shares with it, such as their file.
            item.session._setupstate.teardown_exact(nextitem)
            return True
        return None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]
                                  ) -> Iterator[None]:
        report = yield
        if call.when == "call" or call.excinfo is not None:
            self._record(item, call.excinfo.value if call.excinfo else None)
        return report

    # -- counting -----------------------------------------------------------------------------

    def _tally(self, item: pytest.Item) -> Tally:
        return self.tallies[marked(item).part]

    def _record(self, item: pytest.Item, error: BaseException | None) -> None:
        tally, mark = self._tally(item), marked(item)
        if mark.together is None:
            self._keep_trial(tally, error)
        if isinstance(error, SandboxError):
            self.broken = error
        elif error is not None:
            tally.together_passed &= mark.together is None
            if mark.together is None or is_inconclusive(error):
                tally.failed(error)
        elif mark.together is not None:
            tally.passed_with_others(mark.together, mark.keeps, self._award)
        else:
            tally.passed_alone(item.name, mark, self._award)

    def _keep_trial(self, tally: Tally, error: BaseException | None) -> None:
        """Keep what a test asked: misconceptions are compared on the same requests."""
        passed = error is None and (self._award is None or self._award.share == 1)
        judged = not isinstance(error, ReferenceFailed)
        asked = tuple(self._both.asked) if self._both and judged else ()
        tally.trials.append(Trial(asked, passed))

    def explain(self, explainer: Explainer) -> None:
        """Replace the reasons of a part by the misconceptions that explain all of it."""
        for part, tally in self.tallies.items():
            changes = [] if tally.right_together else explainer.explain(part, tally.trials)
            if changes:
                tally.reasons = [misconception(change.name, change.says) for change in changes]
                tally.unread = []


def marked(item: pytest.Item) -> PartMark:
    """The test's mark."""
    mark = item.get_closest_marker("part")
    assert mark is not None, "tests without it are not run"
    return PartMark(*mark.args)
