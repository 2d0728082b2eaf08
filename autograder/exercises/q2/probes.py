"""Probes of q2: they run beside the student's code, return what it does, and judge nothing.

A recorder stands in the place of a part that is not being asked: it hands back data that the
judge drew, and keeps what it was called with. Every tensor comes from the judge, and every call
gets its own copy. Random numbers begin at the same seed on both sides, so that dropout which is
on by mistake gives everybody who makes the mistake the same values.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
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


def attention_without_weights(code: Any, config: dict, key: Tensor, query: Tensor, value: Tensor,
                              attention_mask: Tensor) -> dict[str, Any]:
    """What `attention` returns in evaluation, and in training; `config` says what it drops."""
    module = code.bert.BertSelfAttention(code.config.BertConfig(**config))
    found = {}
    for mode in ("evaluation", "training"):
        inputs = [tensor.clone() for tensor in (key, query, value, attention_mask)]
        torch.manual_seed(0)
        with torch.no_grad():
            found[mode] = module.train(mode == "training").attention(*inputs)
    return found


def attention_gradients(code: Any, config: dict, key: Tensor, query: Tensor, value: Tensor,
                        attention_mask: Tensor) -> dict[str, Any]:
    """What flows back through `attention` to its inputs, a gradient each or None; its form."""
    module = code.bert.BertSelfAttention(code.config.BertConfig(**config)).train()
    inputs = {"key": key.requires_grad_(), "query": query.requires_grad_(),
              "value": value.requires_grad_()}
    # In a forward pass they are no leaves, and may be changed in place: hence the clones.
    returned = module.attention(*(tensor.clone() for tensor in inputs.values()), attention_mask)
    if not isinstance(returned, Tensor):
        return {**dict.fromkeys(inputs), "form": type(returned).__name__}
    return {**flowing([returned], inputs), "form": list(returned.shape)}


def self_attention_recorded(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                            attention_mask: Tensor, canned: Tensor, training: bool
                            ) -> dict[str, Any]:
    """`BertSelfAttention.forward` with a recorder in the place of `attention`.

    In training also what flows back from all that it hands on.
    """
    module = _self_attention(code, config, weights).train(training)
    calls: list[dict[str, Any]] = []

    def attention(self: Any, key: Any, query: Any, value: Any, attention_mask: Any) -> Tensor:
        calls.append({"key": key, "query": query, "value": value, "mask": attention_mask})
        return canned.clone()

    _play(module, attention)
    sources = {"the hidden states": hidden_states.requires_grad_(training),
               "what `attention` returns": canned.requires_grad_(training)}
    with torch.set_grad_enabled(training), dropout_that_shows(code):
        output = module(hidden_states.clone(), attention_mask.clone())
    sources |= {f"`self.{name}`": weight for name, weight in module.named_parameters()
                if name in weights}
    handed_on = [value for call in calls for name, value in call.items() if name != "mask"]
    return {"output": output, "calls": calls,
            "flowing": flowing([*handed_on, output], sources) if training else {}}


def self_attention_together(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                            attention_mask: Tensor) -> dict[str, Any]:
    """`BertSelfAttention.forward` with the person's own `attention`."""
    module = _self_attention(code, config, weights)
    with torch.no_grad():
        return {"output": module(hidden_states.clone(), attention_mask.clone())}


def _self_attention(code: Any, config: dict, weights: dict) -> nn.Module:
    module = code.bert.BertSelfAttention(code.config.BertConfig(**config)).eval()
    module.load_state_dict(weights, strict=False)
    return module


# -------------------------------------------------------------------------------- (c), (d) a layer


def add_norm(code: Any, config: dict, input: Tensor, output: Tensor, dense: dict, norm: dict,
             eps: float, dropout: float, training: bool) -> dict[str, Any]:
    """`add_norm` alone, with modules of the judge's own weights."""
    layer = code.bert.BertLayer(code.config.BertConfig(**config)).train(training)
    width, inner = dense["weight"].shape
    dense_layer, ln_layer = nn.Linear(inner, width), nn.LayerNorm(width, eps=eps)
    dense_layer.load_state_dict(dense)
    ln_layer.load_state_dict(norm)
    inputs = {"input": input, "output": output}
    before = {name: tensor.clone() for name, tensor in inputs.items()}
    torch.manual_seed(0)
    with torch.no_grad(), dropout_that_shows(code) if training else contextlib.nullcontext():
        returned = layer.add_norm(input, output, dense_layer,
                                  nn.Dropout(dropout).train(training), ln_layer)
    changed = [name for name, tensor in inputs.items() if not torch.equal(tensor, before[name])]
    return {"returned": returned, "changed": changed}


