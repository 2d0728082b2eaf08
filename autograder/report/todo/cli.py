"""The command `autograder todo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.course import Course
from autograder.terminal import CourseOption, HandedIn, console, say

Ids = Annotated[list[str] | None, typer.Option("--done", metavar="ID", help=(
    "Mark an entry as looked at; may be given several times. It comes back when there is something "
    "new to look at."))]


def todo(
    name: HandedIn,
    done: Ids = None,
    undo: Annotated[list[str] | None, typer.Option(
        "--undo", metavar="ID", help="Take such a mark back.")] = None,
    note: Annotated[str, typer.Option("--note", help="What to remember of it.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Show what was looked at, too.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the list to this file, too.")
                   ] = None,
    formgrader: Annotated[str, typer.Option("--formgrader", help="Where formgrader is served.")
                          ] = "http://localhost:8888/formgrader",
    course: CourseOption = Path(),
) -> None:
    """List what needs a person, why, and where to go; the status is 1 where something is open."""
    from autograder.report.read import CourseResults
    from autograder.report.todo import marks, show
    from autograder.report.todo.items import review_items
    from autograder.report.totals import display_names

    found = Course.find(course)
    results = CourseResults(found)
    listed = review_items(results, name, formgrader)
    marks.add(found, name, marks.choose(name, listed, done or []), note)
    marks.add(found, name, marks.choose(name, listed, undo or []), note, reopen=True)
    known = marks.read(found)
    rows = [(item, marks.mark_of(item, known)) for item in listed]
    shown = [(item, mark) for item, mark in rows if every or mark is None]
    waiting = sum(mark is None for _, mark in rows)
    if csv is not None:
        show.write_csv(csv, shown)
    if shown:
        for piece in show.listed(name, shown, display_names(results.roster)):
            console.print(piece, crop=False)
        say("")
    seen = f"; {len(rows) - waiting} looked at (--all shows them)" if len(rows) > waiting else ""
    say(f"{name}: {waiting} for a person{seen}.")
    raise typer.Exit(1 if waiting else 0)
