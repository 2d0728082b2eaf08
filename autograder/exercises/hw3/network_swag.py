"""What 2.3's hidden tests draw: a size, a batch, hidden states from tables, weights of the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from autograder.testing import Draw

from .inputs_swag import labels


def config(case: Any) -> dict[str, int]:
    """The configuration of a network, as a case of NETWORK says."""
    return {"vocab_size": case.vocabulary, "dim": 4 * case.heads * case.quarter,
            "n_heads": case.heads, "n_layers": case.layers}


def layers(width: int) -> list[list[int]]:
    """The head's linear layers, [in, out], for d = `width`."""
    return [[width, width], [width, width // 4], [width // 4, 1]]


@dataclass(frozen=True)
class Network:
    """A batch with its labels, and all numbers that the logits depend on."""

    config: dict[str, int]
    table: Tensor  # [vocabulary, d]
    positions: Tensor  # [L, d]
    weights: dict[str, Tensor]
    batch: dict[str, Tensor]  # [B, 4, L] each
    labels: Tensor  # [B]

    def inputs(self) -> dict[str, Any]:
        return {"config": self.config, "table": self.table, "positions": self.positions,
                "weights": self.weights, "batch": self.batch, "labels": self.labels}

    def narrowed(self, states: Tensor) -> Tensor:
        """What the layer d to d / 4 makes of them."""
        width = self.config["dim"]
        return F.linear(states, *(self.weights[f"{width // 4}x{width}.{name}"]
                                  for name in ("weight", "bias")))


def network(draw: Draw, case: Any, padding: bool = False) -> Network:
    """A batch as a case of NETWORK says; with padding, some of its sequences are shorter."""
    sizes, shape = config(case), (case.batch, 4, case.length)
    sequences, width = 4 * case.batch, sizes["dim"]
    ids = [draw.whole(0, case.vocabulary - 1) for _ in range(sequences * case.length)]
    lengths = torch.full((case.batch, 4, 1), case.length)
    if padding:  # one is whole, and one has a single token
        drawn = [case.length, 1, *(draw.whole(1, case.length) for _ in range(sequences - 2))]
        lengths = torch.tensor(draw.several(drawn)).view(case.batch, 4, 1)
    weights = {}
    for wide, out in layers(width):
        weights[f"{out}x{wide}.weight"] = 1.5 * draw(out, wide) / wide**0.5
        weights[f"{out}x{wide}.bias"] = draw(out)
    return Network(sizes, draw(case.vocabulary, width), draw(case.length, width), weights,
                   {"input_ids": torch.tensor(ids).view(shape),
                    "attention_mask": (torch.arange(case.length) < lengths).long()},
                   torch.tensor(labels(draw, case.batch)))
