"""Item analysis against values computed by hand, and against other ways to compute it."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autograder.report.class_report.statistics import (
    ALL_ALIKE,
    FEWEST,
    TOO_FEW,
    Analysis,
    ItemStatistics,
    Scores,
    analyse,
    correlation,
    cronbach_alpha,
    upper_lower,
)

MOST = [4.0, 6.0, 10.0]
CLASSES = arrays(np.float64, st.tuples(st.integers(FEWEST, 30), st.just(3)),
                 elements=st.integers(0, 8).map(lambda eighths: eighths / 8)).map(
                     lambda shares: shares * np.array(MOST))


def numbers(*values: float) -> Scores:
    return np.array(values, dtype=float)


def analysed(scores: Scores) -> Analysis:
    return analyse(["a", "b", "c"], MOST, scores)


# -- by hand --------------------------------------------------------------------------------------

def test_difficulty_and_shares() -> None:
    scores = np.array([[4, 0], [4, 1], [2, 0], [0, 2]], dtype=float)
    a, b = analyse(["a", "b"], [4, 2], scores).items
    assert (a.difficulty, a.full, a.partial, a.zero) == (10 / 16, 0.5, 0.25, 0.25)
    assert (b.difficulty, b.full, b.partial, b.zero) == (3 / 8, 0.25, 0.25, 0.5)


def test_correlation() -> None:
    """Deviations (-1, 0, 1) and (-1, 1, 0): their product is 1, their squares are 2 and 2."""
    assert correlation(numbers(2, 4, 6), numbers(1, 3, 2)) == pytest.approx(0.5)


def test_the_correlation_is_with_the_other_parts() -> None:
    """Part a goes with b, and against it where a itself stays in the total."""
    scores = np.array([[1.0, 0], [0, 1]] * 6)
    assert [item.correlation for item in analyse(["a", "b"], [1, 1], scores).items] == [-1, -1]


def test_alpha() -> None:
    """Variances 4 and 1; the totals 3, 7, 8 have 7: 2 (1 - 5 / 7)."""
    assert cronbach_alpha(np.array([[2, 1], [4, 3], [6, 2]], dtype=float)) == pytest.approx(4 / 7)


def test_alpha_of_parts_that_have_nothing_in_common() -> None:
    assert cronbach_alpha(np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])) == pytest.approx(0)


def test_the_standard_error_of_measurement() -> None:
    """Alpha is 0 there, so that the error is all of the deviation: totals 0, 1, 1, 2, thrice."""
    found = analyse(["a", "b"], [1, 1], np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]] * 3))
    assert found.alpha == pytest.approx(0)
    assert found.error == pytest.approx(statistics.stdev([0, 1, 1, 2] * 3))


def test_upper_and_lower() -> None:
    """Of ten, three are 27 %: shares 0, 0, 1 at the bottom, 1, 0, 1 at the top."""
    shares = numbers(0, 0, 1, 0, 1, 1, 1, 1, 0, 1)
    assert upper_lower(shares, np.arange(10.0)) == pytest.approx(1 / 3)


def test_equal_totals_at_the_border_share_the_places() -> None:
    """Four are last together, for three places: each has 3/4 of one."""
    shares = numbers(1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert upper_lower(shares, numbers(1, 1, 1, 1, 5, 6, 7, 8, 9, 10)) == pytest.approx(-0.25)


# -- another way ----------------------------------------------------------------------------------

@given(CLASSES)
@settings(deadline=None, max_examples=60)
def test_correlations_are_those_of_the_standard_library(scores: Scores) -> None:
    for column, item in enumerate(analysed(scores).items):
        rest = [sum(row) - row[column] for row in scores.tolist()]
        if item.correlation is None:
            assert len(set(rest)) == 1 or len(set(scores[:, column])) == 1
        else:
            assert item.correlation == pytest.approx(
                statistics.correlation(scores[:, column].tolist(), rest), abs=1e-9)


@given(CLASSES)
@settings(deadline=None, max_examples=60)
def test_alpha_is_the_share_of_covariances(scores: Scores) -> None:
    """k / (k - 1) times the part of the totals' variance that lies between different parts."""
    alpha = analysed(scores).alpha
    covariances = np.cov(scores, rowvar=False)
    if alpha is not None:
        between = covariances.sum() - np.trace(covariances)
        assert alpha == pytest.approx(3 / 2 * between / covariances.sum(), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 0.5, 1])), min_size=2, max_size=6))
@settings(deadline=None, max_examples=60)
def test_ties_count_as_the_mean_over_all_orders(students: list[tuple[int, float]]) -> None:
    size = max(1, round(0.27 * len(students)))
    found = []
    for order in itertools.permutations(students):
        ordered = sorted(order, key=lambda student: student[0])  # keeps the order of equals
        shares = [share for _, share in ordered]
        found.append(statistics.fmean(shares[-size:]) - statistics.fmean(shares[:size]))
    totals, shares = zip(*students, strict=True)
    assert upper_lower(numbers(*shares), numbers(*totals)) == pytest.approx(
        statistics.fmean(found), abs=1e-9)


