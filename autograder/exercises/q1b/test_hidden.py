"""Hidden tests of q1b. They run in the judge and never import student code."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from autograder.testing import Draw, Whole, assert_close, part, same

from . import curves, probes, probes_replay, recorded, replay
from .domain import DATA, RUNS, SPLITS

STEPS = ["weight", "moved", "gradients"]  # what a test of the steps asks a probe for
LEFT = ["weight", "moved", "gradients", "gradient_left", "buffer", "forwards"]

# ------------------------------------------------------------------------------- (a) load and split

APART = 322_560_000  # between two seeds: equal modulo 10, 16, 100, 1000, 1024 and many others


def captions(draw: Draw, count: int) -> list[str]:
    """In the order of the files, which is not that of the alphabet."""
    return [f"{number:.3f} is the number of creature {index}"
            for index, number in enumerate(draw(count).abs())]


def ask_splits(both: Any, names: list[str], calls: list[tuple[int, int]]
               ) -> list[list[list[str]]]:
    """The captions of both parts for each call with so many percent and that seed."""
    student, _ = both(probes.splits, captions=names,
                      calls=[(percent / 100, seed) for percent, seed in calls])
    assert all(len(parts) == 2 for parts in student), (
        "`load_splits` should return two things, training data and validation data")
    return student


def regular(chosen: set[str], names: list[str]) -> bool:
    """Whether those that are chosen follow a rule: a block, every fifth, two of each ten.

    Shifted by the length of its period a rule falls on itself, but for its ends; or its places lie
    evenly apart. Of a third to a half that is drawn of 60, one in 10^7 does so.
    """
    kept = [name in chosen for name in names]
    places = [place for place, one in enumerate(kept) if one]
    even = len(kept) // max(len(places), 1)
    uneven = sum(after - before not in (even, even + 1) for before, after in pairwise(places))
    return uneven <= 1 or any(
        sum(one != other for one, other in zip(kept, kept[shift:], strict=False)) <= 2
        for shift in range(1, len(kept) // 4 + 1))


@part("q1b_split", weight=1)
def test_sizes(both, draw):
    edges = SPLITS.ranges["percent"].edges
    cases = [SPLITS.draw(draw), SPLITS.draw(draw),
             *(SPLITS.draw(draw, percent=percent) for percent in edges)]
    count, shares = cases[0].examples, [case.percent for case in cases]
    found = ask_splits(both, captions(draw, count), [(case.percent, case.seed) for case in cases])
    for (train, valid), percent in zip(found, shares, strict=True):
        share = percent / 100
        assert abs(len(valid) - share * count) <= 1, (
            f"with valid_share={share}, {len(valid)} of {count} examples are kept for "
            "validation")
        assert abs(len(train) - (1 - share) * count) <= 1, (
            f"with valid_share={share}, {len(train)} of {count} examples are left for training")


@part("q1b_split", weight=2)
def test_every_example_is_in_one_part(both, draw):
    last, most = SPLITS.ranges["seed"].edges[-1], SPLITS.ranges["percent"].edges[-1]
    cases = [SPLITS.draw(draw, examples=20, percent=most), SPLITS.draw(draw, seed=last),
             SPLITS.draw(draw)]
    names = captions(draw, cases[0].examples)
    for train, valid in ask_splits(both, names, [(case.percent, case.seed) for case in cases]):
        shared = set(train) & set(valid)
        assert not shared, (
            f"{len(shared)} examples are in both parts: the model is validated on what it has seen")
        assert sorted(train + valid) == sorted(names), (
            "together, the two parts do not hold each example of the data set once")


@part("q1b_split", weight=1)
def test_chance_with_a_seed(both, draw):
    case = SPLITS.draw(draw, examples=60, percent=draw.whole(35, 50), seed=0)
    names, seed = captions(draw, case.examples), draw.whole(1, 2**30)
    first, again, *others = ask_splits(both, names, [
        (case.percent, each) for each in (case.seed, case.seed, seed, seed + APART)])
    assert first == again, "the same seed gives another split when it is asked again"
    chosen = [set(valid) for _, valid in (first, *others)]
    assert all(chosen.count(one) == 1 for one in chosen), "another seed gives the same split"
    assert not any(regular(one, order) for one in chosen for order in (names, sorted(names))), (
        "the validation data follows a rule, such as one block or each fifth of the files as they "
        "lie there: it is not drawn at random")


# -------------------------------------------------------------------------------- a small captioner


@dataclass(frozen=True)
class Loaded:
    """The examples of one loader, and its batches' size."""

    examples: dict[str, Tensor]
    batch_size: int

    @property
    def count(self) -> int:
        return len(self.examples["labels"])

    @property
    def firsts(self) -> set[float]:
        """The first number of each batch, by which a forward pass tells which batch it saw."""
        patches = self.examples["flattened_patches"][:: self.batch_size]
        return {float(batch.flatten()[0]) for batch in patches}


