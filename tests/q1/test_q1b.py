"""q1b: its reference, its visible checks, what is read from a notebook, and the whole run."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from conftest import DATA
from nbformat import NotebookNode
from torch import Tensor, nn

from autograder.exercise import source
from autograder.exercise.edits import apply, read_changes
from autograder.exercise.solution import solved_files
from autograder.exercises.q1b import beside, record, recorded
from autograder.exercises.q1b.record import EXERCISE
from autograder.judge.work import Work
from autograder.validate import handed_in, skeleton, work

HUB = DATA / "hf"
CPU = torch.device("cpu")
PNG = base64.b64encode(recorded.PNG + b"...").decode()


def notebook(files: dict[str, bytes]) -> NotebookNode:
    return source.read_notebook(EXERCISE, files["q1b.py"].decode())


def run_cells(files: dict[str, bytes], *, until: str) -> dict[str, Any]:
    """The names after the given and written cells that need no data, up to the cell `until`."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in notebook(files).cells:
        if cell.id == until:
            return names
        needs_data = cell.source.startswith(("%%writefile", "DATA_SET"))
        skipped = "skip-execution" in cell.metadata.get("tags", [])
        graded = cell.metadata.get("nbgrader", {}).get("locked", False)
        if cell.cell_type == "code" and not (needs_data or skipped or graded):
            exec(cell.source, names)
    raise AssertionError(f"there is no cell {until}")


def check(files: dict[str, bytes], names: dict[str, Any], *parts: str) -> None:
    """Run visible checks."""
    cells = {cell.id: cell.source for cell in notebook(files).cells}
    for part in parts:
        exec(cells[part], names)


@pytest.fixture(scope="module")
def solved() -> dict[str, Any]:
    return run_cells(solved_files(EXERCISE), until="q1b_train")


# ------------------------------------------------------------------------------------ the reference