# -- what always holds ----------------------------------------------------------------------------

@given(CLASSES)
@settings(deadline=None, max_examples=60)
def test_bounds(scores: Scores) -> None:
    found = analysed(scores)
    assert found.alpha is None or found.alpha <= 1 + 1e-9
    for item in found.items:
        assert item.difficulty is not None and 0 <= item.difficulty <= 1
        assert item.full + item.partial + item.zero == pytest.approx(1)
        assert item.correlation is None or -1 <= item.correlation <= 1
        assert item.index is None or -1 - 1e-9 <= item.index <= 1 + 1e-9


@given(CLASSES, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_order_of_submissions_is_nothing(scores: Scores, random: object) -> None:
    order = list(range(len(scores)))
    random.shuffle(order)  # type: ignore[attr-defined]
    _alike(analysed(scores), analysed(scores[order]))


@given(CLASSES, st.sampled_from([0.5, 2.0, 3.0]))
@settings(deadline=None, max_examples=60)
def test_the_unit_of_points_is_nothing(scores: Scores, factor: float) -> None:
    _alike(analysed(scores), analyse(["a", "b", "c"], [most * factor for most in MOST],
                                     scores * factor))


@given(CLASSES)
@settings(deadline=None, max_examples=60)
def test_a_part_upside_down_discriminates_the_other_way(scores: Scores) -> None:
    turned = scores.copy()
    turned[:, 0] = MOST[0] - turned[:, 0]
    before, after = analysed(scores).items[0], analysed(turned).items[0]
    assert (before.correlation is None) == (after.correlation is None)
    if before.correlation is not None and after.correlation is not None:
        assert after.correlation == pytest.approx(-before.correlation, abs=1e-9)


def _alike(one: Analysis, other: Analysis) -> None:
    assert one.alpha == pytest.approx(other.alpha, abs=1e-6)
    for a, b in zip(one.items, other.items, strict=True):
        assert a.difficulty == pytest.approx(b.difficulty)
        assert a.correlation == pytest.approx(b.correlation, abs=1e-6)
        assert a.index == pytest.approx(b.index, abs=1e-6)


# -- where little is known ------------------------------------------------------------------------

@pytest.mark.parametrize("count", range(FEWEST))
def test_of_few_only_the_difficulty_is_told(count: int) -> None:
    scores = np.arange(3.0 * count).reshape(count, 3) % 4
    found = analysed(scores)
    assert found.alpha is None
    for item in found.items:
        assert (item.correlation, item.index) == (None, None)
        assert (item.unknown == TOO_FEW) == (count > 0)
        assert (item.difficulty is None) == (count == 0)
        assert item.notes == ()


def test_a_part_that_all_have_right_has_no_discrimination() -> None:
    scores = np.array([[4.0, n % 7, n % 11] for n in range(12)])
    item = analysed(scores).items[0]
    assert (item.correlation, item.index, item.unknown) == (None, None, ALL_ALIKE)
    assert "Very easy" in item.notes[0]


def test_a_part_that_nobody_has_graded_yet_harms_no_other() -> None:
    scores = np.array([[n % 5, n % 7, np.nan] for n in range(14)])
    found = analysed(scores)
    waiting = found.items[2]
    assert (waiting.count, waiting.difficulty, waiting.unknown) == (0, None, "no points yet")
    two = analyse(["a", "b"], MOST[:2], scores[:, :2])
    assert (found.alpha, found.items[:2]) == (two.alpha, two.items)


def test_a_part_that_is_graded_in_part_is_told_of_those_who_have_points() -> None:
    scores = np.array([[n % 5, n % 7, n % 11] for n in range(24)], dtype=float)
    scores[12:, 2] = np.nan
    item = analysed(scores).items[2]
    first = scores[:12]
    assert item.count == 12
    assert item.correlation == pytest.approx(statistics.correlation(
        first[:, 2].tolist(), first[:, :2].sum(axis=1).tolist()))


def test_sums_that_differ_by_rounding_are_equal() -> None:
    assert correlation(numbers(1, 2, 3), numbers(0.1 + 0.2, 0.3, 0.3)) is None


@pytest.mark.parametrize(("difficulty", "r", "says"), [
    (0.96, 0.5, "Very easy"), (0.19, 0.5, "Very hard"), (0.5, -0.01, "negative"),
    (0.5, 0.09, "near 0"), (0.95, 0.1, ""), (0.2, 0.3, "")])
def test_parts_that_deserve_a_look(difficulty: float, r: float, says: str) -> None:
    notes = ItemStatistics("a", 4, 30, difficulty, 0, 1, 0, r, 0.1).notes
    assert says in " ".join(notes) and bool(notes) == bool(says)
