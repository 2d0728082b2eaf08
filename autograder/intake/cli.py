"""The command `autograder restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.course import Course, CourseError
from autograder.intake.history import Replaced, replaced
from autograder.intake.history import restore as bring_back
from autograder.terminal import CourseOption, Grid, HandedIn, console, say


def restore(
    name: HandedIn,
    student: Annotated[list[str] | None, typer.Option(
        "--student", metavar="ID", help="Only this student's or group's; may be given several "
                                        "times.")] = None,
    time: Annotated[str, typer.Option(
        "--time", help="What the intake of this time replaced, as --list shows it; without it, "
                       "the last intake that replaced anything.")] = "",
    show: Annotated[bool, typer.Option("--list", help="Only show what can be brought back.")
                    ] = False,
    course: CourseOption = Path(),
) -> None:
    """Restore the submissions that an intake replaced; the present ones are kept in turn."""
    found = Course.find(course)
    kept = [one for assignment in found.together(name) for one in replaced(found, assignment)]
    if show:
        console.print(_table(name, kept))
        return
    chosen = _chosen(kept, time, student or [])
    if not chosen:
        raise CourseError(f"No intake of {name} replaced anything"
                          f"{' at ' + time if time else ''}"
                          f"{' of ' + ', '.join(student) if student else ''}; see: "
                          f"autograder restore {name} --list")
    for one in chosen:
        owners = [owner for owner in one.owners if not student or owner in student]
        bring_back(found, one, owners)
        say(f"{one.assignment}: brought back what {', '.join(owners)} had before the intake of "
            f"{one.when}.")
    say(f"Next: autograder grade {name}")


def _chosen(kept: list[Replaced], time: str, students: list[str]) -> list[Replaced]:
    """The entries of one intake: one for each assignment."""
    fitting = [one for one in kept if (not time or time in (one.time, one.when))
               and (not students or set(students) & set(one.owners))]
    last = max((one.time for one in fitting), default="")
    return [one for one in fitting if one.time == last]


def _table(name: str, kept: list[Replaced]) -> Grid:
    grid = Grid("time", "assignment", "students", title=f"{name}: what intakes replaced")
    for one in kept:
        grid.add_row(one.time, one.assignment, ", ".join(one.owners))
    return grid
