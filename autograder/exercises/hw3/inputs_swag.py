"""What Task 2's hidden tests draw: sentences, examples of SWAG, batches, models with opinions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.testing import Draw

from .domain_swag import PAIR, SPLIT, TEXT

SPECIAL = ["[CLS]", "[SEP]", "[UNK]", "[MASK]", "[PAD]"]
WORDS = """
a an the man woman girl boy dog cat bird horse runs walks sits stands jumps swims reads sings opens
closes holds throws catches sees paints door window ball book river street table garden kitchen
quickly slowly then again with on in over under and he she it they red blue small old warm cold
##s ##ing ##ly . ,
""".split()  # noqa: SIM905
PLAIN = [word for word in WORDS if word.isalpha()]
READABLE = 512  # tokens: what DistilBERT can read
AROUND = 4  # tokens of a pair that are no words: [CLS], two [SEP], and the full stop of sent1


def vocabulary(draw: Draw) -> list[str]:
    """Tokens in a drawn order. The padding token is not the first, as it is in the real one."""
    first, *others = draw.several(WORDS)
    return [first, *draw.several([*SPECIAL, *others])]


def sentence(draw: Draw, words: int, first: str = "") -> str:
    """Some words, and a full stop."""
    drawn = [draw.among(PLAIN) for _ in range(words)]
    return " ".join([first or drawn[0], *drawn[1:]]) + "."


def columns(draw: Draw, count: int) -> dict[str, list[Any]]:
    """Examples of SWAG as columns. The last one shares its first sentence with another, as many of
    SWAG do; all other texts begin differently."""
    contexts = max(1, count - 1)
    sizes = {"sent1": contexts, "sent2": count, **{f"ending{place}": count for place in range(4)}}
    cases = TEXT.cover(draw, sum(sizes.values()))
    texts = iter([sentence(draw, case.words, first) for case, first in zip(
        draw.several(cases), draw.several(PLAIN, len(cases)), strict=True)])
    found: dict[str, list[Any]] = {name: [next(texts) for _ in range(size)]
                                   for name, size in sizes.items()}
    found["sent1"] += [draw.among(found["sent1"]) for _ in range(count - contexts)]
    found["sent2"] = [text.removesuffix(".") for text in found["sent2"]]
    found["startphrase"] = [f"{one} {two}" for one, two in zip(
        found["sent1"], found["sent2"], strict=True)]
    return {"video-id": [f"film{example}" for example in range(count)],
            "fold-ind": [str(draw.whole(1, 9999)) for _ in range(count)],
            "gold-source": ["gold"] * count, **found, "label": labels(draw, count)}


def labels(draw: Draw, count: int) -> list[int]:
    """Right endings in a drawn order, each of the four as often as may be."""
    return draw.several([*range(4)] * (count // 4) + draw.several(range(4), count % 4))


def long_columns(draw: Draw) -> dict[str, list[Any]]:
    """Two examples; one's pairs are as long as the model can read, a token longer, and far longer.
    """
    found, place = columns(draw, 2), draw.whole(0, 1)
    around = AROUND + sum(len(found[name][place].split()) for name in ("sent1", "sent2"))
    for ending, case in zip(draw.several(range(4), 3), PAIR.cover(draw, 3), strict=True):
        words = READABLE + case.beyond - around - 1  # its own full stop
        found[f"ending{ending}"][place] = sentence(draw, words)
    return found


def splits(draw: Draw) -> dict[str, dict[str, list[Any]]]:
    """A data set with the three splits of SWAG, the test's labels hidden."""
    found = {name: columns(draw, case.examples) for name, case in zip(
        ("train", "validation", "test"), SPLIT.cover(draw, 3), strict=True)}
    found["test"]["label"] = [-1 for _ in found["test"]["label"]]
    return found


@dataclass(frozen=True)
class Features:
    """Encoded examples as a collator gets them, and what its tokenizer is made of."""

    vocabulary: list[str]
    examples: list[dict[str, Any]]

    @property
    def pad(self) -> int:
        return self.vocabulary.index("[PAD]")


