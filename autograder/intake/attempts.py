"""Which of an owner's uploads counts, by the rule in course.toml, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.course import Course
from autograder.intake import times
from autograder.intake.platforms.upload import Upload
from autograder.intake.received import Received
from autograder.intake.whose import Owned, as_expected

UNKNOWN_TIME = "nothing tells which of {} uploads came in time; the last of them counts"


@dataclass(frozen=True)
class Counting:
    """The upload that counts for its owner, and what a person should look at."""

    one: Owned
    flags: tuple[str, ...] = ()


def counting(course: Course, assignment: str, uploads: Sequence[Owned]) -> dict[str, Counting]:
    """The upload that counts, by owner. Of nobody's, none does."""
    by_owner: dict[str, list[Owned]] = {}
    for one in uploads:
        if one.owner:
            by_owner.setdefault(one.owner, []).append(one)
    return {owner: _counting(course, assignment, owner, some) for owner, some in by_owner.items()}


def passed_over(course: Course, assignment: str, one: Owned, counts: Owned) -> Received:
    """The row of an upload in whose place another one of the same owner counts."""
    return Received(one.upload.shown, problem=_why_not(course, assignment, one, counts),
                    handed_in=iso(one.upload), late=bool(one.upload.late))


def iso(upload: Upload) -> str:
    """When it was handed in, with the offset; empty where nobody tells."""
    return upload.handed_in.isoformat() if upload.handed_in else ""


def _counting(course: Course, assignment: str, owner: str, uploads: list[Owned]) -> Counting:
    """One of all; a doubtful one, or one that breaks the rule for names, only for want of better.
    """
    some = [one for one in uploads if not one.doubt] or uploads
    some = [one for one in some if as_expected(course, assignment, one.upload, owner)] or some
    some = sorted(some, key=lambda one: one.upload.when)
    settings = course.assignment(assignment)
    if settings.attempts == "first":
        return Counting(some[0])
    if settings.attempts == "last" or len(some) == 1:
        return Counting(some[-1])
    timely = [in_time(course, assignment, one) for one in some]
    if None in timely:
        return Counting(some[-1], (UNKNOWN_TIME.format(len(some)),))
    return Counting(some[len(timely) - 1 - timely[::-1].index(True)] if True in timely else some[0])


def in_time(course: Course, assignment: str, one: Owned) -> bool | None:
    """Whether an upload came in time: by the owner's due date, else as the platform says.

    None where neither tells.
    """
    upload = one.upload
    if upload.handed_in is not None and course.deadline(assignment) is not None:
        return times.in_time(course, assignment, one.owner, upload.handed_in)
    return None if upload.late is None else not upload.late


def _why_not(course: Course, assignment: str, one: Owned, counts: Owned) -> str:
    settings, this, other = course.assignment(assignment), one.upload, counts.upload
    misnamed = (as_expected(course, assignment, other, one.owner)
                and not as_expected(course, assignment, this, one.owner))
    if one.doubt and not counts.doubt:
        return f"{other.shown} counts, whose sender is not in doubt; {one.doubt}"
    if this.sender and this.when[:2] == other.when[:2]:
        return f"{other.shown} counts, which came with it" + (
            ", and whose name is as expected" if misnamed else ": look which one is meant")
    if misnamed and this.when > other.when:
        return (f"{other.shown} counts, whose name is as expected, although this one is newer: "
                "look whose it is")
    if settings.attempts == "first":
        return f"{other.shown} counts: the first attempt does"
    if settings.attempts == "last" or this.when <= other.when:
        return f"replaced by {other.shown}, which is newer"
    return f"{other.shown} counts: it is " + (
        "the last that came in time" if in_time(course, assignment, counts)
        else "the first of those that came late")
