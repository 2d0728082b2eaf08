"""Probes that begin the run again that a result.log tells of.

`beginning` runs on the reference's side, which may read the course's data; the others run beside
the student's code. They return what happens, and judge nothing.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor
from torch.utils.data import DataLoader

from .probes_training import in_place_of

TINY = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 16}


def beginning(code: Any, options: list[str], batches: int) -> dict[str, Any]:
    """What a right classifier.py with these options notes of its data, and its first batches."""
    classifier = code.classifier
    args = classifier.get_args(options)
    data = classifier.load_data(args)
    noted = classifier.what_it_begins_with(_Unheard(), args, data, torch.device("cpu"))
    return {"noted": {name: str(value) for name, value in noted.items()}, "sizes": data.sizes,
            "batches": data.first[:batches]}


def trains(code: Any, batch: dict[str, Any]) -> int:
    """Whether the person's code takes a step at all, with a tiny BERT of its own."""
    def from_pretrained(*args: Any, **kwargs: Any) -> nn.Module:
        model: nn.Module = code.bert.BertModel(code.config.BertConfig(**TINY))
        return model

    tiny = SimpleNamespace(from_pretrained=from_pretrained)
    return len(_steps(code.classifier, [], [batch], 1, BertModel=tiny)["losses"])


def first_steps(code: Any, options: list[str], batches: list[dict[str, Any]], steps: int
                ) -> dict[str, Any]:
    """The person's own `train`, for so many steps of those that it takes with these batches.

    Returns how the untrained model scores the first sentences, and the losses of the steps.
    """
    return _steps(code.classifier, options, batches, steps)


def _steps(classifier: Any, options: list[str], batches: list[dict[str, Any]], steps: int,
           **played: Any) -> dict[str, Any]:
    models: list[nn.Module] = []
    scores: list[float] = []
    losses: list[float] = []
    make = classifier.BertSentClassifier
    # A loader, for it draws a random number before the first batch.
    loader: DataLoader = DataLoader(batches, batch_size=None, collate_fn=_as_it_is)  # type: ignore[arg-type]
    data = SimpleNamespace(
        train=loader, train_sample=batches, dev=batches, num_labels=5, first=[],
        sizes={"train_sentences": sum(len(batch["labels"]) for batch in batches)})

    def made(*args: Any, **kwargs: Any) -> nn.Module:
        models.append(make(*args, **kwargs))
        return models[-1]

    class Progress(classifier.EpochProgress):  # type: ignore[misc]
        def add(self, loss: float, sentences: int) -> None:
            losses.append(float(loss))
            super().add(loss, sentences)
            if len(losses) == steps:
                raise _Enough

    class ResultLog:
        """Is made when the model is, and before it is trained."""

        def __init__(self, *args: Any) -> None:
            scores.extend(_scores(models[-1], batches[0]))
            if steps == 0:
                raise _Enough

        def __enter__(self) -> ResultLog:
            return self

        def __exit__(self, *exc: object) -> None: ...

    played |= {"BertSentClassifier": made, "load_data": lambda args: data, "ResultLog": ResultLog,
               "EpochProgress": Progress, "settings": lambda *args, **kwargs: {}}
    with contextlib.suppress(_Enough), in_place_of(classifier, played):
        classifier.train(classifier.get_args(options))
    return {"scores": scores, "losses": losses}


@torch.inference_mode()
def _scores(model: nn.Module, batch: dict[str, Any]) -> list[float]:
    """As classifier.py notes them: of the first four sentences, in evaluation mode."""
    scores: Tensor = model.eval()(batch["input_ids"][:4], batch["attention_mask"][:4])
    return [float(score) for score in scores.flatten()]


def _as_it_is(batch: dict[str, Any]) -> dict[str, Any]:
    return batch


class _Enough(BaseException):
    """Ends a training, whatever errors it catches."""


class _Unheard(nn.Module):
    """Scores nothing."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return torch.zeros(0)
