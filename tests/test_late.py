"""Late days and penalties, reckoned: what each rule does, and what must hold whatever the rules."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.late import (
    Applied,
    Deadline,
    Extension,
    HandedIn,
    LateDays,
    LateRule,
    apply,
    duration,
)

DUE = datetime(2026, 3, 14, 14, 59, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def deadline(name: str = "hw", due: datetime = DUE, extensions: dict[str, timedelta] | None = None,
             waivers: dict[str, str] | None = None, groups: bool = False, **rule: Any) -> Deadline:
    return Deadline(name, (name,), due, LateRule(**rule), groups, {
        student: Extension(student=student, assignment=name, until=due + more, reason="ill")
        for student, more in (extensions or {}).items()}, waivers or {})


def handed_in(late: timedelta | None, people: tuple[str, ...] = ("s",), owner: str = "",
              **rule: Any) -> HandedIn:
    one = deadline(**rule)
    return HandedIn(one, owner or people[0], people, None if late is None else one.due + late)


def once(late: timedelta | None, free_days: int = 0, **rule: Any) -> Applied:
    (found,) = apply([handed_in(late, **rule)], free_days).values()
    return found


# ----------------------------------------------------------------------------------- one rule each


@pytest.mark.parametrize("late", [-DAY, timedelta(0), None])
def test_in_time_or_unknown_costs_nothing(late: timedelta | None) -> None:
    found = once(late, free_days=3, percent_per_day=10, cutoff_days=0)
    assert (found.days, found.days_used, found.days_left) == (0, 0, 3)
    assert found.penalty(40, 50) == 0 and not found.late_by


def test_without_a_rule_lateness_is_told_and_costs_nothing() -> None:
    found = once(27 * HOUR)
    assert found.sentences() == ("handed in 1 day 3 h late",)
    assert found.penalty(40, 50) == 0


def test_an_unknown_time_is_told() -> None:
    assert once(None).sentences() == (
        "no time known at which it was handed in: it counts as in time",)


@pytest.mark.parametrize(("late", "days"), [
    (timedelta(seconds=1), 1), (DAY, 1), (DAY + timedelta(seconds=1), 2), (7 * DAY, 7)])
def test_a_late_day_counts_when_it_has_begun(late: timedelta, days: int) -> None:
    assert once(late, percent_per_day=10).days == days


@pytest.mark.parametrize(("minutes", "days"), [(15, 0), (16, 1), (1440 + 15, 1), (1440 + 16, 2)])
def test_grace_moves_the_beginning_of_each_late_day(minutes: int, days: int) -> None:
    assert once(timedelta(minutes=minutes), grace_minutes=15).days == days


def test_grace_is_told() -> None:
    assert once(timedelta(minutes=5), grace_minutes=15).sentences() == (
        "handed in 5 min late: within the 15 min of grace",)


@pytest.mark.parametrize(("of", "penalty"), [("max", 10), ("earned", 8)])
def test_the_course_says_of_what_the_percent_are(of: str, penalty: float) -> None:
    found = once(2 * DAY, percent_per_day=10, percent_of=of)
    assert found.penalty(40, 50) == penalty
    assert found.sentences()[0].endswith(
        f"20 % of the {'maximum' if of == 'max' else 'points earned'} off")


def test_a_penalty_is_never_more_than_the_score() -> None:
    found = once(3 * DAY, percent_per_day=10)
    assert [found.penalty(score, 50) for score in (50, 15, 4, 0, -2)] == [15, 15, 4, 0, 0]


def test_all_of_it_is_all_of_it_bonus_included() -> None:
    assert once(DAY, percent_per_day=100).penalty(54, 50) == 54
    assert once(20 * DAY, percent_per_day=10).penalty(54, 50) == 54


def test_after_the_cut_off_nothing_counts() -> None:
    assert once(7 * DAY, cutoff_days=7).penalty(54, 50) == 0
    found = once(7 * DAY + HOUR, free_days=9, cutoff_days=7)
    assert (found.penalty(54, 50), found.days_used) == (54, 0)
    assert found.sentences() == ("handed in 7 days 1 h late: nothing counts after 7 days",)


def test_free_days_go_first() -> None:
    found = once(3 * DAY, free_days=2, percent_per_day=10)
    assert (found.days_used, found.days_left, found.percent) == (2, 0, 10)
    assert found.sentences() == (
        "handed in 3 days late: 2 late days used, none left; 10 % of the maximum off",)


def test_the_sentence_of_free_days() -> None:
    assert once(27 * HOUR, free_days=3).sentences() == (
        "handed in 1 day 3 h late: 2 late days used, 1 left",)


def test_so_many_free_days_at_once() -> None:
    found = once(3 * DAY, free_days=5, free_days_at_once=2, percent_per_day=25)
    assert (found.days_used, found.days_left, found.percent) == (2, 3, 25)


def test_an_extension_is_the_students_own_due_date() -> None:
    found = once(2 * DAY, percent_per_day=10, extensions={"s": 3 * DAY})
    assert found.penalty(40, 50) == 0
    assert found.sentences() == ("extension until 2026-03-17 14:59+00:00: ill",)
    late = once(3 * DAY + HOUR, percent_per_day=10, extensions={"s": 3 * DAY})
    assert (late.days, late.late_by) == (1, HOUR)
    assert once(2 * DAY, percent_per_day=10, extensions={"another": 3 * DAY}).days == 2


def test_a_waiver_takes_nothing_neither_points_nor_days() -> None:
    found = once(9 * DAY, free_days=2, percent_per_day=10, cutoff_days=3,
                 waivers={"s": "the platform was down"})
    assert (found.penalty(40, 50), found.days_used, found.days_left) == (0, 0, 2)
    assert found.sentences() == (
        "handed in 9 days late: nothing taken off: the platform was down",)


def test_reasons_are_left_out_where_others_read() -> None:
    both = once(4 * DAY, extensions={"s": DAY}, waivers={"s": "a secret"})
    assert "secret" not in (said := " ".join(both.sentences(reasons=False))) and "ill" not in said
    assert "extension until" in said and "nothing taken off" in said


def test_rules_of_one_assignment_say_what_differs() -> None:
    course = LateDays(free_days=4, grace_minutes=15, percent_per_day=10, cutoff_days=7)
    own = course.but(LateRule(percent_per_day=50))
    assert own == LateRule(grace_minutes=15, percent_per_day=50, cutoff_days=7)
    assert course.but(None) == LateRule(grace_minutes=15, percent_per_day=10, cutoff_days=7)


@pytest.mark.parametrize(("time", "says"), [
    (timedelta(seconds=20), "less than a minute"), (5.5 * timedelta(minutes=1), "5 min"),
    (HOUR, "1 h"), (130 * timedelta(minutes=1), "2 h 10 min"), (DAY, "1 day"),
    (51 * HOUR + timedelta(minutes=9), "2 days 3 h")])
def test_durations_as_people_say_them(time: timedelta, says: str) -> None:
    assert duration(time) == says


# ----------------------------------------------------------------------------- a term, and groups


def test_what_is_due_first_uses_late_days_first() -> None:
    """Whenever it came, and by whatever name."""
    first, second = deadline("z", DUE), deadline("a", DUE + 7 * DAY)
    found = apply([HandedIn(second, "s", ("s",), DUE + 9 * DAY),
                   HandedIn(first, "s", ("s",), DUE + 20 * DAY)], 3)
    assert found["z", "s"].days_used == 3
    assert (found["a", "s"].days_used, found["a", "s"].days_left) == (0, 0)


def test_a_group_is_late_for_all_its_members() -> None:
    group = handed_in(2 * DAY, ("a", "b"), "g1", name="project", groups=True)
    later = [handed_in(2 * DAY, (who,), name="x", due=DUE + 30 * DAY) for who in ("a", "b", "c")]
    found = apply([*later, group], 3)
    assert found["project", "g1"].days_used == 2
    assert [found["x", who].days_used for who in ("a", "b", "c")] == [1, 1, 2]


def test_a_group_uses_a_late_day_while_every_member_has_one_left() -> None:
    alone = handed_in(2 * DAY, ("a",), name="x", due=DUE - 30 * DAY)
    group = handed_in(3 * DAY, ("a", "b"), "g1", name="project", percent_per_day=10)
    later = handed_in(5 * DAY, ("b",), name="y", due=DUE + 30 * DAY)
    found = apply([alone, group, later], 3)
    assert (found["project", "g1"].days_used, found["project", "g1"].percent) == (1, 20)
    assert found["y", "b"].days_used == 2


def test_a_group_of_nobody_has_no_late_days() -> None:
    assert apply([handed_in(DAY, (), "g9")], 3)["hw", "g9"].days_used == 0


def test_what_one_member_is_granted_the_group_has() -> None:
    (found,) = apply([handed_in(2 * DAY, ("a", "b"), "g1", percent_per_day=10,
                                extensions={"b": 2 * DAY, "g1": DAY})], 0).values()
    assert found.penalty(40, 50) == 0
    (found,) = apply([handed_in(2 * DAY, ("a", "b"), "g1", percent_per_day=10,
                                waivers={"a": "ill"})], 0).values()
    assert found.penalty(40, 50) == 0


# ------------------------------------------------------------------------- whatever the rules are


rules = st.builds(
    LateRule, grace_minutes=st.integers(0, 1440),
    free_days_at_once=st.none() | st.integers(0, 5), percent_per_day=st.floats(0, 100),
    percent_of=st.sampled_from(["max", "earned"]), cutoff_days=st.none() | st.integers(0, 9))
times = st.none() | st.integers(-2 * 86400, 12 * 86400).map(lambda s: timedelta(seconds=s))
PEOPLE = ("a", "b", "c", "d")


@st.composite
def terms(draw: st.DrawFn) -> list[HandedIn]:
    """What four students, alone or in groups, handed in over a term."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        groups = draw(st.booleans())
        one = replace(deadline(f"hw{number}", DUE + draw(st.integers(0, 2)) * 7 * DAY,
                               draw(st.dictionaries(st.sampled_from(PEOPLE), st.just(DAY))),
                               draw(st.dictionaries(st.sampled_from(PEOPLE), st.just("why")))),
                      rule=draw(rules), groups=groups)
        teams = [("a", "b"), ("c",), ("d",)] if groups else [(who,) for who in PEOPLE]
        for people in draw(st.lists(st.sampled_from(teams), unique=True)):
            late = draw(times)
            found.append(HandedIn(one, "-".join(people), people,
                                  None if late is None else one.due + late))
    return found


