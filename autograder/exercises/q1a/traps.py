"""Scores for the bonus: the best start and the best end make no span, and something has to give.

Each trap has one best valid span. A trial shows the trap, then the same span with scores that
leave no doubt, then another span without doubt. Whoever finds the best valid span gives the first
two the same answer, whatever text they make of a span; whoever always answers the same is told
apart by the third.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercises.q1a.passages import Draw, Passage, pointing, scores

Trap = Callable[[Draw, Passage, list[int]], tuple[Tensor, Tensor, tuple[int, int]]]
GAP, MARKS = 3, 6  # a trap marks six places of the context, three tokens apart
OTHER = (0, 1)  # the span without doubt that no trap has
AFTER_OTHER = OTHER[1] + 1


def end_first(draw: Draw, passage: Passage, at: list[int]) -> tuple[Tensor, Tensor, tuple]:
    """The best start comes after the best end; the best pair has the best end."""
    name = passage.tokens.__getitem__
    starts = scores(draw, **{name(at[0]): 6, name(at[3]): 8, name(at[1]): -9})
    ends = scores(draw, **{name(at[2]): 8, name(at[5]): 5, name(at[1]): -9})
    return starts, ends, (at[0], at[2])  # 14, before (at[3], at[5]) with 13


def start_last(draw: Draw, passage: Passage, at: list[int]) -> tuple[Tensor, Tensor, tuple]:
    """The best start comes after the best end; the best pair has the best start."""
    name = passage.tokens.__getitem__
    starts = scores(draw, **{name(at[0]): 5, name(at[3]): 8, name(at[1]): -9})
    ends = scores(draw, **{name(at[2]): 8, name(at[5]): 6, name(at[1]): -9})
    return starts, ends, (at[3], at[5])  # 14, before (at[0], at[2]) with 13


def neither(draw: Draw, passage: Passage, at: list[int]) -> tuple[Tensor, Tensor, tuple]:
    """The best pair has neither the best start nor the best end, which leaves no end a chance."""
    name = passage.tokens.__getitem__
    starts = scores(draw, **{name(at[1]): 7.5, name(at[4]): 10, name(at[2]): -9})
    ends = scores(draw, **{name(at[0]): 12, name(at[3]): 8.5, name(at[5]): 5.5, name(at[2]): -9})
    return starts, ends, (at[1], at[3])  # 16, before (at[4], at[5]) with 15.5


def outside(start: str, end: str) -> Trap:
    """The best start or the best end stands outside the context: at a token that is named.

    "asked" is a token of the question, "asked later" one that comes after it; "" is nowhere.
    """

    def trap(draw: Draw, passage: Passage, at: list[int]) -> tuple[Tensor, Tensor, tuple]:
        asked = {"asked": passage.asking[1][0], "asked later": passage.asking[2][0]}
        name = passage.tokens.__getitem__
        away = [{asked.get(token, token): 9} if token else {} for token in (start, end)]
        return (scores(draw, **{name(at[1]): 6}, **away[0]),
                scores(draw, **{name(at[3]): 6}, **away[1]), (at[1], at[3]))

    return trap


END_BEFORE_START: list[Trap] = [end_first, start_last, neither]
OUTSIDE: list[Trap] = [outside("asked", "asked later"), outside("asked", ""), outside("", "asked"),
                       outside("[CLS]", "[CLS]"), outside("[SEP]", "[SEP]"), outside("", "[SEP]")]


def trials(draw: Draw, passage: Passage, traps: list[Trap]) -> dict[str, Tensor]:
    """Three rows of scores for each trap: itself, its best valid span, another span."""
    rows = []
    for trap in traps:
        room = len(passage.tokens) - GAP * (MARKS - 1) - AFTER_OTHER
        first = AFTER_OTHER + int(draw(room).argmax())
        starts, ends, best = trap(draw, passage, [first + GAP * mark for mark in range(MARKS)])
        sure = pointing(draw, passage, [best, OTHER])
        rows.append((torch.cat([starts[None], sure["starts"]]),
                     torch.cat([ends[None], sure["ends"]])))  # [3, vocabulary] each
    starts, ends = (torch.cat(tables) for tables in zip(*rows, strict=True))
    return {"starts": starts, "ends": ends}
