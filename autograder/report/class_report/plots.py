"""Plots as geometry: the places of bars, dots, ticks and labels in an SVG that page.html.j2 draws.

Units are the SVG's own, about a pixel each; y grows downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from autograder.report.class_report.statistics import (
    EASY,
    HARD,
    WEAK,
    Distribution,
    ItemStatistics,
    nice_step,
)

WIDTH, HEIGHT = 720.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 34.0, 46.0
TICKS = 5  # at most, on the axis of counts
LETTER, LINE = 7.2, 14.0  # a label's letters are about so wide, its line so high
RADIUS = 6.0


@dataclass(frozen=True)
class Tick:
    """A number on an axis, and its place."""

    at: float
    label: str


@dataclass(frozen=True)
class Bar:
    """A bin: its box, the range of its numbers, and its tooltip."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    tip: str


@dataclass(frozen=True)
class Quartiles:
    """A box plot above the bars: x of the smallest number, the quartiles and the largest."""

    least: float
    low: float
    median: float
    high: float
    most: float
    tip: str


@dataclass(frozen=True)
class Histogram:
    """A distribution drawn."""

    bars: tuple[Bar, ...]
    box: Quartiles
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Label:
    """A dot's name at `x`, on the line `y`; `anchor` is SVG's text-anchor."""

    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Dot:
    """A part by its difficulty (x) and discrimination (y); `odd` where it deserves a look."""

    x: float
    y: float
    part: str
    tip: str
    odd: bool
    label: Label | None


@dataclass(frozen=True)
class Scatter:
    """Parts drawn, with the x of "hard" and "easy" and the y of "weak"; `unknown` has no place."""

    dots: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    hard: float
    easy: float
    weak: float
    unknown: tuple[str, ...]


def histogram(found: Distribution, of: str, unit: str) -> Histogram:
    """Draw a distribution of `of` ("submissions"), measured in `unit` ("points")."""
    last, highest = found.bins[-1].high, max(one.count for one in found.bins)
    step = max(1.0, nice_step(highest / TICKS))
    top = step * -(-highest // step)  # rounded up to a tick

    def x(value: float) -> float:
        return round(LEFT + value / last * (WIDTH - LEFT - RIGHT), 1)

    def y(count: float) -> float:
        return round(HEIGHT - BOTTOM - count / top * (HEIGHT - BOTTOM - TOP), 1)

    bars = tuple(Bar(x(one.low) + 1, y(one.count), round(x(one.high) - x(one.low) - 2, 1),
                     round(y(0) - y(one.count), 1), one.low, one.high,
                     f"{one.low:g} to {one.high:g} {unit}: {one.count} {of}")
                 for one in found.bins)
    low, median, high = found.quartiles
    least, most = found.values[0], found.values[-1]
    box = Quartiles(x(least), x(low), x(median), x(high), x(most),
                    f"From {least:g} to {most:g} {unit}; the middle half from {low:g} to {high:g}, "
                    f"the median is {median:g}")
    every = max(1, len(found.bins) // 10)
    edges = [found.bins[0].low, *(one.high for one in found.bins)]
    return Histogram(bars, box, tuple(Tick(x(edge), f"{edge:g}") for edge in edges[::every]),
                     tuple(Tick(y(count * step), f"{count * step:g}")
                           for count in range(int(top / step) + 1)))


def scatter(items: tuple[ItemStatistics, ...]) -> Scatter:
    """Draw difficulty against the corrected item-total correlation."""
    known = [(item, item.difficulty, item.correlation) for item in items
             if item.difficulty is not None and item.correlation is not None]
    lowest = min([-0.2, *(round(r - 0.05, 1) for _, _, r in known)])

    def x(difficulty: float) -> float:
        return round(LEFT + 10 + min(difficulty, 1) * (WIDTH - LEFT - RIGHT - 20), 1)

    def y(r: float) -> float:
        return round(HEIGHT - BOTTOM - (r - lowest) / (1 - lowest) * (HEIGHT - BOTTOM - TOP), 1)

    places = [(item, x(difficulty), y(r)) for item, difficulty, r in known]
    labels = _labels(places)
    dots = tuple(Dot(at, down, item.part, f"{item.part}: difficulty {item.difficulty:.2f}, "
                     f"discrimination {item.correlation:.2f}. {' '.join(item.notes)}".strip(),
                     bool(item.notes), labels.get(item.part)) for item, at, down in places)
    r_ticks = tuple(Tick(y(r / 5), f"{r / 5:g}".replace("-", "\N{MINUS SIGN}"))
                    for r in range(-5, 6) if r / 5 >= lowest)
    return Scatter(dots, tuple(Tick(x(one / 5), f"{one / 5:g}") for one in range(6)), r_ticks,
                   x(HARD), x(EASY), y(WEAK),
                   tuple(item.part for item in items if item.correlation is None))


def _labels(places: list[tuple[ItemStatistics, float, float]]) -> dict[str, Label]:
    """Labels beside the dots, those of odd parts first; one that finds no room is left out."""
    taken = [(at - RADIUS, down - RADIUS, at + RADIUS, down + RADIUS) for _, at, down in places]
    labels = {}
    for item, at, down in sorted(places, key=lambda one: not one[0].notes):
        wide = len(item.part) * LETTER
        for anchor, x, left, base in (
                ("start", at + 10, at + 10, down + 4), ("end", at - 10, at - 10 - wide, down + 4),
                ("middle", at, at - wide / 2, down - 10), ("middle", at, at - wide / 2, down + 20)):
            box = (left, base - LINE + 3, left + wide, base + 3)
            inside = (box[0] >= LEFT and box[1] >= 0
                      and box[2] <= WIDTH and box[3] < HEIGHT - BOTTOM)
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                labels[item.part] = Label(round(x, 1), round(base, 1), anchor, item.part)
                break
    return labels


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return (one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3])
