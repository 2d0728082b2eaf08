"""Task 3 of hw3: its reference, its visible checks, its figures, and what the judge draws."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import torch
from nbformat import NotebookNode
from torch import Tensor
from torch.nn import functional as F
from versions import EXERCISE, OFFLINE, Failures, cells_of, run_versions, with_checks

from autograder.exercise.edits import apply, read_changes
from autograder.exercise.solution import solved_files
from autograder.exercise.source import parts, read_notebook
from autograder.exercises.hw3 import domain_squad, probes_given, squad_texts
from autograder.judge.domain import Draw

FIGURES = EXERCISE.source / "figures"
POINTS = {"hw3_3_1": 5, "hw3_3_2": 2, "hw3_3_3": 2, "hw3_3_4": 5}

MISTAKES = {  # a misconception: the part whose visible check should tell it, and how
    "texts-not-returned": ("hw3_3_1_eos", "should return a dictionary"),
    "features-padded-to-the-longest": ("hw3_3_1_features", "have the lengths"),
    "format-returned": ("hw3_3_1_map", "returns nothing"),
    "lm-labels": ("hw3_3_1_collator", "no `labels`"),
    "minus-100-written-into-the-examples": ("hw3_3_1_collator", "has changed"),
    "t5-without-a-head": ("hw3_3_2_model", "scores the vocabulary"),
    "t5-trainer-without-collator": ("hw3_3_2_trainer", "without `labels`"),
    "answers-of-the-whole-batch": ("hw3_3_3_answer", "no string"),
}


def task_3(files: dict[str, bytes], *checks: str) -> list[NotebookNode]:
    """The cells that everything needs, and those of Task 3: all, or with some checks only."""
    cells = cells_of(files)
    heads = [index for index, cell in enumerate(cells) if cell.source.startswith("# Task ")]
    return with_checks([*cells[: heads[0]], *cells[heads[-1]:]], checks)


@pytest.fixture(scope="module")
def failures() -> Failures:
    return run_versions(task_3, MISTAKES, timeout=120)


@pytest.fixture(params=range(20))
def draw(request) -> Draw:
    return Draw(f"{request.param}")


@pytest.fixture(scope="module")
def solved() -> dict[str, Any]:
    """What the solved collator needs, and the collator."""
    names: dict[str, Any] = {"torch": torch, "Tensor": Tensor}
    (cell,) = [cell for cell in task_3(solved_files(EXERCISE))
               if cell.id == "hw3_3_1_collator-solution"]
    exec(cell.source, names)
    return names


# ------------------------------------------------------------------------------------ the notebook


def test_points_and_comment_cells() -> None:
    notebook = read_notebook(EXERCISE)
    points = parts(notebook)
    for subtask, most in POINTS.items():
        assert sum(one for part, one in points.items() if part.startswith(subtask)) == most
    cells = {cell.id: cell.source for cell in notebook.cells}
    for number in ("3.1", "3.2", "3.3", "3.4"):
        text = cells[f"comment_{number.replace('.', '_')}"]
        assert text.startswith(f"⟶ **Comments on {number}**")
        assert text.endswith(f"⟵ **End of the comments on {number}**")


def test_every_judged_part_has_misconceptions_and_all_edits_fit() -> None:
    files = solved_files(EXERCISE)
    changes = [one for one in read_changes(EXERCISE, "misconception")
               if one.part.startswith("hw3_3_")]
    for change in changes:
        edited = apply(change, files)
        for edit in change.edits:
            compile(edited[edit.file].decode(), change.name, "exec")
    counts = {part: sum(one.part == part for one in changes) for part in parts(
        read_notebook(EXERCISE)) if part.startswith(("hw3_3_1", "hw3_3_2", "hw3_3_3"))}
    assert min(counts.values()) >= 3 and sum(counts.values()) >= 30, counts


def test_visible_checks_pass_where_everything_is_right(failures) -> None:
    assert failures["solved"] == {}


def test_visible_checks_say_what_is_still_to_be_written(failures) -> None:
    checks = {part for part in parts(read_notebook(EXERCISE))
              if part.startswith(("hw3_3_1", "hw3_3_2", "hw3_3_3"))}
    assert set(failures["skeleton"]) == checks
    for sentence in failures["skeleton"].values():
        assert "is still to be written" in sentence


@pytest.mark.parametrize("mistake", MISTAKES)
def test_visible_checks_tell_mistakes(failures, mistake: str) -> None:
    part, says = MISTAKES[mistake]
    assert says in failures[mistake].get(part, "it passes")


def test_masks_are_drawn_as_the_paper_defines_them() -> None:
    fields = re.findall(r'class="(may|not)"', (FIGURES / "t5-masks.svg").read_text())
    drawn = torch.tensor([field == "may" for field in fields]).view(3, 5, 5)
    causal = torch.ones(5, 5).tril().bool()
    prefix = torch.arange(5) < 3
    assert drawn[0].all()
    assert torch.equal(drawn[1], causal)
    assert torch.equal(drawn[2], causal | prefix)


# ------------------------------------------------------------------------------------ the reference


def test_loss_is_the_mean_over_tokens_and_does_not_see_padding(solved, draw) -> None:
    model = probes_given.small_t5(400)
    rows = squad_texts.prepared(draw, 2, read=9, write=8, below=400)
    batch = solved["T2TDataCollator"]()(rows)
    with torch.no_grad():
        output = model(**batch)
    counts = [int(row["target_attention_mask"].sum()) for row in rows]
    losses = [F.cross_entropy(logits[:count], row["target_ids"][:count], reduction="sum")
              for logits, row, count in zip(output.logits, rows, counts, strict=True)]
    assert output.loss.item() == pytest.approx(float(sum(losses)) / sum(counts), rel=1e-4)

    shorter = [{name: value[: max(counts)] if "target" in name else value
                for name, value in row.items()} for row in rows]
    with torch.no_grad():
        again = model(**solved["T2TDataCollator"]()(shorter))
    assert again.loss.item() == pytest.approx(output.loss.item(), rel=1e-4)


# -------------------------------------------------------------------------------- what is drawn


def tokenized(pieces: squad_texts.Vocabulary, text: str) -> list[int]:
    return probes_given.t5_tokenizer(pieces)(text)["input_ids"]


@pytest.mark.parametrize("tokens", [0, 1, 5, 14, 510])
def test_texts_have_the_tokens_asked_for_and_are_read_back(draw, tokens: int) -> None:
    pieces, text = squad_texts.vocabulary(draw), squad_texts.text(draw, tokens)
    ids = tokenized(pieces, text)
    assert len(ids) == tokens + 1
    assert ids == [*squad_texts.ids_of(text, pieces), squad_texts.END]
    assert squad_texts.text_of(ids, pieces) == text


@pytest.mark.parametrize("form", ["question:{} context:{}", "question: {}  context: {} </s>"])
def test_prompts_are_compared_without_their_spaces_and_fit(draw, form) -> None:
    asked = squad_texts.questions(draw)
    for one in asked["asked"]:
        ids = tokenized(asked["vocabulary"], form.format(one["question"], one["context"]))
        assert len(ids) <= domain_squad.INPUT
        assert squad_texts.plain(squad_texts.text_of(ids, asked["vocabulary"])) == (
            squad_texts.plain(f"question:{one['question']} context:{one['context']}"))


def test_answers_stand_where_squad_says(draw) -> None:
    for case in domain_squad.EXAMPLE.cover(draw, 3):
        one = squad_texts.squad(draw, case)
        assert len(one["answers"]["text"]) == case.answers
        for text, start in zip(*one["answers"].values(), strict=True):
            assert text and one["context"][start:].startswith(text)


def test_texts_have_nothing_of_the_rest(draw) -> None:
    for batch in squad_texts.encoded(draw):
        for column in ("question", "context"):
            for raw, text in zip(batch[column], batch["input_text"], strict=True):
                assert raw not in text or len(raw.split()) == 1


def test_features_are_padded_as_their_masks_say(draw) -> None:
    """Whether padding is found by its id or by its mask never depends on what was drawn."""
    small = squad_texts.trained_on(draw)["rows"]
    rows = [dict(zip(small, row, strict=True)) for row in zip(*small.values(), strict=True)]
    for row in sum(squad_texts.batches(draw), rows):
        for ids, mask in (("input_ids", "attention_mask"), ("target_ids", "target_attention_mask")):
            assert torch.equal(row[ids] != squad_texts.PAD, row[mask].bool())
            assert row[mask].tolist() == sorted(row[mask].tolist(), reverse=True)
            assert row[mask].all() or row[ids][row[mask].sum() - 1] == squad_texts.END
    assert max(int(small[name].max()) for name in ("input_ids", "target_ids")) < 100


def test_edges_are_asked_in_every_batch(draw) -> None:
    for drawn in (squad_texts.encoded, squad_texts.batches, squad_texts.questions):
        drawn(draw)
    for domain in (domain_squad.ASKED, domain_squad.TEXTS, domain_squad.BATCH, domain_squad.FILLED):
        assert domain.missing(case for one, case in draw.cases if one is domain) == []


@pytest.mark.parametrize(("name", "found"), [
    ("somebody/no-such-model", {"not_there": "somebody/no-such-model"}),
    ("t5-squad/final_model", {"not_there": "t5-squad/final_model"}),
])
def test_a_checkpoint_that_is_not_there_is_told_by_its_name(name: str, found: dict) -> None:
    program = f"""
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
from autograder.exercises.hw3.probes_given import T5, loaded
for kind in (AutoModelForSeq2SeqLM, AutoTokenizer):
    print(loaded(lambda: kind.from_pretrained({name!r}), T5))
try:
    loaded(lambda: AutoTokenizer.from_pretrained({name!r}), {name!r})
except OSError:
    print("raised")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          timeout=120, env=os.environ | OFFLINE)
    assert done.stdout.splitlines() == [str(found), str(found), "raised"], done.stderr
