"""Probes of hw3, 2.2 and 2.4: accuracies, computed by the trainer's function and by a loop.

The library `evaluate` is played: its accuracy needs neither hub nor files here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import evaluate
import numpy as np
import torch
from torch import Tensor, nn
from transformers import EvalPrediction
from transformers.modeling_outputs import MultipleChoiceModelOutput

# ---------------------------------------------------------------------------------------- one model


def metrics(code: Any, logits: Tensor, labels: Tensor) -> dict[str, Any]:
    """What `compute_metrics` returns, given arrays as the trainer gives them."""
    with code.played(evaluate=_library()):
        returned = code.compute_metrics(EvalPrediction(logits.numpy(), labels.numpy()))
    if not isinstance(returned, Mapping):
        return {"returned": returned}
    return {"metrics": {name: float(value) if isinstance(value, (int, float, np.generic, Tensor))
                        else value for name, value in returned.items()}}


# -------------------------------------------------------------------------------------- both models


def evaluated(code: Any, batches: list[dict[str, Tensor]], scores: list[Tensor]
              ) -> dict[str, Any]:
    """What `evaluate_both` returns for two models whose logits come from tables, overheard.

    scores: two tables, [vocabulary, 4], read at the first token of an example.
    """
    used: list[str] = []
    models = [_Opinion(table, form).train() for table, form in zip(
        scores, (MultipleChoiceModelOutput, dict), strict=True)]
    loader = _Loader(batches)
    with code.played(evaluate=_library(used), device=torch.device("cpu")):
        returned = code.evaluate_both(*models, loader)
    return {"returned": returned if not isinstance(returned, Mapping) else
            {name: float(value) if isinstance(value, (int, float, np.generic, Tensor)) else value
             for name, value in returned.items()},
            "calls": [model.calls for model in models], "passes": loader.passes,
            "metrics": len(used)}


class _Opinion(nn.Module):
    """A model whose logits for an example stand in a table, at the first of its tokens."""

    def __init__(self, table: Tensor, form: Callable[..., Any]) -> None:
        super().__init__()
        self.table = nn.Parameter(table)
        self.form = form
        self.calls: list[dict[str, bool]] = []

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, **_: Any) -> Any:
        graph = torch.is_grad_enabled() and self.table.requires_grad
        self.calls.append({"training": self.training, "graph": graph})
        logits = self.table[input_ids[:, 0, 0]]  # [B, 4]
        if self.training:
            logits = -logits  # where dropout is on, a model says something else
        if labels is None:
            return self.form(logits=logits)
        loss = nn.functional.cross_entropy(logits, labels.flatten())
        return self.form(loss=loss, logits=logits)


class _Loader:
    """Batches that count how often they are gone through."""

    def __init__(self, batches: list[dict[str, Tensor]]) -> None:
        self.batches, self.passes = batches, 0
        self.batch_size = len(batches[0]["labels"])
        self.dataset = [None] * sum(len(batch["labels"]) for batch in batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        self.passes += 1
        yield from ({name: tensor.clone() for name, tensor in batch.items()}
                    for batch in self.batches)


# ------------------------------------------------------------------------------------------- played


def _library(used: list[str] | None = None) -> Any:
    """The library `evaluate` with an accuracy that needs neither hub nor files."""

    def load(name: str, *args: Any, **kwargs: Any) -> Any:
        if used is not None:
            used.append(name)
        return _Accuracy() if name == "accuracy" else evaluate.load(name, *args, **kwargs)

    names = {name: getattr(evaluate, name) for name in dir(evaluate) if not name.startswith("_")}
    return SimpleNamespace(**{**names, "load": load})


class _Accuracy:
    """Stands for `evaluate.load("accuracy")`, which elsewhere fetches it from the hub."""

    def __init__(self) -> None:
        self.pairs: list[tuple[int, int]] = []

    def add_batch(self, *, predictions: Any, references: Any, **_: Any) -> None:
        predicted, right = (np.asarray(values).tolist() for values in (predictions, references))
        if len(predicted) != len(right):
            raise ValueError("predictions and references are not equally many")
        self.pairs += zip(map(_whole, predicted), map(_whole, right), strict=True)

    def add(self, *, prediction: Any = None, reference: Any = None, predictions: Any = None,
            references: Any = None, **_: Any) -> None:
        one = prediction if predictions is None else predictions
        other = reference if references is None else references
        self.add_batch(predictions=[one], references=[other])

    def compute(self, *, predictions: Any = None, references: Any = None, normalize: bool = True,
                **_: Any) -> dict[str, float]:
        if predictions is not None:
            self.add_batch(predictions=predictions, references=references)
        if not self.pairs:
            raise ValueError("nothing was added to the metric")
        right = sum(one == other for one, other in self.pairs)
        share = right / len(self.pairs) if normalize else float(right)
        self.pairs = []
        return {"accuracy": share}


def _whole(value: Any) -> int:
    """A class label: of one number, as the library has it."""
    if isinstance(value, list):
        if len(value) != 1:
            raise ValueError("accuracy compares one number with one number, and got a list")
        value = value[0]
    return int(value)
