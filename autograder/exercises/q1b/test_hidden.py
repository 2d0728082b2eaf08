"""Hidden tests of q1b. They run in the judge and never import student code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autograder.exercises.q1b import curves, probes, probes_replay, recorded, replay
from autograder.judge.testing import assert_close, part, same

PATCH, PATCHES, PIECES, VOCABULARY = 4, 5, 6, 7  # no two sizes alike
BATCH_SIZE, EPOCHS = 3, 2
STEPS = ["weight", "moved", "gradients"]  # what a test of the steps asks a probe for
LEFT = ["weight", "moved", "gradients", "gradient_left", "buffer", "forwards"]
Draw = Callable[..., Tensor]

# ------------------------------------------------------------------------------- (a) load and split

EXAMPLES, SHARE, OTHER_SHARE = 40, 0.3, 0.1


@pytest.fixture
def split(both, draw) -> tuple[list[str], list[list[list[str]]]]:
    """All captions in the order of the files, and those of both parts for each of four calls.

    Two calls have one seed, the third another, the fourth another share.
    """
    names = [f"creature {index} of {number:.3f}" for index, number in enumerate(draw(EXAMPLES))]
    one, other = (int(number) for number in draw(2).abs() * 1000)
    calls = [(SHARE, one), (SHARE, one), (SHARE, one + other + 1), (OTHER_SHARE, one)]
    student, _ = both(probes.splits, captions=names, calls=calls)
    assert all(len(parts) == 2 for parts in student), (
        "`load_splits` should return two things, training data and validation data")
    return names, student


@part("q1b_split", weight=1)
def test_sizes(split):
    _, calls = split
    for (train, valid), share in ((calls[0], SHARE), (calls[3], OTHER_SHARE)):
        assert abs(len(valid) - share * EXAMPLES) <= 1, (
            f"with valid_share={share}, {len(valid)} of {EXAMPLES} examples are kept for "
            "validation")
        assert abs(len(train) - (1 - share) * EXAMPLES) <= 1, (
            f"with valid_share={share}, {len(train)} of {EXAMPLES} examples are left for training")


@part("q1b_split", weight=2)
def test_every_example_is_in_one_part(split):
    names, calls = split
    for train, valid in calls:
        shared = set(train) & set(valid)
        assert not shared, (
            f"{len(shared)} examples are in both parts: the model is validated on what it has seen")
        assert sorted(train + valid) == sorted(names), (
            "together, the two parts do not hold each example of the data set once")


@part("q1b_split", weight=1)
def test_chance_with_a_seed(split):
    names, (first, again, other, _) = split
    assert first == again, "the same seed gives another split when it is asked again"
    assert set(first[1]) != set(other[1]), "another seed gives the same split"
    for _, valid in (first, other):
        start = min(map(names.index, valid), default=0)
        assert set(valid) != set(names[start:start + len(valid)]), (
            "the validation data is one block of the files as they lie there, not drawn at random")


# -------------------------------------------------------------------------------- a small captioner


def run_inputs(draw: Draw, train: int = 7, valid: int = 10) -> dict[str, Any]:
    """A model, and examples that fill some batches of three and one of a single example.

    Losses are far apart; gradients are so small that clipping them to a norm of 1 changes nothing.
    """
    return {"weight": 5 * draw(PATCH, PIECES, VOCABULARY), "train": examples(draw, train),
            "valid": examples(draw, valid), "batch_size": BATCH_SIZE, "lr": 2.0}


def examples(draw: Draw, count: int) -> dict[str, Tensor]:
    """Some examples, with padding among patches and labels."""
    patches = 0.3 * draw(count, PATCHES, PATCH)
    kept = draw(count, PATCHES).argmax(dim=1, keepdim=True) % (PATCHES - 1) + 1
    pieces = draw(count, PIECES).argmax(dim=1, keepdim=True) % (PIECES - 1) + 1
    labels = draw(count, PIECES, VOCABULARY).argmax(dim=2)
    return {"flattened_patches": patches,
            "attention_mask": (torch.arange(PATCHES) < kept).float(),
            "labels": labels.masked_fill(torch.arange(PIECES) >= pieces, -100)}


def firsts(data: dict[str, Tensor]) -> set[float]:
    """The first number of each batch, by which a forward pass tells which batch it saw."""
    return {float(patches.flatten()[0]) for patches in data["flattened_patches"][::BATCH_SIZE]}


def forwards_on(answer: dict, data: dict[str, Tensor]) -> list[dict]:
    return [forward for forward in answer["forwards"] if forward["first"] in firsts(data)]


def passes(student: dict, reference: dict, data: dict[str, Tensor], says: str) -> list[dict]:
    """The student's passes of this data through the model; fails with `says` without any.

    The first comes before any step: what it saw of data and weights is what the reference saw.
    """
    found, right = forwards_on(student, data), forwards_on(reference, data)
    assert found and math.isclose(found[0]["seen"], right[0]["seen"], rel_tol=1e-4), says
    return found


def number(loss: Any) -> float:
    """What somebody returned as a loss, as a float; NaN where it is no single number."""
    if isinstance(loss, (Tensor, np.ndarray)):
        return float(loss) if math.prod(loss.shape) == 1 else math.nan
    return float(loss) if isinstance(loss, (int, float)) else math.nan


# Tests that nobody passes without passing data through the model.
TRAINS = ("test_one_step", "test_training_mode", "test_training_on_the_device",
          "test_training_loss_is_the_mean_over_examples")
VALIDATES = ("test_validation_changes_nothing", "test_validation_without_gradient",
             "test_validation_in_evaluation_mode", "test_validation_on_the_device",
             "test_validation_loss_is_the_mean_over_examples")


def check_plain(losses: list[Any], name: str) -> None:
    for loss in losses:
        assert not isinstance(loss, Tensor), (
            f"`{name}` returns a tensor, where a float was asked for: a loss that stays a tensor "
            "can hold on to everything it was computed from")
        assert math.isfinite(number(loss)), f"`{name}` does not return a finite number"


def check_losses(losses: list[Any], right: list[float], says: str) -> None:
    assert len(losses) == len(right), f"{len(losses)} losses came back, expected {len(right)}"
    for loss, expected in zip(losses, right, strict=True):
        assert math.isclose(number(loss), expected, rel_tol=1e-4), says


# ---------------------------------------------------------------------------- (b) the training step


@part("q1b_train", weight=3)
def test_one_step(both, draw):
    inputs = run_inputs(draw, train=BATCH_SIZE)
    student, reference = both(probes.training, keep=STEPS, **inputs, epochs=1)
    assert student["moved"], (
        "after an epoch of one batch the weights are what they were")
    assert_close(student["weight"], reference["weight"],
                 "after a single batch the weights are not what one step of the optimizer, on the "
                 "gradient of this batch's loss, makes of them")


@part("q1b_train", weight=3)
def test_an_epoch_of_steps(both, draw):
    student, reference = both(probes.training, keep=STEPS, **run_inputs(draw), epochs=EPOCHS)
    steps, wanted = student["gradients"], reference["gradients"]
    assert len(steps) == len(wanted), (
        f"{len(wanted)} batches came, and the optimizer took {len(steps)} steps")
    for count, (gradient, right) in enumerate(zip(steps, wanted, strict=True), start=1):
        assert_close(gradient, right, f"the gradient that step {count} uses is not that of the "
                     "mean loss of its own batch alone")
    assert_close(student["weight"], reference["weight"], "the weights after two epochs differ")


@part("q1b_train", weight=1)
def test_training_mode(both, draw):
    inputs = run_inputs(draw)
    student, reference = both(probes.training, keep=["forwards"], **inputs, epochs=1)
    forwards = passes(student, reference, inputs["train"],
                      "the training data does not reach the model as it came")
    assert all(forward["training"] for forward in forwards), (
        "the model came in evaluation mode, as `from_pretrained` leaves it, and `train_epoch` did "
        "not put it into training mode: dropout is off")


@part("q1b_train", weight=1)
def test_training_on_the_device(both, draw):
    inputs = run_inputs(draw)
    student, reference = both(probes.training, keep=["forwards"], **inputs, epochs=1)
    passes(student, reference, inputs["train"], "the data does not reach the model as it came")
    assert not any(forward["elsewhere"] for forward in student["forwards"]), (
        "not all tensors of a batch are moved to `self.device` before the model gets them")


@part("q1b_train", weight=1.5)
def test_training_loss_is_the_mean_over_examples(both, draw):
    student, reference = both(probes.training, keep=["losses"], **run_inputs(draw), epochs=EPOCHS)
    check_losses(student["losses"], reference["losses"],
                 "`train_epoch` does not return the mean loss over the examples of the epoch, the "
                 "smaller last batch counted by its size")


@part("q1b_train", weight=0.5, only_with=TRAINS)
def test_training_loss_is_a_number(both, draw):
    student, _ = both(probes.training, keep=["losses"], **run_inputs(draw), epochs=1)
    check_plain(student["losses"], "train_epoch")


@part("q1b_train", together="`train_epoch` must do the whole training epoch when it is called by "
      "itself, and return the epoch's loss. Yours trains rightly only inside your own `train`, "
      "which costs a quarter of this part")
def test_training_together(both, draw):
    inputs = run_inputs(draw)
    student, reference = both(probes.together, keep=["weight", "train_losses", "forwards"],
                              **inputs, epochs=EPOCHS)
    assert_close(student["weight"], reference["weight"], "the weights differ")
    check_losses(student["train_losses"], reference["train_losses"], "the losses differ")
    check_plain(student["train_losses"], "train")
    forwards = forwards_on(student, inputs["train"])
    assert forwards and all(one["training"] and not one["elsewhere"] for one in forwards), (
        "mode or device")


# -------------------------------------------------------------------------- (c) the validation step


@part("q1b_valid", weight=1)
def test_validation_changes_nothing(both, draw):
    inputs = run_inputs(draw)
    student, reference = both(probes.validation, keep=LEFT, **inputs)
    passes(student, reference, inputs["valid"],
           "the validation data does not reach the model as it came")
    assert not student["gradients"], "the optimizer takes a step during validation"
    assert not student["moved"], "the weights change during validation"
    assert not student["gradient_left"], "validation leaves a gradient behind"
    assert_close(student["buffer"], reference["buffer"],
                 "something that the model counts in training mode changes during validation")


def validation_forwards(both, draw):
    """The student's passes through the model while it validates; there are some."""
    inputs = run_inputs(draw)
    student, reference = both(probes.validation, keep=["forwards"], **inputs)
    return passes(student, reference, inputs["valid"],
                  "the validation data does not reach the model as it came")


