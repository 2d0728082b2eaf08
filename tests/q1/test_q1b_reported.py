"""q1b (d): what a notebook reports of a training is checked, and what does not fit is flagged.

Forgeries are made of a real run's notebook by edits; none of them loses a point by being flagged.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import math
import random
import re
import struct
import time
import zlib
from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import copy_course
from matplotlib.figure import Figure
from nbformat import NotebookNode
from PIL import Image

from autograder.exercises.q1b import curves, recorded, replay, test_hidden
from autograder.exercises.q1b.record import EXERCISE
from autograder.exercises.q1b.recorded import Losses, Run
from autograder.judge.grading import Grader
from autograder.judge.work import Work
from autograder.release.build import prepare
from autograder.results.flag import Kind, kind_of
from autograder.testing import Draw
from autograder.validate import work

INVENTED = ((4.1022, 3.4113), (2.0512, 1.9031))  # of two epochs, training and validation


# ------------------------------------------------------------------------------- forged notebooks


def real(kind: str = "reference", name: str = "reference") -> Work:
    """The solution, or a change of it, with the outputs of a real run of the solution."""
    return copy.deepcopy(work(EXERCISE, kind, name))  # type: ignore[arg-type]


def cell(of: Work, name: str) -> NotebookNode:
    return next(cell for cell in of.notebook.cells if cell.id == name)


def printed(of: Work) -> str:
    return "".join(cell(of, "training").outputs[0]["text"])


def reprinted(text: str | Callable[[str], str], of: Work | None = None) -> Work:
    """A work whose training has printed this; by itself, or made of what it printed."""
    of = of or real()
    cell(of, "training").outputs[0]["text"] = text if isinstance(text, str) else text(printed(of))
    return of


def redrawn(png: bytes, of: Work | None = None) -> Work:
    of = of or real()
    cell(of, "curves").outputs[0]["data"]["image/png"] = base64.b64encode(png).decode()
    return of


def lines(*epochs: tuple[float, float]) -> str:
    return "".join(f"epoch {number}: training loss {train:.4f}, validation loss {valid:.4f}\n"
                   for number, (train, valid) in enumerate(epochs, start=1))


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def drawn(train: list[float], valid: list[float], dpi: int = 100, tight: bool = False,
          own: Callable[[plt.Axes], None] = lambda axes: None) -> bytes:
    """The figure that the given `Trainer.plot` makes of these losses; `own` changes its style."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes, epochs = figure.subplots(), range(1, len(train) + 1)
    axes.plot(epochs, train, "o-", label="training")
    axes.plot(epochs, valid, "s--", label="validation")
    axes.set(xlabel="epoch", ylabel="mean cross-entropy (nats)", title="Fine-tuning Pix2Struct")
    axes.grid(alpha=0.3)
    axes.legend()
    own(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=dpi, bbox_inches="tight" if tight else None)
    return buffer.getvalue()


def scaled(text: str) -> str:
    """All losses of the epochs a fifth lower, which looks better."""
    return re.sub(r"(loss )(\d\.\d{4})(,|\n)",
                  lambda found: f"{found[1]}{0.8 * float(found[2]):.4f}{found[3]}", text)


def another_run(text: str) -> str:
    """The first batches of another seed."""
    return re.sub(r"(batches|,) [0-9a-f]{4} ", lambda found: f"{found[1]} 0123 ", text)


def edited_batches(text: str) -> str:
    return re.sub(r"(?<=[0-9a-f]{4} )\d+\.\d{4}",
                  lambda found: f"{0.75 * float(found[0]):.4f}", text)


NOISE = np.random.default_rng(1).integers(0, 256, (400, 600, 3), dtype=np.uint8)
BLANK = np.full((400, 600, 3), 255, dtype=np.uint8)
FORMULA = [(4.8 * 0.7 ** epoch, 4.6 * 0.71 ** epoch) for epoch in range(8)]

