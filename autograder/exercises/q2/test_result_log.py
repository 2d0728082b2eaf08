"""Hidden tests of q2, (f): result.log. They run in the judge, without student code."""

from __future__ import annotations

import pytest

from autograder.exercises.q2 import resultlog
from autograder.judge.testing import part


@pytest.fixture
def log(work) -> resultlog.ResultLogRecord:
    """The log as handed in."""
    content = work.files.get("result.log")
    assert content is not None, "there is no result.log in what you handed in"
    return resultlog.read(content)


@part("q2_result", weight=3)
def test_log_is_whole_and_consistent(log, flag):
    for contradiction in resultlog.contradictions(log):
        flag(f"result.log: {contradiction}")
    problems = resultlog.problems(log) + resultlog.contradictions(log)
    assert not problems, "; ".join(problems)


@part("q2_result", weight=5)
def test_dev_accuracy(log, settings, award, flag):
    assert not resultlog.contradictions(log), (
        "no accuracy is read from a log that contradicts itself")
    assert log.dev is not None, "result.log holds no final dev accuracy"
    steps = resultlog.accuracy_steps(log, settings["accuracy"])
    if steps is None:
        flag(f"result.log: no thresholds for the checkpoint {log.settings['checkpoint']} in "
             "course.toml")
    assert steps is not None, "the checkpoint in result.log is not one of this course's"
    reached = sum(log.dev.accuracy >= step for step in steps)
    award(reached / len(steps), f"dev accuracy {log.dev.accuracy:.3f} reaches {reached} of "
          f"{len(steps)} steps ({', '.join(f'{step:.2f}' for step in steps)})")
