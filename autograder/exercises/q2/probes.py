"""Probes of q2: they run beside the student's code, return what it does, and judge nothing.

A recorder stands in the place of a part that is not being asked: it hands back data that the
judge drew, and keeps what it was called with. Every tensor comes from the judge, and every call
gets its own copy. Random numbers begin at the same seed on both sides, so that dropout which is
on by mistake gives everybody who makes the mistake the same values.
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

# ------------------------------------------------------------------------ (a), (b) self-attention


def attention(code: Any, config: dict, key: Tensor, query: Tensor, value: Tensor,
              attention_mask: Tensor) -> dict[str, Any]:
    """`attention` alone: what it returns, and which of its inputs it changed."""
    module = code.bert.BertSelfAttention(code.config.BertConfig(**config)).eval()
    inputs = {"key": key, "query": query, "value": value, "attention_mask": attention_mask}
    before = {name: tensor.clone() for name, tensor in inputs.items()}
    torch.manual_seed(0)
    with torch.no_grad():
        returned = module.attention(*inputs.values())
    changed = [name for name, tensor in inputs.items() if not torch.equal(tensor, before[name])]
    return {"returned": returned, "changed": changed}


def attention_gradients(code: Any, config: dict, key: Tensor, query: Tensor, value: Tensor,
                        attention_mask: Tensor) -> dict[str, Any]:
    """What flows back through `attention` to its inputs, a gradient each or None; its form."""
    module = code.bert.BertSelfAttention(code.config.BertConfig(**config)).eval()
    inputs = {"key": key.requires_grad_(), "query": query.requires_grad_(),
              "value": value.requires_grad_()}
    # In a forward pass they are no leaves, and may be changed in place: hence the clones.
    returned = module.attention(*(tensor.clone() for tensor in inputs.values()), attention_mask)
    if not isinstance(returned, Tensor):
        return {**dict.fromkeys(inputs), "form": type(returned).__name__}
    answer: dict[str, Any] = {**dict.fromkeys(inputs), "form": list(returned.shape)}
    if returned.requires_grad:
        # Another gradient for each number of the result, so that their places count.
        arriving = torch.linspace(-1, 1, returned.numel(), dtype=returned.dtype)
        answer.update(zip(inputs, torch.autograd.grad(
            returned, list(inputs.values()), arriving.view(returned.shape), allow_unused=True),
            strict=True))
    return answer


def self_attention_recorded(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                            attention_mask: Tensor, canned: Tensor) -> dict[str, Any]:
    """`BertSelfAttention.forward` with a recorder in the place of `attention`."""
    module = _self_attention(code, config, weights)
    calls: list[dict[str, Any]] = []

    def attention(key: Any, query: Any, value: Any, attention_mask: Any) -> Tensor:
        calls.append({"key": key, "query": query, "value": value, "mask": attention_mask})
        return canned.clone()

    module.attention = attention
    with torch.no_grad():
        return {"output": module(hidden_states.clone(), attention_mask.clone()), "calls": calls}


def self_attention_together(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                            attention_mask: Tensor) -> dict[str, Any]:
    """`BertSelfAttention.forward` with the person's own `attention`, overheard."""
    module = _self_attention(code, config, weights)
    overheard = _overhear(module, "attention")
    with torch.no_grad():
        output = module(hidden_states.clone(), attention_mask.clone())
    return {"output": output, "attention": overheard}


def _self_attention(code: Any, config: dict, weights: dict) -> nn.Module:
    module = code.bert.BertSelfAttention(code.config.BertConfig(**config)).eval()
    module.load_state_dict(weights, strict=False)
    return module


# -------------------------------------------------------------------------------- (c), (d) a layer


def add_norm(code: Any, config: dict, input: Tensor, output: Tensor, dense: dict, norm: dict,
             dropout: float, training: bool) -> dict[str, Any]:
    """`add_norm` alone, with modules of the judge's own weights."""
    layer = code.bert.BertLayer(code.config.BertConfig(**config)).train(training)
    width, inner = dense["weight"].shape
    dense_layer, ln_layer = nn.Linear(inner, width), nn.LayerNorm(width)
    dense_layer.load_state_dict(dense)
    ln_layer.load_state_dict(norm)
    inputs = {"input": input, "output": output}
    before = {name: tensor.clone() for name, tensor in inputs.items()}
    torch.manual_seed(0)
    with torch.no_grad():
        returned = layer.add_norm(input, output, dense_layer,
                                  nn.Dropout(dropout).train(training), ln_layer)
    changed = [name for name, tensor in inputs.items() if not torch.equal(tensor, before[name])]
    return {"returned": returned, "changed": changed}


def layer_recorded(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                   attention_mask: Tensor, attended: Tensor, canned: list[Tensor]
                   ) -> dict[str, Any]:
    """`BertLayer.forward` with recorders in the places of `self_attention` and `add_norm`."""
    layer = _layer(code, config, weights)
    names = {id(module): name for name, module in layer.named_children()}
    layer.self_attention = attention = _Recorder(attended)
    calls: list[dict[str, Any]] = []

    def add_norm(input: Any, output: Any, dense_layer: Any, dropout: Any, ln_layer: Any) -> Tensor:
        calls.append({
            "input": _copy(input), "output": _copy(output),
            "dense": names.get(id(dense_layer), "another"),
            "dropout": names.get(id(dropout), "another"),
            "norm": names.get(id(ln_layer), "another"),
        })
        return canned[min(len(calls), len(canned)) - 1].clone()

    layer.add_norm = add_norm
    with torch.no_grad():
        output = layer(hidden_states.clone(), attention_mask.clone())
    return {"output": output, "attention": attention.calls, "calls": calls}


def layer_together(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                   attention_mask: Tensor, attended: Tensor) -> dict[str, Any]:
    """`BertLayer.forward` with the person's own `add_norm`, overheard; attention is canned."""
    layer = _layer(code, config, weights)
    layer.self_attention = attention = _Recorder(attended)
    overheard = _overhear(layer, "add_norm")
    with torch.no_grad():
        output = layer(hidden_states.clone(), attention_mask.clone())
    return {"output": output, "attention": attention.calls, "add_norm": overheard}


def _layer(code: Any, config: dict, weights: dict) -> nn.Module:
    layer = code.bert.BertLayer(code.config.BertConfig(**config)).eval()
    layer.load_state_dict(weights, strict=False)
    return layer


class _Recorder(nn.Module):
    """Stands for a sub-layer: returns what it was given to return, keeps what it was asked."""

    def __init__(self, canned: Tensor) -> None:
        super().__init__()
        self.canned = canned
        self.calls: list[dict[str, Any]] = []

    def forward(self, hidden_states: Any, attention_mask: Any) -> Tensor:
        self.calls.append({"hidden_states": _copy(hidden_states), "mask": _copy(attention_mask)})
        return self.canned.clone()


def _overhear(module: nn.Module, method: str) -> list[list[Any]]:
    """Keep all tensors that each call of a method returns."""
    own = getattr(module, method)
    heard: list[list[Any]] = []

    def listen(*args: Any, **kwargs: Any) -> Any:
        returned = own(*args, **kwargs)
        parts = returned if isinstance(returned, (tuple, list)) else [returned]
        heard.append([_copy(part) for part in parts])
        return returned

    setattr(module, method, listen)
    return heard


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


# ------------------------------------------------------------------------------------ (e) training


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


