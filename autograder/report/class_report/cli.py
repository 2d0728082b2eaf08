"""The command `autograder report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.course import Course
from autograder.terminal import CourseOption, HandedIn, say


def report(
    name: HandedIn,
    anonymous: Annotated[bool, typer.Option(
        "--anonymous", help="Leave out names and ids, to show the page in class.")] = False,
    course: CourseOption = Path(),
) -> None:
    """Write one page on the class: totals, parts, misconceptions, times and failures."""
    from autograder.report.class_report.render import write
    from autograder.report.read import CourseResults

    path = write(CourseResults(Course.find(course)), name, anonymous)
    say(f"report    {path}")
