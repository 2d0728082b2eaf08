"""Tasks 1 and 2 of hw3: the notebook, its self-checks and visible checks, what the judge draws."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from nbformat import NotebookNode
from transformers import DistilBertModel
from versions import EXERCISE, Failures, cells_of, run_versions, with_checks

from autograder.exercise.edits import apply, read_changes
from autograder.exercise.rubric import read_rubrics
from autograder.exercise.solution import solved_files
from autograder.exercise.source import judged_parts, parts, read_notebook
from autograder.exercises.hw3 import domain_swag, inputs_swag, network_swag, probes_given
from autograder.judge.domain import Draw

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
    judged, points = judged_parts(notebook), parts(notebook)
    rubrics = read_rubrics(notebook, "hw3")
    assert set(rubrics) == set(points) - set(judged)
    for part, rubric in rubrics.items():
        assert sum(one.points for one in rubric.items if one.kind == "adds") == points[part]
        assert rubric.model_answer, part


def test_every_judged_part_has_misconceptions_and_all_edits_fit() -> None:
    files = solved_files(EXERCISE)
    changes = [one for one in read_changes(EXERCISE, "misconception")
               if one.part.startswith(MINE)]
    for change in changes:
        edited = apply(change, files)
        for edit in change.edits:
            compile(edited[edit.file].decode(), change.name, "exec")
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


@pytest.mark.parametrize("seed", range(5))
def test_examples_are_unequal_and_read_back(seed: int) -> None:
    draw = Draw(f"{seed}")
    vocabulary = inputs_swag.vocabulary(draw)
    tokenizer = probes_given.distilbert_tokenizer(vocabulary)
    examples = inputs_swag.columns(draw, 5)
    assert len(set(examples["sent1"])) == 4  # two examples share one
    names = ("sent1", "sent2", *(f"ending{number}" for number in range(4)))
    texts = list({text: text for name in names for text in examples[name]})
    assert len({text.split()[0] for text in texts}) == len(texts) == 29
    words = {len(text.split()) for text in texts}
    assert {min(words), max(words)} == set(domain_swag.TEXT.ranges["words"].edges)
    assert set(examples["label"]) == set(range(4))
    assert tokenizer.pad_token_id == vocabulary.index("[PAD]") != 0
    assert tokenizer.unk_token_id not in tokenizer(texts)["input_ids"][2]
    assert len(vocabulary) == len(set(vocabulary))


@pytest.mark.parametrize("seed", range(5))
def test_long_pairs_are_as_long_as_can_be_read_and_a_token_longer(seed: int) -> None:
    draw = Draw(f"{seed}")
    tokenizer = probes_given.distilbert_tokenizer(inputs_swag.vocabulary(draw))
    examples = inputs_swag.long_columns(draw)
    lengths = {len(tokenizer(sent1, f"{sent2} {ending}")["input_ids"])
               for number in range(4) for sent1, sent2, ending in zip(
                   examples["sent1"], examples["sent2"], examples[f"ending{number}"], strict=True)}
    assert lengths > {512, 513, 662}


@pytest.mark.parametrize("padding", domain_swag.BATCH.ranges["padding"].edges)
def test_features_need_as_much_padding_as_they_should(padding: str) -> None:
    for seed in range(20):
        draw = Draw(f"{seed}")
        case = domain_swag.BATCH.draw(draw, padding=padding)
        given = inputs_swag.features(draw, case)
        lengths = sorted(len(row) for one in given.examples for row in one["input_ids"])
        assert len(given.examples) == case.count and lengths[-1] == case.longest
        assert given.pad not in {token for one in given.examples for row in one["input_ids"]
                                 for token in row}
        assert (lengths[0] < lengths[-1]) == (padding != "none")
        assert (lengths[-2] == 1) == (padding == "most") or padding == "some"


@pytest.mark.parametrize("seed", range(20))
def test_opinions_differ_and_their_mean_over_batches_too(seed: int) -> None:
    draw = Draw(f"{seed}")
    for given in (inputs_swag.sizes(draw), [draw.whole(1, 6)]):
        asked = inputs_swag.opinions(draw, given)
        shares, means = [], []
        for table in asked.tables:
            right = [(table[batch["input_ids"][:, 0, 0]].argmax(dim=-1) == batch["labels"])
                     for batch in asked.batches]
            shares.append(torch.cat(right).double().mean().item())
            means.append(torch.stack([one.double().mean() for one in right]).mean().item())
        assert shares[0] != shares[1] and len({*asked.asked}) == sum(given)
        assert len(given) == 1 or all(
            abs(one - other) > 1e-3 for one, other in zip(shares, means, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_networks_tell_places_sequences_and_masks_apart(seed: int) -> None:
    draw = Draw(f"{seed}")
    for case in domain_swag.NETWORK.cover(draw, 2):
        asked = network_swag.network(draw, case, padding=case.length > 1)
        shape, width = (case.batch, 4, case.length), 4 * case.heads * case.quarter
        assert asked.batch["input_ids"].shape == shape
        assert asked.weights[f"{width // 4}x{width}.weight"].shape == (width // 4, width)
        tokens = {int(row.sum()) for row in asked.batch["attention_mask"].flatten(end_dim=1)}
        assert {min(tokens), max(tokens)} == {1, case.length}
        assert DistilBertModel(probes_given.distilbert_config(**asked.config)).config.dim == width
