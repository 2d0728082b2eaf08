"""Probes of hw3, 2.2 and the arguments of 2.3: a model, values of arguments, a trainer.

What `make_trainer` uses of the other parts is played while its probe runs.
"""

from __future__ import annotations

import copy
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

from .probes_given import (
    distilbert_config,
    distilbert_tokenizer,
    encoded_swag,
    in_swag,
    some_weights,
)

ARGUMENTS = (
    "output_dir", "run_name", "eval_strategy", "eval_steps", "save_strategy", "save_steps",
    "save_total_limit", "seed", "per_device_train_batch_size", "per_device_eval_batch_size",
    "gradient_accumulation_steps", "max_steps", "num_train_epochs", "learning_rate",
    "weight_decay", "remove_unused_columns", "load_best_model_at_end", "metric_for_best_model",
    "greater_is_better")


# -------------------------------------------------------------------------------------------- model


def model_hf(code: Any, batch: dict[str, Tensor], labels: Tensor, start: int) -> dict[str, Any]:
    """What `model_hf` is, what it says of a batch, and some of its weights."""
    model = code.model_hf
    weights = dict(model.named_parameters()) if isinstance(model, nn.Module) else {}
    backbone = next((part for part in model.modules() if isinstance(part, DistilBertModel)),
                    None) if weights else None
    return {
        "heads": sorted({name.split(".")[0] for name in weights} - {"distilbert"}),
        "said": _said(model, batch, labels),
        "backbone": None if backbone is None else some_weights(backbone, start),
    }


def _said(model: Any, batch: dict[str, Tensor], labels: Tensor) -> dict[str, Tensor]:
    """Loss and logits; nothing where it takes no such batch."""
    found = {}
    with suppress(Exception), torch.no_grad():
        ids = batch["input_ids"] % model.config.vocab_size
        output = model(input_ids=ids, attention_mask=batch["attention_mask"], labels=labels)
        found = {name: output[name] for name in ("loss", "logits")}
    return found


# ---------------------------------------------------------------------------------------- arguments


def arguments(code: Any, name: str, folder: str) -> dict[str, Any]:
    """The values of a `TrainingArguments` in a variable, however they were given.

    They are those of a copy whose output directory lies in that folder.
    """
    values = copy.copy(getattr(code, name))
    if not isinstance(values, TrainingArguments):
        return {"kind": type(values).__name__}
    values.output_dir = f"{folder}/{values.output_dir}"
    return {key: _value(getattr(values, key, None)) for key in ARGUMENTS}


def _value(value: Any) -> Any:
    value = getattr(value, "value", value)  # of an enum
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


# ------------------------------------------------------------------------------------------ trainer


def trainer(code: Any, vocabulary: list[str], splits: dict[str, list[int]], seed: int, steps: int,
            mark: int, accuracy: float) -> dict[str, Any]:
    """What `make_trainer` hands to the library, with everything that it uses played.

    splits: the first token of each example; mark: the token that the played collator fills batches
    with; accuracy: what the played `compute_metrics` says
    """
    tokenizer, encoded = distilbert_tokenizer(vocabulary), encoded_swag(splits)
    own = _quietly(code, "MultipleChoiceDataCollator")
    own_metrics = _quietly(code, "compute_metrics")
    model = DistilBertForMultipleChoice(distilbert_config(len(vocabulary)))
    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments(output_dir=folder, seed=seed, eval_strategy="steps",
                                 eval_steps=steps, use_cpu=True)
        with in_swag(code, tokenizer=tokenizer,
                     compute_metrics=lambda predicted: {"accuracy": accuracy},
                     MultipleChoiceDataCollator=_played_collator(mark)):
            made = code.make_trainer(model, args, encoded)
            collator = getattr(made, "data_collator", None)
            metrics = getattr(made, "compute_metrics", None)
            return {
                "trainer": isinstance(made, transformers.Trainer),
                "model": getattr(made, "model", None) is model,
                "steps": _value(getattr(getattr(made, "args", None), "eval_steps", None)),
                "seed": _value(getattr(getattr(made, "args", None), "seed", None)),
                "train": _firsts(getattr(made, "train_dataset", None)),
                "eval": _firsts(getattr(made, "eval_dataset", None)),
                "own_collator": isinstance(own, type) and isinstance(collator, own),
                "batch": _called(collator, encoded["train"]),
                "tokenizer": getattr(collator, "tokenizer", tokenizer) is tokenizer,
                "own_metrics": metrics is not None and metrics is own_metrics,
                "accuracy": _measured(metrics),
            }


def _quietly(code: Any, name: str) -> Any:
    with suppress(Exception):
        return getattr(code, name)
    return None


def _firsts(rows: Any) -> list[int] | None:
    """The first token of each example, whatever their order."""
    with suppress(Exception):
        return sorted(int(row["input_ids"][0][0]) for row in rows)
    return None


def _called(collator: Any, rows: Dataset) -> dict[str, Tensor] | None:
    """What the collator of a trainer makes of all rows."""
    names = ("input_ids", "attention_mask", "label")
    with suppress(Exception):
        batch = collator([{name: row[name] for name in names} for row in rows])
        return {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    return None


def _measured(function: Any) -> float | None:
    with suppress(Exception):
        asked = EvalPrediction(np.zeros((1, 4), np.float32), np.zeros(1, np.int64))
        return float(function(asked)["accuracy"])
    return None


def _played_collator(mark: int) -> type:
    """What stands in the place of `MultipleChoiceDataCollator`: it can be told from every other."""

    class PlayedCollator:
        def __init__(self, tokenizer: Any = None, padding: Any = True, max_length: Any = None,
                     pad_to_multiple_of: Any = None, **_: Any) -> None:
            self.tokenizer, self.padding = tokenizer, padding
            self.max_length, self.pad_to_multiple_of = max_length, pad_to_multiple_of

        def __call__(self, features: list[Any]) -> dict[str, Tensor]:
            ids = torch.full([len(features), 4, 7], mark)
            return {"input_ids": ids, "attention_mask": torch.ones_like(ids),
                    "labels": torch.full([len(features)], 3)}

    return PlayedCollator
