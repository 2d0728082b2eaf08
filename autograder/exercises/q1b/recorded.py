"""What a notebook came back with: the losses that training printed, and the curves' figure."""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

LINE = re.compile(r"epoch (?P<epoch>\d{1,6}): training loss (?P<train>\S{1,40}), "
                  r"validation loss (?P<valid>\S{1,40})")
NUMBER = r"[^\s,;]{1,20}"
RUN = re.compile(  # what FirstBatches of the notebook says
    r"run of (?P<begun>[\d: -]{19}) on (?P<device>\w{1,20}): weights (?P<weights>[0-9a-f]{8}); "
    rf"loss of the first batch without dropout (?P<without_dropout>{NUMBER}); "
    r"first \d{1,2} of (?P<epoch_batches>\d{1,6}) batches "
    rf"(?P<batches>[0-9a-f]{{4}} {NUMBER}(?:, [0-9a-f]{{4}} {NUMBER}){{0,19}})?")
PRINTED = re.compile(f"{LINE.pattern}|(?P<run>{RUN.pattern})")
FOUR_DECIMALS = re.compile(r"\d+\.\d{4}|nan|inf")
GIVEN_FORMAT = "{self.train_losses[-1]:.4f}"  # in the given code that prints a loss
GIVEN_RECORD = "bar.write(first.tell())"  # likewise, a run
ASKED_EPOCHS = re.compile(r"(?:epochs?\s*[=:]\s*|\.train\(\s*)(\d{1,6})", re.IGNORECASE)
GUESSING = math.log(50_244)  # nats: what a guess among the pieces of Pix2Struct costs
SLACK = 0.02  # of the first epoch's loss: batches are not all of one size
DRAWS_LOSSES = re.compile(r"\bplot\(")  # `trainer.plot()`, or a plot of one's own
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Losses:
    """Mean losses of the last training, one an epoch."""

    train: tuple[float, ...] = ()
    valid: tuple[float, ...] = ()

    @property
    def finite(self) -> bool:
        return all(map(math.isfinite, self.train + self.valid))

    def oddities(self) -> Iterator[str]:
        """What no training shows as a rule, and a person should look at."""
        if self.train == self.valid:
            yield "training and validation losses are identical"
        for name, losses in (("training", self.train), ("validation", self.valid)):
            if len(losses) > 1 and len(set(losses)) == 1:
                yield f"the {name} loss is the same in every epoch"
            elif _by_formula(losses):
                yield (f"the {name} loss changes by the same amount, or in the same proportion, "
                       "from each epoch to the next")
            if any(loss <= 0 for loss in losses):
                yield f"a {name} loss is zero or below"
        if len(self.valid) > 1 and self.valid[-1] > self.valid[0]:
            yield "the validation loss rises from the first to the last epoch"
        if len(self.train) > 2 and self.train != self.valid and _even(
                [one - other for one, other in zip(self.train, self.valid, strict=True)]):
            yield "the validation loss is the training loss moved by one and the same amount"


