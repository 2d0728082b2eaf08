"""Hidden tests of q2, (a) to (d), as far as they are right together: work divided otherwise.

Where a part does not keep its contract and the code around it makes up for that, the model as a
whole is right. One such deviation costs a quarter of one part, wherever the work has gone: the
first part that is not to its callers what it should be pays, and the others lose nothing. What
takes no part in the whole, since others do its work, pays its own quarter.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from autograder.testing import KEEPS_TOGETHER, Draw, StudentFailed, is_close, part

from . import domain, probes
from . import test_attention as alone

A, B, C, D = "q2_attention", "q2_self_attention", "q2_add_norm", "q2_layer"
# What each part must be to the code that calls it. The tests on dropout are asked apart.
TESTS = {
    A: (alone.test_attention_without_padding, alone.test_attention_with_padding),
    B: (alone.test_forward_projects_and_attends, alone.test_forward_returns_what_attention_returns),
    C: (alone.test_add_norm_value,),
    D: (alone.test_layer_attends, alone.test_layer_feeds_forward, alone.test_layer_returns),
}
DROPOUT = 1 / 8  # of the points of (b), (c), (d)
CONTRACTS = {
    A: "`attention` must return softmax(Q K^T / sqrt(d_k) + mask) V with the heads joined, one "
       "tensor of shape [B, T, H], when it is called as attention(key, query, value, "
       "attention_mask)",
    B: "`BertSelfAttention.forward` must return one tensor of shape [B, T, H] when it is called as "
       "forward(hidden_states, attention_mask), and take it from `attention`",
    C: "`add_norm` must return LayerNorm(input + Dropout(dense(output))), one tensor, when it is "
       "called as add_norm(input, output, dense_layer, dropout, ln_layer)",
    D: "`BertLayer.forward` must return one tensor of shape [B, T, H] when it is called as "
       "forward(hidden_states, attention_mask) with the additive mask",
}
COSTS = ("Yours does not by itself. It is right together with other code of yours, which costs a "
         "quarter of this part")
UNUSED = "Other code of yours does this work, which costs a quarter of this part"
TRAINS = "; another eighth goes since in training the dropout is not where it should be"
TRAINING = "in training, the dropout is not where it should be: it belongs into `add_norm` alone"
LAYERS = 2  # of the whole model


@part(A, together=CONTRACTS[A])
def test_attention_together(both, draw, award):
    settle(A, Together(both, draw), award)


@part(B, together=CONTRACTS[B])
def test_self_attention_together(both, draw, award):
    settle(B, Together(both, draw), award)


@part(C, together=CONTRACTS[C])
def test_add_norm_together(both, draw, award):
    settle(C, Together(both, draw), award)


@part(D, together=CONTRACTS[D])
def test_layer_together(both, draw, award):
    settle(D, Together(both, draw), award)


def settle(name: str, together: Together, award: Callable[[float, str], None]) -> None:
    """Give a part that is not right alone the share of its points that it keeps together."""
    assert not together.right_alone(name), "what is wrong is no matter of who does which work"
    unit = together.self_attention if name in (A, B) else together.feed_forward
    if unit:
        pays = name in (A, C)
    else:
        assert together.whole, "the model as a whole is not right either"
        pays = name == together.first_to_pay or name not in together.called
    says = f"{CONTRACTS[name]}. {COSTS if name in together.called else UNUSED}"
    share = KEEPS_TOGETHER if pays else 1.0
    blamed = name == C or (name == D and together.right_dropout)
    if blamed and not together.right_in_training:
        share, says = share - DROPOUT, says + TRAINS if pays else TRAINING
    award(share, says)


def everywhere(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is right in all cases; what was called in the first."""
    return {name: first if name == "called" else all(one.get(name) for one in answers)
            for name, first in answers[0].items()}


