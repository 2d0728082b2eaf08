"""Hidden tests of q2, (e): training. They run in the judge, without student code."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercises.q2 import probes_training
from autograder.judge.testing import assert_close, part

VOCABULARY, LABELS, EPOCHS, BATCHES, SENTENCES, LENGTH = 30, 4, 2, 4, 6, 5


@pytest.fixture
def trained(both, draw) -> tuple[dict, list[dict]]:
    """What `train` does on a small model, and the batches it got."""
    batches = []
    for _ in range(BATCHES):
        ids = draw(SENTENCES, LENGTH, VOCABULARY).argmax(dim=-1)
        lengths = draw(SENTENCES, LENGTH).argmax(dim=-1, keepdim=True) + 1
        labels = draw(SENTENCES, LABELS).argmax(dim=-1)
        mask = (torch.arange(LENGTH) < lengths).long()  # [B, T]
        batches.append({"input_ids": ids, "attention_mask": mask, "labels": labels,
                        "sentences": ["a sentence"] * SENTENCES})
    weight = draw(VOCABULARY, LABELS)
    student, _ = both(probes_training.training, batches=batches, epochs=EPOCHS, weight=weight,
                      lr=0.05)
    return {**student, "given": weight}, batches * EPOCHS


def mean_loss(weight: Tensor, batch: dict) -> Tensor:
    rows = weight[batch["input_ids"]] * batch["attention_mask"][..., None]  # [B, T, labels]
    return F.cross_entropy(rows.sum(dim=1), batch["labels"])


def right_gradient(weight: Tensor, batch: dict) -> Tensor:
    """The gradient of one batch's mean cross-entropy at these weights."""
    weight = weight.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(mean_loss(weight, batch), weight)
    return gradient


def check_count(steps: list, batches: list) -> None:
    assert len(steps) == len(batches), (
        f"{len(batches)} batches were given, and the optimizer took {len(steps)} steps")


@part("q2_train", weight=3)
def test_gradient_of_each_step(trained):
    student, batches = trained
    assert student["backwards"], "no backward pass reaches the weights"
    check_count(student["steps"], batches)
    for number, (step, batch) in enumerate(zip(student["steps"], batches, strict=True), start=1):
        assert step["grad"] is not None, "the optimizer steps before there is any gradient"
        cosine = F.cosine_similarity(step["grad"].flatten(),
                                     right_gradient(step["weight"], batch).flatten(), dim=0)
        assert cosine > 0.999, (
            f"the gradient used in step {number} is not that of the mean cross-entropy of this "
            "batch alone")


@part("q2_train", weight=2)
def test_each_step_moves_the_weights_downhill(trained):
    student, batches = trained
    assert len(student["steps"]) >= len(batches), (
        f"{len(batches)} batches were given, and the optimizer took {len(student['steps'])} steps")
    pairs = list(zip(student["steps"], batches, strict=False))
    moving = [pair for pair in pairs if pair[0]["lr"] > 0]  # a warm-up may begin at a rate of 0
    assert len(moving) > len(pairs) // 2, "most steps have a learning rate of 0"
    for step, _ in moving:
        assert not torch.equal(step["weight"], step["after"]), "a step leaves the weights unchanged"
    first, batch = moving[0]
    assert_close(student["steps"][0]["weight"], student["given"],
                 "the first step does not start from the model's own weights")
    downhill = (first["after"] - first["weight"]) * right_gradient(first["weight"], batch)
    assert downhill.sum() < 0, "the first update does not go down the gradient"


# Nobody passes one of them without training on the batches that came.
TRAINS = ("test_gradient_of_each_step", "test_each_step_moves_the_weights_downhill",
          "test_loss_that_is_reported")


@part("q2_train", weight=1, only_with=TRAINS)
def test_training_mode(trained):
    student, batches = trained
    forwards = [forward for forward in student["forwards"] if not forward["measured"]]
    assert len(forwards) >= len(batches), "not every batch goes through the model to be trained on"
    assert all(forward["training"] for forward in forwards), (
        "the model is not in training mode during the step")


@part("q2_train", weight=1)
def test_loss_that_is_reported(trained):
    student, batches = trained
    steps = student["steps"] or [{"weight": student["given"]}] * len(batches)  # nothing moves them
    check_count(steps, batches)
    losses = [float(mean_loss(step["weight"], batch))
              for step, batch in zip(steps, batches, strict=True)]
    assert len(student["losses"]) == EPOCHS, "the epochs do not run to their end"
    for epoch, loss in enumerate(student["losses"]):
        expected = sum(losses[epoch * BATCHES : (epoch + 1) * BATCHES]) / BATCHES
        assert math.isclose(loss, expected, rel_tol=1e-3), (
            "`loss` is not the mean cross-entropy over the sentences of the batch")


@part("q2_train", weight=1, only_with=TRAINS)
def test_one_optimizer(trained):
    student, _ = trained
    assert student["steps"], "no optimizer takes a step"
    assert student["optimizers"] == 1, (
        f"{student['optimizers']} different optimizers took the steps: AdamW keeps running means "
        "of the gradients, and a new one forgets them")
