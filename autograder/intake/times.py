"""The times of handing in, and the late rules (late.py) applied to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

from dateutil import parser

from autograder import roster
from autograder.course import Course
from autograder.intake.expected import decoded
from autograder.intake.records import TIMESTAMP, IntakeRecord, notes
from autograder.late import Applied, Deadline, HandedIn, apply
from autograder.results.flag import Flag, Kind
from autograder.roster import Roster

WORD = re.compile(r"[^\W\d_]+")
KNOWN = {"t", "z", "utc", "gmt", "am", "pm", "a", "p", "m"}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", *DAYS}
OFFSET_OF_ZONE = re.compile(r"(?i)(?:UTC|GMT|Z)\s*[+-]")
YEAR_FIRST = re.compile(r"\d{4}[-/.]?\d{2}[-/.]?\d{2}(?!\d)")  # then the month, then the day
ORDERS = ((False, False), (True, False), (False, True), (True, True))  # day first, year first
NotesOf = Callable[[str], Iterable[IntakeRecord]]  # an assignment's intake notes


def late(course: Course, of: str = "", notes_of: NotesOf | None = None
         ) -> dict[tuple[str, str], Applied]:
    """Apply the late rules to everything that was handed in.

    The result is by the name of what has a due date (a homework, or an assignment by itself), and
    by student or group.

    of: a student or a group, for whose submissions alone it is computed, and for those that share
        late days with them; much faster in a large class
    notes_of: gives the intake notes of an assignment, where they are read already
    """
    dated = course.deadlines.values()
    people = roster.of(course) if any(one.groups for one in dated) else Roster()
    some = _linked(of, people) if of else None
    return apply((submission for deadline in dated
                  for submission in _handed_in(course, deadline, people, some, notes_of)),
                 course.toml.late.free_days)


def late_in(course: Course, assignment: str) -> dict[str, Applied]:
    """Apply the late rules to an assignment's submissions; the result is by student or group.

    Empty where the assignment has no due date.
    """
    deadline = course.deadline(assignment)
    if deadline is None:
        return {}
    return {owner: applied for (name, owner), applied in late(course).items()
            if name == deadline.name}


def late_of(course: Course, assignment: str, owner: str) -> Applied | None:
    """Apply the late rules to one submission; None where it is missing or has no due date."""
    deadline = course.deadline(assignment)
    return late(course, owner).get((deadline.name, owner)) if deadline else None


def in_time(course: Course, assignment: str, owner: str, at: datetime) -> bool:
    """Whether a time is before an assignment's due date, or before the owner's extension."""
    deadline = course.deadline(assignment)
    assert deadline is not None
    people = roster.of(course) if deadline.groups else Roster()
    return not HandedIn(deadline, owner, _people(deadline, owner, people), at).late_by


def _linked(owner: str, people: Roster) -> set[str]:
    """A student or group, with those who share late days: the group and its members."""
    group = people.group_of(owner) or owner
    return {owner, group, *(member.id for member in people.groups.get(group, []))}


def _handed_in(course: Course, deadline: Deadline, people: Roster, some: set[str] | None,
               notes_of: NotesOf | None) -> list[HandedIn]:
    """The submissions to one deadline; of a homework's assignments, the last that came counts."""
    found: dict[str, list[datetime | None]] = {}
    for assignment in deadline.assignments:
        noted = notes_of(assignment) if notes_of else notes(course, assignment, some)
        for owner, time in handed_in(course, assignment, noted, some).items():
            found.setdefault(owner, []).append(time)
    return [HandedIn(deadline, owner, _people(deadline, owner, people),
                     max((time for time in times if time), default=None))
            for owner, times in sorted(found.items())]


def _people(deadline: Deadline, owner: str, people: Roster) -> tuple[str, ...]:
    """The students whose late days a submission uses; none of a group not on the roster."""
    if not deadline.groups:
        return (owner,)
    return tuple(member.id for member in people.groups.get(owner, []))


def handed_in(course: Course, assignment: str, noted: Iterable[IntakeRecord],
              some: Collection[str] | None = None) -> dict[str, datetime | None]:
    """The times of handing in an assignment, in UTC, by student or group.

    noted: the intake notes of the submissions
    some: only these students or groups
    The learning platform's time counts before nbgrader's timestamp.txt; None where both are gone.
    """
    folders = course.submitted.glob(f"*/{assignment}") if some is None else (
        path for owner in some if (path := course.submitted / owner / assignment).is_dir())
    found: dict[str, datetime | None] = {path.parent.name: None for path in folders}
    found |= {row.student: _moment(row.handed_in) for row in noted
              if row.student and (some is None or row.student in some)}
    return {owner: time or _timestamp(course.submitted / owner / assignment / TIMESTAMP)
            for owner, time in sorted(found.items())}


def _moment(text: str) -> datetime | None:
    """A time in ISO 8601, in UTC; None where the text is none, or has no offset."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _timestamp(path: Path) -> datetime | None:
    """The time in nbgrader's file; None where there is none, or it is ambiguous."""
    return read_time(_text(path))


def _text(path: Path) -> str:
    try:
        return decoded(path.read_bytes()).strip()
    except OSError:
        return ""


def read_time(text: str) -> datetime | None:
    """Read a written time, in UTC; without a zone it is in UTC, like nbgrader's.

    None where it is ambiguous: without a day or an hour, in a zone of letters (KST, CET: several
    have each), with day and month in an unknown order, with a year of two digits.
    """
    words = {word.casefold() for word in WORD.findall(text)}
    if not all(word[:3] in NAMES for word in words - KNOWN) or OFFSET_OF_ZONE.search(text):
        return None
    time = _only_reading(text)
    if time is None or f"{time.year:04}" not in text:
        return None
    if not {word[:3] for word in words} & set(DAYS) <= {DAYS[time.weekday()]}:
        return None
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _only_reading(text: str) -> datetime | None:
    """The time that a text gives in any order of day, month and year; None if there are several."""
    found = set()
    for default in (datetime(2000, 1, 1, 1, 1), datetime(2004, 2, 2, 2, 2)):
        for day_first, year_first in ORDERS[:1] if YEAR_FIRST.match(text) else ORDERS:
            try:
                found.add(parser.parse(text, default=default, dayfirst=day_first,
                                       yearfirst=year_first))
            except (ValueError, OverflowError, TypeError):
                return None
    return found.pop() if len(found) == 1 else None


def unread(course: Course, assignment: str, noted: Iterable[IntakeRecord]) -> dict[str, Flag]:
    """A flag for each submission whose timestamp.txt is ambiguous, by its owner.

    `noted` are the assignment's intake notes: the platform's time goes before the file.
    """
    known = {row.student for row in noted if _moment(row.handed_in)}
    found = {}
    for path in sorted(course.submitted.glob(f"*/{assignment}/{TIMESTAMP}")):
        owner, written = path.parent.parent.name, _text(path)
        if written and owner not in known and read_time(written) is None:
            found[owner] = Flag(
                f"{TIMESTAMP} says {written[:60]!r}, which is not a certain time, so that it "
                "counts as in time: write it as 2026-03-14 22:30:00 UTC or "
                "2026-03-14 23:30:00+01:00", Kind.TIME)
    return found
