"""Hidden tests of q2, (a) to (d): one layer. They run in the judge, without student code."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from autograder.testing import Draw, Whole, assert_close, is_close, part

from . import domain, probes


def attention_inputs(draw: Draw, case: SimpleNamespace) -> dict[str, Any]:
    shape = (case.batch, case.heads, case.length, case.head_size)
    return {"config": domain.config(case), "key": case.scale * draw(*shape),
            "query": case.scale * draw(*shape), "value": draw(*shape),
            "attention_mask": domain.mask(draw, case)}


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
    case = domain.general(draw, padding="none", length=16)
    student, reference = both(probes.attention, **attention_inputs(draw, case))
    assert_close(student["returned"], reference["returned"],
                 "without any padding, `attention` does not return softmax(Q K^T / sqrt(d_k)) V "
                 "with the heads joined to [B, T, H]")
    tell_of_changes(student, remark)


@part("q2_attention", weight=3)
def test_attention_with_padding(both, draw):
    check_edge(both, draw, domain.ONE_TOKEN)
    case = domain.general(draw, padding="anywhere")
    student, reference = both(probes.attention, **attention_inputs(draw, case))
    assert_close(student["returned"], reference["returned"],
                 "with padding, `attention` does not return softmax(Q K^T / sqrt(d_k) + mask) V")


@part("q2_attention", weight=1)
def test_attention_can_be_trained(both, draw):
    check_edge(both, draw, domain.ONE_SENTENCE)
    case = domain.general(draw, padding="right", number=-10000.0, rate=100)
    student, reference = both(probes.attention_without_weights, **attention_inputs(draw, case))
    value, dropped = reference["evaluation"], torch.zeros_like(reference["evaluation"])
    assert_close(student["evaluation"], value, "with padding, `attention` does not return "
                 "softmax(Q K^T / sqrt(d_k) + mask) V")
    assert is_close(student["training"], value) or is_close(student["training"], dropped), (
        "in training, `attention` may drop weights or not, but it does something else: where a "
        "dropout of 1 drops all weights, it returns neither 0 nor what it returns in evaluation")
    student, reference = both(probes.attention_gradients,
                              **attention_inputs(draw, domain.general(draw, rate=0)))
    check_flowing({name: student[name] for name in ("key", "query", "value")}, reference)


def check_flowing(student: dict[str, Any], reference: dict[str, Any]) -> None:
    """What flows back; asked where the values have been seen to be right."""
    for name in student:
        assert student[name] is not None, (
            f"the values are right, but no gradient flows back to {name}")
        assert_close(student[name], reference[name],
                     f"the values are right, but the gradient that flows back to {name} is another")


def check_edge(both: Any, draw: Draw, sizes: dict[str, Any]) -> None:
    case = domain.SIZES.draw(draw, **sizes)
    student, reference = both(probes.attention, **attention_inputs(draw, case))
    assert_close(student["returned"], reference["returned"],
                 f"with {domain.told(case)}, `attention` does not return "
                 "softmax(Q K^T / sqrt(d_k) + mask) V")


# --------------------------------------------------------------------------- (b) attention.forward


def self_attention_inputs(draw: Draw, case: SimpleNamespace) -> dict[str, Any]:
    hidden = case.heads * case.head_size
    square = (hidden, hidden)
    return {"config": domain.config(case),
            "weights": state(draw, query=square, key=square, value=square),
            "hidden_states": case.scale * draw(case.batch, case.length, hidden),
            "attention_mask": domain.mask(draw, case)}


def self_attention_recorded(both: Any, draw: Draw, case: SimpleNamespace, training: bool = False
                            ) -> tuple[dict, dict]:
    inputs = self_attention_inputs(draw, case)
    return both(probes.self_attention_recorded, **inputs, training=training,
                canned=4 * draw(*inputs["hidden_states"].shape))


@part("q2_self_attention", weight=6)
def test_forward_projects_and_attends(both, draw):
    case = domain.general(draw, padding="anywhere", length=16)
    check_projections(*self_attention_recorded(both, draw, case))


@part("q2_self_attention", weight=1)
def test_forward_returns_what_attention_returns(both, draw):
    case = domain.SIZES.draw(draw, **domain.ONE_SENTENCE)
    check_returned(*self_attention_recorded(both, draw, case))


@part("q2_self_attention", weight=1)
def test_forward_in_training(both, draw):
    case = domain.SIZES.draw(draw, **domain.ONE_TOKEN)
    for mode in ("", "in training, "):
        student, reference = self_attention_recorded(both, draw, case, training=bool(mode))
        check_projections(student, reference, mode)
        check_returned(student, reference, mode)
        check_flowing(student["flowing"], reference["flowing"])
        case = domain.general(draw, padding="right", number=-10000.0)


def check_projections(student: dict, reference: dict, mode: str = "") -> None:
    assert len(student["calls"]) == 1, (
        f"{mode}`BertSelfAttention.forward` calls `attention` {len(student['calls'])} times, not "
        "once")
    call, right = student["calls"][0], reference["calls"][0]
    for name in ("key", "query", "value"):
        assert_close(call[name], right[name],
                     f"{mode}`attention` is called with a wrong {name}: it should be `transform` "
                     f"of the hidden states with self.{name}")
    assert_close(masking(call["mask"]), masking(right["mask"]),
                 f"{mode}`attention` does not get the mask as it came in")


def masking(mask: Any) -> Any:
    """A mask with one number for all padding: any that is large and negative does the same."""
    return mask.clamp(min=-10000.0) if isinstance(mask, Tensor) else mask


def check_returned(student: dict, reference: dict, mode: str = "") -> None:
    assert_close(student["output"], reference["output"],
                 f"{mode}`BertSelfAttention.forward` should return what `attention` returns, "
                 "unchanged")


# ------------------------------------------------------------------------------------ (c) add_norm


def add_norm_inputs(draw: Draw, case: SimpleNamespace) -> dict[str, Any]:
    inner = case.hidden if case.after == "attention" else case.inner
    dense, norm = state(draw, m=(case.hidden, inner)), state(draw, m=(case.hidden,))
    return {"config": {"hidden_size": case.hidden, "num_attention_heads": 1,
                       "intermediate_size": case.inner,
                       "hidden_dropout_prob": case.rate / 200},
            "input": draw(case.batch, case.length, case.hidden),
            "output": draw(case.batch, case.length, inner),
            "dense": {"weight": dense["m.weight"], "bias": dense["m.bias"]},
            "norm": {"weight": norm["m.weight"], "bias": norm["m.bias"]},
            "eps": case.eps, "dropout": case.rate / 100}


def add_norm_answers(both: Any, draw: Draw, training: bool, **sizes: Any) -> tuple[dict, dict]:
    return both(probes.add_norm, **add_norm_inputs(draw, domain.norm(draw, **sizes)),
                training=training)


@part("q2_add_norm", weight=6)
def test_add_norm_value(both, draw):
    """Asked in training, too, since different mistakes give the same values in evaluation."""
    answers = [add_norm_answers(both, draw, False, after="attention", eps=1e-12),
               add_norm_answers(both, draw, False, after="feed-forward", eps=1e-5, inner=30)]
    add_norm_answers(both, draw, True)
    for student, reference in answers:
        assert_close(student["returned"], reference["returned"],
                     "in evaluation, `add_norm` does not return LayerNorm(input + dense(output))")


@part("q2_add_norm", weight=1)
def test_add_norm_can_be_trained(both, draw):
    case = domain.norm(draw, eps=0.1)
    student, reference = both(probes.add_norm_gradients, **add_norm_inputs(draw, case))
    assert student is not None, (
        "no gradient finds its way back through `add_norm`: is something detached, or changed in "
        "place that is still needed?")
    for name in reference:
        assert student[name] is not None, f"in training, no gradient flows back to {name}"
        assert_close(student[name], reference[name],
                     f"in training, a wrong gradient flows back to {name}")


@part("q2_add_norm", weight=1)
def test_add_norm_dropout(both, draw):
    """With the lowest rate, the highest, and one between them, so that each is applied."""
    answers = [add_norm_answers(both, draw, True, rate=1, after="attention", eps=1e-5, hidden=24),
               add_norm_answers(both, draw, True, rate=100, after="feed-forward", eps=1e-5,
                                batch=4, length=1, inner=1),
               add_norm_answers(both, draw, True, rate=Whole(2, 99), after="attention", eps=1e-5,
                                batch=1, length=16, hidden=4)]
    for student, reference in answers:
        assert_close(student["returned"], reference["returned"],
                     "in training, `add_norm` does not return LayerNorm(input + "
                     "dropout(dense(output))), with the module `dropout` applied once")


# ---------------------------------------------------------------------------- (d) BertLayer.forward


def layer_inputs(draw: Draw, case: SimpleNamespace) -> dict[str, Any]:
    hidden, inner = case.heads * case.head_size, case.inner
    weights = state(draw, attention_dense=(hidden, hidden), attention_layer_norm=(hidden,),
                    interm_dense=(inner, hidden), out_dense=(hidden, inner),
                    out_layer_norm=(hidden,))
    weights["attention_layer_norm.weight"] *= case.scale
    shape = (case.batch, case.length, hidden)
    return {"config": domain.config(case), "weights": weights, "hidden_states": draw(*shape),
            "attention_mask": domain.mask(draw, case), "attended": draw(*shape)}


def layer_recorded(both: Any, draw: Draw, case: SimpleNamespace, training: bool = False
                   ) -> tuple[dict, dict]:
    inputs = layer_inputs(draw, case)
    canned = [4 * draw(*inputs["attended"].shape), draw(*inputs["attended"].shape)]
    student, reference = both(probes.layer_recorded, **inputs, canned=canned, training=training)
    mode, calls = "in training, " if training else "", len(student["calls"])
    assert calls == 2, f"{mode}`BertLayer.forward` calls `add_norm` {calls} times; a layer has two"
    return student, reference


def check_first(student: dict, reference: dict, mode: str = "") -> None:
    assert len(student["attention"]) == 1, (
        f"{mode}`self_attention` is called {len(student['attention'])} times, not once")
    asked, right = student["attention"][0], reference["attention"][0]
    assert_close(asked["hidden_states"], right["hidden_states"],
                 f"{mode}`self_attention` should see the hidden states that came in")
    assert_close(masking(asked["mask"]), masking(right["mask"]),
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
    case = domain.general(draw, padding="anywhere", length=16)
    check_first(*layer_recorded(both, draw, case))


@part("q2_layer", weight=3)
def test_layer_feeds_forward(both, draw):
    case = domain.general(draw, padding="right", number=-10000.0)
    check_second(*layer_recorded(both, draw, case))


@part("q2_layer", weight=1)
def test_layer_returns(both, draw):
    case = domain.SIZES.draw(draw, **domain.ONE_SENTENCE)
    check_result(*layer_recorded(both, draw, case))


@part("q2_layer", weight=1)
def test_layer_in_training(both, draw):
    case = domain.SIZES.draw(draw, **domain.ONE_TOKEN)
    for mode in ("", "in training, "):
        student, reference = layer_recorded(both, draw, case, training=bool(mode))
        for check in (check_first, check_second, check_result):
            check(student, reference, mode)
        check_flowing(student["flowing"], reference["flowing"])
        case = domain.general(draw, length=16)