free = st.integers(0, 6)
scores = st.floats(-5, 60)


@settings(max_examples=40, deadline=None)
@given(terms(), free, st.randoms(use_true_random=False))
def test_the_order_of_grading_changes_nothing(term: list[HandedIn], free_days: int,
                                              shuffling: random.Random) -> None:
    before = apply(term, free_days)
    shuffling.shuffle(term)
    assert apply(term, free_days) == before


@settings(max_examples=40, deadline=None)
@given(terms(), free, scores)
def test_a_penalty_is_between_nothing_and_the_score(term: list[HandedIn], free_days: int,
                                                    score: float) -> None:
    for applied in apply(term, free_days).values():
        assert 0 <= applied.penalty(score, 50) <= max(score, 0)
        assert applied.days or not applied.penalty(score, 50)


@settings(max_examples=40, deadline=None)
@given(terms(), free)
def test_nobody_uses_more_late_days_than_there_are(term: list[HandedIn], free_days: int) -> None:
    used = dict.fromkeys(PEOPLE, 0)
    for applied in apply(term, free_days).values():
        assert 0 <= applied.days_used <= applied.days and applied.days_left >= 0
        for person in applied.handed_in.people:
            used[person] += applied.days_used
    assert max(used.values()) <= free_days


@settings(max_examples=40, deadline=None)
@given(terms(), free, scores, st.data(), st.integers(0, 5 * 86400))
def test_later_is_never_better(term: list[HandedIn], free_days: int, score: float,
                               data: st.DataObject, seconds: int) -> None:
    """For what is handed in later itself, whatever happens to the rest of the term."""
    chosen = data.draw(st.sampled_from(term)) if term else None
    if chosen is None or chosen.at is None:
        return
    later = replace(chosen, at=chosen.at + timedelta(seconds=seconds))
    key = chosen.deadline.name, chosen.owner
    before = apply(term, free_days)[key]
    after = apply([later if one is chosen else one for one in term], free_days)[key]
    assert after.penalty(score, 50) >= before.penalty(score, 50)


@settings(max_examples=40, deadline=None)
@given(terms(), free, scores, st.data())
def test_more_points_by_hand_never_come_to_less(term: list[HandedIn], free_days: int,
                                                score: float, data: st.DataObject) -> None:
    more = score + data.draw(st.floats(0, 20))
    for applied in apply(term, free_days).values():
        assert (more - applied.penalty(more, 50)
                >= score - applied.penalty(score, 50) - 0.01)  # penalties are rounded to 0.01


@settings(max_examples=40, deadline=None)
@given(terms(), free, scores)
def test_an_extension_never_harms(term: list[HandedIn], free_days: int, score: float) -> None:
    before = apply(term, free_days)
    granted = [replace(one, deadline=replace(one.deadline, extensions={
        one.owner: Extension(student=one.owner, assignment=one.deadline.name,
                             until=one.deadline.due + 9 * DAY, reason="why")})) for one in term]
    after = apply(granted, free_days)
    assert all(after[key].penalty(score, 50) <= before[key].penalty(score, 50) for key in before)
