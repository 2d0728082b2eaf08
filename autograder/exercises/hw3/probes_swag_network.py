"""Probes of hw3, 2.3: what the student's own model computes, its loss, and its backbone.

The backbone is played where the head is asked: its hidden states come from a table. Everything is
small, so that a number of the real checkpoint which stands in the code is found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DistilBertForMaskedLM, DistilBertModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from .probes_given import (
    SmallChoice,
    distilbert_config,
    in_swag,
    some_weights,
)

# ------------------------------------------------------------------------------------------ network


def made(code: Any, config: dict[str, int]) -> dict[str, Any]:
    """Whether the class can be made from a configuration, as it stands."""
    with in_swag(code):
        model = code.CustomMultipleChoice(distilbert_config(**config))
    return {"layers": [[layer.in_features, layer.out_features] for layer in _head(model)]}


def network(code: Any, config: dict[str, int], table: Tensor, positions: Tensor,
            weights: dict[str, Tensor], batch: dict[str, Tensor], labels: Tensor | None,
            dropout: float, other_dropout: float, training: bool = False) -> dict[str, Any]:
    """What the student's model computes with a backbone that is played and weights that are given.

    table, [vocabulary, d], and positions, [L, d], are what the backbone's hidden states come from.
    `weights` are those of the head's linear layers, by their shape. The labels are given only
    where the model does not do without.
    """
    torch.manual_seed(7)
    with in_swag(code), _forgiving():
        model = code.CustomMultipleChoice(distilbert_config(
            **config, dropout=dropout, seq_classif_dropout=other_dropout)).train(training)
    layers = _head(model)
    _fill(layers, weights)
    backbone = _backbone(model).forward = _Backbone(table, positions, model.config)
    entered: dict[str, Tensor] = {}
    for layer in layers:
        layer.register_forward_pre_hook(
            _note(entered, f"{layer.in_features}->{layer.out_features}"))
    with in_swag(code):
        try:
            returned = model(**_copied(batch))
        except Exception:
            if labels is None:
                raise
            backbone.seen.clear()
            returned = model(**_copied(batch), labels=labels)
    return {
        "layers": [[layer.in_features, layer.out_features] for layer in layers],
        "returned": _plain(returned, ("loss", "logits")),
        "entered": entered,
        "seen": backbone.seen,
    }


def _head(model: nn.Module) -> list[nn.Linear]:
    """The linear layers outside the backbone, the wide ones first."""
    inside = {id(part) for backbone in model.modules() if isinstance(backbone, DistilBertModel)
              for part in backbone.modules()}
    found = [part for part in model.modules() if isinstance(part, nn.Linear)
             and id(part) not in inside]
    return sorted(found, key=lambda layer: (-layer.in_features, -layer.out_features))


def _fill(layers: list[nn.Linear], weights: dict[str, Tensor]) -> None:
    """Give layers of known shapes the weights that the judge has drawn."""
    with torch.no_grad():
        for layer in layers:
            for name in ("weight", "bias"):
                key = f"{layer.out_features}x{layer.in_features}.{name}"
                own = getattr(layer, name)
                if own is not None and key in weights:
                    own.copy_(weights[key])


def _backbone(model: nn.Module) -> nn.Module:
    for part in model.modules():
        if isinstance(part, DistilBertModel):
            return part
    raise AttributeError("there is no DistilBertModel in CustomMultipleChoice")


def _note(entered: dict[str, Tensor], key: str) -> Callable[..., None]:
    def hook(layer: nn.Module, args: tuple) -> None:
        entered[key] = args[0].detach()

    return hook


class _Backbone:
    """In the place of DistilBERT's `forward`: each token and each position has its own vector."""

    def __init__(self, table: Tensor, positions: Tensor, config: PreTrainedConfig) -> None:
        self.table, self.positions, self.config = table, positions, config
        self.seen: list[list[list[int]]] = []  # of each sequence its tokens and its mask

    def __call__(self, input_ids: Any = None, attention_mask: Any = None, *_: Any,
                 **options: Any) -> Any:
        hidden = self.table[input_ids] + self.positions[: input_ids.shape[-1]]
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        self.seen += torch.stack([input_ids, mask.reshape(input_ids.shape)], 1).long().tolist()
        # Every place knows how much of its sequence is there, as in a real encoder.
        hidden = hidden + mask.sum(dim=-1, keepdim=True)[..., None] / 10
        hidden = hidden.requires_grad_()
        output = BaseModelOutput(last_hidden_state=hidden)
        if self._option(options, "output_hidden_states"):
            output.hidden_states = (*(hidden + 1 for _ in range(self.config.n_layers)), hidden)
        return output if self._option(options, "return_dict") else output.to_tuple()

    def _option(self, options: dict[str, Any], name: str) -> bool:
        given = options.get(name)
        return bool(getattr(self.config, name) if given is None else given)


def _copied(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in batch.items()}


def _plain(returned: Any, names: tuple[str, ...]) -> Any:
    """Of a mapping what is asked for, as plain values."""
    if not isinstance(returned, Mapping):
        return returned
    return {name: returned[name] for name in names if name in returned}


