"""The probe of q2's training part: the person's `train(args)` on a model of one matrix.

Like those in probes.py it runs beside the student's code, returns what that does, and judges
nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)


def training(code: Any, batches: list[dict], epochs: int, weight: Tensor, lr: float
             ) -> dict[str, Any]:
    """`train(args)` on a model of one matrix, with every step of every optimizer watched.

    The batches come in the order in which they are given. Returns the optimizers' steps (weights
    before and after, gradient, learning rate), the number of backward passes that reach the
    weights, the forward passes, and the losses of the epochs.
    """
    classifier = code.classifier
    model = _BagOfWords(weight, _gives_log_probabilities(classifier))
    watch = _Watch(model)
    losses: list[float] = []
    sizes = {"train_sentences": sum(len(batch["labels"]) for batch in batches)}
    data = SimpleNamespace(train=batches, train_sample=batches, dev=batches,
                           num_labels=weight.shape[1], sizes=sizes)
    replaced = {
        "BertSentClassifier": lambda *args, **kwargs: model,
        "load_data": lambda args: data,
        "measure_epoch": lambda progress, *args: _measured(progress, losses),
        "save_model": lambda *args, **kwargs: None,
        "ResultLog": _NoLog,
        "settings": lambda *args, **kwargs: {},
    }
    args = classifier.get_args(["--epochs", str(epochs), "--lr", str(lr)])
    args.batch_size = len(batches[0]["labels"])
    with _in_place_of(classifier, replaced), watch:
        classifier.train(args)
    return {"steps": watch.steps, "optimizers": len(watch.optimizers),
            "backwards": watch.backwards, "forwards": model.forwards, "losses": losses}


class _BagOfWords(nn.Module):
    """Logits are the sum of one row of a matrix for each token: gradients are easily checked."""

    def __init__(self, weight: Tensor, log_probabilities: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())  # [vocabulary, labels]
        self.log_probabilities = log_probabilities
        self.forwards: list[dict[str, Any]] = []

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        self.forwards.append({"training": self.training, "input_ids": input_ids.clone()})
        rows = self.weight[input_ids] * attention_mask[..., None]  # [B, T, labels]
        logits = rows.sum(dim=1)
        return torch.log_softmax(logits, dim=-1) if self.log_probabilities else logits


class _Watch:
    """Keeps the weights and the gradients around every optimizer step, by torch's own hooks."""

    def __init__(self, model: _BagOfWords) -> None:
        self.model = model
        self.optimizers: list[Optimizer] = []
        self.steps: list[dict[str, Any]] = []
        self.backwards = 0

    def before(self, optimizer: Optimizer, *_: Any) -> None:
        if not any(optimizer is known for known in self.optimizers):
            self.optimizers.append(optimizer)
        self.steps.append({"weight": self.model.weight.detach().clone(),
                           "lr": float(optimizer.param_groups[0]["lr"])})

    def after(self, optimizer: Optimizer, *_: Any) -> None:
        grad = self.model.weight.grad  # only now: `step(closure)` computes it during the step
        self.steps[-1]["grad"] = None if grad is None else grad.clone()
        self.steps[-1]["after"] = self.model.weight.detach().clone()

    def backward(self, _: Tensor) -> None:
        self.backwards += 1

    def __enter__(self) -> _Watch:
        self.hooks = [register_optimizer_step_pre_hook(self.before),
                      register_optimizer_step_post_hook(self.after),
                      self.model.weight.register_hook(self.backward)]
        return self

    def __exit__(self, *exc: object) -> None:
        for hook in self.hooks:
            hook.remove()


class _NoLog:
    """Stands for ResultLog."""

    def __init__(self, *args: Any) -> None: ...

    def __enter__(self) -> _NoLog:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def add_epoch(self, result: Any) -> None: ...


def _measured(progress: Any, losses: list[float]) -> SimpleNamespace:
    losses.append(float(progress.mean_loss))
    progress.close()
    return SimpleNamespace(saved=False, dev_accuracy=0.0)


@contextlib.contextmanager
def _in_place_of(module: Any, replaced: dict[str, Any]) -> Iterator[None]:
    """Put recorders under the names of a module, and take them away again."""
    before = {name: getattr(module, name) for name in replaced if hasattr(module, name)}
    for name, value in replaced.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def _gives_log_probabilities(classifier: Any) -> bool:
    """Whether the person's own classifier ends in a log-softmax, which the training may rely on."""
    hidden = 8

    class Encoder(nn.Module):
        config = SimpleNamespace(hidden_size=hidden, initializer_range=0.02)

        @classmethod
        def from_pretrained(cls, *args: Any, **kwargs: Any) -> nn.Module:
            return cls()

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
            state = torch.linspace(-3, 3, hidden).repeat(len(input_ids), 1)
            return {"last_hidden_state": state[:, None], "pooler_output": state}

    config = SimpleNamespace(num_labels=5, hidden_dropout_prob=0.0, option="finetune",
                             checkpoint="none", hidden_size=hidden)
    with contextlib.suppress(Exception), _in_place_of(classifier, {"BertModel": Encoder}):
        model = classifier.BertSentClassifier(config).eval()
        ids = torch.ones(2, 3, dtype=torch.long)
        total = model(ids, torch.ones_like(ids)).exp().sum(dim=-1)
        return bool(torch.allclose(total, torch.ones(2), atol=1e-4))
    return False


