"""Probes of hw3, 2.2 and 2.4: accuracies, computed by the trainer's function and by a loop.

The library `evaluate` is played: its accuracy needs neither hub nor files here. Models, loader and
metric are of the library's types all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import datasets
import evaluate
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import DistilBertPreTrainedModel, EvalPrediction
from transformers.modeling_outputs import MultipleChoiceModelOutput

from .probes_given import distilbert_config, in_swag

# ---------------------------------------------------------------------------------------- one model


def metrics(code: Any, logits: Tensor, labels: Tensor) -> dict[str, Any]:
    """What `compute_metrics` returns, given arrays as the trainer gives them."""
    with in_swag(code, evaluate=_library()):
        returned = code.compute_metrics(EvalPrediction(logits.numpy(), labels.numpy()))
    if not isinstance(returned, Mapping):
        return {"returned": returned}
    return {"metrics": {name: float(value) if isinstance(value, (int, float, np.generic, Tensor))
                        else value for name, value in returned.items()}}


# -------------------------------------------------------------------------------------- both models


def evaluated(code: Any, batches: list[dict[str, Tensor]], tables: list[Tensor]
              ) -> dict[str, Any]:
    """What `evaluate_both` returns for two models whose logits come from tables, overheard.

    tables: two, [vocabulary, 4], read at the first token of an example
    """
    used: list[str] = []
    models = [_Opinion(table, form).train() for table, form in zip(
        tables, (MultipleChoiceModelOutput, dict), strict=True)]
    loader = _Loader(batches)
    with in_swag(code, evaluate=_library(used), device=torch.device("cpu")), torch.enable_grad():
        returned = code.evaluate_both(*models, loader)
    return {"returned": returned if not isinstance(returned, Mapping) else
            {name: float(value) if isinstance(value, (int, float, np.generic, Tensor)) else value
             for name, value in returned.items()},
            "calls": [model.calls for model in models], "passes": loader.passes,
            "metrics": len(used)}


class _Opinion(DistilBertPreTrainedModel):
    """A model whose logits for an example stand in a table, at the first of its tokens."""

    def __init__(self, table: Tensor, form: Callable[..., Any]) -> None:
        super().__init__(distilbert_config())
        self.table = nn.Parameter(table)
        self.form = form
        self.calls: list[dict[str, Any]] = []

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None,
                labels: Tensor | None = None, **_: Any) -> Any:
        graph = torch.is_grad_enabled() and self.table.requires_grad
        firsts = input_ids[:, 0, 0]
        self.calls.append({"training": self.training, "graph": graph, "asked": firsts.tolist()})
        logits = self.table[firsts]  # [B, 4]
        if self.training:
            logits = -logits  # where dropout is on, a model says something else
        if labels is None:
            return self.form(logits=logits)
        loss = nn.functional.cross_entropy(logits, labels.flatten())
        return self.form(loss=loss, logits=logits)


class _Loader(DataLoader):
    """A loader of these batches that counts how often it is gone through."""

    def __init__(self, batches: list[dict[str, Tensor]]) -> None:
        examples = [{name: tensor[row] for name, tensor in batch.items()}
                    for batch in batches for row in range(len(batch["labels"]))]
        super().__init__(examples, batch_size=len(batches[0]["labels"]), collate_fn=_stacked)
        self.passes = 0

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        self.passes += 1
        return super().__iter__()


def _stacked(examples: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([one[name] for one in examples]) for name in examples[0]}


# ------------------------------------------------------------------------------------------- played


def _library(used: list[str] | None = None) -> Any:
    """The library `evaluate` with an accuracy that needs neither hub nor files."""

    def load(name: str, *args: Any, **kwargs: Any) -> Any:
        if used is not None:
            used.append(name)
        return _Accuracy() if name == "accuracy" else evaluate.load(name, *args, **kwargs)

    names = {name: getattr(evaluate, name) for name in dir(evaluate) if not name.startswith("_")}
    return SimpleNamespace(**{**names, "load": load})


class _Accuracy(evaluate.Metric):
    """Stands for `evaluate.load("accuracy")`, which elsewhere fetches it from the hub."""

    def __init__(self) -> None:
        super().__init__(keep_in_memory=True)

    def _info(self) -> evaluate.MetricInfo:
        numbers = {name: datasets.Value("int32") for name in ("predictions", "references")}
        return evaluate.MetricInfo("", "", datasets.Features(numbers))

    def _compute(self, predictions: Any, references: Any, normalize: bool = True,
                 sample_weight: Any = None) -> dict[str, float]:
        hits = [float(one == other) for one, other in zip(predictions, references, strict=True)]
        if not normalize:
            return {"accuracy": sum(hits)}
        return {"accuracy": float(np.average(hits, weights=sample_weight))}