@contextmanager
def _forgiving() -> Iterator[None]:
    """Let `init_weights`, the name of the past, do what `post_init` does today."""
    own = PreTrainedModel.init_weights

    def init_weights(self: PreTrainedModel) -> None:
        if hasattr(self, "all_tied_weights_keys"):
            own(self)
        else:
            self.post_init()

    PreTrainedModel.init_weights = init_weights
    try:
        yield
    finally:
        PreTrainedModel.init_weights = own


# --------------------------------------------------------------------------------------------- loss


def loss(code: Any, config: dict[str, int], table: Tensor, positions: Tensor,
         weights: dict[str, Tensor], batch: dict[str, Tensor], labels: Tensor) -> dict[str, Any]:
    """What `forward` returns where there are labels; the backbone is played, as in `network`."""
    torch.manual_seed(7)
    model = _of_its_own_width(code, config).eval()
    _fill(_head(model), weights)
    wider = (0, model.config.dim - table.shape[-1])
    _backbone(model).forward = _Backbone(nn.functional.pad(table, wider),
                                         nn.functional.pad(positions, wider), model.config)
    with in_swag(code):
        returned = model(**_copied(batch), labels=labels.clone())
    return {"returned": _plain(returned, ("loss", "logits"))}


def _of_its_own_width(code: Any, config: dict[str, int]) -> nn.Module:
    """A small model; where a width stands in the student's code, one that has this width."""
    with in_swag(code), _forgiving():
        model = code.CustomMultipleChoice(distilbert_config(**config))
        widths = {_backbone(model).config.dim, *(one.in_features for one in _head(model)[:1])}
        other = widths - {model.config.dim}
        if not other:
            return model
        wide = config | {"dim": other.pop(), "n_heads": 1}
        return code.CustomMultipleChoice(distilbert_config(**wide))


def learns(code: Any, config: dict[str, int], batch: dict[str, Tensor], labels: Tensor
           ) -> dict[str, Any]:
    """What the loss has a gradient for: which layers of the head, and which tokens' embeddings."""
    torch.manual_seed(7)
    model = _of_its_own_width(code, config).eval()
    with in_swag(code), torch.enable_grad():  # another part may have left gradients off
        model(**_copied(batch), labels=labels)["loss"].backward()
    embeddings = _backbone(model).embeddings.word_embeddings.weight
    return {"head": [_moved(layer.weight).any().item() for layer in _head(model)],
            "tokens": _moved(embeddings).any(dim=1).nonzero().flatten().tolist()}


def _moved(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight) != (0 if weight.grad is None else weight.grad)


def without_labels(code: Any, config: dict[str, int], batch: dict[str, Tensor], labels: Tensor
                   ) -> dict[str, Any]:
    """What `forward` returns where nobody knows the labels; the logits' shape where one does."""
    torch.manual_seed(7)
    model = _of_its_own_width(code, config).eval()
    names = ("loss", "logits")
    with in_swag(code):
        returned = _plain(model(**_copied(batch)), names)
        with suppress(Exception):  # what fails there is another test's
            beside_loss = _plain(model(**_copied(batch), labels=labels), names)
            return {"returned": returned, "beside_loss": _shape(beside_loss)}
    return {"returned": returned, "beside_loss": _shape(returned)}


def _shape(returned: Any) -> list[int] | None:
    """That of the logits; None where there are none."""
    logits = returned.get("logits") if isinstance(returned, dict) else None
    return list(logits.shape) if isinstance(logits, Tensor) else None


# ----------------------------------------------------------------------------------------- backbone


def pretrained(code: Any, config: dict[str, int], seed: int) -> dict[str, Any]:
    """The backbone's weights in what `pretrained_custom` makes of a small checkpoint."""
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder, _forgiving():
        DistilBertForMaskedLM(distilbert_config(**config, initializer_range=0.5)
                              ).save_pretrained(folder)
        torch.manual_seed(seed + 1)
        with _own_class_or_played(code, config):
            model = code.pretrained_custom(folder)
        if not isinstance(model, nn.Module):
            return {"kind": type(model).__name__}
        return {"backbone": some_weights(_backbone(model)), "own": type(model).__name__}


def from_config(code: Any, config: dict[str, int]) -> dict[str, Any]:
    """How large the backbone of a model made from a configuration is."""
    with in_swag(code), _forgiving():
        backbone = _backbone(code.CustomMultipleChoice(distilbert_config(**config)))
    return {"size": [*backbone.embeddings.word_embeddings.weight.shape,
                     len(list(backbone.transformer.layer))]}


@contextmanager
def _own_class_or_played(code: Any, config: dict[str, int]) -> Iterator[None]:
    """The student's class under its name, or a played one where it cannot be made at all."""
    try:
        kind = code.CustomMultipleChoice
        with in_swag(code):
            kind(distilbert_config(**config))
    except Exception:
        kind = SmallChoice
    with in_swag(code, CustomMultipleChoice=kind):
        yield
