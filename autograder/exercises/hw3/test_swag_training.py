"""Hidden tests of hw3, 2.2: a model of the library and its trainer. They run in the judge."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from autograder.testing import Draw, Wrong, part, same

from . import probes_attention, probes_swag_accuracy
from . import probes_swag_training as probes
from .checks_swag import check_backbone, read_arguments
from .domain_swag import ENCODED, LOGITS, NETWORK
from .inputs_swag import labels, logits, vocabulary
from .network_swag import network

# ---------------------------------------------------------------------------------- 2.2 model


def described(both: Any, draw: Draw) -> tuple[dict[str, Any], dict[str, Any], Tensor]:
    asked = network(draw, NETWORK.draw(draw))
    student, reference = both(probes.model_hf, batch=asked.batch, labels=asked.labels,
                              start=draw.whole(0, 10**6))
    return student, reference, asked.labels


@part("hw3_2_2_model", weight=2)
def test_kind_of_model(both, draw):
    student, _, labels = described(both, draw)
    logits, loss = (student["said"].get(name) for name in ("logits", "loss"))
    assert isinstance(logits, Tensor) and logits.shape == (len(labels), 4) and same(
        loss, F.cross_entropy(logits, labels)), (
        "`model_hf` is no model for multiple choice: it should give one number for each sequence, "
        "and four for each example")


@part("hw3_2_2_model", weight=1)
def test_backbone_of_model(both, draw):
    student, reference, _ = described(both, draw)
    check_backbone(student["backbone"], reference["backbone"])


# ------------------------------------------------------------------------------ 2.2 arguments


@pytest.fixture
def values(both, draw) -> dict[str, Any]:
    return read_arguments(both, draw, "training_args")[0]


def every(values: dict[str, Any], name: str) -> float:
    """A number of steps; the library also takes a share of all steps."""
    steps = float(values[name] or 0)
    return steps * float(values["max_steps"]) if 0 < steps < 1 else steps


@part("hw3_2_2_arguments", weight=1.5)
def test_evaluation(values):
    assert values["eval_strategy"] == "steps", "evaluation should be by steps"
    assert math.isclose(every(values, "eval_steps"), 300), "evaluation should be every 300 steps"


@part("hw3_2_2_arguments", weight=1.5)
def test_saving(values):
    if values["save_strategy"] != "best":  # whenever an evaluation is the best so far
        assert values["save_strategy"] == "steps", "saving should be by steps"
        steps = every(values, "save_steps")
        assert math.isclose(steps, 600) or math.isclose(steps, 300), (
            "saving should be every 600 steps, or as often as evaluation")
    assert values["save_total_limit"] == 2, "no more than 2 checkpoints should be kept"


@part("hw3_2_2_arguments", weight=1.5)
def test_length(values):
    assert values["max_steps"] == 1800, (
        "the training should take 1,800 steps, that is 1,800 batches and not epochs")


@part("hw3_2_2_arguments", weight=1)
def test_batch_size(values):
    batch = values["per_device_train_batch_size"] * values["gradient_accumulation_steps"]
    assert batch == 48, "a step of the training should see 48 examples"
    assert values["per_device_eval_batch_size"] == 48, (
        "evaluation, too, should see 48 examples at a time")


@part("hw3_2_2_arguments", weight=1)
def test_optimizer(values):
    assert math.isclose(values["learning_rate"], 5e-5), "the learning rate should be 5e-5"
    assert math.isclose(values["weight_decay"], 0.01), "the weight decay should be 0.01"


@part("hw3_2_2_arguments", weight=1.5)
def test_best_checkpoint(values):
    assert values["load_best_model_at_end"] is True, (
        "after the training the best checkpoint should be loaded, not the last one kept")
    metric = str(values["metric_for_best_model"]).removeprefix("eval_")
    assert metric == "accuracy", (
        f"the best checkpoint is chosen by `{metric}`, and not by the accuracy; where no metric is "
        "named, the library takes the loss")
    assert values["greater_is_better"] is True, "of two accuracies the higher one is better"


@part("hw3_2_2_arguments", weight=1)
def test_seed_columns_and_folder(values):
    assert values["seed"] == 77, "the seed should be 77"
    assert values["remove_unused_columns"] is True, (
        "columns that the model does not know should be removed")
    assert values["output_dir"].endswith("distilbert-base-uncased-swag"), (
        "the output directory should be distilbert-base-uncased-swag")


# -------------------------------------------------------------------------------- 2.2 metrics


@part("hw3_2_2_metrics")
def test_accuracy(both, draw):
    for case in LOGITS.cover(draw, 3):
        some = case.right == "some"
        endings = labels(draw, draw.among((7, 11, 13)) if some else 1)  # a share of many digits
        hits = draw.whole(4, 6) if some else len(endings) * (case.right == "all")
        student, reference = both(probes_swag_accuracy.metrics, labels=torch.tensor(endings),
                                  logits=logits(draw, endings, hits))
        found = student.get("metrics")
        if found is None or not {"accuracy", "eval_accuracy"} & set(found):
            raise Wrong('`compute_metrics` should return a dictionary with the key "accuracy"')
        share = found.get("accuracy", found.get("eval_accuracy"))
        if not isinstance(share, float):
            raise Wrong('"accuracy" should be a number')
        assert math.isclose(share, reference["metrics"]["accuracy"], abs_tol=1e-6), (
            "the accuracy is not the share of examples whose highest logit is at their label")


# -------------------------------------------------------------------------------- 2.2 trainer


def trainer(both: Any, draw: Draw) -> tuple[dict[str, Any], dict[str, Any]]:
    firsts = iter(draw.several(range(100, 999)))
    splits = {name: [next(firsts) for _ in range(case.examples)] for name, case in zip(
        ("train", "validation", "test"), ENCODED.cover(draw, 3), strict=True)}
    student, reference = both(
        probes.trainer, vocabulary=vocabulary(draw), splits=splits, seed=draw.whole(0, 999),
        steps=draw.whole(1, 999), mark=next(firsts), accuracy=draw.whole(1, 999) / 1000)
    if not student["trainer"]:
        raise Wrong("`make_trainer` should return a Trainer of the library")
    return student, reference


@part("hw3_2_2_trainer", weight=2)
def test_model_and_arguments(both, draw):
    student, reference = trainer(both, draw)
    assert student["model"], "the trainer does not train the `model` that it is given"
    for name in ("seed", "steps"):
        assert student[name] == reference[name], "the trainer does not use the `args` it is given"


@part("hw3_2_2_trainer", weight=2)
def test_data(both, draw):
    student, reference = trainer(both, draw)
    for use, split in (("train", "train"), ("eval", "validation")):
        assert student[use] == reference[use], (
            f"what the trainer has for `{use}_dataset` is not the split {split}, all of it")


@part("hw3_2_2_trainer", weight=2)
def test_collator_of_trainer(both, draw):
    student, reference = trainer(both, draw)
    own = student["own_collator"]
    assert own or same(student["batch"], reference["batch"]), (
        "the trainer does not use your MultipleChoiceDataCollator: without it examples of four "
        "sequences do not become a batch")
    assert own or student["tokenizer"], "your collator does not get the `tokenizer`"


@part("hw3_2_2_trainer", weight=2)
def test_metrics_of_trainer(both, draw):
    student, reference = trainer(both, draw)
    assert student["own_metrics"] or student["accuracy"] == reference["accuracy"], (
        "the trainer does not use your `compute_metrics`")


# -------------------------------------------------------------------------------- 2.2 numbers


def check_number(both: Any, draw: Draw, name: str, says: str) -> None:
    student, reference = both(probes_attention.number, name=name, times=draw.whole(1, 9999))
    if not isinstance(student, float):
        raise Wrong(f"`{name}` should be a number")
    assert math.isclose(student, reference, rel_tol=1e-9), says


@part("hw3_2_2_numbers")
def test_cls(both, draw):
    check_number(both, draw, "cls_id", "`cls_id` is not the number of [CLS] in the vocabulary")


@part("hw3_2_2_numbers")
def test_mask(both, draw):
    check_number(both, draw, "mask_id", "`mask_id` is not the number of [MASK] in the vocabulary")


@part("hw3_2_2_numbers")
def test_attention_dropout(both, draw):
    check_number(both, draw, "attention_dropout",
                 "`attention_dropout` is not what the configuration of the model says")
