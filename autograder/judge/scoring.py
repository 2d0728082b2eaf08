"""Count what the hidden tests of a part have shown, and turn it into points and reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from autograder.judge.compare import ReferenceFailed, StudentFailed
from autograder.judge.explain import Trial
from autograder.judge.testing import Wrong
from autograder.results.reason import Code, Reason
from autograder.results.verdict import PartVerdict


class PartMark(NamedTuple):
    """What a test's @part(...) says: see testing.part."""

    part: str
    weight: float
    together: str | None
    keeps: float
    only_with: tuple[str, ...]


class Award(NamedTuple):
    """The share of its weight that a test gives, and the sentence if that is under 1."""

    share: float
    says: str


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

    def passed_alone(self, test: str, mark: PartMark, award: Award | None) -> None:
        """Count a test of the part alone that passed, wholly or by a share."""
        share, says = award or Award(1.0, "")
        if mark.only_with:
            self.conditional.append((set(mark.only_with), mark.weight * share))
        else:
            self.passed += mark.weight * share
        if share == 1:
            self.tests.add(test)
        else:
            self.reasons.append(Reason(Code.TEST, text=says))

    def passed_with_others(self, sentence: str, keeps: float, award: Award | None) -> None:
        """Count a test of the part together with the student's own other parts."""
        share, says = award or Award(keeps, sentence)
        self.keeps = share if self.keeps is None else min(self.keeps, share)
        if share < 1:
            self.together.append(Reason(Code.TEST, text=says))

    def failed(self, error: BaseException) -> None:
        """Turn a failed test into a reason."""
        if isinstance(error, ReferenceFailed):
            self.reasons.append(Reason(Code.NOT_GRADED))
            self.review.append(Reason(Code.REFERENCE_FAILED))
            self.staff.append(str(error))
        elif isinstance(error, StudentFailed):
            self._no_answer(error)
        elif isinstance(error, Wrong):
            self.reasons.append(error.reason)
        elif isinstance(error, AssertionError) and str(error):
            self.reasons.append(Reason(Code.TEST, text=str(error)))
        else:
            self.reasons.append(Reason(Code.ODD_VALUE))
            self.unread.append(Reason(Code.TEST_STOPPED, error=type(error).__name__))
            self.staff.append(f"{type(error).__name__}: {error}")

    def _no_answer(self, error: StudentFailed) -> None:
        failure = error.failure
        self.stopped |= failure.fatal
        if failure.untried:
            self.reasons.append(Reason(Code.PERSON_LOOKS, why=failure.reason))
            self.review.append(Reason(Code.NOT_TRIED, why=failure.untried))
        else:
            self.reasons.append(failure.reason)

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


def is_inconclusive(error: BaseException) -> bool:
    """Whether a test ended without an answer to judge.

    That is reported also where parts are tried together, since the points that hang on it may be
    lost through no fault of the student's.
    """
    if isinstance(error, StudentFailed):
        return bool(error.failure.fatal or error.failure.untried)
    return isinstance(error, ReferenceFailed)
