"""The command `autograder export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from autograder.course import Course, CourseError
from autograder.report.export.result import Trouble
from autograder.suggest import unknown
from autograder.terminal import CourseOption, Grid, HandedIn, console, say


class Format(StrEnum):
    """Where grades can go."""

    moodle = "moodle"
    canvas = "canvas"
    gradescope = "gradescope"
    csv = "csv"


def _platform(name: str) -> Format:
    if name not in list(Format):
        raise typer.BadParameter(unknown("platform", name, "--to", list(Format)))
    return Format(name)


def export(
    name: HandedIn,
    to: Annotated[Format, typer.Option("--to", parser=_platform, metavar="PLATFORM", help=(
        "The platform that takes the grades: moodle, canvas, gradescope, or csv for any other."))],
    worksheet: Annotated[Path | None, typer.Option(
        help="Moodle's grading worksheet, as it was downloaded.")] = None,
    gradebook: Annotated[Path | None, typer.Option(
        help="Canvas's gradebook, as it was exported.")] = None,
    column: Annotated[str, typer.Option(
        help="The assignment's heading in Canvas's gradebook, where its name does not tell.")] = "",
    partial: Annotated[bool, typer.Option(
        "--partial", help="Grades too that wait for a person, as far as they have come.")] = False,
    into: Annotated[Path | None, typer.Option(
        help="The folder to write below.", show_default="grading/export in the course")] = None,
    course: CourseOption = Path(),
) -> None:
    """Write grades and feedback as a learning platform takes them back."""
    from autograder.report.export import canvas, gradescope, moodle, parts
    from autograder.report.export.result import settled, student_results
    from autograder.report.feedback.write import write
    from autograder.report.read import CourseResults

    found = Course.find(course)
    results = CourseResults(found)
    if to is Format.moodle:
        write(results, name)  # with what was typed in formgrader since they were written
    every, troubles = student_results(results, name)
    out, waiting = settled(every, partial or to is Format.csv)
    troubles += waiting
    reported = {trouble.who for trouble in troubles}
    folder = (into or found.grading / "export") / name / to.value
    match to:
        case Format.moodle:
            sheet = _needed(worksheet, "--worksheet")
            troubles += moodle.export(results, name, out, reported, sheet, folder)
        case Format.canvas:
            book = _needed(gradebook, "--gradebook")
            troubles += canvas.export(results, name, out, reported, book, column, folder)
        case Format.gradescope:
            troubles += gradescope.export(out, folder)
        case Format.csv:
            parts.export(out, folder / "parts.csv")
    unfinished = [one.student for one in out if one.waiting]
    if unfinished:
        say(f"Not final, a person has still to grade some of it: {', '.join(unfinished)}",
            "yellow")
    say(f"{name}: {len(out)} grades for {to.value} in {folder}")
    if troubles:
        console.print(_table(troubles))
    raise typer.Exit(1 if troubles else 0)


def _needed(path: Path | None, option: str) -> Path:
    """The platform's own table, which is to be filled."""
    if path is None:
        where = ("Moodle's assignment, Download grading worksheet" if option == "--worksheet"
                 else "Canvas's Grades, Export, Export Entire Gradebook")
        raise CourseError(f"Name the table that is to be filled, {option} FILE. You find it in "
                          f"{where}.")
    return path


def _table(troubles: list[Trouble]) -> Grid:
    grid = Grid("who", "what", title="For a person")
    for trouble in troubles:
        grid.add_row(trouble.who, trouble.what)
    return grid