def add_norm_gradients(code: Any, config: dict, input: Tensor, output: Tensor, dense: dict,
                       norm: dict, eps: float, dropout: float) -> dict[str, Any] | None:
    """The gradients that come back through `add_norm`, and past it, to what `input` was made of.

    What made `input` has kept it for its own gradient, as the linear layers of attention do. None
    where there is no way back.
    """
    layer = code.bert.BertLayer(code.config.BertConfig(**config)).eval()
    width, inner = dense["weight"].shape
    dense_layer, ln_layer = nn.Linear(inner, width), nn.LayerNorm(width, eps=eps)
    dense_layer.load_state_dict(dense)
    ln_layer.load_state_dict(norm)
    sources = {"`input`": input.requires_grad_(), "`output`": output.requires_grad_(),
               "the weights of `dense_layer`": dense_layer.weight,
               "the weights of `ln_layer`": ln_layer.weight}
    made = input.clone()
    kept = (made * made).sum()[None]
    returned = layer.add_norm(made, output.clone(), dense_layer, nn.Dropout(dropout).eval(),
                              ln_layer)
    try:
        return flowing([kept, returned], sources)
    except RuntimeError:
        return None


def layer_recorded(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                   attention_mask: Tensor, attended: Tensor, canned: list[Tensor], training: bool
                   ) -> dict[str, Any]:
    """`BertLayer.forward` with recorders in the places of `self_attention` and `add_norm`.

    In training also what flows back from all that it hands on.
    """
    layer = _layer(code, config, weights).train(training)
    names = {id(module): name for name, module in layer.named_children()}
    attention = _canned_attention(layer, attended)
    calls: list[dict[str, Any]] = []

    def add_norm(self: Any, input: Any, output: Any, dense_layer: Any, dropout: Any,
                 ln_layer: Any) -> Tensor:
        calls.append({
            "input": _copy(input), "output": _copy(output),
            "dense": names.get(id(dense_layer), ""),
            "dropout": names.get(id(dropout), ""),
            "norm": names.get(id(ln_layer), ""),
        })
        return canned[min(len(calls), len(canned)) - 1].clone()

    _play(layer, add_norm)
    sources = {"the hidden states": hidden_states.requires_grad_(training),
               "what `self_attention` returns": attended.requires_grad_(training),
               "what the first `add_norm` returns": canned[0].requires_grad_(training),
               "what the second `add_norm` returns": canned[1].requires_grad_(training)}
    with torch.set_grad_enabled(training), dropout_that_shows(code):
        output = layer(hidden_states.clone(), attention_mask.clone())
    sources["`interm_dense`"] = layer.interm_dense.weight
    handed_on = [call[name] for call in calls for name in ("input", "output")]
    return {"output": output, "attention": attention, "calls": calls,
            "flowing": flowing([*handed_on, output], sources) if training else {}}


def layer_together(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                   attention_mask: Tensor, attended: Tensor) -> dict[str, Any]:
    """`BertLayer.forward` with the person's own `add_norm`; attention is canned."""
    layer = _layer(code, config, weights)
    attention = _canned_attention(layer, attended)
    return {**_both_modes(code, layer, hidden_states, attention_mask), "attention": attention}


def whole_layer(code: Any, config: dict, weights: dict, hidden_states: Tensor,
                attention_mask: Tensor) -> dict[str, Any]:
    """`BertLayer.forward` with all of the person's own parts, and which of them it calls."""
    layer = _layer(code, config, weights)
    called = _overhear(layer)
    return {**_both_modes(code, layer, hidden_states, attention_mask), "called": called}


def whole_model(code: Any, config: dict, weights: dict, input_ids: Tensor, attention_mask: Tensor
                ) -> dict[str, Any]:
    """The person's own `BertModel`, and which of the four parts it calls."""
    model = code.bert.BertModel(code.config.BertConfig(**config)).eval()
    model.load_state_dict(weights, strict=False)
    called = _overhear(*model.bert_layers)
    return {**_both_modes(code, model, input_ids, attention_mask, "last_hidden_state"),
            "called": called}


