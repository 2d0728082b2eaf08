"""Item analysis, and how totals and times are distributed.

Item analysis: how hard each part was, and how well it separates strong work from weak. The
measures are those of classical test theory. Rows are submissions and columns parts; a score is
NaN where a person has still to give it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

FEWEST = 10  # submissions below which a correlation is noise
EXTREME = 0.27  # share of the upper and of the lower group (Kelley 1939)
EASY, HARD = 0.95, 0.2  # mean shares of the points
WEAK = 0.1  # a correlation below this means nothing
DIGITS = 6  # sums of points that differ by less are equal

TOO_FEW = "too few"
ALL_ALIKE = "all alike"

MOST_BINS = 20
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # widths of bins that people can read off, times a power of ten


@dataclass(frozen=True)
class ItemStatistics:
    """The statistics of one part.

    count: submissions that have points in it
    difficulty: the mean share of its points, from 0 (nobody has any) to 1; None without a count
    full, partial, zero: shares of the submissions, 1 together
    correlation: Pearson's r of its points with the total of the other parts (the corrected
        item-total correlation); None, as `index` is, where `unknown` says why
    index: the mean share of its points in the upper 27 % by total less that in the lower
    """

    part: str
    max_points: float
    count: int
    difficulty: float | None
    full: float
    partial: float
    zero: float
    correlation: float | None
    index: float | None
    unknown: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Why an instructor should look at this part; empty where there is no need to."""
        notes = []
        if self.difficulty is not None and self.count >= FEWEST:
            if self.difficulty > EASY:
                notes.append(f"Very easy: on average {self.difficulty:.0%} of the points. It "
                             "checks that all are on board, and tells nobody apart.")
            if self.difficulty < HARD:
                notes.append(f"Very hard: on average {self.difficulty:.0%} of the points. Is the "
                             "text clear, is the test too strict, was there time?")
        if self.correlation is not None and self.correlation < 0:
            notes.append("Who does well elsewhere does worse here (negative discrimination). Look "
                         "at the test and at the text before you trust its points.")
        elif self.correlation is not None and self.correlation < WEAK:
            notes.append("Points here have next to nothing to do with points elsewhere "
                         "(discrimination near 0): is something else being tested, or luck?")
        return tuple(notes)


@dataclass(frozen=True)
class Analysis:
    """The parts, and Cronbach's alpha of those that are graded for everybody.

    alpha: None where there are too few submissions or parts, or all totals are equal
    error: the standard error of measurement, in points
    """

    items: tuple[ItemStatistics, ...]
    count: int
    alpha: float | None
    error: float | None


def analyse(parts: list[str], most: list[float], scores: Scores) -> Analysis:
    """Item analysis of `scores`, [submissions, parts]; `most` are the parts' maximal points."""
    complete = ~np.isnan(scores).any(axis=0)
    items = tuple(_item(part, most[column], scores[:, column],
                        scores[:, complete & (np.arange(len(parts)) != column)])
                  for column, part in enumerate(parts))
    graded = scores[:, complete]
    reliable = cronbach_alpha(graded) if len(scores) >= FEWEST else None
    error = None
    if reliable is not None:
        spread = float(graded.sum(axis=1).std(ddof=1))
        error = spread * max(0.0, 1 - reliable) ** 0.5
    return Analysis(items, len(scores), reliable, error)


def _item(part: str, most: float, points: Scores, others: Scores) -> ItemStatistics:
    """One part; `others` are the scores in the other parts, [submissions, others]."""
    there = ~np.isnan(points)
    points, rest = points[there], others[there].sum(axis=1)
    count = len(points)
    if not count or not most:
        return ItemStatistics(part, most, count, None, 0, 0, 0, None, None, "no points yet")
    shares = points / most
    full, zero = float((shares >= 1).mean()), float((shares <= 0).mean())
    r = correlation(points, rest)
    unknown = TOO_FEW if count < FEWEST else ALL_ALIKE if r is None else ""
    index = upper_lower(shares, points + rest)
    return ItemStatistics(
        part, most, count, float(shares.mean()), full, max(0.0, 1 - full - zero), zero,
        None if unknown else r, None if unknown else index, unknown)


def correlation(one: Scores, other: Scores) -> float | None:
    """Pearson's r of two rows of numbers; None where one of them does not vary."""
    one, other = one.round(DIGITS), other.round(DIGITS)
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.clip(np.corrcoef(one, other)[0, 1], -1, 1))


def upper_lower(shares: Scores, totals: Scores) -> float:
    """The mean share in the upper 27 % by total, less that in the lower 27 %.

    Of equal totals at a group's border each belongs to the group in part, so that the order in
    which submissions come does not matter.
    """
    size = max(1, round(EXTREME * len(totals)))
    lowest_first = _membership(totals.round(DIGITS), size)
    highest_first = _membership(-totals.round(DIGITS), size)
    return float((highest_first - lowest_first) @ shares / size)


def _membership(totals: Scores, size: int) -> Scores:
    """How far each belongs to the `size` with the lowest totals, from 0 to 1."""
    border = np.sort(totals)[size - 1]
    below, tied = totals < border, totals == border
    return below + tied * (size - below.sum()) / tied.sum()


def cronbach_alpha(scores: Scores) -> float | None:
    """Cronbach's alpha (1951) of [submissions, parts]: k / (k - 1) (1 - sum of variances / variance
    of totals); None for fewer than two parts or submissions, or equal totals."""
    submissions, parts = scores.shape
    if submissions < 2 or parts < 2 or np.ptp(scores.sum(axis=1).round(DIGITS)) == 0:
        return None
    variance = float(scores.sum(axis=1).var(ddof=1))
    return parts / (parts - 1) * (1 - float(scores.var(axis=0, ddof=1).sum()) / variance)


@dataclass(frozen=True)
class Bin:
    """How many numbers lie from `low` to below `high`; in the last bin, up to `high`."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Distribution:
    """Numbers and what describes them. `deviation` is that of a sample; None for fewer than two."""

    values: tuple[float, ...]
    mean: float
    deviation: float | None
    quartiles: tuple[float, float, float]
    bins: tuple[Bin, ...]


def distribution(values: Sequence[float], most: float = 0.0) -> Distribution | None:
    """Describe numbers from 0; bins reach to `most`, or to the largest. None for no numbers."""
    if not values:
        return None
    numbers = np.sort(np.asarray(values, dtype=float))
    low, median, high = (float(one) for one in np.percentile(numbers, (25, 50, 75)))
    return Distribution(
        tuple(map(float, numbers)), float(numbers.mean()),
        float(numbers.std(ddof=1)) if len(numbers) > 1 else None, (low, median, high),
        _bins(numbers, max(most, float(numbers[-1]))))


def _bins(numbers: np.ndarray, most: float) -> tuple[Bin, ...]:
    width = nice_step(most / MOST_BINS) if most > 0 else 1.0
    edges = np.arange(0, max(1, int(np.ceil(round(most / width, 9)))) + 1) * width
    counts, _ = np.histogram(np.clip(numbers, 0, None), edges)
    return tuple(Bin(float(edges[i]), float(edges[i + 1]), int(count))
                 for i, count in enumerate(counts))


def nice_step(least: float) -> float:
    """The smallest readable number, such as 0.5, 2 or 25, that is not below `least` (> 0)."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(step * power for step in STEPS if step * power >= least * (1 - 1e-9)))
