"""The pytest plugin that turns hidden tests into points and reasons.

It gives the tests their fixtures (both, draw, work, settings, folder, award, remark, note, flag),
stops asking a part whose code hung or died, and adds up what passed.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autograder.judge.both import Both, ReferenceFailed, StudentFailed
from autograder.judge.domain import Draw
from autograder.judge.explain import Explainer, Trial
from autograder.judge.oracle import TrustedSide
from autograder.judge.sides import StudentSide
from autograder.judge.testing import Wrong
from autograder.judge.work import Work
from autograder.kernel.isolation.policy import SandboxError
from autograder.results.reason import Code, Reason, misconception
from autograder.results.verdict import PartVerdict

NO_FOLDER = Path(os.devnull)  # in which there is no data
PLACE = re.compile(r"\S+:\d+: in ")  # a line of pytest's tracebacks


@dataclass
class Tally:
    """What the tests of one part have shown so far."""

    points: float
    weight: float = 0.0
    passed: float = 0.0
    tests: set[str] = field(default_factory=set)  # those that passed with all of their weight
    conditional: list[tuple[set[str], float]] = field(default_factory=list)  # with one of these
    together: list[Reason] = field(default_factory=list)
    together_passed: bool = True
    keeps: float | None = None  # the share of the points that it keeps where all of these passed
    reasons: list[Reason] = field(default_factory=list)
    asides: list[Reason] = field(default_factory=list)
    review: list[Reason] = field(default_factory=list)
    staff: list[str] = field(default_factory=list)
    stopped: bool = False
    unread: list[Reason] = field(default_factory=list)  # reviews of answers that no test could read
    trials: list[Trial] = field(default_factory=list)  # of the part alone

    @property
    def earned(self) -> float:
        """The weight of what passed, less what counts only with tests that did not."""
        return self.passed + sum(weight for others, weight in self.conditional
                                 if others & self.tests)

    @property
    def right_alone(self) -> bool:
        return self.weight > 0 and self.earned >= self.weight

    @property
    def share(self) -> float:
        """The share of the points that the part earns alone."""
        return self.earned / self.weight if self.weight else 0.0

    @property
    def right_together(self) -> bool:
        """Whether the part earns more together with the person's other parts."""
        return self.together_passed and self.keeps is not None and self.keeps > self.share

    def verdict(self, part: str) -> PartVerdict:
        """Points right alone or, where that is more, right together."""
        share = self.share
        if not self.weight:
            self.reasons.append(Reason(Code.NOT_GRADED))
            self.review.append(Reason(Code.NO_TEST))
        reasons = self.reasons
        if self.right_together:
            share, reasons = self.keeps or 0.0, self.together
        points = round(self.points * share, 2)
        unique = lambda lines: tuple(dict.fromkeys(lines))  # noqa: E731
        return PartVerdict(part, points, self.points, unique(reasons), unique(self.asides),
                           unique(self.review + self.unread), unique(self.staff))


