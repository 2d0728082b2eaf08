"""The command `autograder latedays`: who has used how many late days, and how many are left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from autograder.course import COURSE_FILE, Course, CourseError
from autograder.late import Applied
from autograder.report import people
from autograder.report.read import CourseResults
from autograder.roster import Roster
from autograder.terminal import CourseOption, Grid, console, say

UNKNOWN = "?"


@dataclass(frozen=True)
class Balance:
    """One person's late days. `applied` is by the name of what was handed in."""

    student: str
    name: str
    applied: dict[str, Applied]
    left: int

    @property
    def used(self) -> int:
        return sum(one.days_used for one in self.applied.values())


def balances(results: CourseResults) -> list[Balance]:
    """Everybody on the roster, and everybody else who has handed something in that has a due date.

    Raises CourseError where nothing has one.
    """
    course = results.course
    if not course.deadlines:
        raise CourseError(f"Nothing in {COURSE_FILE} has a due date. Give an assignment one, such "
                          "as: due = 2026-03-14T23:59:00+09:00")
    names = {member.id: member.name for member in _roster(results).members}
    applied: dict[str, dict[str, Applied]] = {student: {} for student in names}
    for (name, _), one in results.late.items():
        for person in one.handed_in.people:
            applied.setdefault(person, {})[name] = one
    free = course.toml.late.free_days
    return [Balance(student, names.get(student, ""), some,
                    free - sum(one.days_used for one in some.values()))
            for student, some in sorted(applied.items())]


def table(course: Course, found: list[Balance]) -> Grid:
    """A row for each person; what has no known time is marked."""
    deadlines = sorted(course.deadlines.values(), key=lambda one: (one.due, one.name))
    grid = Grid(title="Late days used")
    named = any(balance.name for balance in found)
    for column in ("student", "name") if named else ("student",):
        grid.add_column(column, no_wrap=True)
    for deadline in deadlines:
        grid.add_column(f"{deadline.name}\n{deadline.due:%Y-%m-%d}", justify="right")
    grid.add_column("used", justify="right")
    grid.add_column("left", justify="right", style="bold")
    for balance in found:
        cells = [_cell(balance.applied.get(deadline.name)) for deadline in deadlines]
        grid.add_row(balance.student, *([balance.name] if named else []), *cells,
                     str(balance.used), str(balance.left))
    return grid


def _roster(results: CourseResults) -> Roster:
    """The course's roster; an empty one where there is none, and no groups hand in."""
    groups = any(deadline.groups for deadline in results.course.deadlines.values())
    return results.roster_of_groups if groups else results.roster


def _cell(applied: Applied | None) -> str:
    if applied is None:
        return ""
    return UNKNOWN if applied.handed_in.at is None else str(applied.days_used)


def latedays(course: CourseOption = Path()) -> None:
    """Tell who has used how many of the free late days, and how many are left."""
    found = Course.find(course)
    results = CourseResults(found)
    persons = balances(results)
    console.print(table(found, persons))
    if any(one.handed_in.at is None for person in persons for one in person.applied.values()):
        say(f"{UNKNOWN}  no time is known at which it was handed in: it counts as in "
                      "time.")
    unknown = people.unknown_grantees(results)
    for line in unknown:
        say(f"for a person: {line}", "yellow")
    raise typer.Exit(1 if unknown else 0)
