"""When submissions were handed in, and what the course's rules make of that (late.py)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.utils import parse_utc

from autograder import roster
from autograder.course import Course
from autograder.intake.received import TIMESTAMP, notes
from autograder.late import Applied, Deadline, HandedIn, apply
from autograder.roster import Roster


def late(course: Course, of: str = "") -> dict[tuple[str, str], Applied]:
    """What the rules make of everything that was handed in.

    By the name of what has a due date (a homework, or an assignment by itself), and by student or
    group. Only the submissions of one and of those whose late days hang together with theirs, where
    `of` names a student or a group: the same, and much faster in a large class.
    """
    dated = course.deadlines.values()
    people = roster.of(course) if any(one.groups for one in dated) else Roster()
    some = _linked(of, people) if of else None
    return apply((submission for deadline in dated
                  for submission in _handed_in(course, deadline, people, some)),
                 course.toml.late.free_days)


def late_in(course: Course, assignment: str) -> dict[str, Applied]:
    """What the rules make of an assignment's submissions, by student or group.

    Empty where the assignment has no due date.
    """
    deadline = course.deadline(assignment)
    if deadline is None:
        return {}
    return {owner: applied for (name, owner), applied in late(course).items()
            if name == deadline.name}


def late_of(course: Course, assignment: str, owner: str) -> Applied | None:
    """What the rules make of one submission; None where it is not there or has no due date."""
    deadline = course.deadline(assignment)
    return late(course, owner).get((deadline.name, owner)) if deadline else None


def in_time(course: Course, assignment: str, owner: str, at: datetime) -> bool:
    """Whether something of an assignment with a due date came by that, or by an extension."""
    deadline = course.deadline(assignment)
    assert deadline is not None
    people = roster.of(course) if deadline.groups else Roster()
    return not HandedIn(deadline, owner, _people(deadline, owner, people), at).late_by


def _linked(owner: str, people: Roster) -> set[str]:
    """A student's group, a group's members: whose late days hang together."""
    group = people.group_of(owner) or owner
    return {owner, group, *(member.id for member in people.groups.get(group, []))}


def _handed_in(course: Course, deadline: Deadline, people: Roster, some: set[str] | None
               ) -> list[HandedIn]:
    """The submissions to one deadline; of a homework's assignments, the last that came counts."""
    found: dict[str, list[datetime | None]] = {}
    for assignment in deadline.assignments:
        for owner, time in handed_in(course, assignment, some).items():
            found.setdefault(owner, []).append(time)
    return [HandedIn(deadline, owner, _people(deadline, owner, people),
                     max((time for time in times if time), default=None))
            for owner, times in sorted(found.items())]


def _people(deadline: Deadline, owner: str, people: Roster) -> tuple[str, ...]:
    """Whose late days a submission uses: nobody's, where the roster has no such group."""
    if not deadline.groups:
        return (owner,)
    return tuple(member.id for member in people.groups.get(owner, []))


def handed_in(course: Course, assignment: str, some: Collection[str] | None = None
              ) -> dict[str, datetime | None]:
    """When submissions of an assignment were handed in, in UTC, by student or group.

    All of them, or those of `some`. The learning platform's time goes before nbgrader's
    timestamp.txt; None where neither is there.
    """
    folders = course.submitted.glob(f"*/{assignment}") if some is None else (
        path for owner in some if (path := course.submitted / owner / assignment).is_dir())
    found: dict[str, datetime | None] = {path.parent.name: None for path in folders}
    found |= {row.student: _moment(row.handed_in) for row in notes(course, assignment, some)
              if row.student}
    return {owner: time or _timestamp(course.submitted / owner / assignment / TIMESTAMP)
            for owner, time in sorted(found.items())}


def _moment(text: str) -> datetime | None:
    """A time in ISO 8601, in UTC; None where the text is none, or does not tell its offset."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _timestamp(path: Path) -> datetime | None:
    """The time in nbgrader's file, as nbgrader reads it: in UTC where it does not tell."""
    try:
        return parse_utc(path.read_text(encoding="utf-8").strip()).replace(tzinfo=UTC)
    except (OSError, ValueError, OverflowError):
        return None
