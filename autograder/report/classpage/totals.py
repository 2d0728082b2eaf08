"""How numbers are distributed: totals, or seconds; a summary and the bins of a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_BINS = 20
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # widths of bins that people can read off, times a power of ten


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
