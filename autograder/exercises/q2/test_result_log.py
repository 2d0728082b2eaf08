"""Hidden tests of q2, (f): result.log. They run in the judge, without student code."""

from __future__ import annotations

import pytest
import torch

from autograder.testing import part

from . import plausible, probes_replay, replay, resultlog

ASK = "Ask how it came about, or for the model that the run saved"


@pytest.fixture
def log(work) -> resultlog.ResultLogRecord:
    """The log as handed in."""
    content = work.files.get("result.log")
    assert content is not None, "there is no result.log in what you handed in"
    return resultlog.read(content)


@part("q2_result", weight=3)
def test_log_is_whole_and_consistent(log, flag, work, settings):
    for contradiction in resultlog.contradictions(log):
        flag(f"result.log: {contradiction}")
    problems = resultlog.problems(log) + resultlog.contradictions(log)
    if not problems:
        for oddity in plausible.oddities(log, settings, work.text("classifier.py") or ""):
            flag(f"result.log: {oddity}. {ASK}")
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


@part("q2_result", weight=0)
def test_it_is_of_this_code(log, both, settings, folder, flag, note):
    """Flags only: the code can train at all, and its run begins as the log says."""
    if resultlog.problems(log) or resultlog.contradictions(log):
        return  # it earns nothing
    ids = torch.arange(8).view(2, 4)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids),
             "labels": torch.tensor([0, 1]), "sentences": ["one", "other"]}
    failure = both.student(probes_replay.trains, seconds=1.0, batch=batch).failure
    if failure is not None:
        if not failure.untried:
            flag("result.log tells of a training, and the code beside it cannot take one step: "
                 f"{failure.says}. {ASK}")
        return
    beginning = replay.expected(log, both, folder, settings.get("weights", {}))
    if beginning is None:
        return
    if log.settings["first_sentences"] != beginning.noted["first_sentences"]:
        flag("result.log: its first batches are not those that its seed draws from the sentences "
             f"of data/sst-train.txt as they lie here. {ASK}")
    elif beginning.options:
        again = both.student(probes_replay.first_steps, seconds=replay.SECONDS,
                             options=beginning.options, batches=beginning.batches,
                             steps=beginning.steps)
        if again.failure is not None:  # it takes steps, but here it takes too long
            note(f"the run of result.log was not begun again: {again.failure.says}")
            return
        for difference in replay.differences(log, again.value):
            flag(f"result.log was compared with a run that begins anew: {difference}. {ASK}")
