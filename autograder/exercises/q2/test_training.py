"""Hidden tests of q2, (e): training. They run in the judge, without student code."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.testing import Draw, assert_close, part

from . import domain, probes_training


def trained(both: Any, draw: Draw, **run: Any) -> tuple[dict, list[dict]]:
    """What `train` does on a small model, and the batches it got, one for each step."""
    case = domain.TRAINING.draw(draw, **run)
    batches, weight = domain.batches(draw, case), draw(case.vocabulary, case.labels) / 2
    student, _ = both(probes_training.training, batches=batches, batch_size=case.batch_size,
                      epochs=case.epochs, weight=weight, lr=case.lr, seed=draw.whole(0, 99999))
    return {**student, "given": weight, "epochs": case.epochs}, batches * case.epochs


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
def test_gradient_of_each_step(both, draw, award):
    student, batches = trained(both, draw, epochs=2, labels=7, batch_size=8, lr=1e-3)
    assert student["backwards"], "no backward pass reaches the weights"
    check_count(student["steps"], batches)
    shares, lengths = [], []
    for number, (step, batch) in enumerate(zip(student["steps"], batches, strict=True), start=1):
        assert step["grad"] is not None, "the optimizer steps before there is any gradient"
        found, right = step["grad"].flatten(), right_gradient(step["weight"], batch).flatten()
        assert F.cosine_similarity(found, right, dim=0) > 0.999, (
            f"the gradient used in step {number} is not that of the mean cross-entropy of this "
            "batch alone")
        shares.append(float(found @ right / (right @ right)))
        lengths.append(float(found.norm()))
    if not unscaled_or_clipped(shares, lengths):
        award(2 / 3, "the gradients have the right directions, but other lengths than those of the "
              "mean cross-entropy, and are not clipped to one length: what is your loss multiplied "
              "or divided by?")


def unscaled_or_clipped(shares: list[float], lengths: list[float]) -> bool:
    """Whether each gradient has its whole length, or all that have less have the same length."""
    limit = max((length for share, length in zip(shares, lengths, strict=True) if share < 0.99),
                default=math.inf)
    return all((abs(share - 1) < 0.01 and length < 1.01 * limit)
               or (share < 1 and math.isclose(length, limit, rel_tol=0.01))
               for share, length in zip(shares, lengths, strict=True))


@part("q2_train", weight=2)
def test_each_step_moves_the_weights_downhill(both, draw):
    student, batches = trained(both, draw, epochs=2, batches=6, vocabulary=5, lr=1e-5)
    steps = student["steps"]
    assert len(steps) >= len(batches), (
        f"{len(batches)} batches were given, and the optimizer took {len(steps)} steps")
    # A warm-up may begin at a rate of 0.
    assert all(step["lr"] >= 0 for step in steps), "a learning rate is negative"
    moving = [pair for pair in zip(steps, batches, strict=False) if pair[0]["lr"] > 0]
    assert len(moving) > len(batches) // 2, "most steps have a learning rate of 0"
    for step, _ in moving:
        assert not torch.equal(step["weight"], step["after"]), "a step leaves the weights unchanged"
    assert_close(steps[0]["weight"], student["given"],
                 "the first step does not start from the model's own weights")
    for before, after in zip(steps, [*steps[1:], {"weight": student["end"]}], strict=True):
        assert torch.equal(before["after"], after["weight"]), (
            "something else than the optimizer's steps changes the weights")
    first, batch = steps[0], batches[0]
    downhill = (first["after"] - first["weight"]) * right_gradient(first["weight"], batch)
    # After a step at a rate of 0, the next one also goes where that one would have gone.
    assert first["lr"] == 0 or downhill.sum() < 0, "the first update does not go down the gradient"
    check_directions(steps)


def check_directions(steps: list[dict]) -> None:
    """Each step goes down the gradient that it was given, or the running mean of those so far."""
    mean = torch.zeros_like(steps[0]["weight"])
    for number, step in enumerate(steps, start=1):
        if step["grad"] is None:
            continue
        mean = 0.9 * mean + 0.1 * step["grad"]
        moved = step["after"] - step["weight"]
        assert step["lr"] == 0 or min((moved * mean).sum(), (moved * step["grad"]).sum()) < 0, (
            f"step {number} goes up the gradient")


# Nobody passes one of them without training on the batches that came.
TRAINS = ("test_gradient_of_each_step", "test_each_step_moves_the_weights_downhill",
          "test_loss_that_is_reported")


@part("q2_train", weight=1, only_with=TRAINS)
def test_training_mode(both, draw):
    student, batches = trained(both, draw, epochs=2, labels=2, batch_size=4, lr=0.05)
    forwards = [forward for forward in student["forwards"] if not forward["measured"]]
    assert len(forwards) >= len(batches), "not every batch goes through the model to be trained on"
    assert all(forward["training"] for forward in forwards), (
        "the model is not in training mode during the step")


@part("q2_train", weight=1)
def test_loss_that_is_reported(both, draw):
    student, batches = trained(both, draw, batches=4, vocabulary=30)
    steps = student["steps"] or [{"weight": student["given"]}] * len(batches)  # nothing moves them
    check_count(steps, batches)
    losses = [float(mean_loss(step["weight"], batch))
              for step, batch in zip(steps, batches, strict=True)]
    assert len(student["losses"]) == student["epochs"], "the epochs do not run to their end"
    sizes = torch.tensor([float(len(batch["labels"])) for batch in batches])
    weighted = (torch.tensor(losses) * sizes).view(student["epochs"], -1)
    means = weighted.sum(dim=1) * student["epochs"] / sizes.sum()
    for loss, expected in zip(student["losses"], means.tolist(), strict=True):
        assert math.isclose(loss, expected, rel_tol=1e-3), (
            "`loss` is not the mean cross-entropy over the sentences of the batch")


@part("q2_train", weight=1, only_with=TRAINS)
def test_one_optimizer(both, draw):
    student, _ = trained(both, draw, epochs=1)
    assert student["steps"], "no optimizer takes a step"
    assert student["optimizers"] == 1, (
        f"{student['optimizers']} different optimizers took the steps: AdamW keeps running means "
        "of the gradients, and a new one forgets them")
    assert student["remembered"] in (None, len(student["steps"])), (
        "the optimizer forgets its running means of the gradients on the way")
