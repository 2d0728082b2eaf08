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


def training(code: Any, batches: list[dict], batch_size: int, epochs: int, weight: Tensor,
             lr: float, seed: int) -> dict[str, Any]:
    """`train(args)` on a model of one matrix, with every step of every optimizer watched.

    The batches come in the order in which they are given. Returns the optimizers' steps (weights
    before and after, gradient, learning rate) and how many of them the last one remembers, the
    weights at the end, the number of backward passes that reach the weights, the forward passes,
    and the losses of the epochs.
    """
    classifier = code.classifier
    encoder = BertModel(weight)
    model = _with_head(classifier, encoder)
    watch = _Watch(encoder)
    losses: list[float] = []
    sizes = {"train_sentences": sum(len(batch["labels"]) for batch in batches)}
    data = SimpleNamespace(train=batches, train_sample=batches, dev=batches,
                           num_labels=weight.shape[1], sizes=sizes, first=[])
    replaced = {
        "BertSentClassifier": lambda *args, **kwargs: model,
        "load_data": lambda args: data,
        "measure_epoch": lambda progress, *args: _measured(progress, losses),
        "save_model": lambda *args, **kwargs: None,
        "ResultLog": ResultLog,
        "settings": lambda *args, **kwargs: {},
    }
    args = classifier.get_args(["--epochs", str(epochs), "--lr", str(lr), "--seed", str(seed),
                                "--batch_size", str(batch_size)])
    with in_place_of(classifier, replaced), watch:
        classifier.train(args)
    return {"steps": watch.steps, "remembered": watch.remembered,
            "optimizers": len(watch.optimizers), "end": encoder.weight.detach(),
            "backwards": watch.backwards, "forwards": encoder.forwards, "losses": losses}


class BertModel(nn.Module):
    """Stands for BERT: a sentence is the sum of one row of a matrix for each token.

    These sums are the logits already, so that gradients are easily checked.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())  # [vocabulary, labels]
        self.config = SimpleNamespace(hidden_size=weight.shape[1], initializer_range=0.02)
        self.forwards: list[dict[str, Any]] = []

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        self.forwards.append({"training": self.training, "measured": not torch.is_grad_enabled()})
        rows = self.weight[input_ids] * attention_mask[..., None]  # [B, T, labels]
        logits = rows.sum(dim=1)
        return {"pooler_output": logits, "last_hidden_state": logits[:, None]}


def _with_head(classifier: Any, encoder: BertModel) -> nn.Module:
    """The person's own classifier, which may return what it likes, around the stand-in for BERT.

    Its linear layer lets the logits through as they are, and has no weights to train.
    """
    labels = encoder.weight.shape[1]
    config = SimpleNamespace(num_labels=labels, hidden_dropout_prob=0.0, option="finetune",
                             checkpoint="none")
    loads = SimpleNamespace(from_pretrained=lambda *args, **kwargs: encoder)
    with contextlib.suppress(Exception), in_place_of(classifier, {"BertModel": loads}):
        model: nn.Module = classifier.BertSentClassifier(config)
        layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
        if len(layers) == 1 and layers[0].weight.shape == (labels, labels):
            for name, value in (("weight", torch.eye(labels)), ("bias", torch.zeros(labels))):
                delattr(layers[0], name)
                layers[0].register_buffer(name, value)
            return model
    return BertSentClassifier(encoder)


class BertSentClassifier(nn.Module):
    """Stands for a classifier that cannot be made as it was given: it returns logits."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.bert(input_ids, attention_mask)["pooler_output"]


class _Watch:
    """Keeps the weights and the gradients around every optimizer step, by torch's own hooks."""

    def __init__(self, model: BertModel) -> None:
        self.model = model
        self.optimizers: list[Optimizer] = []
        self.steps: list[dict[str, Any]] = []
        self.backwards = 0
        self.remembered: int | None = None  # None of an optimizer that counts no steps

    def before(self, optimizer: Optimizer, *_: Any) -> None:
        if not any(optimizer is known for known in self.optimizers):
            self.optimizers.append(optimizer)
        self.steps.append({"weight": self.model.weight.detach().clone(),
                           "lr": float(optimizer.param_groups[0]["lr"])})

    def after(self, optimizer: Optimizer, *_: Any) -> None:
        grad = self.model.weight.grad  # only now: `step(closure)` computes it during the step
        self.steps[-1]["grad"] = None if grad is None else grad.clone()
        self.steps[-1]["after"] = self.model.weight.detach().clone()
        count = optimizer.state.get(self.model.weight, {}).get("step")
        self.remembered = None if count is None else int(count)

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


class ResultLog:
    """Writes nothing."""

    def __init__(self, *args: Any) -> None: ...

    def __enter__(self) -> ResultLog:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def add_first_losses(self, losses: Any) -> None: ...

    def add_epoch(self, result: Any) -> None: ...


def _measured(progress: Any, losses: list[float]) -> SimpleNamespace:
    losses.append(float(progress.mean_loss))
    progress.close()
    return SimpleNamespace(saved=False, dev_accuracy=0.0)


@contextlib.contextmanager
def in_place_of(module: Any, replaced: dict[str, Any]) -> Iterator[None]:
    """Put other things under the names of a module, and take them away again."""
    before = {name: getattr(module, name) for name in replaced if hasattr(module, name)}
    for name, value in replaced.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
