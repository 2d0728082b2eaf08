"""What Task 2's hidden tests draw: sentences, examples of SWAG, batches, models with opinions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Draw = Callable[..., Tensor]

SPECIAL = ["[SEP]", "[UNK]", "[MASK]"]
WORDS = """
a an the man woman girl boy dog cat bird horse runs walks sits stands jumps swims reads sings opens
closes holds throws catches sees paints door window ball book river street table garden kitchen
quickly slowly then again with on in over under and he she it they red blue small old warm cold
##s ##ing ##ly . ,
""".split()  # noqa: SIM905
# The padding token is not the first, as it is in the real vocabulary.
VOCABULARY = ["the_first_word", "[CLS]", *SPECIAL, *WORDS, "[PAD]"]
PAD = len(VOCABULARY) - 1
PLAIN = [word for word in WORDS if word.isalpha()]
LONG = 700  # words: more than DistilBERT can read


def numbers(draw: Draw, count: int, below: int) -> list[int]:
    """Whole numbers from 0 to below - 1."""
    return [int(value * 1e4) % below for value in draw(count).abs().tolist()]


def sentence(draw: Draw, words: int) -> str:
    """Some words, and a full stop."""
    return " ".join(PLAIN[number] for number in numbers(draw, words, len(PLAIN))) + "."


def columns(draw: Draw, count: int) -> dict[str, list[Any]]:
    """Examples of SWAG as columns; no two have texts of the same lengths."""
    found: dict[str, list[Any]] = {name: [] for name in (
        "video-id", "fold-ind", "startphrase", "sent1", "sent2", "gold-source",
        "ending0", "ending1", "ending2", "ending3", "label")}
    for example in range(count):
        found["video-id"].append(f"film{example}")
        found["fold-ind"].append(str(1000 + example))
        found["gold-source"].append("gold")
        found["sent1"].append(sentence(draw, 4 + 3 * example))
        found["sent2"].append(sentence(draw, 1 + example).removesuffix("."))
        found["startphrase"].append(f"{found['sent1'][-1]} {found['sent2'][-1]}")
        for ending, words in enumerate((2, 7, 4, 5)):
            found[f"ending{ending}"].append(sentence(draw, words + example))
        found["label"].append(numbers(draw, 1, 4)[0])
    return found


def long_columns(draw: Draw) -> dict[str, list[Any]]:
    """Two examples, of which the second is far too long for the model."""
    found = columns(draw, 2)
    found["ending2"][1] = sentence(draw, LONG)
    return found


def splits(draw: Draw) -> dict[str, dict[str, list[Any]]]:
    """A data set with the three splits of SWAG, the test's labels hidden."""
    found = {"train": columns(draw, 5), "validation": columns(draw, 3), "test": columns(draw, 2)}
    found["test"]["label"] = [-1, -1]
    return found


def features(draw: Draw, count: int) -> list[dict[str, Any]]:
    """Encoded examples as a collator gets them, no two sequences equally long."""
    found = []
    for example in range(count):
        lengths = [4 + example + extra for extra in (3, 0, 8, 5)]
        found.append({
            "input_ids": [numbers(draw, length, len(VOCABULARY) - 1) for length in lengths],
            "attention_mask": [[1] * length for length in lengths],
            "label": (numbers(draw, 1, 3)[0] + example) % 4})
    return found[::-1]  # the longest is not always the last


def whole(row: Any) -> list[int] | None:
    """A sequence of numbers as a list; None where it is no such thing."""
    if isinstance(row, (Tensor, np.ndarray)):
        row = row.tolist()
    if not isinstance(row, (list, tuple)):
        return None
    return list(row) if all(isinstance(value, int) for value in row) else None


@dataclass(frozen=True)
class Opinions:
    """Batches of examples, and two tables with the logits that two models give them."""

    batches: list[dict[str, Tensor]]
    scores: list[Tensor]

    def inputs(self) -> dict[str, Any]:
        return {"batches": self.batches, "scores": self.scores}


def opinions(draw: Draw, sizes: list[int]) -> Opinions:
    """Batches of some sizes. The first model is right more often than the second."""
    count = sum(sizes)
    labels = torch.tensor(numbers(draw, count, 4))
    scores = []
    for right in (count - 1, max(1, count // 3)):
        table = draw(count, 4)
        best = table.argmax(dim=-1)
        places = torch.arange(count)
        aimed = torch.where(places < right, labels, (labels + 1) % 4)
        # The best score goes to the ending that is aimed at.
        table[places, best], table[places, aimed] = (table[places, aimed].clone(),
                                                     table[places, best].clone())
        scores.append(table)
    batches, start = [], 0
    for size in sizes:
        ids = torch.arange(start, start + size)[:, None, None].expand(size, 4, 3).clone()
        batches.append({"input_ids": ids, "attention_mask": torch.ones_like(ids),
                        "labels": labels[start : start + size]})
        start += size
    return Opinions(batches, scores)
