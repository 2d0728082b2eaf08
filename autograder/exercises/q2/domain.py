"""What may vary in the questions of q2, (a) to (e), and what follows from it in one of them.

Numbers are float32, as in all of the exercise: it promises no other type, and code that makes a
tensor of its own need not ask for one.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from autograder.testing import Among, Domain, Draw, Whole

LOWEST = torch.finfo(torch.float32).min
SIZES = Domain(  # (a), (b), (d)
    batch=Whole(1, 4), length=Whole(1, 16), heads=Whole(1, 4), head_size=Whole(1, 6),
    inner=Whole(1, 30), scale=Whole(1, 5),  # how large numbers are
    padding=Among("none", "right", "anywhere", "all but one"),  # the mask decides, not the place
    number=Among(-10000.0, LOWEST, "each another"),  # what stands for padding in the mask
    rate=Whole(0, 100),  # of dropout, in percent
)
NORM = Domain(  # (c); of fewer units a norm makes little but signs
    batch=Whole(1, 4), length=Whole(1, 16), hidden=Whole(4, 24), inner=Whole(1, 30),
    after=Among("attention", "feed-forward"), eps=Among(1e-12, 1e-5, 0.1),
    rate=Whole(1, 100),  # of the module that is given; the layer's own have half of it
)
TRAINING = Domain(  # (e): a run
    vocabulary=Whole(5, 30), labels=Whole(2, 7), epochs=Whole(1, 2), batches=Whole(4, 6),
    batch_size=Whole(4, 8), lr=Among(1e-5, 1e-3, 0.05),
)
BATCHES = Domain(  # (e): one of its batches, padded as the loader does
    batch=Whole(1, 8), length=Whole(1, 12), padding=Among("none", "right", "all but one"),
)

# In most questions all sizes are above 1 and no two are alike, so that no wrong axis fits by
# chance; T and d_k are never those of the notebook's checks, 5 and 4. Dropout at these rates shows.
GENERAL = {"batch": Whole(2, 4), "length": Among(7, 9, 11, 16), "rate": Whole(50, 99)}
GENERAL_SIZES = {**GENERAL, "heads": Whole(2, 4), "head_size": Among(2, 3, 5, 6),
                 "inner": Whole(25, 30), "scale": Among(2, 3),
                 "padding": Among("right", "anywhere"), "number": "each another"}
GENERAL_NORM = {**GENERAL, "hidden": Among(6, 10, 12, 14), "inner": Whole(17, 30)}
# Two questions in which the other edges meet.
ONE_TOKEN = {"batch": 4, "length": 1, "heads": 1, "head_size": 6, "inner": 1, "scale": 5,
             "padding": "none", "rate": 0}
ONE_SENTENCE = {"batch": 1, "length": 16, "heads": 4, "head_size": 1, "inner": 30, "scale": 1,
                "padding": "all but one", "number": LOWEST, "rate": 100}


def general(draw: Draw, **fixed: Any) -> SimpleNamespace:
    """Sizes that are unlike each other, for (a), (b), (d)."""
    return SIZES.draw(draw, unlike=("batch", "heads", "head_size"), **GENERAL_SIZES | fixed)


def norm(draw: Draw, **fixed: Any) -> SimpleNamespace:
    """Sizes that are unlike each other, for (c)."""
    return NORM.draw(draw, **GENERAL_NORM | fixed)


def told(case: SimpleNamespace) -> str:
    """The sizes of a question, in the letters of the exercise."""
    return f"B = {case.batch}, T = {case.length}, A = {case.heads} and d_k = {case.head_size}"


def config(case: SimpleNamespace) -> dict[str, Any]:
    """A BertConfig of these sizes."""
    return {
        "vocab_size": 11, "hidden_size": case.heads * case.head_size, "num_hidden_layers": 1,
        "num_attention_heads": case.heads, "intermediate_size": case.inner,
        "hidden_dropout_prob": case.rate / 100, "attention_probs_dropout_prob": case.rate / 100,
        "max_position_embeddings": SIZES.ranges["length"].edges[-1],
    }


def padded(draw: Draw, case: SimpleNamespace) -> Tensor:
    """Which tokens are padding, [B, T]; each sentence keeps at least one."""
    order = torch.arange(float(case.length)).expand(case.batch, -1)
    if case.padding in ("anywhere", "all but one"):
        order = draw(case.batch, case.length)
        order[:, 0] = order.max() + 1  # the first is padding, too
    kept = {"none": case.length, "all but one": 1}.get(case.padding)
    counts = [kept or draw.whole(1, case.length - 1) for _ in range(case.batch)]
    return order.argsort(dim=-1).argsort(dim=-1) >= torch.tensor(counts)[:, None]


def mask(draw: Draw, case: SimpleNamespace) -> Tensor:
    """An additive mask, [B, 1, 1, T]: 0 for a token, a large negative number for padding."""
    padding = padded(draw, case)
    numbers = (-10000.0 * 10 ** (3 * draw(*padding.shape).abs())
               if case.number == "each another" else torch.tensor(case.number))
    return torch.where(padding, numbers, 0.0)[:, None, None, :]


def batches(draw: Draw, run: SimpleNamespace) -> list[dict[str, Any]]:
    """The batches of a run in a drawn order: full ones, a smaller one, and the edges."""
    long = Whole(4, BATCHES.ranges["length"].edges[-1])
    full = {"batch": run.batch_size, "length": long, "padding": "right"}
    cases = [
        {"batch": 1, "length": long.high, "padding": "all but one"},
        {"batch": Whole(2, run.batch_size), "length": 1, "padding": "none"},
        {"batch": Whole(2, run.batch_size - 1), "length": long, "padding": "none"},
        *[full] * (run.batches - 3),
    ]
    return [batch(draw, run, BATCHES.draw(draw, **case)) for case in draw.several(cases)]


def batch(draw: Draw, run: SimpleNamespace, case: SimpleNamespace) -> dict[str, Any]:
    """A batch as the loader makes it."""
    shape = (case.batch, case.length)
    return {"input_ids": draw(*shape, run.vocabulary).argmax(dim=-1),
            "attention_mask": (~padded(draw, case)).long().sort(dim=-1, descending=True).values,
            "labels": draw(case.batch, run.labels).argmax(dim=-1),
            "sentences": ["a sentence"] * case.batch}