@dataclass(frozen=True)
class Run:
    """A drawn model with its data, `train` and `valid`; `inputs` are what probes are given."""

    train: Loaded
    valid: Loaded
    epochs: int
    inputs: dict[str, Any]


def drawn_run(draw: Draw, train: dict | None = None, valid: dict | None = None, **fixed: Any
              ) -> Run:
    """A run within the domains; `train` and `valid` fix what is fixed of their data.

    The numbers of their examples differ and the sizes of their batches, so that not both may be
    fixed whole.
    """
    case = RUNS.draw(draw, **fixed)
    trains, valids = (loaded(draw, case, **(fixed or {})) for fixed in (train, valid))
    while trains.count == valids.count or trains.batch_size == valids.batch_size:
        trains, valids = (loaded(draw, case, **(fixed or {})) for fixed in (train, valid))
    weight = 5 * draw(case.patch, case.pieces, case.vocabulary)  # losses are far apart
    return Run(trains, valids, case.epochs, {
        "weight": weight, "train": trains.examples, "valid": valids.examples,
        "batch_sizes": [trains.batch_size, valids.batch_size],
        "lr": draw.whole(5, 25) / 10, "momentum": case.momentum})


def loaded(draw: Draw, case: Any, **fixed: Any) -> Loaded:
    """Some batches of examples.

    Patches are so short that clipping gradients to a norm of 1 changes nothing.
    """
    data = DATA.draw(draw, **fixed)
    count = (data.batches - 1) * data.batch_size + min(data.last, data.batch_size)
    labels = draw(count, case.pieces, case.vocabulary).argmax(dim=2)
    written = kept(draw, data.padding, count, case.pieces)
    return Loaded({
        "flattened_patches": 0.6 * normalize(draw(count, case.patches, case.patch), dim=2),
        "attention_mask": kept(draw, data.padding, count, case.patches).float(),
        "labels": labels.masked_fill(~written, -100)}, data.batch_size)


def kept(draw: Draw, padding: str, count: int, length: int) -> Tensor:
    """Which places of so many rows are no padding, [count, length]: the first ones, and one at
    least; with "some" one of the first two rows has padding, where there is room, and one none."""
    most = {"none": length, "most": 1, "some": 0}[padding]
    lengths = [most or draw.whole(1, length) for _ in range(count)]
    if padding == "some":
        lengths[:2] = draw.several([draw.whole(1, max(length - 1, 1)), length], min(count, 2))
    return torch.arange(length) < torch.tensor(lengths)[:, None]


def forwards_on(answer: dict, data: Loaded) -> list[dict]:
    return [forward for forward in answer["forwards"] if forward["first"] in data.firsts]


def passes(student: dict, reference: dict, data: Loaded, says: str) -> list[dict]:
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


def last_batches(draw: Draw) -> list[tuple[dict[str, Any], int]]:
    """Data whose last batch has one example, two, or as many as the others; and some epochs.

    Whatever constants somebody takes for the sizes, they stand in another proportion in one case.
    """
    edges = zip(draw.several([1, 2, 5]), [5, draw.whole(2, 5), draw.whole(2, 5)],
                ["some", "most", "none"], strict=True)
    data = [{"batch_size": draw.whole(3, 5), "last": last, "batches": batches, "padding": padding}
            for last, batches, padding in edges]
    return list(zip(data, draw.several([1, 2, draw.whole(1, 2)]), strict=True))


def telling_run(draw: Draw, last: int = 1) -> Run:
    """A run in which wrong code shows: it has several batches, of several examples, and padding.

    It is for tests whose answer decides by itself. After a single batch, gradients that were never
    cleared are still the right ones; where all batches are full, so is every mean of their losses.
    `last` examples are in the last batch, as many as fit.
    """
    some = {"batch_size": Whole(2, 5), "last": last, "padding": "some"}
    return drawn_run(draw, patches=Whole(3, 6), pieces=Whole(3, 6), vocabulary=Whole(4, 9),
                     momentum=0.9, train={"batches": Whole(3, 5), **some},
                     valid={"batches": Whole(2, 5), **some})


