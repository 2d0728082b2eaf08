"""What may vary in an exercise's questions, and between which bounds: stated once, drawn per batch.

    SIZES = Domain(batch=Whole(1, 4), heads=Whole(1, 4), padding=Among("left", "right"))

    sizes = SIZES.draw(draw)             # each of them drawn: sizes.batch, sizes.heads, ...
    sizes = SIZES.draw(draw, heads=1)    # with one head, the others drawn
    sizes = SIZES.draw(draw, heads=Whole(2, 4))            # with several heads
    sizes = SIZES.draw(draw, unlike=("batch", "heads"))    # these two differ
    few, many = SIZES.cover(draw, 2)     # two cases, among which every edge is

An answer that is right only for some constant of our own passes where nothing else is asked. So
whatever may be otherwise in a right answer's world varies, and its edges are in every batch.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar

import torch
from torch import Tensor

Choice = TypeVar("Choice")
TRIALS = 1000  # of a draw in which some things must be unlike


class Draw:
    """Draws what a test asks, the same for all submissions of a batch, afresh for each batch."""

    def __init__(self, seed: str) -> None:
        # 32 bits of seed are all that torch's generator on the CPU looks at.
        self._generator = torch.Generator().manual_seed(zlib.crc32(seed.encode()))
        self.cases: list[tuple[Domain, SimpleNamespace]] = []  # what domains have drawn

    def __call__(self, *shape: int) -> Tensor:
        """Standard normal numbers: draw(2, 7, 12)."""
        return torch.randn(*shape, generator=self._generator)

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(torch.randint(low, high + 1, (), generator=self._generator))

    def among(self, choices: Sequence[Choice]) -> Choice:
        """One of them."""
        return choices[self.whole(0, len(choices) - 1)]

    def several(self, choices: Sequence[Choice], count: int | None = None) -> list[Choice]:
        """So many different ones, in a drawn order; all of them where no `count` is given."""
        order = torch.randperm(len(choices), generator=self._generator).tolist()
        return [choices[place] for place in order[:count]]


@dataclass(frozen=True)
class Whole:
    """Whole numbers from `low` to `high`, both included, which are its edges."""

    low: int
    high: int

    @property
    def edges(self) -> tuple[int, ...]:
        return (self.low, self.high)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high

    def draw(self, draw: Draw) -> int:
        return draw.whole(self.low, self.high)


class Among:
    """One of some values, each of which is an edge."""

    def __init__(self, *values: Any) -> None:
        self.edges = values

    def __contains__(self, value: object) -> bool:
        return value in self.edges

    def draw(self, draw: Draw) -> Any:
        return draw.among(self.edges)


class Domain:
    """What may vary, by name."""

    def __init__(self, **ranges: Whole | Among) -> None:
        self.ranges = ranges

    def draw(self, draw: Draw, unlike: Iterable[str] = (), **fixed: Any) -> SimpleNamespace:
        """A value of each; those in `fixed` as given, or of the narrower range that is given there,
        and those in `unlike` all different.

        Raises ValueError where a fixed value is not in the domain, or none can be unlike.
        """
        ranges = self.ranges | {name: value if isinstance(value, Whole | Among) else Among(value)
                                for name, value in fixed.items()}
        for name, values in ranges.items():
            if name not in self.ranges or any(edge not in self.ranges[name]
                                              for edge in values.edges):
                raise ValueError(f"{name}={fixed[name]!r} is not in the domain")
        names = list(unlike)
        for _ in range(TRIALS):
            case = {name: values.draw(draw) for name, values in ranges.items()}
            if len({case[name] for name in names}) == len(names):
                drawn = SimpleNamespace(**case)
                draw.cases.append((self, drawn))
                return drawn
        raise ValueError(f"in {TRIALS} draws {', '.join(names)} were not all different")

    def cover(self, draw: Draw, count: int, **fixed: Any) -> list[SimpleNamespace]:
        """So many cases, among which every edge of each is, in drawn company.

        Raises ValueError where they are too few for that.
        """
        columns = {}
        for name, values in self.ranges.items():
            values = Among(fixed[name]) if name in fixed else values
            edges = list(dict.fromkeys(values.edges))
            if len(edges) > count:
                raise ValueError(f"{name} has {len(edges)} edges, more than {count} cases")
            others = [values.draw(draw) for _ in range(count - len(edges))]
            columns[name] = draw.several([*edges, *others])
        return [self.draw(draw, **fixed | {name: column[place] for name, column in columns.items()})
                for place in range(count)]

    def missing(self, cases: Iterable[SimpleNamespace]) -> list[str]:
        """The edges that none of a batch's cases has, such as "heads=1"."""
        drawn = list(cases)
        return [f"{name}={edge!r}" for name, values in self.ranges.items()
                for edge in dict.fromkeys(values.edges)
                if not any(getattr(case, name) == edge for case in drawn)]