class Distance(nn.Module):
    """Its loss is the mean of (weight - label) ** 2, so that steps can be computed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, labels: Tensor) -> Any:
        return type("Output", (), {"loss": ((self.weight - labels) ** 2).mean()})


def trainer(solved: dict[str, Any], train: list[list[float]], valid: list[list[float]]) -> Any:
    model = Distance()
    loaders = [[{"labels": torch.tensor(batch)} for batch in data] for data in (train, valid)]
    return solved["Trainer"](model, *loaders, torch.optim.SGD(model.parameters(), lr=0.1), CPU)


def test_a_step_follows_every_batch(solved: dict[str, Any]) -> None:
    one = trainer(solved, [[1.0, 3.0], [5.0]], [])
    loss = one.train_epoch()
    # The gradient is 2 (weight - mean of the labels): first to 0.4, then on from there.
    assert one.model.weight.item() == pytest.approx(0.4 + 0.2 * (5 - 0.4))
    assert loss == pytest.approx((1 + 9 + (5 - 0.4) ** 2) / 3)


def test_validation_is_the_mean_over_examples_and_leaves_no_trace(solved: dict[str, Any]) -> None:
    one = trainer(solved, [], [[1.0, 1.0, 1.0], [2.0]])
    assert one.valid_epoch() == pytest.approx(7 / 4)
    assert (one.model.weight.item(), one.model.weight.grad, one.model.training) == (0, None, True)


def test_what_training_prints_can_be_read_again(solved: dict[str, Any],
                                                capsys: pytest.CaptureFixture[str]) -> None:
    one = trainer(solved, [[1.0]], [[2.0]])
    one.train(2)
    one.train(1)
    text = capsys.readouterr().out
    losses = recorded.losses(book(stream(text)))
    assert losses.train == pytest.approx(one.train_losses, abs=1e-4)
    assert losses.valid == pytest.approx(one.valid_losses, abs=1e-4)
    assert len(losses.train) == 3


def test_the_plot_is_labelled(solved: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plt = solved["plt"]
    monkeypatch.setattr(plt, "show", lambda: None)
    one = trainer(solved, [[1.0]], [[2.0]])
    one.train_losses, one.valid_losses = [3.0, 2.0], [3.5, 2.5]
    one.plot()
    axes = plt.gca()
    assert [line.get_label() for line in axes.lines] == ["training", "validation"]
    assert axes.get_xlabel() == "epoch"
    assert "cross-entropy" in axes.get_ylabel()
    plt.close()


def test_padding_becomes_minus_100(solved: dict[str, Any]) -> None:
    def tokenizer(captions: list[str], **_: Any) -> dict[str, Tensor]:
        return {"input_ids": torch.tensor([[5, 6, 1], [7, 1, 0]]),
                "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}

    example = {"flattened_patches": torch.zeros(4, 770), "attention_mask": torch.ones(4),
               "caption": "a cat"}
    batch = solved["Collator"](tokenizer)([example, example])
    assert batch["labels"].tolist() == [[5, 6, 1], [7, 1, -100]]
    assert batch["flattened_patches"].shape == (2, 4, 770)


# ------------------------------------------------------------------------------- the visible checks


def test_visible_checks_pass_on_the_reference(solved: dict[str, Any]) -> None:
    check(solved_files(EXERCISE), dict(solved), "q1b_train", "q1b_valid")


def test_visible_checks_say_in_a_sentence_what_is_not_written_yet() -> None:
    files = skeleton(EXERCISE)
    names = run_cells(files, until="q1b_train")
    for part, letter in (("q1b_train", "b"), ("q1b_valid", "c")):
        with pytest.raises(AssertionError, match=rf"\({letter}\) is still to be written"):
            check(files, names, part)


CAUGHT = ["no-zero-grad", "no-step", "gradient-cleared-before-the-step", "step-before-backward",
          "evaluation-mode-in-training", "graph-kept-in-the-sum", "left-in-evaluation-mode",
          "validation-that-trains", "validation-with-a-backward-pass",
          "validation-mean-of-the-batches", "validation-returns-a-tensor"]


@pytest.mark.parametrize("name", CAUGHT)
def test_visible_checks_show_common_mistakes_at_once(name: str) -> None:
    changes = {change.name: change for change in read_changes(EXERCISE, "misconception")}
    files = apply(changes[name], solved_files(EXERCISE))
    names = run_cells(files, until="q1b_train")
    with pytest.raises(AssertionError, match=r"\w{3} \w"):
        check(files, names, "q1b_train", "q1b_valid")


def test_there_are_enough_wrong_and_right_answers() -> None:
    files = handed_in(EXERCISE)
    for kind, least in (("misconception", 22), ("variant", 9)):
        changes = read_changes(EXERCISE, kind)  # type: ignore[arg-type]
        assert len(changes) >= least
        for change in changes:
            assert apply(change, files) != files


# ------------------------------------------------------------------- what a notebook came back with


def stream(text: str | list[str]) -> NotebookNode:
    return nbformat.from_dict({"output_type": "stream", "name": "stdout", "text": text})


def picture(data: str = PNG) -> NotebookNode:
    return nbformat.from_dict({"output_type": "display_data", "metadata": {},
                               "data": {"image/png": data}})


def book(*outputs: NotebookNode, code: str = "trainer.train(2)") -> NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("text"),
                                           nbformat.v4.new_code_cell(code, outputs=list(outputs))])


def line(epoch: int, train: object, valid: object) -> str:
    return f"epoch {epoch}: training loss {train}, validation loss {valid}\n"


@pytest.mark.parametrize(("text", "train"), [
    ("", ()),
    ("epoch 1: something else", ()),
    (line(1, 3, 3) + line(2, 2, 2.5), (3, 2)),
    ([line(1, 3, 3), line(2, 2, 2.5)], (3, 2)),
    (line(1, 9, 9) + line(1, 3, 3) + line(2, 2, 2.5), (3, 2)),  # only the last training
    ("\r 10%|#   |" + line(1, 3, 3) + "\r 20%|##  |" + line(2, 2, 2.5), (3, 2)),
], ids=["nothing", "another line", "a string", "a list", "twice", "a progress bar"])
def test_losses_are_read_from_what_was_printed(text: str | list[str], train: tuple) -> None:
    assert recorded.losses(book(stream(text))).train == train


@pytest.mark.parametrize("number", ["nan", "inf", "oops"])
def test_a_loss_that_is_no_number_is_not_finite(number: str) -> None:
    assert not recorded.losses(book(stream(line(1, 3, number)))).finite


@pytest.mark.parametrize(("train", "valid", "odd"), [
    ((3.0, 2.0), (3.1, 2.5), ""), ((3.0, 2.0), (3.0, 2.0), "identical"),
    ((3.0, 3.0), (3.1, 2.5), "same in every epoch"), ((3.0, 0.0), (3.1, 2.5), "zero or below"),
    ((3.0, 2.0), (2.5, 3.1), "rises"),
])
def test_what_a_person_should_look_at(train: tuple, valid: tuple, odd: str) -> None:
    oddities = list(recorded.Losses(train, valid).oddities())
    assert (odd in oddities[0]) if odd else not oddities


@pytest.mark.parametrize(("code", "data", "count"), [
    ("trainer.plot()", PNG, 1), ("plt.plot(trainer.train_losses)", [PNG], 1),
    ("_, grid = plt.subplots(2, 4)", PNG, 0), ("trainer.plot()", "no base64 !", 0),
    ("trainer.plot()", base64.b64encode(b"GIF89a").decode(), 0),
])
def test_a_figure_is_a_png_of_a_cell_that_plots(code: str, data: Any, count: int) -> None:
    assert len(recorded.figures(book(picture(data), code=code))) == count


def test_the_kit_draws_the_recorded_curves_for_staff() -> None:
    recorded_book = book(stream(line(1, 3, 3.2) + line(2, 2, 2.5)))
    ((caption, png),) = beside.beside(Work("q1b", recorded_book))
    assert "2.5" in caption
    assert png.startswith(recorded.PNG)
    assert beside.beside(Work("q1b", book())) == []
    assert beside.beside(Work("q1b", book(stream(line(1, "nan", 3))))) == []


def test_the_reference_comes_with_the_outputs_of_a_good_training() -> None:
    reference = work(EXERCISE, "reference", "reference").notebook
    losses = recorded.losses(reference)
    assert losses.finite
    assert losses.valid[-1] < losses.valid[0] / 2
    assert not list(losses.oddities())
    assert recorded.figures(reference)


# ------------------------------------------------------------------------------------ the whole run

SHARE_RIGHT = """
from creatures import imagine, paint, seed_of

seeds = [seed_of(SEED + 1, index) for index in range(200)]  # of another set than the one above
unseen = [imagine(seed) for seed in seeds]
written = describe([paint(*pair) for pair in zip(unseen, seeds)], settings.max_patches)
print(sum(f"{one.colour} {one.kind}" in text for one, text in zip(unseen, written)) / len(unseen))
"""


@pytest.mark.training
@pytest.mark.skipif(not HUB.is_dir(), reason="needs the offline hub: python data/prepare.py hub")
def test_the_notebook_runs_offline_from_top_to_bottom(tmp_path: Path) -> None:
    whole = record.run_reference(tmp_path, nbformat.v4.new_code_cell(SHARE_RIGHT))
    losses = recorded.losses(whole)
    assert losses.valid[-1] < losses.valid[0] / 2
    assert recorded.figures(whole)
    assert float(whole.cells[-1].outputs[-1]["text"]) >= 0.8