def check_losses(losses: list[Any], right: list[float], says: str) -> None:
    assert len(losses) == len(right), f"{len(losses)} losses came back, expected {len(right)}"
    for loss, expected in zip(losses, right, strict=True):
        assert math.isclose(number(loss), expected, rel_tol=1e-4), says


# ---------------------------------------------------------------------------- (b) the training step


@part("q1b_train", weight=3)
def test_one_step(both, draw):
    run = drawn_run(draw, patches=draw.whole(2, 6), pieces=draw.whole(2, 6), train={
        "batches": 1, "batch_size": draw.whole(2, 5), "last": 5, "padding": "some"})
    student, reference = both(probes.training, keep=STEPS, **run.inputs, epochs=1)
    assert student["moved"], (
        "after an epoch of one batch the weights are what they were")
    assert_close(student["weight"], reference["weight"],
                 "after a single batch the weights are not what one step of the optimizer, on the "
                 "gradient of this batch's loss, makes of them")


@part("q1b_train", weight=3)
def test_an_epoch_of_steps(both, draw):
    run = drawn_run(draw, patches=draw.whole(2, 6), momentum=0.9, train={
        "batches": draw.whole(3, 5), "last": 1, "padding": "most"})
    student, reference = both(probes.training, keep=STEPS, **run.inputs, epochs=2)
    steps, wanted = student["gradients"], reference["gradients"]
    assert len(steps) == len(wanted), (
        f"{len(wanted)} batches came, and the optimizer took {len(steps)} steps")
    for count, (gradient, right) in enumerate(zip(steps, wanted, strict=True), start=1):
        assert_close(gradient, right, f"the gradient that step {count} uses is not that of the "
                     "mean loss of its own batch alone")
    assert_close(student["weight"], reference["weight"], "the weights after two epochs differ")


@part("q1b_train", weight=1)
def test_training_mode(both, draw):
    run = drawn_run(draw, train={"batches": Whole(2, 5), "batch_size": 1})
    student, reference = both(probes.training, keep=["forwards"], **run.inputs, epochs=1)
    forwards = passes(student, reference, run.train,
                      "the training data does not reach the model as it came")
    assert all(forward["training"] for forward in forwards), (
        "the model came in evaluation mode, as `from_pretrained` leaves it, and `train_epoch` did "
        "not put it into training mode: dropout is off")


@part("q1b_train", weight=1)
def test_training_on_the_device(both, draw):
    run = drawn_run(draw, patch=2, patches=1, pieces=1, vocabulary=2, epochs=1, momentum=0.0,
                    train={"batches": Whole(2, 5)})  # where the last is lost, one is left
    student, reference = both(probes.training, keep=["forwards"], **run.inputs, epochs=run.epochs)
    passes(student, reference, run.train, "the data does not reach the model as it came")
    assert not any(forward["elsewhere"] for forward in student["forwards"]), (
        "not all tensors of a batch are moved to `self.device` before the model gets them")


@part("q1b_train", weight=1.5)
def test_training_loss_is_the_mean_over_examples(both, draw):
    for data, epochs in last_batches(draw):
        run = drawn_run(draw, patches=draw.whole(2, 6), pieces=draw.whole(4, 6), train=data)
        student, reference = both(probes.training, keep=["losses"], **run.inputs, epochs=epochs)
        check_losses(student["losses"], reference["losses"],
                     "`train_epoch` does not return the mean loss over the examples of the epoch, "
                     "the smaller last batch counted by its size")


@part("q1b_train", weight=0.5, only_with=TRAINS)
def test_training_loss_is_a_number(both, draw):
    run = drawn_run(draw, patch=5, patches=6, pieces=6, vocabulary=9, epochs=3, train={
        "batches": 5, "batch_size": 5, "padding": "none"})
    student, _ = both(probes.training, keep=["losses"], **run.inputs, epochs=run.epochs)
    check_plain(student["losses"], "train_epoch")


