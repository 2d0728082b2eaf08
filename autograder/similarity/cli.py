"""The command `autograder similar`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.course import Course
from autograder.terminal import CourseOption, Grid, HandedIn, console, say

if TYPE_CHECKING:
    from autograder.similarity.page import Section
    from autograder.similarity.pairs import Pair


def similar(
    name: HandedIn,
    also: Annotated[list[Path] | None, typer.Option("--also", metavar="FOLDER", help=(
        "Submissions of another year, zips or unpacked, to compare with; not with each other. May "
        "be given several times."))] = None,
    course: CourseOption = Path(),
) -> None:
    """Find pairs that share more than skeleton and class explain: a hint, never a penalty.

    Nothing of it reaches students or points. The status is 1 where there is a pair to look at.
    """
    from autograder.similarity import page, search

    found, begin = Course.find(course), time.monotonic()
    path = found.grading / "similar" / f"{name}.html"
    sections = []
    for assignment in found.together(name):
        section, unread = search.look(found, assignment, also or [], path)
        sections.append(section)
        for sentence in unread:
            say(f"not compared: {sentence}", "yellow")
    page.write(path, name, sections, found.toml.similarity)
    pairs = [(section, pair) for section in sections for pair in section.pairs]
    if pairs:
        console.print(_table(name, pairs))
    sizes = ", ".join(f"{section.assignment}: {section.class_size}" for section in sections)
    say(f"{len(pairs)} pairs to look at ({sizes} compared, "
                  f"{time.monotonic() - begin:.0f} s). Side by side: {path}")
    if pairs:
        say(f"They stand in the list of what needs a person: autograder todo {name}")
    raise typer.Exit(1 if pairs else 0)


def _table(name: str, pairs: list[tuple[Section, Pair]]) -> Grid:
    from autograder.similarity.page import title

    grid = Grid(title=f"{name}: pairs alike")
    for column in ("assignment", "one", "other", "of all", "of one part", "tokens", "which"):
        grid.add_column(column, justify="right" if "of" in column or column == "tokens" else "left")
    for section, pair in pairs:
        parts = map(title, pair.part.one) if pair.part.score else ()
        grid.add_row(section.assignment, pair.one.owner, pair.other.owner,
                     _share(pair.whole.score), _share(pair.part.score), f"{pair.whole.tokens:.0f}",
                     "; ".join([*parts, *(f"same {file}" for file in pair.same)]))
    return grid


def _share(score: float) -> str:
    return f"{score:.0%}" if score else ""
