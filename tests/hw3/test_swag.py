"""Tasks 1 and 2 of hw3: the notebook, its self-checks and visible checks, what the judge draws."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from nbformat import NotebookNode
from versions import EXERCISE, Failures, cells_of, drawing, run_versions, with_checks

from autograder.exercises.hw3 import inputs_swag, network_swag, probes_given
from autograder.release.edits import apply, read_changes
from autograder.release.solved import solved_files
from autograder.release.source import judged_parts, parts, read_notebook

POINTS = {"hw3_1_1": 3, "hw3_1_2": 4, "hw3_1_3": 4, "hw3_1_4": 1,
          "hw3_2_1": 4, "hw3_2_2": 3, "hw3_2_3": 5, "hw3_2_4": 2}
MINE = ("hw3_1_", "hw3_2_")

MISTAKES = {  # a misconception: the part whose visible check should tell it, and how
    "left-flat": ("hw3_2_1_preprocess", "has 8 entries"),
    "labels-popped": ("hw3_2_1_collator", "have lost their labels"),
    "labels-as-floats": ("hw3_2_1_collator", "int64"),
    "batch-left-flat": ("hw3_2_1_collator", "[B, 4, L]"),
    "sequence-classification": ("hw3_2_2_model", "another head"),
    "argmax-over-examples": ("hw3_2_2_metrics", "four of these five"),
    "logits-not-regrouped": ("hw3_2_3_network", "[2, 4]"),
    "loss-as-a-number": ("hw3_2_3_loss", "float"),
    "loaded-in-the-other-order": ("hw3_2_4_load", "comes back"),
    "both-metrics-from-one-model": ("hw3_2_4_evaluate", "second model"),
}


def tasks_1_and_2(files: dict[str, bytes], *checks: str) -> list[NotebookNode]:
    """The cells up to Task 3, with all visible checks or with some of them only."""
    cells = cells_of(files)
    last = next(index for index, cell in enumerate(cells) if cell.source.startswith("# Task 3"))
    return with_checks(cells[:last], checks)


@pytest.fixture(scope="module")
def failures() -> Failures:
    return run_versions(tasks_1_and_2, MISTAKES, timeout=180)


@pytest.fixture
def draw() -> inputs_swag.Draw:
    return drawing()


@pytest.fixture(scope="module")
def checks() -> dict[str, Any]:
    """The self-checks of Task 1, and the matrices that they are about."""
    names: dict[str, Any] = {"torch": torch, "Tensor": torch.Tensor, "Any": Any,
                             "F": torch.nn.functional}
    (cell,) = [cell for cell in tasks_1_and_2(solved_files(EXERCISE))
               if "def check_projection" in cell.source]
    exec(cell.source, names)
    return names


# ------------------------------------------------------------------------------------ the notebook


def test_points_members_and_comment_cells() -> None:
    notebook = read_notebook(EXERCISE)
    points = parts(notebook)
    for subtask, most in POINTS.items():
        assert sum(one for part, one in points.items() if part.startswith(subtask)) == most
    assert sum(points.values()) == 40
    cells = {cell.id: cell.source for cell in notebook.cells}
    assert cells["members"].startswith("**Members of the group**")
    for number in ("1.1", "1.2", "1.3", "1.4", "2.1", "2.2", "2.3", "2.4"):
        text = cells[f"comment_{number.replace('.', '_')}"]
        assert text.startswith(f"⟶ **Comments on {number}**")
        assert text.endswith(f"⟵ **End of the comments on {number}**")


def test_rubrics_add_up_to_their_cells() -> None:
    notebook = read_notebook(EXERCISE)
    judged = judged_parts(notebook)
    for part, points in parts(notebook).items():
        if part.startswith(MINE) and part not in judged:
            (text,) = [cell.source for cell in notebook.cells if cell.id == part]
            items = re.findall(r"^- ([\d.]+):", text, re.M)
            assert sum(map(float, items)) == points, part
            assert "**An answer with full marks.**" in text


def test_every_judged_part_has_misconceptions_and_all_edits_fit() -> None:
    files = solved_files(EXERCISE)
    changes = [one for one in read_changes(EXERCISE, "misconception")
               if one.part.startswith(MINE)]
    for change in changes:
        compile(apply(change, files)["hw3.py"].decode(), change.name, "exec")
    counts = {part: sum(one.part == part for one in changes)
              for part in judged_parts(read_notebook(EXERCISE)) if part.startswith(MINE)}
    assert min(counts.values()) >= 1 and sum(counts.values()) >= 34, counts


def test_visible_checks_pass_where_everything_is_right(failures) -> None:
    assert failures["solved"] == {}


def test_nothing_but_solutions_and_checks_fails_in_the_skeleton(failures) -> None:
    judged = {part for part in judged_parts(read_notebook(EXERCISE)) if part.startswith(MINE)}
    failed = failures["skeleton"]
    assert judged <= set(failed)
    for cell, sentence in failed.items():
        assert cell in judged or cell.endswith("-solution")
        assert sentence.startswith(("NotImplementedError", "AssertionError"))
    for part in judged:
        assert re.search("still to be written|not there yet", failed[part]), failed[part]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_visible_checks_tell_mistakes(failures, mistake: str) -> None:
    part, says = MISTAKES[mistake]
    assert says in failures[mistake].get(part, "it passes")


# ---------------------------------------------------------------------------------- self-checks


def right_answers(names: dict[str, Any]) -> dict[str, list[Any]]:
    B, C, K, mu, b, c = (names[name] for name in ("B", "C", "K", "mu", "b", "c"))
    return {"check_projection": [B @ B.T, torch.eye(8) - C @ C.T, (B @ B.T).tolist()],
            "check_average": [20 * (K[b] + K[c]), 100 * (K[b] + K[c])],
            "check_noisy_average": [20 * (mu[b] + mu[c]), 15 * (mu[b] + mu[c])]}


def wrong_answers(names: dict[str, Any]) -> dict[str, list[Any]]:
    B, C, K, mu, b, c = (names[name] for name in ("B", "C", "K", "mu", "b", "c"))
    others = K[0] + K[2] + K[3] + K[5]
    return {"check_projection": [B.T, B.T @ B, C @ C.T, B @ B.T + C @ C.T, torch.eye(8),
                                 torch.zeros(8, 8), "B", 3],
            "check_average": [K[b] + K[c], 30 * K[b], 30 * (K[b] + 2 * K[c]), 30 * others,
                              30 * K, torch.zeros(8), "K", -30 * (K[b] + K[c])],
            "check_noisy_average": [mu[b] + mu[c], 30 * mu[c], 3000 * (mu[b] + mu[c]),
                                    30 * mu.sum(dim=0), torch.zeros(8), mu]}


@pytest.mark.parametrize("name", ["check_projection", "check_average", "check_noisy_average"])
def test_self_checks_tell_right_from_wrong(checks, capsys, name: str) -> None:
    for answer in right_answers(checks)[name]:
        checks[name](answer)
        assert "It holds." in capsys.readouterr().out
    for answer in wrong_answers(checks)[name]:
        checks[name](answer)
        assert "It holds." not in capsys.readouterr().out
    checks[name](None)
    assert "not filled in yet" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["check_projection", "check_average", "check_noisy_average"])
def test_self_checks_give_no_formula_away(checks, capsys, name: str) -> None:
    for answer in [None, *wrong_answers(checks)[name]]:
        checks[name](answer)
    said = capsys.readouterr().out
    assert said
    for telling in ("B @", "B.T", "BB", "B B", "k_b +", "k_b)", "K[", "mu_b", "mu[", "beta", "log",
                    "large", "orthogonal", "project", "sum"):
        assert telling not in said.replace("M(v_b + v_c)", "").replace("(v_b + v_c) / 2", "")


def test_noise_along_a_mean_makes_the_output_swing(checks) -> None:
    """The model answer of 1.3 (b): about half of the draws near each value, few in between."""
    generator = torch.Generator().manual_seed(7)
    mu, V, b, c = (checks[name] for name in ("mu", "V", "b", "c"))
    keys = mu + 1e-3 * torch.randn(2000, 6, 8, generator=generator, dtype=torch.float64)
    stretch = 0.5**0.5 * torch.randn(2000, generator=generator, dtype=torch.float64)
    keys[:, b] += stretch[:, None] * mu[b]  # the variance along mu_b is 1/2
    weights = (keys @ (50 * (mu[b] + mu[c]))).softmax(dim=1)
    o = weights @ V
    near = [((o - V[i]).norm(dim=1) < 0.2).double().mean().item() for i in (b, c)]
    assert near == [pytest.approx(0.5, abs=0.08)] * 2
    longer = keys[:, b] @ mu[b] > keys[:, c] @ mu[c]
    assert ((weights[:, b] > 0.5) == longer).double().mean().item() > 0.99


def test_the_figure_of_weights_shows_a_softmax() -> None:
    text = (EXERCISE.source / "figures" / "attention-weights.svg").read_text()
    shown = [float(number) for number in re.findall(r'class="small">(\d\.\d\d)<', text)]
    scores = torch.tensor([0.9, 0.3, -0.2, -0.5])
    wanted = torch.cat([(length * scores).softmax(dim=0) for length in (1, 4, 16)])
    assert torch.allclose(torch.tensor(shown), wanted, atol=0.0051)


# -------------------------------------------------------------------------------- what is drawn


def test_examples_are_unequal_and_read_back(draw) -> None:
    tokenizer = probes_given.distilbert_tokenizer(inputs_swag.VOCABULARY)
    examples = inputs_swag.columns(draw, 3)
    lengths = [len(tokenizer(first, second)["input_ids"]) for first, second in zip(
        examples["sent1"], examples["ending1"], strict=True)]
    assert len(set(lengths)) == 3
    assert tokenizer.pad_token_id == inputs_swag.PAD != 0
    assert tokenizer.unk_token_id not in tokenizer(examples["sent1"][2])["input_ids"]
    assert len(inputs_swag.VOCABULARY) == len(set(inputs_swag.VOCABULARY))
    long = inputs_swag.long_columns(draw)["ending2"][1]
    assert len(tokenizer(long)["input_ids"]) > 512


def test_features_need_padding_within_and_between_examples(draw) -> None:
    features = inputs_swag.features(draw, 3)
    lengths = [[len(row) for row in one["input_ids"]] for one in features]
    assert len({max(four) for four in lengths}) == 3
    assert all(len(set(four)) == 4 for four in lengths)
    assert inputs_swag.PAD not in {token for one in features for row in one["input_ids"]
                                   for token in row}


def test_opinions_differ_and_their_mean_over_batches_too(draw) -> None:
    for _ in range(20):
        asked = inputs_swag.opinions(draw, [4, 4, 3])
        shares, means = [], []
        for table in asked.scores:
            right = [(table[batch["input_ids"][:, 0, 0]].argmax(dim=-1) == batch["labels"])
                     for batch in asked.batches]
            shares.append(torch.cat(right).double().mean().item())
            means.append(torch.stack([one.double().mean() for one in right]).mean().item())
        assert shares[0] > shares[1] > 0
        assert all(abs(one - other) > 1e-3 for one, other in zip(shares, means, strict=True))


def test_networks_tell_places_sequences_and_masks_apart(draw) -> None:
    asked = network_swag.network(draw, 2, padding=True)
    assert asked.batch["input_ids"].shape == (2, 4, network_swag.LENGTH)
    assert len({int(row.sum()) for row in asked.batch["attention_mask"].view(8, -1)}) > 1
    assert asked.weights["3x12.weight"].shape == (3, 12)
    hidden = asked.table[asked.batch["input_ids"]] + asked.positions
    assert torch.unique(hidden.view(-1, network_swag.WIDTH), dim=0).shape[0] > 30