@part("q1b_valid", weight=1)
def test_validation_without_gradient(both, draw):
    assert not any(forward["gradient"] for forward in validation_forwards(both, draw)), (
        "during validation the model still records what a gradient would need")


@part("q1b_valid", weight=1)
def test_validation_in_evaluation_mode(both, draw):
    assert not any(forward["training"] for forward in validation_forwards(both, draw)), (
        "the model is in training mode during validation, where dropout changes what is measured")


@part("q1b_valid", weight=0.5)
def test_back_in_training_mode(both, draw):
    inputs = run_inputs(draw)
    student, reference = both(probes.validation, keep=["training", "forwards"], **inputs)
    passes(student, reference, inputs["valid"], "the data does not reach the model as it came")
    assert student["training"], "after validation the model is left in evaluation mode"


@part("q1b_valid", weight=0.5)
def test_validation_on_the_device(both, draw):
    inputs = run_inputs(draw)
    student, reference = both(probes.validation, keep=["forwards"], **inputs)
    passes(student, reference, inputs["valid"], "the data does not reach the model as it came")
    assert not any(forward["elsewhere"] for forward in student["forwards"]), (
        "not all tensors of a validation batch are moved to `self.device`")


@part("q1b_valid", weight=1.5)
def test_validation_loss_is_the_mean_over_examples(both, draw):
    student, reference = both(probes.validation, keep=["losses"], **run_inputs(draw))
    check_losses(student["losses"], reference["losses"],
                 "`valid_epoch` does not return the mean loss over the validation examples, the "
                 "smaller last batch counted by its size")
    check_plain(student["losses"], "valid_epoch")


