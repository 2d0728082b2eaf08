"""The commands `autograder crossfeedback assign`, `collect` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from autograder import roster
from autograder.course import Course
from autograder.terminal import Assignment, CourseOption, Grid, console, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown",
                  help="Groups comment on each other: hand out, take back, report who took part.")


@app.command(epilog="Example: `autograder crossfeedback assign essay --seed 7`")
def assign(
    assignment: Assignment,
    seed: Annotated[int | None, typer.Option(
        "--seed", help="Draws who reviews whom; without it, one is chosen and written down.")
    ] = None,
    again: Annotated[bool, typer.Option(
        "--again", help="Draw anew, although a round was handed out; it is put aside.")] = False,
    course: CourseOption = Path(),
) -> None:
    """Give every group that handed in the anonymous notebook of another one."""
    from autograder.crossfeedback import handout, rounds

    found = Course.find(course)
    found.assignment(assignment)
    given = handout.assign(found, assignment, roster.of(found), seed, again)
    grid = Grid("group", "reviews", "as", "file",
                title=f"{assignment}: who reviews whom (seed {given.round.seed})")
    place = rounds.folder(found, assignment)
    for reviewer, reviewed in given.round.reviews.items():
        file = given.files.get(reviewer)
        grid.add_row(reviewer, reviewed, given.round.letters[reviewed],
                     str(file.relative_to(place)) if file else Text("none", "red"))
    console.print(grid)
    for group in given.absent:
        say(f"{group} handed in nothing, so it takes no part.", "yellow")
    say(f"Send each group what lies in its folder below {place / rounds.OUT}")
    for why in given.failed:
        say(why, "red")
    raise typer.Exit(1 if given.failed else 0)


@app.command(epilog="Example: `autograder crossfeedback collect essay downloads/`")
def collect(
    assignment: Assignment,
    folder: Annotated[Path, typer.Argument(
        help="What came back: notebooks or zips, named anyhow, in folders or not.")],
    course: CourseOption = Path(),
) -> None:
    """Take commented notebooks back; the next feedback pages show the comments."""
    from autograder.crossfeedback.collect import collect

    found = Course.find(course)
    found.assignment(assignment)
    taken = collect(found, assignment, folder)
    grid = Grid("file", "from", "subtasks", "what was found")
    for row in taken:
        finding = Text(row.problem, "red") if row.problem else "; ".join(
            [*([] if row.comments else ["no comments in it"]), *row.remarks]) or "complete"
        grid.add_row(row.file, row.reviewer or "?",
                     "" if row.comments is None else str(len(row.comments)), finding)
    console.print(grid)
    say("To put the comments into the feedback pages: nbgrader generate_feedback "
        f"{assignment} --force; autograder feedback {assignment}")
    raise typer.Exit(1 if any(row.problem for row in taken) else 0)


@app.command(epilog="Example: `autograder crossfeedback report essay`")
def report(assignment: Assignment, course: CourseOption = Path()) -> None:
    """Report who took part; the status is 1 if a group has not."""
    from autograder.crossfeedback import report as reports
    from autograder.crossfeedback import rounds

    found = Course.find(course)
    found.assignment(assignment)
    rows = reports.rows(found, assignment, roster.of(found))
    path = rounds.folder(found, assignment) / reports.CSV
    reports.write_csv(path, rows)
    console.print(reports.table(assignment, rows))
    say(f"As a table: {path}")
    absent = reports.missing(rows)
    if absent:
        say(f"Not taken part: {', '.join(absent)}", "red")
        raise typer.Exit(1)
