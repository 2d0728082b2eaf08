"""What a recording earns: by the exercises, and that a gain is seen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import TOY_HIDDEN_TESTS, Toy, copy_course

from autograder.kernel import serialization
from redteam import replay
from redteam.course import HIDDEN_TESTS
from redteam.playback import Player, Row, distance, typical

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize(("tests", "earned"), [
    (TOY_HIDDEN_TESTS, {"toy_words": 4, "toy_count": 3, "toy_scale": 0}),  # texts that are constant
    (HIDDEN_TESTS, {"toy_words": 0, "toy_count": 0, "toy_scale": 0}),
])
def test_a_gain_is_seen(tmp_path: Path, tests: str, earned: dict[str, float]) -> None:
    (found,) = replay.replays(Toy(hidden_tests=tests).write(tmp_path), "toy", seeds=(2,))
    assert found.right == {"toy_words": 4, "toy_count": 3, "toy_scale": 3}
    assert found.best == earned


def test_what_is_played_back_in_its_own_batch_is_right(tmp_path: Path) -> None:
    (found,) = replay.replays(Toy(hidden_tests=HIDDEN_TESTS).write(tmp_path), "toy",
                              seeds=(replay.RECORDED_IN,))
    assert found.best == found.right


@pytest.mark.parametrize("assignment", ["q1", "q2", "hw3"])
def test_a_recording_earns_next_to_nothing(tmp_path: Path, assignment: str) -> None:
    found = replay.replays(copy_course(tmp_path), assignment, seeds=(2,))
    assert sum(sum(one.right.values()) for one in found) > 20, "the right answers were recorded"
    assert sum(sum(one.best.values()) for one in found) <= replay.MOST, found


def asked(text: str) -> bytes:
    return serialization.pack({"probes": "", "function": "call",
                      "inputs": {"name": "words", "args": [text], "kwargs": {}}})


def test_ways_of_replaying() -> None:
    rows = [Row.of(asked(text), value) for text, value in
            [("one two", [1, "a"]), ("three", [2, "b"]), ("four", [2, "c"])]]

    def played(way: str) -> list:
        player = Player(rows, way)
        return [serialization.unpack(player.answer(asked(text)))["value"]
                for text in ("tree", "one to")]

    assert played("in order") == [[1, "a"], [2, "b"]]
    assert played("nearest") == [[2, "b"], [1, "a"]]
    assert played("most frequent") == [[2, "a"], [2, "a"]]


def test_what_is_nearest_and_what_is_typical() -> None:
    ones = torch.ones(2, 3)
    near, far = {"x": [1.1 * ones, 5], "y": "text"}, {"x": [ones[:1], 9], "y": "other"}
    assert distance({"x": [ones, 5]}, {"x": [ones, 5]}) == 0
    assert 0 < distance({"x": [ones, 5], "y": "text"}, near) < distance(
        {"x": [ones, 5], "y": "text"}, far) <= 1
    assert typical([(1, "a"), (1, "b"), (2, "b")]) == (1, "b")
