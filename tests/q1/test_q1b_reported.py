"""q1b (d): what a notebook reports of a training is checked, and what does not fit is flagged.

Forgeries are made of a real run's notebook by edits; none of them loses a point by being flagged.
"""

from __future__ import annotations

import base64
import copy
import io
import random
import re
from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import copy_course
from matplotlib.figure import Figure
from nbformat import NotebookNode
from PIL import Image

from autograder.exercises.q1b import recorded
from autograder.exercises.q1b.record import EXERCISE
from autograder.flag import Kind, kind_of
from autograder.judge.grading import Grader
from autograder.judge.work import Work
from autograder.release.build import prepare
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
