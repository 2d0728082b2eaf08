"""Summaries and bins of numbers."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.report.class_report.plots import histogram
from autograder.report.class_report.statistics import MOST_BINS, distribution, nice_step

POINTS = st.lists(st.integers(0, 400).map(lambda quarters: quarters / 4), min_size=2, max_size=50)


def test_by_hand() -> None:
    found = distribution([2, 4, 4, 10], most=10)
    assert found is not None
    assert (found.mean, found.quartiles) == (5, (3.5, 4, 5.5))
    assert found.deviation == pytest.approx((36 / 3) ** 0.5)  # deviations 3, 1, 1, 5
    assert [(one.low, one.count) for one in found.bins if one.count] == [(2, 1), (4, 2), (9.5, 1)]


def test_of_nothing_and_of_one() -> None:
    assert distribution([]) is None
    one = distribution([7], most=10)
    assert one is not None and one.deviation is None and one.quartiles == (7, 7, 7)


@pytest.mark.parametrize(("least", "step"), [
    (0.03, 0.05), (0.2, 0.2), (0.21, 0.25), (2.4, 2.5), (5, 5), (5.1, 10), (37, 50)])
def test_steps_that_can_be_read_off(least: float, step: float) -> None:
    assert nice_step(least) == pytest.approx(step)


@given(POINTS, st.sampled_from([0, 12.5, 40, 100]))
def test_every_number_is_in_one_bin(values: list[float], most: float) -> None:
    found = distribution(values, most)
    assert found is not None and len(found.bins) <= MOST_BINS
    assert found.bins[-1].high >= max(most, *values) - 1e-9
    for one in found.bins:
        last = one is found.bins[-1]
        assert one.count == sum(one.low <= value and (value < one.high or last) for value in values)
    low, median, high = found.quartiles
    assert [low, median, high] == pytest.approx(
        statistics.quantiles(values, n=4, method="inclusive"))


@given(POINTS)
def test_bars_are_as_high_as_their_counts(values: list[float]) -> None:
    found = distribution(values)
    assert found is not None
    drawn = histogram(found, "students", "points")
    unit = max(bar.height for bar in drawn.bars) / max(one.count for one in found.bins)
    for bar, one in zip(drawn.bars, found.bins, strict=True):
        assert bar.height == pytest.approx(one.count * unit, abs=0.2)
        assert bar.x >= 0 and bar.x + bar.width <= 720 and bar.y >= 0