@part("q1b_valid", weight=0.5, only_with=VALIDATES)
def test_validation_loss_is_kept(both, draw):
    inputs = {**run_inputs(draw), "lr": 0.0}  # the weights stay, whatever else is wrong
    student, _ = both(probes.validation_kept, **inputs, training_loss=100.0)
    check_losses(student["kept"], [number(student["returned"])],
                 "after an epoch, `valid_losses` does not hold what `valid_epoch` returns")


@part("q1b_valid", together="`valid_epoch` must do the whole validation when it is called by "
      "itself, and return its loss. Yours validates rightly only inside your own `train`, which "
      "costs a quarter of this part")
def test_validation_together(both, draw):
    inputs = {**run_inputs(draw), "lr": 0.0}  # the weights stay, whatever the training is like
    student, reference = both(probes.together, keep=["valid_losses", "forwards", "training"],
                              **inputs, epochs=EPOCHS)
    check_losses(student["valid_losses"], reference["valid_losses"], "the losses differ")
    check_plain(student["valid_losses"], "train")
    forwards = forwards_on(student, inputs["valid"])
    assert forwards and not any(one["elsewhere"] or one["training"] or one["gradient"]
                                for one in forwards), "mode, gradients or device"
    assert student["training"], "left in evaluation mode"


# ---------------------------------------------------------------------------------- (d) both curves


