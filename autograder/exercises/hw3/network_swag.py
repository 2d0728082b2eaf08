"""What 2.3's hidden tests draw: a batch, hidden states from tables, weights of the head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from autograder.exercises.hw3.inputs_swag import VOCABULARY, Draw, numbers

WIDTH = 12  # d of the small configuration
LENGTH = 6


def layers() -> list[list[int]]:
    """The head's linear layers, [in, out], for the small configuration."""
    return [[WIDTH, WIDTH], [WIDTH, WIDTH // 4], [WIDTH // 4, 1]]


@dataclass(frozen=True)
class Network:
    """A batch with its labels, and all numbers that the logits depend on."""

    table: Tensor  # [vocabulary, d]
    positions: Tensor  # [L, d]
    weights: dict[str, Tensor]
    batch: dict[str, Tensor]  # [B, 4, L] each
    labels: Tensor  # [B]

    def inputs(self) -> dict[str, Any]:
        return {"table": self.table, "positions": self.positions, "weights": self.weights,
                "batch": self.batch}

    def unmasked(self) -> Network:
        """The same without a mask that hides anything."""
        ones = torch.ones_like(self.batch["attention_mask"])
        return replace(self, batch={**self.batch, "attention_mask": ones})


def network(draw: Draw, examples: int, padding: bool = False) -> Network:
    """A batch of some examples; with padding, sequences are of different lengths."""
    ids = torch.tensor(numbers(draw, examples * 4 * LENGTH, len(VOCABULARY)))
    ids = ids.view(examples, 4, LENGTH)
    lengths = torch.tensor(numbers(draw, examples * 4, LENGTH - 1)).view(examples, 4, 1) + 1
    mask = (torch.arange(LENGTH) < lengths).long() if padding else torch.ones_like(ids)
    weights = {}
    for width, out in layers():
        weights[f"{out}x{width}.weight"] = 1.5 * draw(out, width) / width**0.5
        weights[f"{out}x{width}.bias"] = draw(out)
    return Network(draw(len(VOCABULARY), WIDTH), draw(LENGTH, WIDTH), weights,
                   {"input_ids": ids, "attention_mask": mask},
                   torch.tensor(numbers(draw, examples, 4)))