FORGED: dict[str, tuple[Callable[[], Work], str]] = {  # how, and what a flag says
    "two invented lines, noise": (
        lambda: redrawn(png(NOISE), reprinted(lines(*INVENTED))), "no chart"),
    "two invented lines, the figure of another": (
        lambda: reprinted(lines(*INVENTED)), "curves are not those"),
    "two invented lines, their own figure": (
        lambda: redrawn(drawn(*map(list, zip(*INVENTED, strict=True))),
                        reprinted(lines(*INVENTED))), "nothing in the notebook asks for so many"),
    "no line on the run": (
        lambda: reprinted(lambda text: re.sub(r"run of .*\n", "", text)), "is missing"),
    "a blank figure": (lambda: redrawn(png(BLANK)), "no chart"),
    "a photo": (lambda: redrawn(png(np.sort(NOISE, axis=0))), "no chart"),
    "the figure of other losses": (
        lambda: redrawn(drawn([5.1 - 0.5 * epoch for epoch in range(8)],
                              [4.9 - 0.45 * epoch for epoch in range(8)])), "curves are not those"),
    "edited losses": (lambda: reprinted(scaled), "cannot be the mean of its batches"),
    "edited batches": (lambda: reprinted(edited_batches), "the loss of batch 1"),
    "another seed": (lambda: reprinted(another_run), "holds other examples"),
    "losses by a formula": (lambda: reprinted(lines(*FORMULA)), "in the same proportion"),
    "losses as nobody prints them": (
        lambda: reprinted(lambda text: re.sub(r"(loss \d\.\d)\d{3}", r"\1", text)), "four decimal"),
    "epochs left out": (
        lambda: reprinted(lambda text: re.sub(r"epoch 2: .*\n", "", text)), "not numbered"),
    "nothing written": (
        lambda: Work("q1b", _with_outputs(real("skeleton", "skeleton"), real())),
        "`train_epoch`, as handed in, gives nothing"),
    "code that moves no weight": (
        lambda: real("misconception", "no-step"), "moves no weight"),
    "the run of a friend whose split is another": (
        lambda: real("variant", "random-split"), "holds other examples"),
    "the run of a friend, own code wrong": (
        lambda: real("misconception", "no-zero-grad"), "the loss of batch 3"),
}


def _with_outputs(of: Work, other: Work) -> NotebookNode:
    for name in ("training", "curves"):
        cell(of, name).outputs = cell(other, name).outputs
    return of.notebook


HONEST: dict[str, Callable[[], Work]] = {
    "the run itself": real,
    "another right step": lambda: real("variant", "zero-grad-at-the-end"),
    "tensors moved one by one": lambda: real("variant", "tensors-moved-one-by-one"),
    "before the line on runs was printed": lambda: _old(real()),
    "a figure of one's own": lambda: _own_plot(real()),
    "weights that are not at hand": lambda: reprinted(lambda text: another_run(re.sub(
        r"weights [0-9a-f]{8}", "weights 00000000", text))),
    "training that went on": lambda: reprinted(lambda text: text + "".join(
        f"epoch {epoch}: training loss {0.5 - 0.01 * epoch ** 0.5:.4f}, validation loss "
        f"{0.52 - 0.01 * epoch ** 0.4:.4f}\n" for epoch in range(9, 17))),
}


def _trainer(of: Work) -> NotebookNode:
    return next(cell for cell in of.notebook.cells if cell.source.startswith("class Trainer"))


def _old(of: Work) -> Work:
    trainer = _trainer(of)
    trainer.source = trainer.source.replace("bar.write(first.tell())", "pass")
    return reprinted(lambda text: re.sub(r"run of .*\n", "", text), of)


def _own_plot(of: Work) -> Work:
    losses = recorded.losses(of.notebook)
    trainer = _trainer(of)
    trainer.source = trainer.source.replace('"o-", label="training"', '"k:", label="ours"')
    return redrawn(drawn(list(losses.train), list(losses.valid), own=lambda axes: (
        axes.lines[0].set(color="black", linestyle=":"), axes.set_ylim(0, 20))), of)


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    course = copy_course(tmp_path_factory.mktemp("q1"), patient=True)
    prepare(course, "q1")
    with Grader(course, "q1", seed=random.randrange(10**6)) as made:
        yield made


def judged(grader: Grader, of: Work) -> tuple[float, list[str]]:
    """The points of (d), and the flags on what is reported."""
    part = grader.grade(of).part("q1b_plot")
    assert part is not None and not part.staff
    assert all(kind_of(flag) is Kind.LOG for flag in part.flags)
    return part.points, [str(flag) for flag in part.flags]


@pytest.mark.sandbox
@pytest.mark.parametrize("name", FORGED)
def test_a_forgery_is_flagged_and_loses_nothing_by_it(name: str, grader: Grader) -> None:
    forge, says = FORGED[name]
    points, flags = judged(grader, forge())
    assert any(re.search(says, flag) for flag in flags), flags
    assert points == 6


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("last", [1, 5])
def test_small_data_tells_wrong_training_from_right(last: int, seed: int) -> None:
    """By it one decides whether steps are repeated with the own code, and whether code is right
    together. After one batch, gradients that are never cleared are right; after one example, so
    is every mean over a batch."""
    run = test_hidden.telling_run(Draw(f"{seed}"), last)
    for loaded, least in ((run.train, 3), (run.valid, 2)):
        assert len(loaded.firsts) >= least
        assert loaded.batch_size >= 2
        assert loaded.count % loaded.batch_size == (1 if last == 1 else 0)
        assert not loaded.examples["attention_mask"].all()
    assert run.inputs["momentum"] > 0