@part("q1b_train", together="`train_epoch` must do the whole training epoch when it is called by "
      "itself, and return the epoch's loss. Yours trains rightly only inside your own `train`, "
      "which costs a quarter of this part")
def test_training_together(both, draw):
    for run in (telling_run(draw), telling_run(draw, last=5)):
        student, reference = both(probes.together, keep=["weight", "train_losses", "forwards"],
                                  **run.inputs, epochs=run.epochs)
        assert_close(student["weight"], reference["weight"], "the weights differ")
        check_losses(student["train_losses"], reference["train_losses"], "the losses differ")
        check_plain(student["train_losses"], "train")
        forwards = forwards_on(student, run.train)
        assert forwards and all(one["training"] and not one["elsewhere"] for one in forwards), (
            "mode or device")


# -------------------------------------------------------------------------- (c) the validation step


@part("q1b_valid", weight=1)
def test_validation_changes_nothing(both, draw):
    run = drawn_run(draw, patches=6, pieces=6, valid={"padding": "none"})
    student, reference = both(probes.validation, keep=LEFT, **run.inputs)
    passes(student, reference, run.valid,
           "the validation data does not reach the model as it came")
    assert not student["gradients"], "the optimizer takes a step during validation"
    assert not student["moved"], "the weights change during validation"
    assert not student["gradient_left"], "validation leaves a gradient behind"
    assert_close(student["buffer"], reference["buffer"],
                 "something that the model counts in training mode changes during validation")


def validation_forwards(both, draw):
    """The student's passes through the model while it validates; there are some."""
    run = drawn_run(draw, valid={"batch_size": 1})
    student, reference = both(probes.validation, keep=["forwards"], **run.inputs)
    return passes(student, reference, run.valid,
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
    run = drawn_run(draw, valid={"batches": 1})
    student, reference = both(probes.validation, keep=["training", "forwards"], **run.inputs)
    passes(student, reference, run.valid, "the data does not reach the model as it came")
    assert student["training"], "after validation the model is left in evaluation mode"


@part("q1b_valid", weight=0.5)
def test_validation_on_the_device(both, draw):
    run = drawn_run(draw, patches=1, pieces=1, vocabulary=2)
    student, reference = both(probes.validation, keep=["forwards"], **run.inputs)
    passes(student, reference, run.valid, "the data does not reach the model as it came")
    assert not any(forward["elsewhere"] for forward in student["forwards"]), (
        "not all tensors of a validation batch are moved to `self.device`")


@part("q1b_valid", weight=1.5)
def test_validation_loss_is_the_mean_over_examples(both, draw):
    for data, _ in last_batches(draw):
        run = drawn_run(draw, patches=draw.whole(2, 6), pieces=draw.whole(2, 6), valid=data)
        student, reference = both(probes.validation, keep=["losses"], **run.inputs)
        check_losses(student["losses"], reference["losses"],
                     "`valid_epoch` does not return the mean loss over the validation examples, "
                     "the smaller last batch counted by its size")
        check_plain(student["losses"], "valid_epoch")


@part("q1b_valid", weight=0.5, only_with=VALIDATES)
def test_validation_loss_is_kept(both, draw):
    run = drawn_run(draw, patch=5, vocabulary=9, valid={"batches": 5, "batch_size": 5})
    inputs = {**run.inputs, "lr": 0.0}  # the weights stay, whatever else is wrong
    student, _ = both(probes.validation_kept, **inputs, training_loss=float(draw.whole(50, 150)),
                      epochs=run.epochs)
    check_losses(student["kept"], [number(student["returned"])] * run.epochs,
                 "after an epoch, `valid_losses` does not hold what `valid_epoch` returns")


@part("q1b_valid", together="`valid_epoch` must do the whole validation when it is called by "
      "itself, and return its loss. Yours validates rightly only inside your own `train`, which "
      "costs a quarter of this part")
def test_validation_together(both, draw):
    for run in (telling_run(draw), telling_run(draw, last=5)):
        inputs = {**run.inputs, "lr": 0.0}  # the weights stay, whatever the training is like
        student, reference = both(probes.together, keep=["valid_losses", "forwards", "training"],
                                  **inputs, epochs=run.epochs)
        check_losses(student["valid_losses"], reference["valid_losses"], "the losses differ")
        check_plain(student["valid_losses"], "train")
        forwards = forwards_on(student, run.valid)
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

    inputs = telling_run(draw).inputs
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
