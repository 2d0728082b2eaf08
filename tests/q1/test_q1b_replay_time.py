"""How many batches the repeated training of q1b waits for, by what each of them takes."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.exercises.q1b import probes_replay, replay

NOTEBOOK = """
class Captions: pass

class FirstBatches:
    def __init__(self, model, epoch):
        self.count, self.batches = 20, []
    def after(self):
        self.batches.append(0.5)
    def tell(self):
        return str(len(self.batches))
"""
TRAINING = """
first = FirstBatches(None, 1)
for _ in range(20):
    clock.now += clock.batch
    first.after()
"""


def batches_told(monkeypatch: pytest.MonkeyPatch, before: float, batch: float) -> str:
    clock = SimpleNamespace(now=100.0, batch=batch, before=before)
    names: dict[str, Any] = {"clock": clock}
    exec(NOTEBOOK, names)
    monkeypatch.setattr(time, "process_time", lambda: clock.now)
    cells = ["clock.now += clock.before", TRAINING]
    return probes_replay.first_steps(SimpleNamespace(**names), cells, replay.FEW)


@pytest.mark.parametrize("before, batch", [(0.1, 0.2), (0.3, 0.5), (0.0, 0.89), (1.2, 0.49)])
def test_all_batches_that_fit_are_waited_for_on_a_busy_machine_too(
        monkeypatch: pytest.MonkeyPatch, before: float, batch: float) -> None:
    """A mistake that shows in the third batch is seen only where there is a third."""
    assert batches_told(monkeypatch, before, batch) == str(replay.FEW)


@pytest.mark.parametrize("before, batch, told", [(0.0, 1.0, "2"), (1.5, 0.7, "1"), (0.0, 2.0, "1")])
def test_a_batch_that_would_not_end_in_time_is_not_begun(
        monkeypatch: pytest.MonkeyPatch, before: float, batch: float, told: str) -> None:
    """A probe that is stopped from outside tells nothing at all."""
    assert batches_told(monkeypatch, before, batch) == told
    assert probes_replay.SECONDS < replay.SECONDS