class JudgePlugin:
    """One run of an exercise's hidden tests on one submission."""

    def __init__(self, points: dict[str, float], work: Work, settings: dict[str, Any], seed: int,
                 student: StudentSide, trusted: TrustedSide, reference: Path,
                 folder: Path = NO_FOLDER) -> None:
        self.tallies = {part: Tally(most) for part, most in points.items()}
        self._work, self._settings, self._seed = work, settings, seed
        self._student, self._trusted, self._reference = student, trusted, reference
        self._folder = folder
        self._both: Both | None = None
        self._award: tuple[float, str] | None = None
        self.broken: SandboxError | None = None  # this machine's fault, nobody's zero
        self.draws: list[Draw] = []  # of the tests that were run
        self.unreadable: list[str] = []  # what is wrong with the tests themselves

    # -- the fixtures of hidden tests ---------------------------------------------------------

    @pytest.fixture
    def both(self) -> Both:
        """Puts a probe to both sides."""
        self._both = Both(self._student, self._trusted, self._reference)
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
            self._award = (0.0 if math.isnan(share) else min(max(share, 0.0), 1.0), says)

        return give

    @pytest.fixture
    def remark(self, request: pytest.FixtureRequest) -> Callable[[str], None]:
        """Tells the student something that costs nothing."""
        asides = self._tally(request.node).asides
        return lambda sentence: asides.append(Reason(Code.TEST_REMARK, text=sentence))

    @pytest.fixture
    def note(self, request: pytest.FixtureRequest) -> Callable[[str], None]:
        """Tells staff something, in the journal, which asks nobody to look."""
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
        items.sort(key=lambda item: marked(item)[2] is not None)

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
        _, weight, together, _, _ = marked(item)
        if together is None:
            tally.weight += weight
        if tally.stopped or (together is not None and tally.right_alone):
            if together is not None and not tally.right_alone:
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
        return self.tallies[marked(item)[0]]

    def _record(self, item: pytest.Item, error: BaseException | None) -> None:
        tally = self._tally(item)
        _, weight, together, keeps, only_with = marked(item)
        if together is None:
            passed = error is None and (self._award or (1.0, ""))[0] == 1
            judged = not isinstance(error, ReferenceFailed)
            asked = tuple(self._both.asked) if self._both and judged else ()
            tally.trials.append(Trial(asked, passed))
        if error is not None:
            tally.together_passed &= together is None
            if together is None or _says_nothing(error):
                self._explain(tally, error)
            return
        if together is not None:
            share, says = self._award or (keeps, together)
            tally.keeps = share if tally.keeps is None else min(tally.keeps, share)
            if share < 1:
                tally.together.append(Reason(Code.TEST, text=says))
        else:
            share, says = self._award or (1.0, "")
            if only_with:
                tally.conditional.append((set(only_with), weight * share))
            else:
                tally.passed += weight * share
            if share == 1:
                tally.tests.add(item.name)
            if share < 1:
                tally.reasons.append(Reason(Code.TEST, text=says))

    def explain(self, explainer: Explainer) -> None:
        """Name for each part the misconceptions that explain all of it, in the place of what the
        tests say."""
        for part, tally in self.tallies.items():
            changes = [] if tally.right_together else explainer.explain(part, tally.trials)
            if changes:
                tally.reasons = [misconception(change.name, change.says) for change in changes]
                tally.unread = []

    def _explain(self, tally: Tally, error: BaseException) -> None:
        """Turn a failed test into a reason."""
        if isinstance(error, SandboxError):
            self.broken = error
            return
        if isinstance(error, ReferenceFailed):
            tally.reasons.append(Reason(Code.NOT_GRADED))
            tally.review.append(Reason(Code.REFERENCE_FAILED))
            tally.staff.append(str(error))
            return
        if isinstance(error, StudentFailed):
            failure = error.failure
            tally.stopped |= failure.fatal
            if failure.untried:
                tally.reasons.append(Reason(Code.PERSON_LOOKS, why=failure.reason))
                tally.review.append(Reason(Code.NOT_TRIED, why=failure.untried))
            else:
                tally.reasons.append(failure.reason)
        elif isinstance(error, Wrong):
            tally.reasons.append(error.reason)
        elif isinstance(error, AssertionError) and str(error):
            tally.reasons.append(Reason(Code.TEST, text=str(error)))
        else:
            tally.reasons.append(Reason(Code.ODD_VALUE))
            tally.unread.append(Reason(Code.TEST_STOPPED, error=type(error).__name__))
            tally.staff.append(f"{type(error).__name__}: {error}")


def _says_nothing(error: BaseException) -> bool:
    """Whether a test ended without an answer to judge: that is told also where parts are tried
    together, since the points that hang on it may be lost through no fault of the student's."""
    if isinstance(error, StudentFailed):
        return bool(error.failure.fatal or error.failure.untried)
    return isinstance(error, SandboxError | ReferenceFailed)


def marked(item: pytest.Item) -> tuple[str, float, str | None, float, tuple[str, ...]]:
    """A test's part, weight, together, keeps, only_with: see testing.part."""
    mark = item.get_closest_marker("part")
    assert mark is not None, "tests without it are not run"
    part, weight, together, keeps, only_with = mark.args
    return part, weight, together, keeps, only_with