def _layer(code: Any, config: dict, weights: dict) -> nn.Module:
    layer = code.bert.BertLayer(code.config.BertConfig(**config)).eval()
    layer.load_state_dict(weights, strict=False)
    return layer


def _both_modes(code: Any, module: nn.Module, hidden_states: Tensor, attention_mask: Tensor,
                of: str = "") -> dict[str, Any]:
    """What a module computes in evaluation and, with a dropout that shows, in training."""
    found = {}
    for mode in ("evaluation", "training"):
        with torch.no_grad(), dropout_that_shows(code):
            module.train(mode == "training")
            if mode == "training":
                _without_attention_dropout(module)
            returned = module(hidden_states.clone(), attention_mask.clone())
        found[mode] = returned[of] if of else returned
    return found


def _without_attention_dropout(module: nn.Module) -> None:
    """Set the rate of the dropout to 0 that `attention` may apply or leave out."""
    for part in module.modules():
        dropout = getattr(getattr(part, "self_attention", None), "dropout", None)
        if isinstance(dropout, nn.Dropout):
            dropout.p = 0.0


# ------------------------------------------------------------------------- gradients, recorders


def flowing(results: list[Any], sources: dict[str, Tensor]) -> dict[str, Any]:
    """What flows back from `results` to each of the `sources`: a gradient, or None."""
    reached = [one for one in results if isinstance(one, Tensor) and one.requires_grad]
    # Another gradient for each number of a result, so that their places count.
    arriving = [torch.linspace(-1, 1, one.numel(), dtype=one.dtype).view(one.shape)
                for one in reached]
    gradients = torch.autograd.grad(reached, list(sources.values()), arriving, allow_unused=True,
                                    ) if reached else [None] * len(sources)
    return dict(zip(sources, gradients, strict=True))


@contextlib.contextmanager
def dropout_that_shows(code: Any) -> Iterator[None]:
    """For a while, dropout in training multiplies by 1 + p in the place of what it does.

    So each of its applications shows in the result, and none is left to chance.
    """
    def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
                ) -> Tensor:
        factor = 1 + p if training else 1
        return input.mul_(factor) if inplace else input * factor

    def torch_dropout(input: Tensor, p: float, train: bool) -> Tensor:
        return dropout(input, p, train)

    names = [name for name, value in vars(code.bert).items() if value is F.dropout]
    places: list[tuple[Any, str, Callable[..., Any]]] = [
        (F, "dropout", dropout), (torch, "dropout", torch_dropout),
        *((code.bert, name, dropout) for name in names)]  # imported from torch.nn.functional
    before = [getattr(module, name) for module, name, _ in places]
    for module, name, shown in places:
        setattr(module, name, shown)
    try:
        yield
    finally:
        for (module, name, _), own in zip(places, before, strict=True):
            setattr(module, name, own)


def _play(module: nn.Module, method: Callable[..., Any]) -> None:
    """Put a recorder in the place of the method whose name it has, which errors then show."""
    method.__qualname__ = f"{type(module).__name__}.{method.__name__}"
    setattr(module, method.__name__, types.MethodType(method, module))


def _canned_attention(layer: Any, attended: Tensor) -> list[dict[str, Any]]:
    """Have a layer's self-attention return what the judge drew; what it is called with."""
    calls: list[dict[str, Any]] = []

    def forward(self: Any, hidden_states: Any, attention_mask: Any) -> Tensor:
        calls.append({"hidden_states": _copy(hidden_states), "mask": _copy(attention_mask)})
        return attended.clone()

    _play(layer.self_attention, forward)
    return calls


def _overhear(*layers: Any) -> list[str]:
    """Note down which of the three parts that a layer calls are called."""
    called: list[str] = []

    def overhear(module: Any, method: str, part: str) -> None:
        own = getattr(module, method, None)
        if own is None:
            return

        def listen(*args: Any, **kwargs: Any) -> Any:
            called.append(part)
            return own(*args, **kwargs)

        setattr(module, method, listen)

    for layer in layers:
        overhear(layer.self_attention, "attention", "q2_attention")
        overhear(layer.self_attention, "forward", "q2_self_attention")
        overhear(layer, "add_norm", "q2_add_norm")
    return called


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value
