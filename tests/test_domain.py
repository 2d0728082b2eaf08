"""Domains: what they draw lies in them, their edges count, and a batch draws alike for all."""

from __future__ import annotations

import pytest
import torch

from autograder.judge.domain import Among, Domain, Draw, Whole

SIZES = Domain(batch=Whole(1, 3), heads=Whole(1, 4), side=Among("left", "right"))


@pytest.mark.parametrize("seed", range(50))
def test_drawn_values_lie_in_the_domain(seed):
    case = SIZES.draw(Draw(f"{seed}"), unlike=("batch", "heads"))
    assert case.batch in SIZES.ranges["batch"] and case.heads in SIZES.ranges["heads"]
    assert case.side in ("left", "right") and case.batch != case.heads


def test_every_edge_is_drawn_sooner_or_later():
    draw = Draw("0")
    cases = [SIZES.draw(draw) for _ in range(100)]
    assert SIZES.missing(cases) == [] and [case for _, case in draw.cases] == cases
    assert SIZES.missing(case for case in cases if case.heads > 1) == ["heads=1"]


@pytest.mark.parametrize("seed", range(20))
def test_some_cases_cover_every_edge(seed):
    draw = Draw(f"{seed}")
    cases = SIZES.cover(draw, 2)
    assert len(cases) == 2 and SIZES.missing(cases) == []
    assert SIZES.missing(SIZES.cover(draw, 3, heads=2)) == ["heads=1", "heads=4"]
    assert [case for _, case in draw.cases[:2]] == cases
    with pytest.raises(ValueError, match="2 edges, more than 1 case"):
        SIZES.cover(draw, 1)


def test_fixed_values_are_kept_and_must_lie_in_the_domain():
    assert SIZES.draw(Draw("0"), heads=1).heads == 1
    drawn = {SIZES.draw(Draw(f"{seed}"), heads=Whole(2, 3)).heads for seed in range(20)}
    assert drawn == {2, 3}
    for wrong in ({"heads": 5}, {"side": "top"}, {"head": 1}, {"heads": Whole(2, 5)}):
        with pytest.raises(ValueError, match="not in the domain"):
            SIZES.draw(Draw("0"), **wrong)
    with pytest.raises(ValueError, match="different"):
        SIZES.draw(Draw("0"), unlike=("batch", "heads"), batch=1, heads=1)


def test_the_same_seed_draws_the_same():
    def drawn(seed):
        draw = Draw(seed)
        return (draw(2, 3), draw.whole(1, 9), draw.among("abc"), draw.several(range(9), 4),
                SIZES.draw(draw))
    (one, *others), (same, *alike), (third, *_) = drawn("1/a"), drawn("1/a"), drawn("2/a")
    assert torch.equal(one, same) and others == alike and not torch.equal(one, third)


def test_several_are_different():
    draw = Draw("0")
    assert sorted(draw.several(range(9))) == list(range(9))
    assert all(len(set(draw.several(range(9), 4))) == 4 for _ in range(20))
