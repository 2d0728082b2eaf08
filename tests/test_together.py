"""A part that is tried together with others: what kept it from being judged is never silent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autograder.judge.answer import Failure
from autograder.judge.compare import ReferenceFailed, StudentFailed
from autograder.judge.pytest_plugin import JudgePlugin
from autograder.judge.scoring import Tally
from autograder.kernel.isolation.policy import SandboxError
from autograder.results.reason import Code, Reason


def recorded(error: BaseException) -> tuple[Any, Tally]:
    """The plugin and its tally after a test of the kind `together` ended so."""
    plugin: Any = JudgePlugin.__new__(JudgePlugin)
    plugin.tallies, plugin._both, plugin._award = {"p": Tally(1.0)}, None, None
    plugin.broken = None
    mark = SimpleNamespace(args=("p", 1.0, "right together", 0.75, ()))
    plugin._record(SimpleNamespace(name="t", get_closest_marker=lambda _: mark), error)
    return plugin, plugin.tallies["p"]


@pytest.mark.parametrize("error", [
    ReferenceFailed("gave no answer"),
    StudentFailed(Failure(Reason(Code.YOUR_CODE, why=Reason(Code.TIMEOUT, limit=20)), "timeout",
                          fatal=True))])
def test_what_gave_no_answer_is_told(error: BaseException) -> None:
    _, tally = recorded(error)
    assert tally.reasons and not tally.together_passed


def test_a_machine_that_fails_is_no_zero() -> None:
    plugin, _ = recorded(SandboxError("no kernel starts"))
    assert plugin.broken is not None


@pytest.mark.parametrize("error", [
    AssertionError("other values"), StudentFailed(Failure(
        Reason(Code.STOPPED_WITH, why=Reason(Code.RAISED, error="TypeError")), "TypeError"))])
def test_a_wrong_answer_is_told_by_the_tests_of_the_part_alone(error: BaseException) -> None:
    _, tally = recorded(error)
    assert not tally.reasons and not tally.together_passed
