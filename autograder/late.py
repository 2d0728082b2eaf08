"""Late days and penalties: from deadlines and the times of handing in to what a submission loses.

The one place that computes it, for nbgrader's gradebook and for the report. Nothing is counted as
it goes along: who has how many late days left follows from all that was handed in so far, in
whatever order it is graded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

DAY = timedelta(days=1)
YEARS = range(2000, 2101)


def a_moment(value: object) -> object:
    """Raises ValueError, in a sentence, where a TOML value does not tell a moment."""
    if isinstance(value, date) and getattr(value, "tzinfo", None) is None:
        raise ValueError(f"{value} may be any time of the world: write it with the offset from "
                         "UTC, such as 2026-03-14T23:59:00+09:00")
    if isinstance(value, date) and value.year not in YEARS:
        raise ValueError(f"the year {value.year} cannot be meant")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(a_moment)]


class LateRule(BaseModel, extra="forbid", frozen=True):
    """`late = {...}` of an assignment or a homework: what is otherwise there than in [late].

    Penalties of one assignment are reckoned from that assignment's points alone.
    """

    grace_minutes: int = Field(0, ge=0, le=1440, description="So late is not late yet; each late "
                                                             "day begins that much later, too.")
    free_days_at_once: int | None = Field(None, ge=0, description="At most so many free late days "
                                                                  "are used on it.")
    percent_per_day: float = Field(0, ge=0, le=100, description="Taken off for each late day that "
                                                                "has begun and is not free.")
    percent_of: Literal["max", "earned"] = Field("max", description="Of the assignment's maximum, "
                                                                    "or of what was earned.")
    cutoff_days: int | None = Field(None, ge=0, description="Later than that, nothing counts.")

    def but(self, other: LateRule | None) -> LateRule:
        """This rule, where the other one says nothing else."""
        said = other.model_dump(exclude_unset=True) if other else {}
        return LateRule(**{name: said.get(name, getattr(self, name))
                           for name in LateRule.model_fields})


class LateDays(LateRule):
    """[late]: what being late costs, in all of the course. Without it, nothing is taken off."""

    free_days: int = Field(0, ge=0, description="Late days that each student has for the term; "
                                                "used by themselves, first due first.")


class Extension(BaseModel, extra="forbid", frozen=True):
    """[[extensions]]: more time for one student, or for one group, and why."""

    student: str = Field(description="The student's id, or a group's name.")
    assignment: str = Field(description="The name of the assignment, or of the homework.")
    until: Moment = Field(description="The student's own due date; a date and time with offset.")
    reason: str = Field(min_length=1, description="Stands beside the grade.")


@dataclass(frozen=True)
class Deadline:
    """What is handed in at once (a homework, or an assignment by itself), by when, and the rule.

    `extensions` and `waivers` (why nothing is taken off) are by student or group.
    """

    name: str
    assignments: tuple[str, ...]
    due: datetime
    rule: LateRule
    groups: bool
    extensions: Mapping[str, Extension]
    waivers: Mapping[str, str]


@dataclass(frozen=True)
class HandedIn:
    """One submission. `owner` handed it in, for these `people`; `at` is None where unknown.

    The people are the student alone or a group's members: what one of them is granted, the group
    has.
    """

    deadline: Deadline
    owner: str
    people: tuple[str, ...]
    at: datetime | None

    @property
    def extension(self) -> Extension | None:
        granted = [self.deadline.extensions[name] for name in (self.owner, *self.people)
                   if name in self.deadline.extensions]
        return max(granted, key=lambda one: one.until, default=None)

    @property
    def waiver(self) -> str:
        return next((self.deadline.waivers[name] for name in (self.owner, *self.people)
                     if name in self.deadline.waivers), "")

    @property
    def late_by(self) -> timedelta:
        """How long after the due date, or the extension; nothing where no time is known."""
        until = self.extension.until if self.extension else self.deadline.due
        return max(self.at - until, timedelta()) if self.at else timedelta()


@dataclass(frozen=True)
class Applied:
    """What the rule makes of one submission.

    `days` are the late days that have begun after the grace, `days_used` those of them that were
    free, `days_left` what is then left for what is due later (of a group: to the member with the
    fewest), `percent` what is taken off for the rest. `nothing_counts`: it came after the cut-off.
    """

    handed_in: HandedIn
    days: int = 0
    days_used: int = 0
    days_left: int = 0
    percent: float = 0.0
    nothing_counts: bool = False

    @property
    def late_by(self) -> timedelta:
        return self.handed_in.late_by

    def penalty(self, score: float, most: float) -> float:
        """Points off an assignment's `score`, where `most` can be had; never more than the score.

        The score holds bonus points, `most` does not.
        """
        score = max(score, 0.0)
        if self.nothing_counts or self.percent >= 100:
            return score
        base = most if self.handed_in.deadline.rule.percent_of == "max" else score
        return min(score, round(base * self.percent / 100, 2))

    def sentences(self, reasons: bool = True) -> tuple[str, ...]:
        """What was applied, in sentences; the points are not in it, since they may change.

        Without `reasons` for extensions and waivers where others read it, such as a whole group.
        """
        extension, said = self.handed_in.extension, []
        if extension:
            until = extension.until.isoformat(sep=" ", timespec="minutes")
            said.append(f"extension until {until}" + (f": {extension.reason}" if reasons else ""))
        if self.handed_in.at is None:
            said.append("no time known at which it was handed in: it counts as in time")
        if self.late_by:
            why = self._why(reasons)
            said.append(f"handed in {duration(self.late_by)} late{': ' if why else ''}{why}")
        return tuple(said)

    def _why(self, reasons: bool) -> str:
        rule = self.handed_in.deadline.rule
        if self.handed_in.waiver:
            return "nothing taken off" + (f": {self.handed_in.waiver}" if reasons else "")
        if not self.days:
            return f"within the {rule.grace_minutes} min of grace"
        if self.nothing_counts:
            return f"nothing counts after {_days(rule.cutoff_days or 0)}"
        used = "late day" if self.days_used == 1 else "late days"
        said = [f"{self.days_used} {used} used, {self.days_left or 'none'} left"
                ] if self.days_used else []
        if self.percent:
            of = "maximum" if rule.percent_of == "max" else "points earned"
            said.append(f"{self.percent:g} % of the {of} off")
        return "; ".join(said)


def apply(submissions: Iterable[HandedIn], free_days: int) -> dict[tuple[str, str], Applied]:
    """What the rules make of all submissions of a course, by deadline's name and owner.

    Free late days are used on what is due first, whatever was handed in or graded first. A group
    uses one only while every member has one left, and each of them then has one less.
    """
    found: dict[tuple[str, str], Applied] = {}
    used: Counter[str] = Counter()
    for one in sorted(submissions, key=lambda one: (one.deadline.due, one.deadline.name,
                                                    one.owner)):
        left = min((free_days - used[person] for person in one.people), default=0)
        found[one.deadline.name, one.owner] = applied = _applied(one, left)
        used.update(dict.fromkeys(one.people, applied.days_used))
    return found


def _applied(one: HandedIn, left: int) -> Applied:
    """What the rule makes of one submission, whose people have so many late days left."""
    rule = one.deadline.rule
    days = math.ceil((one.late_by - timedelta(minutes=rule.grace_minutes)) / DAY)
    if days <= 0 or one.waiver:
        return Applied(one, max(days, 0), days_left=left)
    if rule.cutoff_days is not None and days > rule.cutoff_days:
        return Applied(one, days, days_left=left, nothing_counts=True)
    at_once = days if rule.free_days_at_once is None else rule.free_days_at_once
    used = min(days, left, at_once)
    percent = min(100.0, (days - used) * rule.percent_per_day)
    return Applied(one, days, used, left - used, percent)


def duration(time: timedelta) -> str:
    """A time as people say it, in two units at most: `1 day 3 h`."""
    minutes = time // timedelta(minutes=1)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    said = [_days(days)] if days else []
    said += [f"{hours} h"] if hours else []
    said += [f"{minutes} min"] if minutes and not days else []
    return " ".join(said) or "less than a minute"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