@dataclass(frozen=True)
class Run:
    """What a training began with, as the notebook's `FirstBatches` printed it.

    `batches` are the first of `epoch_batches`: four digits of a hash of its labels, and its loss.
    """

    begun: str
    device: str
    weights: str
    without_dropout: float
    epoch_batches: int
    batches: tuple[tuple[str, float], ...]

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which the epoch's mean loss lies, if the batches that are not told are alike:
        none above the highest, their mean not under a quarter of the lowest."""
        told = [loss for _, loss in self.batches]
        rest = max(self.epoch_batches - len(told), 0)
        return ((sum(told) + rest * min(told) / 4) / (len(told) + rest),
                (sum(told) + rest * max(told)) / (len(told) + rest))


@dataclass
class Training:
    """One training that a notebook tells of: what it printed, and in which cell it began."""

    cell: int
    rows: list[tuple[int, str, str]] = field(default_factory=list)  # epoch and losses, as printed
    run: Run | None = None

    @property
    def losses(self) -> Losses:
        return Losses(tuple(_number(train) for _, train, _ in self.rows),
                      tuple(_number(valid) for _, _, valid in self.rows))


def trainings(notebook: NotebookNode) -> list[Training]:
    """All trainings that cells of the notebook printed, in their order."""
    found: list[Training] = []
    for number, cell in enumerate(notebook.cells):
        for printed in PRINTED.finditer(_printed(cell)):
            if printed["run"]:
                if found and found[-1].run is None:
                    found[-1].run = _run(printed)
                continue
            if not found or int(printed["epoch"]) == 1:
                found.append(Training(number))
            found[-1].rows.append((int(printed["epoch"]), printed["train"], printed["valid"]))
    return found


def losses(notebook: NotebookNode) -> Losses:
    """The losses of the last training that some cell of the notebook printed; empty if none did."""
    return next((training.losses for training in reversed(trainings(notebook))), Losses())


def run(text: str) -> Run | None:
    """The first run that a text tells of."""
    found = RUN.search(text)
    return _run(found) if found else None


def form(training: Training, notebook: NotebookNode, code: str) -> Iterator[str]:
    """How a training was not printed by the given code with the settings in `code`."""
    epochs = [epoch for epoch, _, _ in training.rows]
    if epochs != list(range(1, len(epochs) + 1)):
        yield "the printed epochs are not numbered 1, 2, 3, ..., as the given code numbers them"
    printed = [loss for _, *both in training.rows for loss in both]
    if GIVEN_FORMAT in code and not all(map(FOUR_DECIMALS.fullmatch, printed)):
        yield "losses do not have the four decimals with which the notebook's code prints them"
    elif len(printed) > 3 and all(math.isclose(100 * one, round(100 * one), abs_tol=1e-6)
                                  for one in map(_number, printed) if math.isfinite(one)):
        yield "all losses are round numbers"
    asked = {int(number) for number in ASKED_EPOCHS.findall(code)} - {0}
    if asked and not _broken_off(notebook.cells[training.cell]) and (
            all(len(epochs) % one for one in asked)):
        yield (f"{len(epochs)} epochs are printed, and nothing in the notebook asks for so many: "
               "were the settings changed after the training?")
    if GIVEN_RECORD in code and training.run is None:
        yield ("the line `run of ...` is missing, which the notebook's `Trainer.train` prints "
               "after the first epoch: ask how these losses came about")


def first_epoch(training: Training) -> str:
    """How the first epoch's loss does not fit its batches'; only where `train_epoch` is right."""
    loss = training.losses.train[0]
    if loss > 3 * GUESSING:
        return (f"the training loss begins at {loss:.4g} nats, where guessing costs "
                f"{GUESSING:.4g}: look at the curves")
    if training.run is None or not training.run.batches:
        return ""
    low, high = training.run.bounds
    if low * (1 - SLACK) <= loss <= high * (1 + SLACK):
        return ""
    return (f"the training loss of the first epoch is printed as {loss:.4g}, which cannot be the "
            f"mean of its batches: their losses, in the line `run of ...`, give {low:.4g} to "
            f"{high:.4g}. Ask how both came about")


def figures(notebook: NotebookNode) -> list[bytes]:
    """The PNG pictures that cells which plot came back with."""
    found = (picture for cell in notebook.cells if DRAWS_LOSSES.search(cell.source)
             for picture in _pictures(cell))
    return [picture for picture in found if picture.startswith(PNG)]


def _run(found: re.Match[str]) -> Run:
    batches = (one.split() for one in (found["batches"] or "").split(", ") if one)
    return Run(found["begun"], found["device"], found["weights"],
               _number(found["without_dropout"]), int(found["epoch_batches"]),
               tuple((digest, _number(loss)) for digest, loss in batches))


def _by_formula(losses: Sequence[float]) -> bool:
    """Whether they fall by the same amount or to the same share each time, to the last digit."""
    if len(losses) < 4 or not all(0 < loss < math.inf for loss in losses):
        return False
    pairs = list(itertools.pairwise(losses))
    ratios = [later / loss for loss, later in pairs]
    return _even([later - loss for loss, later in pairs]) or (
        max(ratios) - min(ratios) <= 2e-4 / min(losses))


def _even(steps: Sequence[float]) -> bool:
    """Whether numbers of four decimals could all be the same."""
    return max(steps) - min(steps) <= 2e-4


def _broken_off(cell: NotebookNode) -> bool:
    return any(output.get("output_type") == "error" for output in cell.get("outputs", []))


def _printed(cell: NotebookNode) -> str:
    return "".join("".join(output.get("text", "")) for output in cell.get("outputs", []))


def _pictures(cell: NotebookNode) -> Iterator[bytes]:
    for output in cell.get("outputs", []):
        text = "".join(output.get("data", {}).get("image/png", ""))
        try:
            yield base64.b64decode(text)
        except (binascii.Error, ValueError):
            continue


def _number(text: str) -> float:
    """A printed number; what is none counts as not finite."""
    try:
        return float(text)
    except ValueError:
        return math.nan
