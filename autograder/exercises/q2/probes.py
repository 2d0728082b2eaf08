"""Probes of q2: they run beside the student's code, return what it does, and judge nothing.

A recorder stands in the place of a part that is not being asked: it hands back data that the
judge drew, and keeps what it was called with. Every tensor comes from the judge, and every call
gets its own copy. Random numbers begin at the same seed on both sides, so that dropout which is
on by mistake gives everybody who makes the mistake the same values.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

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
