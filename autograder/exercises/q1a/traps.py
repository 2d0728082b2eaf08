"""Scores for the bonus: the best start and the best end make no span, and something has to give.

Each trap has one best valid span. A trial shows the trap, then the same span with scores that
leave no doubt. Whoever finds the best valid span gives both the same answer, whatever text they
make of a span; whoever always answers the same is told apart by another span without doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograder.testing import Draw

from .passages import (
    COMMON,
    CUT,
    RARE,
    Passage,
    marked,
    passage,
    pointing,
    question,
    scores,
)

MARKS = 6  # places of the context that a trap may use, in their order
LOW = -5.0
Points = dict[str, float]


@dataclass(frozen=True)
class Trapped:
    """The scores of some tokens, all others being low, and the best valid span."""

    starts: Points
    ends: Points
    best: tuple[int, int]


Trap = Callable[[Draw, Passage, list[int]], Trapped]


def end_first(draw: Draw, one: Passage, at: list[int]) -> Trapped:
    """The best start comes after the best end; the best pair has the best end.

    It starts at the context's first token."""
    name = one.tokens.__getitem__
    return Trapped({name(0): 6, name(at[3]): 8, name(at[1]): -9},
                   {name(at[2]): 8, name(at[5]): 5, name(at[1]): -9},
                   (0, at[2]))  # 14, before (at[3], at[5]) with 13


def start_last(draw: Draw, one: Passage, at: list[int]) -> Trapped:
    """The best start comes after the best end; the best pair has the best start.

    It ends at the context's last token."""
    name, last = one.tokens.__getitem__, len(one.tokens) - 1
    return Trapped({name(at[0]): 5, name(at[3]): 8, name(at[1]): -9},
                   {name(at[2]): 8, name(last): 6, name(at[1]): -9},
                   (at[3], last))  # 14, before (at[0], at[2]) with 13


def neither(draw: Draw, one: Passage, at: list[int]) -> Trapped:
    """The best pair has neither the best start nor the best end, which leaves no end a chance."""
    name = one.tokens.__getitem__
    return Trapped({name(at[1]): 7.5, name(at[4]): 10, name(at[2]): -9},
                   {name(at[0]): 12, name(at[3]): 8.5, name(at[5]): 5.5, name(at[2]): -9},
                   (at[1], at[3]))  # 16, before (at[4], at[5]) with 15.5


def one_token(draw: Draw, one: Passage, at: list[int]) -> Trapped:
    """The best pair is one token."""
    name = one.tokens.__getitem__
    return Trapped({name(at[2]): 5, name(at[4]): 8}, {name(at[2]): 5, name(at[1]): 8},
                   (at[2], at[2]))


def crowd(draw: Draw, one: Passage, at: list[int]) -> Trapped:
    """Many starts are better than that of the best pair, and many ends: none make a span."""
    many = (len(one.tokens) - 2) // 2
    first, last = one.tokens[:many], one.tokens[-many:]
    start, end = one.tokens[many], one.tokens[-many - 1]
    return Trapped({**dict.fromkeys(first, -9), **dict.fromkeys(last, 8), start: 4},
                   {**dict.fromkeys(first, 8), **dict.fromkeys(last, -9), end: 4},
                   (many, len(one.tokens) - many - 1))


def outside(start: str, end: str) -> Trap:
    """The best start or the best end stands outside the context: at a token that is named.

    "asked" is a token of the question, "asked later" one that comes after it; "" is nowhere.
    """

    def trap(draw: Draw, one: Passage, at: list[int]) -> Trapped:
        places = sorted(draw.several(range(len(one.asking)), 2))
        asked = {name: one.asking[place][0]
                 for name, place in zip(("asked", "asked later"), places, strict=True)}
        name = one.tokens.__getitem__
        away = [{asked.get(token, token): 9} if token else {} for token in (start, end)]
        return Trapped({name(at[1]): 6, **away[0]}, {name(at[3]): 6, **away[1]}, (at[1], at[3]))

    return trap


def everywhere_outside(draw: Draw, one: Passage, at: list[int]) -> Trapped:
    """All tokens outside the context are better than those within."""
    away = dict.fromkeys([*(word[0] for word in one.asking), "[CLS]", "[SEP]"], 9)
    name = one.tokens.__getitem__
    return Trapped({name(at[1]): 6, **away}, {name(at[3]): 6, **away}, (at[1], at[3]))


END_BEFORE_START: list[Trap] = [end_first, start_last, neither, one_token, crowd]
OUTSIDE: list[Trap] = [outside("asked", "asked later"), outside("", "asked"),
                       outside("[SEP]", "[SEP]"), outside("", "[SEP]"), everywhere_outside]
FAR: list[Trap] = [neither, outside("asked", "asked later")]  # with a best span of many tokens


@dataclass(frozen=True)
class Trials:
    """Tables for one passage, two rows for each trap, and the traps' best valid spans."""

    passage: Passage
    traps: list[Trap]
    tables: dict[str, Tensor]
    best: list[tuple[int, int]]


def near(draw: Draw, traps: list[Trap]) -> Trials:
    """Traps in a short context, in which no token comes twice. The last row is another span's."""
    whole = [word for word in (*COMMON, *RARE) if word != (",",)]
    words = [*draw.several(whole, draw.whole(6, 8)), *draw.several(CUT, 2)]
    one = passage(draw, draw.several(words), question(draw, most=5))
    start, end = 1, len(one.tokens) - 2  # of a span that no trap has
    places = [place for place in range(len(one.tokens)) if place not in (start, end)]
    asked = trials(draw, one, traps, lambda: sorted(draw.several(places, MARKS)))
    row = pointing(draw, one, [(start, end)], signs=False)
    return replace(asked, tables={side: torch.cat([table, row[side]])
                                  for side, table in asked.tables.items()})


def far(draw: Draw) -> Trials:
    """Traps whose best span is long."""
    count = draw.whole(45, 80)
    places = [*sorted(draw.several(range(6), 2)), *sorted(draw.several(range(38, count), 4))]
    one = passage(draw, marked(draw, count, places))
    at = [one.span_of_words(place, place)[0] for place in places]
    return trials(draw, one, FAR, lambda: at)


def trials(draw: Draw, one: Passage, traps: list[Trap], at: Callable[[], list[int]]) -> Trials:
    """Two rows for each trap. In every second one no valid span has a sum above 0."""
    tables: dict[str, list[Tensor]] = {"starts": [], "ends": []}
    best, even = [], draw.whole(0, 1)
    for number, trap in enumerate(traps, start=even):
        trapped = trap(draw, one, at())
        stretch, down = draw.whole(8, 14) / 10, draw.whole(10, 13) if number % 2 else 0
        sure = pointing(draw, one, [trapped.best], signs=False)
        for side, points in (("starts", trapped.starts), ("ends", trapped.ends)):
            moved = {token: stretch * (score - down) for token, score in points.items()}
            tables[side] += [scores(draw, one, LOW - stretch * down, moved), sure[side][0]]
        best.append(trapped.best)
    return Trials(one, traps, {side: torch.stack(rows) for side, rows in tables.items()}, best)
