"""The hidden tests of q2: what they ask varies, edges included, and they accept what is right.

Answers that are right only where somebody guesses that we look, tried by strangers, lose.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.course import Course
from autograder.exercises.q2 import test_attention, test_training
from autograder.judge.domain import Domain, Draw
from autograder.kernel import serialization
from autograder.results.verdict import Verdict

SOURCE = Path(__file__).parents[2] / "autograder" / "exercises" / "q2" / "source"
TESTS = [test for module in (test_attention, test_training)
         for name, test in vars(module).items() if name.startswith("test_")]
SEEDS = 20


@pytest.fixture(scope="module")
def both() -> Iterator[Callable[..., Any]]:
    """Puts a probe to the solution twice, in this process."""
    sys.path.insert(0, str(SOURCE))
    code = SimpleNamespace(**{name: importlib.import_module(name)
                              for name in ("bert", "classifier", "config")})
    sys.path.remove(str(SOURCE))
    yield lambda probe, **inputs: tuple(
        probe(code, **serialization.unpack(serialization.pack(inputs))) for _ in range(2))


def asked(both: Callable[..., Any], seed: int) -> dict[str, list[tuple[Domain, SimpleNamespace]]]:
    """What the tests of each part draw from their domains in one batch; the solution passes them.
    """
    drawn = defaultdict(list)
    for test in TESTS:
        draw = Draw(f"{seed}/{test.__name__}")
        given = {"both": both, "draw": draw, "remark": pytest.fail, "award": pytest.fail}
        test(**{name: given[name] for name in inspect.signature(test).parameters})
        drawn[test.pytestmark[0].args[0]] += draw.cases
    return drawn


@pytest.mark.parametrize("seed", range(SEEDS))
def test_in_every_batch_all_edges_are_asked_and_the_solution_is_right(both, seed: int) -> None:
    for part, cases in asked(both, seed).items():
        for domain in {domain for domain, _ in cases}:
            missing = domain.missing(case for other, case in cases if other is domain)
            assert missing == [], part


SOFTMAX = "torch.softmax(scores + attention_mask, dim=-1)"
DROPPED = "dropout(dense_layer(output))"
LAYER_NORM = f"ln_layer(input + {DROPPED})"
GIVEN_UP = f"({{}} if {{}} else nn.Identity())({DROPPED.partition('(')[2]}"
WEIGHTS = "for weight in model.parameters():\n                    "
NARROW = {  # name -> part, replaced, by; those that a student might write are misconceptions
    "a mask of -10000 alone": (
        "q2_attention", "scores + attention_mask",
        "scores.masked_fill(attention_mask == -10000.0, -math.inf)"),
    "a mask that counts from position 3 on": (
        "q2_attention", "scores + attention_mask",
        "scores + attention_mask * (torch.arange(attention_mask.size(-1)) >= 3)"),
    "a mask read as a length": (
        "q2_attention", "scores + attention_mask",
        "scores.masked_fill(torch.arange(attention_mask.size(-1)) >= "
        "(attention_mask == 0).sum(-1, keepdim=True), -1e9)"),
    "a mask of the first sentence": (
        "q2_attention", "scores + attention_mask", "scores + attention_mask[:1]"),
    "other weights in training": (
        "q2_attention", SOFTMAX, f"{SOFTMAX} * (0.5 if self.training else 1)"),
    "only the first twelve tokens": (
        "q2_self_attention", "(hidden_states, self.key)",
        "(hidden_states * (torch.arange(hidden_states.size(1)) < 12)[:, None], self.key)"),
    "keys cut off from training": (
        "q2_self_attention", "self.attention(key,", "self.attention(key.detach(),"),
    "dropout at rates above 0.3": (
        "q2_add_norm", DROPPED, GIVEN_UP.format("dropout", "dropout.p > 0.3")),
    "dropout at a rate of 1": (
        "q2_add_norm", DROPPED, GIVEN_UP.format("dropout", "dropout.p == 1")),
    "dropout after attention alone": (
        "q2_add_norm", DROPPED, GIVEN_UP.format("dropout", "input.shape == output.shape")),
    "a sub-layer cut off from training": ("q2_add_norm", DROPPED, "dropout(dense_layer(output))"
                                          ".detach()"),
    "a feed-forward network cut off from training": (
        "q2_layer", "self.interm_dense(attended)", "self.interm_dense(attended.detach())"),
    "another activation in training": (
        "q2_layer", "self.interm_af(self.interm_dense(attended))",
        "(F.relu if self.training else self.interm_af)(self.interm_dense(attended))"),
    "seven times the gradient": ("q2_train", "loss.backward()", "(7 * loss).backward()"),
    "gradients of one length": (
        "q2_train", "optimizer.step()",
        f"{WEIGHTS}weight.grad /= weight.grad.norm()\n                optimizer.step()"),
    "seven times the loss in the log": (
        "q2_train", "optimizer.step()", "optimizer.step()\n                loss = 7 * loss"),
    "weights pushed after the step": (
        "q2_train", "optimizer.step()",
        f"optimizer.step()\n                {WEIGHTS}weight.data += 0.01"),
    "weights pushed before the step, from the second epoch on": (
        "q2_train", "optimizer.step()",
        f"{WEIGHTS}weight.data += 0.01 * (epoch > 1)\n                optimizer.step()"),
    "weights pushed at the end": (
        "q2_train", "            result = measure_epoch",
        "            for weight in model.parameters():\n                weight.data += 1\n"
        "            result = measure_epoch"),
    "uphill from the second step on": (
        "q2_train", "optimizer.step()",
        "optimizer.step()\n                optimizer.param_groups[0]['maximize'] = True"),
}


@pytest.mark.sandbox
@pytest.mark.parametrize("name", NARROW)
def test_what_is_right_only_where_somebody_guesses_that_we_look_loses(
        prepared: Course, grade_q2: Callable[[dict[str, bytes]], Verdict], name: str) -> None:
    part, replaced, by = NARROW[name]
    file = "classifier.py" if part == "q2_train" else "bert.py"
    solved = (prepared.build / "reference" / "q2" / file).read_text()
    assert solved.count(replaced) == 1
    verdict = grade_q2({file: solved.replace(replaced, by).encode()})
    assert [one.part for one in verdict.parts if one.points < one.max_points] == [part], [
        one.says for one in verdict.parts]