# What is reported is not seen to be made: what does not fit is a person's case, and costs nothing.

TRAIN_FIRST = ("run the cell that trains, then the one that draws the curves, and save the "
               "notebook with its outputs")


@part("q1b_plot", weight=2)
def test_losses_are_recorded(work, award, flag):
    losses = recorded.losses(work.notebook)
    assert losses.train, f"the notebook holds no losses of a training: {TRAIN_FIRST}"
    for oddity in losses.oddities():
        flag(f"(d): {oddity}")
    assert losses.finite, "a recorded loss is not a finite number: look at (b) and (c) again"
    award(min(len(losses.train), 2) / 2,
          "only one epoch is recorded: two make a curve, so train for more")


@part("q1b_plot", weight=2)
def test_training_loss_falls(work):
    losses = recorded.losses(work.notebook)
    assert losses.train, f"the notebook holds no losses of a training: {TRAIN_FIRST}"
    assert losses.finite, "a recorded loss is not a finite number: look at (b) and (c) again"
    assert len(losses.train) > 1, "only one epoch is recorded, in which no loss can fall"
    assert losses.train[-1] < losses.train[0], (
        f"the training loss does not fall: it goes from {losses.train[0]:.4g} to "
        f"{losses.train[-1]:.4g}. Try a smaller learning rate, and look at (b) again")


@part("q1b_plot", weight=2)
def test_the_figure_is_there(work, flag):
    found = curves.figures(work.notebook)
    told = [training.losses for training in recorded.trainings(work.notebook)]
    if oddity := curves.oddity(found, told, work.code):
        flag(f"(d): {oddity}")
    assert found, f"no figure of the curves is in the notebook: {TRAIN_FIRST}"


@part("q1b_plot", weight=0)
def test_the_losses_have_a_form(work, flag):
    for training in recorded.trainings(work.notebook)[-1:]:
        for oddity in recorded.form(training, work.notebook, work.code):
            flag(f"(d): {oddity}")


@part("q1b_plot", weight=0)
def test_the_losses_are_of_this_code(both, draw, work, flag):
    """By small data: is there code that trains? By the first steps: is it this run's?"""
    training = next(reversed(recorded.trainings(work.notebook)), None)
    if training is None:
        return

    def is_right(probe: Callable[..., Any], **inputs: Any) -> bool:
        student = both.student(probe, seconds=replay.SECONDS, **inputs)
        if oddity := replay.cannot(probe.__name__, student):
            flag(f"(d): {oddity}")
        return student.failure is None and same(
            student.value, both.reference(probe, **inputs).value)

    inputs = run_inputs(draw)
    trains = is_right(probes.training, keep=["losses", *STEPS], **inputs, epochs=1)
    validates = is_right(probes.validation, keep=["losses"], **inputs)
    if trains and (oddity := recorded.first_epoch(training)):
        flag(f"(d): {oddity}")
    here = replay.run_of(both.reference(probes_replay.first_steps, cells=replay.given_cells(),
                                          count=replay.FEW)) if training.run else None
    if training.run is None or here is None or here.weights != training.run.weights:
        return  # these weights are not at hand
    # What is right to the split begins as the reference does, whose steps are taken once a batch.
    if trains and validates and not any(replay.differences(training.run, here)) and is_right(
            probes.splits, captions=list("abcdefghijklmnop"), calls=[(0.25, 1)]):
        return
    again = both.student(probes_replay.first_steps, seconds=replay.SECONDS, count=replay.FEW,
                         cells=replay.own_cells(work.notebook, training))
    if oddity := replay.oddity(training.run, again):
        flag(f"(d): {oddity}")