@pytest.mark.sandbox
@pytest.mark.parametrize("name", HONEST)
def test_what_is_honest_is_not_flagged(name: str, grader: Grader) -> None:
    assert judged(grader, HONEST[name]()) == (6, [])


@pytest.mark.sandbox
@pytest.mark.parametrize("damage", ["cut off", "no picture"])
def test_a_picture_that_does_not_decode_is_none(damage: str, grader: Grader) -> None:
    whole = drawn([3.0, 2.0], [3.1, 2.2])
    data = whole[:len(whole) // 3] if damage == "cut off" else recorded.PNG + b"..."
    assert judged(grader, redrawn(data))[0] == 4


# --------------------------------------------------------------------------- figures, by themselves

GIVEN = "\n".join(curves.GIVEN_PLOT)
FALLING = ([5.16, 2.58, 1.53, 1.09, 0.87, 0.71], [3.03, 1.63, 1.05, 0.85, 0.72, 0.64])


def oddity(png: bytes, train: list[float], valid: list[float], code: str = GIVEN) -> str:
    return curves.oddity([curves.decoded(png)], [Losses(tuple(train), tuple(valid))], code)


def some_losses(chance: random.Random, count: int) -> tuple[list[float], list[float]]:
    """Losses that fall, at a drawn pace, and are not quite smooth."""
    high, rate, rest = chance.uniform(2, 8), chance.uniform(0.3, 0.9), chance.uniform(0.05, 0.8)
    train, valid = ([round(rest + share * high * rate ** (epoch + late) + chance.gauss(0, 0.03), 4)
                     for epoch in range(count)] for share, late in ((1, 0), (0.8, 0.5)))
    return train, valid


@pytest.mark.parametrize("seed", range(12))
def test_a_figure_of_the_losses_shows_them_and_no_others(seed: int) -> None:
    """As notebooks save it: any number of epochs, any resolution, cut to what is drawn or not."""
    chance = random.Random(seed)
    count = chance.choice([2, 3, 4, 6, 8, 20])
    train, valid = some_losses(chance, count)
    png = drawn(train, valid, chance.choice([60, 72, 100, 144, 200, 300]), chance.random() < 0.5)
    assert oddity(png, train, valid) == ""
    assert oddity(png, [*train, train[-1]], [*valid, valid[-1]]) == ""  # drawn before the last one
    if count > 2:  # two points of each line say little
        assert "not those of the printed losses" in oddity(png, *some_losses(chance, count))


OWN: dict[str, Callable[[plt.Axes], object]] = {
    "limits": lambda axes: axes.set_ylim(0, 10),
    "a logarithmic axis": lambda axes: axes.set_yscale("log"),
    "colours": lambda axes: [line.set_color("green") for line in axes.lines],
    "no frame": lambda axes: axes.spines[:].set_visible(False),
    "a dark ground": lambda axes: (axes.set_facecolor("black"), axes.figure.set_facecolor("black")),
    "thick lines": lambda axes: [line.set_linewidth(5) for line in axes.lines],
    "one curve only": lambda axes: axes.lines[1].remove(),
}


@pytest.mark.parametrize("style", OWN)
def test_a_figure_in_a_style_of_ones_own_is_a_chart(style: str) -> None:
    assert oddity(drawn(*FALLING, own=OWN[style]), *FALLING, code="plt.plot(losses)") == ""


def test_two_trainings_in_a_notebook_may_each_have_a_figure() -> None:
    other = some_losses(random.Random(3), 6)
    told = [Losses(tuple(train), tuple(valid)) for train, valid in (FALLING, other)]
    assert not curves.oddity([curves.decoded(drawn(*FALLING))], told, GIVEN)
    assert not curves.oddity([curves.decoded(drawn(*other))], told, GIVEN)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    return recorded.PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour,
                                                     0, 0, 0))


