"""Hidden tests of hw3, 2.4: both models, loaded and compared. They run in the judge."""

from __future__ import annotations

import math
from typing import Any

from autograder.testing import Draw, Wrong, part, same

from . import probes_swag_accuracy as probes
from . import probes_swag_saved
from .inputs_swag import Opinions, opinions, sizes

# ----------------------------------------------------------------------------------- 2.4 load


def check_loaded(both: Any, draw: Draw, place: int, says: str) -> None:
    student, reference = both(probes_swag_saved.saved_and_loaded, seed=draw.whole(0, 10**6))
    if "weights" not in student:
        raise Wrong("`load_models` should return two models")
    assert same(student["weights"][place], reference["weights"][place]), says


@part("hw3_2_4_load")
def test_library_model_is_loaded(both, draw):
    check_loaded(both, draw, 0, (
        "the first model does not have all the weights that were saved in `folder_hf`"))


@part("hw3_2_4_load")
def test_custom_model_is_loaded(both, draw):
    check_loaded(both, draw, 1, (
        "the second model does not have all the weights that were saved in `folder_custom`"))


# ------------------------------------------------------------------------------- 2.4 evaluate


def measure(both: Any, asked: Opinions) -> tuple[dict[str, Any], dict[str, Any]]:
    student, reference = both(probes.evaluated, **asked.inputs())
    returned = student["returned"]
    if not isinstance(returned, dict) or not {"model_hf", "model_custom"} <= set(returned):
        raise Wrong('`evaluate_both` should return a dictionary with "model_hf" and '
                    '"model_custom"')
    return student, reference


def check_share(both: Any, draw: Draw, name: str, says: str) -> None:
    for asked in (opinions(draw, sizes(draw)), opinions(draw, [draw.whole(1, 6)])):
        student, reference = measure(both, asked)
        found = student["returned"][name]
        if not isinstance(found, float):
            raise Wrong(f"the accuracy of `{name}` should be a number")
        assert math.isclose(found, reference["returned"][name], abs_tol=1e-6), says


@part("hw3_2_4_evaluate", weight=2)
def test_accuracy_of_the_first(both, draw):
    check_share(both, draw, "model_hf",
                "the accuracy of the first model is not its share of right answers over all "
                "examples")


@part("hw3_2_4_evaluate", weight=2)
def test_accuracy_of_the_second(both, draw):
    check_share(both, draw, "model_custom",
                "the accuracy of the second model is not its share of right answers over all "
                "examples")


@part("hw3_2_4_evaluate", weight=1.5)
def test_evaluation_mode(both, draw):
    check_calls(both, draw, "training", "a model is in training mode while it is evaluated: "
                "dropout then changes what it says")


@part("hw3_2_4_evaluate", weight=1)
def test_no_gradients(both, draw):
    check_calls(both, draw, "graph", "a model runs with gradients, which nobody uses here and "
                "which cost memory and time")


def asked_of(both: Any, asked: Opinions) -> dict[str, Any]:
    """The student's answer. Raises Wrong where a model was not asked of each example once."""
    student, _ = measure(both, asked)
    for calls in student["calls"]:
        assert sorted(one for call in calls for one in call["asked"]) == asked.asked, (
            "one of the models is not asked of every example, once")
    return student


def check_calls(both: Any, draw: Draw, name: str, says: str) -> None:
    student = asked_of(both, opinions(draw, sizes(draw)))
    assert not any(call[name] for calls in student["calls"] for call in calls), says


@part("hw3_2_4_evaluate", weight=1)
def test_one_pass(both, draw, remark):
    given = sizes(draw)
    student = asked_of(both, opinions(draw, given))
    assert student["passes"] == 1, (
        f"the validation data is gone through {student['passes']} times: once is enough for both")
    assert all(len(calls) == len(given) for calls in student["calls"]), (
        "each model should be asked once for each batch")
    if not student["metrics"]:
        remark("Your accuracies do not come from `evaluate.load`. That costs nothing here; with "
               "`add_batch` and `compute` the same loop serves every other metric of the library.")
