"""Probes of hw3, 2.2 and the arguments of 2.3: a model, values of arguments, a trainer.

What `make_trainer` uses of the other parts is played while its probe runs.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset
from torch import Tensor, nn
from transformers import (
    DistilBertForMultipleChoice,
    DistilBertModel,
    EvalPrediction,
    TrainingArguments,
)

from autograder.exercises.hw3.probes_given import (
    distilbert_config,
    distilbert_tokenizer,
    encoded_swag,
    in_swag,
)

ARGUMENTS = (
    "output_dir", "run_name", "eval_strategy", "eval_steps", "save_strategy", "save_steps",
    "save_total_limit", "seed", "per_device_train_batch_size", "per_device_eval_batch_size",
    "gradient_accumulation_steps", "max_steps", "num_train_epochs", "learning_rate",
    "weight_decay", "remove_unused_columns", "load_best_model_at_end", "metric_for_best_model",
    "greater_is_better")


# -------------------------------------------------------------------------------------------- model


def model_hf(code: Any) -> dict[str, Any]:
    """What `model_hf` is, and some of its weights."""
    return _described(code.model_hf)


def _described(model: Any) -> dict[str, Any]:
    weights = dict(model.named_parameters()) if isinstance(model, nn.Module) else {}
    backbone = next((part for part in model.modules() if isinstance(part, DistilBertModel)),
                    None) if weights else None
    return {
        "heads": sorted({name.split(".")[0] for name in weights} - {"distilbert"}),
        "shapes": {name: list(weight.shape) for name, weight in weights.items()
                   if name.startswith(("classifier", "pre_classifier"))},
        "chooses": isinstance(model, DistilBertForMultipleChoice),
        "backbone": None if backbone is None else _some_weights(backbone),
    }


def _some_weights(backbone: nn.Module) -> dict[str, Tensor]:
    """Enough of a backbone's weights to know it by."""
    return {name: weight.detach().reshape(-1)[:200] for name, weight in
            backbone.named_parameters() if name.endswith("weight")}


# ---------------------------------------------------------------------------------------- arguments


def arguments(code: Any, name: str) -> dict[str, Any]:
    """The values of a `TrainingArguments` in a variable, however they were given."""
    values = getattr(code, name)
    if not isinstance(values, TrainingArguments):
        return {"kind": type(values).__name__}
    return {key: _value(getattr(values, key, None)) for key in ARGUMENTS}


def _value(value: Any) -> Any:
    value = getattr(value, "value", value)  # of an enum
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


# ------------------------------------------------------------------------------------------ trainer


def trainer(code: Any, vocabulary: list[str], sizes: dict[str, int],
            evaluated: int) -> dict[str, Any]:
    """What `make_trainer` hands to the library, with everything that it uses played."""
    tokenizer, splits = distilbert_tokenizer(vocabulary), encoded_swag(sizes)
    own = _quietly(code, "MultipleChoiceDataCollator")
    own_metrics = _quietly(code, "compute_metrics")
    model = DistilBertForMultipleChoice(distilbert_config(len(vocabulary)))
    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments(output_dir=folder, seed=5, eval_strategy="steps",
                                 eval_steps=evaluated, use_cpu=True)
        with in_swag(code, tokenizer=tokenizer, compute_metrics=_count_metrics,
                     MultipleChoiceDataCollator=_PlayedCollator):
            made = code.make_trainer(model, args, splits)
            collator = getattr(made, "data_collator", None)
            return {
                "trainer": isinstance(made, transformers.Trainer),
                "model": getattr(made, "model", None) is model,
                "evaluated": _value(getattr(getattr(made, "args", None), "eval_steps", None)),
                "seed": _value(getattr(getattr(made, "args", None), "seed", None)),
                "train": _size(getattr(made, "train_dataset", None)),
                "eval": _size(getattr(made, "eval_dataset", None)),
                "collator": _called(collator, splits["train"]) or _is(collator, own),
                "tokenizer": getattr(collator, "tokenizer", tokenizer) is tokenizer
                or _is(collator, own),
                "metrics": _measured(getattr(made, "compute_metrics", None), own_metrics),
            }


def _quietly(code: Any, name: str) -> Any:
    with suppress(Exception):
        return getattr(code, name)
    return None


def _size(rows: Any) -> int | None:
    with suppress(Exception):
        return len(rows)
    return None


def _is(value: Any, kind: Any) -> bool:
    return isinstance(kind, type) and isinstance(value, kind)


def _called(collator: Any, rows: Dataset) -> bool:
    """Whether the collator of a trainer makes of two rows what the played one does."""
    names = ("input_ids", "attention_mask", "label")
    with suppress(Exception):
        batch = collator([{name: rows[row][name] for name in names} for row in (0, 1)])
        return all(torch.equal(batch[name], value) for name, value in _marked(2).items())
    return False


def _measured(function: Any, own: Any) -> bool:
    if function is None:
        return False
    if function is own:
        return True
    with suppress(Exception):
        asked = EvalPrediction(np.zeros((1, 4), np.float32), np.zeros(1, np.int64))
        return function(asked)["accuracy"] == _count_metrics(None)["accuracy"]
    return False


def _marked(examples: int) -> dict[str, Tensor]:
    """What the played collator makes of so many examples, whatever they hold."""
    ids = torch.full([examples, 4, 7], 77)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids),
            "labels": torch.full([examples], 3)}


class _PlayedCollator:
    """In the place of `MultipleChoiceDataCollator`: it can be told from every other."""

    def __init__(self, tokenizer: Any = None, padding: Any = True, max_length: Any = None,
                 pad_to_multiple_of: Any = None, **_: Any) -> None:
        self.tokenizer, self.padding = tokenizer, padding
        self.max_length, self.pad_to_multiple_of = max_length, pad_to_multiple_of

    def __call__(self, features: list[Any]) -> dict[str, Tensor]:
        return _marked(len(features))


def _count_metrics(predicted: Any) -> dict[str, float]:
    return {"accuracy": 0.0077}