ZEROS = zlib.compress(bytes(30_000_000), 9)
HOSTILE = {
    "only a signature": recorded.PNG,
    "a large picture": header(60_000, 60_000) + chunk(b"IDAT", ZEROS) + chunk(b"IEND", b""),
    "negative size": header(2 ** 31 + 5, 3) + chunk(b"IDAT", ZEROS),
    "no size": header(0, 0) + chunk(b"IDAT", ZEROS) + chunk(b"IEND", b""),
    "more data than pixels": header(4, 4) + chunk(b"IDAT", ZEROS) + chunk(b"IEND", b""),
    "a text that unpacks": header(4, 4) + chunk(b"zTXt", b"a\0\0" + ZEROS) + chunk(b"IDAT", b""),
    "a profile that unpacks": header(4, 4) + chunk(b"iCCP", b"a\0\0" + ZEROS),
    "no such depth": header(4, 4, bits=77, colour=9) + chunk(b"IDAT", ZEROS),
    "a length beyond the end": recorded.PNG + b"\xff\xff\xff\xffIHDR",
    "one row": header(3_000_000, 1, colour=0) + chunk(b"IDAT", zlib.compress(bytes(3_000_001))),
    "one pixel": header(1, 1, colour=0) + chunk(b"IDAT", zlib.compress(b"\0\0")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_picture_stops_the_judge(name: str) -> None:
    start = time.process_time()
    book = redrawn(HOSTILE[name]).notebook
    found = curves.figures(book)
    assert found == [] or curves.oddity(found, [], GIVEN)
    assert time.process_time() - start < 3


@pytest.mark.parametrize("at", range(0, 20_000, 997))
def test_a_damaged_picture_is_a_picture_or_none(at: int) -> None:
    data = bytearray(drawn(*FALLING))
    data[at % len(data)] ^= 0x55
    pixels = curves.decoded(bytes(data))
    assert pixels is None or isinstance(curves.is_chart(pixels), bool)


# ------------------------------------------------------------------------------ runs, by themselves

RUN = Run("2026-11-02 12:30:11", "cpu", "5a31c0e7", 9.65, 23,
          (("91bb", 9.16), ("02fa", 8.76), ("33c1", 7.57)))


def other_run(**changes: object) -> Run:
    return dataclasses.replace(RUN, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("here", "says"), [
    (RUN, None),
    (other_run(begun="2026-12-02 12:30:11", device="cuda"), None),
    (other_run(without_dropout=9.66), None),  # another device rounds otherwise
    (other_run(without_dropout=9.75), "without dropout"),
    (other_run(batches=(("91bb", 9.30), ("02fa", 8.40), ("33c1", 7.9))), None),  # other draws
    (other_run(batches=(("91bb", 9.16), ("02fa", 8.76), ("33c1", 7.61))), "batch 3"),
    (other_run(batches=(("91bb", 9.30), ("02fa", 8.40), ("33c1", 5.9))), "batch 3"),
    (other_run(batches=(("91bb", 9.16), ("0000", 8.76), ("33c1", 7.57))), "batch 2 holds other"),
    (other_run(without_dropout=math.nan), "without dropout"),
])
def test_what_devices_share_is_compared(here: Run, says: str | None) -> None:
    found = next(replay.differences(here, RUN), None)
    assert (found is None) if says is None else (found is not None and says in found)


def test_a_run_is_read_as_it_is_printed() -> None:
    told = recorded.run(printed(real()))
    assert told is not None
    assert (told.epoch_batches, len(told.batches)) == (23, 20)
    low, high = told.bounds
    assert low < recorded.losses(real().notebook).train[0] < high


@pytest.mark.parametrize("printed_by", [
    lambda size: "epoch " * 25_000 * size,
    lambda size: "epoch 1: training loss " + "9" * 250_000 * size,
    lambda size: "run of " * 25_000 * size,
    lambda size: "run of 2026-11-02 12:30:11 on cpu: weights 5a31c0e7; loss of the first batch "
                 "without dropout 1; first 20 of 23 batches " + "91bb 1, " * 25_000 * size,
    lambda size: "epoch " + "9" * 2_500 * size + ": training loss 1, validation loss 1",
    lambda size: "epoch 1: training loss 1e999, validation loss -1e999\n" * 1_250 * size,
    lambda size: "epoch 1: training loss 0, validation loss nan\nrun of 0000-00-00 00:00:00 on x: "
                 "weights 00000000; loss of the first batch without dropout nan; first 0 of 0 "
                 "batches "], ids=range(7))
def test_time_grows_with_the_printed_text(printed_by: Callable[[int], str]) -> None:
    """Four times the text takes about four times as long; what is quadratic takes sixteen."""
    for _ in range(3):  # a loaded machine may be slow once, not thrice
        once, more = (seconds_of(printed_by(size)) for size in (1, 4))
        if more < min(2.5 * 4 * max(once, 0.02), 30):
            return
    pytest.fail(f"{once:.2f} s, and {more:.2f} s for four times as much")


def seconds_of(text: str) -> float:
    """Processor time that it takes to look at a training that printed this."""
    forged = reprinted(text)
    start = time.process_time()
    for training in recorded.trainings(forged.notebook):
        list(training.losses.oddities())
        list(recorded.form(training, forged.notebook, forged.code))
        recorded.first_epoch(training)
    return time.process_time() - start