def features(draw: Draw, case: Any) -> Features:
    """Examples as a case of BATCH says."""
    tokens, sequences = vocabulary(draw), 4 * case.count
    shorter = {
        "none": [case.longest] * (sequences - 1),
        "some": [draw.whole(1, case.longest - (place == 0)) for place in range(sequences - 1)],
        "most": [1] * (sequences - 1),
    }[case.padding]
    lengths = draw.several([case.longest, *shorter])
    ids = [number for number, token in enumerate(tokens) if token != "[PAD]"]
    rows = [[draw.among(ids) for _ in range(length)] for length in lengths]
    examples = [{"input_ids": rows[start : start + 4],
                 "attention_mask": [[1] * len(row) for row in rows[start : start + 4]]}
                for start in range(0, sequences, 4)]
    return Features(tokens, [{**one, "label": label} for one, label in zip(
        examples, labels(draw, case.count), strict=True)])


def whole(row: Any) -> list[int] | None:
    """A sequence of numbers as a list; None where it is no such thing."""
    if isinstance(row, (Tensor, np.ndarray)):
        row = row.tolist()
    if not isinstance(row, (list, tuple)):
        return None
    return list(row) if all(isinstance(value, int) for value in row) else None


def logits(draw: Draw, labels: list[int], right: int) -> Tensor:
    """Logits, [n, 4], of a model that is right in so many places, each ending among them.

    Where it is wrong the right ending comes second once, and else last.
    """
    order = draw.several(range(len(labels)))
    firsts = {labels[place]: place for place in reversed(order)}
    order.sort(key=lambda place: firsts[labels[place]] != place)
    table = draw(len(labels), 4).sort(descending=True).values
    for rank, place in enumerate(order):
        ranked = draw.several([ending for ending in range(4) if ending != labels[place]])
        ranked.insert(0 if rank < right else 1 if rank == right else 3, labels[place])
        table[place, ranked] = table[place].clone()
    return table


@dataclass(frozen=True)
class Opinions:
    """Batches of examples, and two tables with the logits that two models give them."""

    batches: list[dict[str, Tensor]]
    tables: list[Tensor]  # [n, 4] each, read at the first token of an example

    def inputs(self) -> dict[str, Any]:
        return {"batches": self.batches, "tables": self.tables}

    @property
    def asked(self) -> list[int]:
        """The first token of each example, by which a model is known to have seen it."""
        return sorted(int(one) for batch in self.batches for one in batch["input_ids"][:, 0, 0])


def sizes(draw: Draw) -> list[int]:
    """Those of some batches, of which the last is smaller: more examples than there are endings,
    and not so many that a share of them has two digits."""
    while True:
        size = draw.whole(2, 5)
        found = [size] * draw.whole(1, 3) + [draw.whole(1, size - 1)]
        if sum(found) > 5 and 100 % sum(found):
            return found


def opinions(draw: Draw, sizes: list[int]) -> Opinions:
    """Batches of some sizes. One model is right more often than the other.

    Neither's share of right answers is the mean of those of the batches, where these differ in
    size.
    """
    count = sum(sizes)
    endings = labels(draw, count)
    right = torch.tensor(endings)
    while True:
        hits = draw.several(range(0 if len(sizes) == 1 else 4, count + 1), 2)
        tables = [logits(draw, endings, one) for one in hits]
        if len(sizes) == 1 or all(100 * one % count and _differs(table, right, sizes)
                                  for one, table in zip(hits, tables, strict=True)):
            break
    rows = torch.tensor(draw.several(range(2 * count), count))  # of tables that are larger
    length = draw.whole(1, 5)
    spread = [torch.zeros(2 * count, 4).index_copy(0, rows, table) for table in tables]
    batches = []
    for ids, answers in zip(rows.split(sizes), right.split(sizes), strict=True):
        filled = ids[:, None, None].expand(len(ids), 4, length).clone()
        batches.append({"input_ids": filled, "attention_mask": torch.ones_like(filled),
                        "labels": answers.clone()})
    return Opinions(batches, spread)


def _differs(table: Tensor, right: Tensor, sizes: list[int]) -> bool:
    """Whether a share over all examples is another than the mean over batches."""
    hits = (table.argmax(dim=-1) == right).double()
    means = torch.stack([batch.mean() for batch in hits.split(sizes)])
    return abs(float(hits.mean() - means.mean())) > 1e-3