class Together:
    """What is right of one person's parts, in larger and larger units."""

    def __init__(self, both: Any, draw: Draw) -> None:
        self._both, self._draw = both, draw
        cases = [domain.general(draw, padding="anywhere"),
                 domain.general(draw, padding="none", length=16),
                 domain.SIZES.draw(draw, **domain.ONE_TOKEN),
                 domain.SIZES.draw(draw, **domain.ONE_SENTENCE)]
        units = zip(*map(self._units, cases), strict=True)
        self_attention, canned, own, model = map(everywhere, units)
        found = next((one for one in (canned, own, model) if one["evaluation"]), canned)
        self.self_attention = self_attention["output"]
        self.feed_forward = canned["evaluation"]
        self.layer = own["evaluation"]
        self.whole = own["evaluation"] or model["evaluation"]
        self.right_in_training = found["training"]
        self.called = {D, *(own if own["evaluation"] else model).get("called", TESTS)}

    def _units(self, case: SimpleNamespace) -> list[dict[str, Any]]:
        """What is right of self-attention, of a layer with canned attention, of a layer with its
        own, and of a model."""
        asked, inputs = (make(self._draw, case) for make in
                         (alone.self_attention_inputs, alone.layer_inputs))
        attended = inputs.pop("attended")
        layer = inputs["weights"] | {f"self_attention.{name}": value
                                     for name, value in asked["weights"].items()}
        return [self._right(probes.self_attention_together, **asked),
                self._right(probes.layer_together, **inputs, attended=attended),
                self._right(probes.whole_layer, **inputs | {"weights": layer}),
                self._right(probes.whole_model, **self._model_inputs(case, layer))]

    @property
    def right_dropout(self) -> bool:
        """Whether `add_norm` drops what it should."""
        return self._passes(alone.test_add_norm_dropout)

    @property
    def first_to_pay(self) -> str:
        """The first part that is not to its callers what it should be."""
        kept = {B: self.self_attention, D: self.layer or self.feed_forward}
        return next((name for name in TESTS if not kept.get(name) and not self.right_alone(name)),
                    "")

    def right_alone(self, name: str) -> bool:
        return all(map(self._passes, TESTS[name]))

    def _passes(self, test: Callable[..., None]) -> bool:
        given = {"both": self._both, "draw": self._draw, "remark": str}
        try:
            test(**{name: given[name] for name in inspect.signature(test).parameters})
        except AssertionError:
            return False
        except StudentFailed as failed:
            return self._survived(failed)
        return True

    def _right(self, probe: Callable[..., Any], **inputs: Any) -> dict[str, Any]:
        """Which of the values that a probe returns are right; what was called as it is."""
        names = ("output", "evaluation", "training")
        try:
            student, reference = self._both(probe, **inputs)
        except StudentFailed as failed:
            return dict.fromkeys(names, self._survived(failed))
        # A recorder's answer does not depend on what it is asked, which must be right, too.
        asked = all(is_close(call[name], reference["attention"][0][name])
                    for call in student.get("attention", []) for name in call)
        close = {name: asked and is_close(student[name], reference[name])
                 for name in names if name in reference}
        return {"called": student["called"], **close} if "called" in student else close

    def _survived(self, failed: StudentFailed) -> bool:
        """False; raises where nothing more is to be asked."""
        if failed.failure.fatal:
            raise failed
        return False

    def _model_inputs(self, case: SimpleNamespace, layer: dict[str, torch.Tensor]
                      ) -> dict[str, Any]:
        config = domain.config(case) | {"num_hidden_layers": LAYERS}
        width = config["hidden_size"]
        weights = alone.state(
            self._draw, word_embedding=(config["vocab_size"], width),
            pos_embedding=(config["max_position_embeddings"], width),
            tk_type_embedding=(2, width), embed_layer_norm=(width,), pooler_dense=(width, width))
        for number in range(LAYERS):
            weights |= {f"bert_layers.{number}.{k}": v for k, v in layer.items()}
        ids = self._draw(case.batch, case.length, config["vocab_size"]).argmax(dim=-1)
        mask = (~domain.padded(self._draw, case)).long()
        return {"config": config, "weights": weights, "input_ids": ids * mask,
                "attention_mask": mask}
