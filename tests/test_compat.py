"""Every old name that is taken as a new one: gone today, and the successor means the same."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from transformers import BertTokenizerFast, Seq2SeqTrainingArguments, TrainingArguments

from autograder.judge.source_checks.deprecated_api import deprecated_calls
from autograder.kernel import compat
from autograder.results.words import english

VALUES: dict[str, list[tuple[Any, dict[str, Any]]]] = {  # an old value, and what it is today
    "evaluation_strategy": [("steps", {"eval_strategy": "steps"}), ("no", {"eval_strategy": "no"})],
    "no_cuda": [(True, {"use_cpu": True}), (False, {"use_cpu": False})],
    "per_gpu_train_batch_size": [(4, {"per_device_train_batch_size": 4})],
    "per_gpu_eval_batch_size": [(4, {"per_device_eval_batch_size": 4})],
    "warmup_ratio": [(0.0, {"warmup_steps": 0.0}), (0.06, {"warmup_steps": 0.06})],
    "group_by_length": [(True, {"train_sampling_strategy": "group_by_length"}),
                        (False, {"train_sampling_strategy": "random"})],
    "adafactor": [(True, {"optim": "adafactor"}), (False, {"optim": TrainingArguments.optim})],
    "include_inputs_for_metrics": [(True, {"include_for_metrics": ["inputs"]}),
                                   (False, {"include_for_metrics": []})],
}


def arguments(**options: Any) -> TrainingArguments:
    return TrainingArguments("x", **{"use_cpu": True, **options})


def test_every_row_is_tried() -> None:
    assert VALUES.keys() == compat.SUCCESSORS.keys()


@pytest.mark.parametrize("name", [*compat.SUCCESSORS, *compat.GONE])
def test_the_old_name_is_gone(name: str) -> None:
    """Where a name comes back, or was never one, its row has to go."""
    for kind in (TrainingArguments, Seq2SeqTrainingArguments):
        assert name not in {field.name for field in dataclasses.fields(kind)}
        with pytest.raises(TypeError, match="unexpected keyword"):
            kind("x", **{name: VALUES.get(name, [(True, {})])[0][0]})


@pytest.mark.parametrize(("name", "value", "wanted"), [
    (name, value, wanted) for name, rows in VALUES.items() for value, wanted in rows])
def test_the_successor_has_the_value(name: str, value: Any, wanted: dict[str, Any]) -> None:
    made = arguments(**compat.today({name: value}))
    for new, right in wanted.items():
        found = getattr(made, new)
        assert getattr(found, "value", found) == getattr(right, "value", right)


@pytest.mark.parametrize("steps", [1, 7, 200, 1800, 123_457])
@pytest.mark.parametrize("ratio", [0, 0.01, 0.06, 0.1, 1 / 3, 0.5, 0.999, 1.0])
def test_a_share_warms_up_for_as_many_steps_as_it_did(steps: int, ratio: float) -> None:
    """As it was: the ratio of all steps, rounded up, unless a number of steps is given."""
    made = arguments(**compat.today({"warmup_ratio": ratio}))
    assert made.get_warmup_steps(steps) == math.ceil(steps * ratio)
    both = arguments(**compat.today({"warmup_ratio": ratio, "warmup_steps": 3}))
    assert both.get_warmup_steps(steps) == 3


@pytest.mark.parametrize("name", compat.GONE)
def test_what_is_left_out_leaves_the_rest(name: str) -> None:
    assert compat.today({name: "any", "seed": 7}) == {"seed": 7}


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"lr": 0.02, "eps": 1e-8}])
def test_the_old_optimizer_takes_the_steps_that_it_took(options: dict[str, float]) -> None:
    class Library:
        AdamW: Any = None

    compat._transformers(Library)
    start = torch.tensor([1.0, -2.0, 0.5])
    weight = torch.nn.Parameter(start.clone())
    optimizer = Library.AdamW([weight], no_deprecation_warning=True, **options)
    gradients = [torch.tensor([0.3, -1.0, 2.0]), torch.tensor([0.1, 0.4, -3.0])]
    for gradient in gradients:
        weight.grad = gradient
        optimizer.step()
    assert torch.allclose(weight.detach(), _as_in_2023(start, gradients, **options), atol=1e-5)
    with pytest.raises(TypeError, match="correct_bias"):
        Library.AdamW([weight], correct_bias=False)


def _as_in_2023(weight: torch.Tensor, gradients: list[torch.Tensor], lr: float = 1e-3,
                eps: float = 1e-6, weight_decay: float = 0.0) -> torch.Tensor:
    """The published rule (Loshchilov and Hutter, 2019), with the defaults of transformers 4."""
    first, second = torch.zeros_like(weight), torch.zeros_like(weight)
    for step, gradient in enumerate(gradients, start=1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        size = lr * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weight = weight - size * first / (second.sqrt() + eps)
        weight = weight - lr * weight_decay * weight
    return weight


@pytest.mark.parametrize(("options", "wanted"), [  # of five words: how many tokens come back
    ({"pad_to_max_length": True, "max_length": 9}, [9, 9]),
    ({"pad_to_max_length": True, "max_length": 4}, [4, 4]),
    ({"pad_to_max_length": True, "max_length": 4, "truncation": False}, [7, 4]),
    ({"pad_to_max_length": True}, [7, 7]),
    ({"pad_to_max_length": False, "max_length": 4}, [4, 3]),
    ({"pad_to_max_length": True, "padding": "longest", "max_length": 4, "truncation": True},
     [4, 4]),
    ({"truncation_strategy": "longest_first", "max_length": 4}, [4, 3]),
])
def test_padding_of_2023_gives_the_lengths_that_it_gave(options: dict[str, Any],
                                                        wanted: list[int]) -> None:
    words = {word: number for number, word in enumerate(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])}
    tokenizer = BertTokenizerFast(vocab=words)
    rows = tokenizer(["a a a a a", "a"], **compat.padded(options))["input_ids"]
    assert [len(row) for row in rows] == wanted


@pytest.mark.parametrize("name", ["warmup_ratio", "group_by_length", "evaluation_strategy",
                                  "no_cuda"])
def test_the_remark_names_the_successor(name: str) -> None:
    (value, wanted), *_ = [row for row in VALUES[name] if row[0]]
    (sentence,) = map(english, deprecated_calls([f"TrainingArguments('x', {name}={value!r})"]))
    assert all(new in sentence for new in wanted)
