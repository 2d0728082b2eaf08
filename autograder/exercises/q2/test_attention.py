"""Hidden tests of q2, (a) to (d): one layer. They run in the judge, without student code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.exercises.q2 import probes
from autograder.judge.testing import assert_close, is_close, part

HIDDEN, HEADS, INNER = 12, 3, 20  # no two sizes alike, so that no wrong axis fits by chance
BATCH, LENGTH = 2, 5
CONFIG = {
    "vocab_size": 11, "hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": HEADS,
    "intermediate_size": INNER, "hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5,
    "max_position_embeddings": 16,
}
Draw = Callable[..., Tensor]


def padding(kept: list[int]) -> Tensor:
    """An additive mask, [B, 1, 1, T]: 0 for the first tokens of each sentence, then -10000."""
    positions = torch.arange(LENGTH)
    return torch.stack([(positions >= n) * -10000.0 for n in kept])[:, None, None, :]


def attention_inputs(draw: Draw, kept: list[int]) -> dict[str, Any]:
    shape = (BATCH, HEADS, LENGTH, HIDDEN // HEADS)
    return {"config": CONFIG, "key": 2 * draw(*shape), "query": 2 * draw(*shape),
            "value": draw(*shape), "attention_mask": padding(kept)}


def state(draw: Draw, **shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """Random weights for modules: a matrix's weight and bias, or a LayerNorm's."""
    weights = {}
    for name, shape in shapes.items():
        scale = 1.0 if len(shape) == 1 else shape[1] ** -0.5
        weights[f"{name}.weight"] = scale * draw(*shape) + (len(shape) == 1)
        weights[f"{name}.bias"] = draw(shape[0])
    return weights


def tell_of_changes(answer: dict, remark: Callable[[str], None]) -> None:
    if answer["changed"]:
        names = " and ".join(f"`{name}`" for name in answer["changed"])
        remark(f"Your code changes {names} in place. That costs nothing here, but the caller's "
               "tensor changes with it.")


# ----------------------------------------------------------------------------------- (a) attention


@part("q2_attention", weight=6)
def test_attention_without_padding(both, draw, remark):
    student, reference = both(probes.attention, **attention_inputs(draw, [LENGTH, LENGTH]))
    assert_close(student["returned"], reference["returned"],
                 "without any padding, `attention` does not return softmax(Q K^T / sqrt(d_k)) V "
                 "with the heads joined to [B, T, H]")
    tell_of_changes(student, remark)


@part("q2_attention", weight=3)
def test_attention_with_padding(both, draw):
    check_padding(both, draw)


def check_padding(both: Any, draw: Draw) -> None:
    """With padding and, so that the sentence claims no more than is seen, without."""
    right = [is_close(student["returned"], reference["returned"]) for student, reference in
             [both(probes.attention, **attention_inputs(draw, [LENGTH, LENGTH]))]]
    student, reference = both(probes.attention, **attention_inputs(draw, [3, 4]))
    so = "; without padding it does: look at how the mask enters" if all(right) else ""
    assert_close(student["returned"], reference["returned"],
                 "with padding, `attention` does not return softmax(Q K^T / sqrt(d_k) + mask) "
                 f"V{so}")


@part("q2_attention", weight=1)
def test_attention_can_be_trained(both, draw):
    check_padding(both, draw)
    student, reference = both(probes.attention_gradients, **attention_inputs(draw, [3, 4]))
    for name in ("key", "query", "value"):
        assert student[name] is not None, (
            f"`attention` returns the right values, but no gradient flows back to its {name}")
        assert_close(student[name], reference[name], "`attention` returns the right values, but "
                     f"the gradient that flows back to its {name} is another")


# --------------------------------------------------------------------------- (b) attention.forward


def self_attention_inputs(draw: Draw) -> dict[str, Any]:
    square = (HIDDEN, HIDDEN)
    return {"config": CONFIG, "weights": state(draw, query=square, key=square, value=square),
            "hidden_states": 2 * draw(BATCH, LENGTH, HIDDEN), "attention_mask": padding([3, 4])}


def self_attention_recorded(both: Any, draw: Draw, training: bool = False) -> tuple[dict, dict]:
    return both(probes.self_attention_recorded, **self_attention_inputs(draw),
                canned=draw(BATCH, LENGTH, HIDDEN), training=training)


@part("q2_self_attention", weight=6)
def test_forward_projects_and_attends(both, draw):
    check_projections(*self_attention_recorded(both, draw))


@part("q2_self_attention", weight=1)
def test_forward_returns_what_attention_returns(both, draw):
    check_returned(*self_attention_recorded(both, draw))


@part("q2_self_attention", weight=1)
def test_forward_in_training(both, draw):
    for mode in ("", "in training, "):
        student, reference = self_attention_recorded(both, draw, training=bool(mode))
        check_projections(student, reference, mode)
        check_returned(student, reference, mode)


def check_projections(student: dict, reference: dict, mode: str = "") -> None:
    assert len(student["calls"]) == 1, (
        f"{mode}`BertSelfAttention.forward` calls `attention` {len(student['calls'])} times, not "
        "once")
    call, right = student["calls"][0], reference["calls"][0]
    for name in ("key", "query", "value"):
        assert_close(call[name], right[name],
                     f"{mode}`attention` is called with a wrong {name}: it should be `transform` "
                     f"of the hidden states with self.{name}")
    assert_close(call["mask"], right["mask"],
                 f"{mode}`attention` does not get the mask as it came in")


def check_returned(student: dict, reference: dict, mode: str = "") -> None:
    assert_close(student["output"], reference["output"],
                 f"{mode}`BertSelfAttention.forward` should return what `attention` returns, "
                 "unchanged")


# ------------------------------------------------------------------------------------ (c) add_norm


def add_norm_inputs(draw: Draw, inner: int) -> dict[str, Any]:
    dense, norm = state(draw, m=(HIDDEN, inner)), state(draw, m=(HIDDEN,))
    return {"config": CONFIG, "input": draw(BATCH, LENGTH, HIDDEN),
            "output": draw(BATCH, LENGTH, inner),
            "dense": {"weight": dense["m.weight"], "bias": dense["m.bias"]},
            "norm": {"weight": norm["m.weight"], "bias": norm["m.bias"]}}


RATE = 0.25  # another than in CONFIG: only the module that `add_norm` is given has it


def add_norm_answers(both: Any, draw: Draw) -> list[tuple[dict, dict]]:
    """`add_norm` in evaluation after each of the two sub-layers, and in training.

    Each test asks for all three, since different mistakes give the same values in one of them.
    """
    attention, feed_forward = add_norm_inputs(draw, HIDDEN), add_norm_inputs(draw, INNER)
    return [both(probes.add_norm, **attention, dropout=0.5, training=False),
            both(probes.add_norm, **feed_forward, dropout=0.5, training=False),
            both(probes.add_norm, **attention, dropout=RATE, training=True)]


@part("q2_add_norm", weight=6)
def test_add_norm_value(both, draw):
    for student, reference in add_norm_answers(both, draw)[:2]:
        assert_close(student["returned"], reference["returned"],
                     "in evaluation, `add_norm` does not return LayerNorm(input + dense(output))")


@part("q2_add_norm", weight=1)
def test_add_norm_can_be_trained(both, draw):
    student, reference = both(probes.add_norm_gradient, **add_norm_inputs(draw, HIDDEN))
    assert student is not None, (
        "no gradient finds its way back through `add_norm`: is something detached, or changed in "
        "place that is still needed?")
    assert_close(student, reference, "in training, a wrong gradient flows back to `input`")


@part("q2_add_norm", weight=1)
def test_add_norm_dropout(both, draw):
    student, reference = add_norm_answers(both, draw)[2]
    assert_close(student["returned"], reference["returned"],
                 "in training, `add_norm` does not return LayerNorm(input + "
                 "dropout(dense(output))), with the module `dropout` applied once")


# ---------------------------------------------------------------------------- (d) BertLayer.forward


def layer_inputs(draw: Draw) -> dict[str, Any]:
    weights = state(draw, attention_dense=(HIDDEN, HIDDEN), attention_layer_norm=(HIDDEN,),
                    interm_dense=(INNER, HIDDEN), out_dense=(HIDDEN, INNER),
                    out_layer_norm=(HIDDEN,))
    return {"config": CONFIG, "weights": weights, "hidden_states": draw(BATCH, LENGTH, HIDDEN),
            "attention_mask": padding([3, 4]), "attended": draw(BATCH, LENGTH, HIDDEN)}


def layer_recorded(both: Any, draw: Draw, training: bool = False) -> tuple[dict, dict]:
    canned = [draw(BATCH, LENGTH, HIDDEN), draw(BATCH, LENGTH, HIDDEN)]
    student, reference = both(probes.layer_recorded, **layer_inputs(draw), canned=canned,
                              training=training)
    mode, calls = "in training, " if training else "", len(student["calls"])
    assert calls == 2, f"{mode}`BertLayer.forward` calls `add_norm` {calls} times; a layer has two"
    return student, reference


def check_first(student: dict, reference: dict, mode: str = "") -> None:
    assert len(student["attention"]) == 1, (
        f"{mode}`self_attention` is called {len(student['attention'])} times, not once")
    asked, right = student["attention"][0], reference["attention"][0]
    assert_close(asked["hidden_states"], right["hidden_states"],
                 f"{mode}`self_attention` should see the hidden states that came in")
    assert_close(asked["mask"], right["mask"],
                 f"{mode}`self_attention` does not get the mask unchanged")
    call, right = student["calls"][0], reference["calls"][0]
    assert_close(call["input"], right["input"],
                 f"{mode}the first residual connection should start at the layer's input")
    assert_close(call["output"], right["output"],
                 f"{mode}the first `add_norm` should get what `self_attention` returned, unchanged")
    check_modules(call, right, "first")


def check_second(student: dict, reference: dict, mode: str = "") -> None:
    call, right = student["calls"][1], reference["calls"][1]
    assert_close(call["input"], right["input"],
                 f"{mode}the second residual connection should start at the output of the first "
                 "`add_norm`")
    assert_close(call["output"], right["output"],
                 f"{mode}the second `add_norm` should get interm_af(interm_dense(x)) of the first "
                 "one's output, and nothing more done to it")
    check_modules(call, right, "second")


def check_modules(call: dict, right: dict, which: str) -> None:
    for name in ("dense", "dropout", "norm"):
        found = f"`{call[name]}`" if call[name] else "no module of this layer"
        assert call[name] == right[name], (
            f"the {which} `add_norm` gets {found} as its {name} layer: each of the two sub-layers "
            "has modules of its own")


def check_result(student: dict, reference: dict, mode: str = "") -> None:
    assert_close(student["output"], reference["output"],
                 f"{mode}`BertLayer.forward` should return what the second `add_norm` returns")


@part("q2_layer", weight=3)
def test_layer_attends(both, draw):
    check_first(*layer_recorded(both, draw))


@part("q2_layer", weight=3)
def test_layer_feeds_forward(both, draw):
    check_second(*layer_recorded(both, draw))


@part("q2_layer", weight=1)
def test_layer_returns(both, draw):
    check_result(*layer_recorded(both, draw))


@part("q2_layer", weight=1)
def test_layer_in_training(both, draw):
    for mode in ("", "in training, "):
        student, reference = layer_recorded(both, draw, training=bool(mode))
        for check in (check_first, check_second, check_result):
            check(student, reference, mode)
