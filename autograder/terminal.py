"""What all commands share: the console, tables, progress, and the options that several have."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

NARROWEST = 40
SECONDS = 20  # between two lines on progress, where no bar can be drawn


def _width() -> int | None:
    """COLUMNS where it is set; else the terminal's own width, and 80 in a pipe (Rich's rule)."""
    columns = os.environ.get("COLUMNS", "")
    return max(int(columns), NARROWEST) if columns.isdigit() else None


# Nothing that is printed is markup: names and sentences may hold brackets. Style comes as Text.
console = Console(width=_width(), markup=False, emoji=False, highlight=False)


def say(sentence: str, style: str = "") -> None:
    """Print a line that the terminal may wrap where it likes: paths in it can be copied."""
    console.print(Text(sentence, style), soft_wrap=True)


class Grid(Table):
    """A table whose cells and headings are text, whatever console draws it: never markup."""

    def __init__(self, *headings: str, title: str = "", **options: Any) -> None:
        super().__init__(title=Text(title, "bold italic") if title else None, title_justify="left",
                         header_style="bold", **options)
        for heading in headings:
            self.add_column(heading, overflow="fold")

    def add_column(self, header: RenderableType = "", *args: Any, **options: Any) -> None:
        super().add_column(_text(header), *args, **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(*map(_text, cells), **options)


def _text(cell: Any) -> Any:
    return Text(cell) if isinstance(cell, str) else cell


Thing = TypeVar("Thing")


class Count:
    """How far several tasks are: a bar each on a terminal, a line now and then elsewhere."""

    def __init__(self, things: str) -> None:
        self._things = things
        self._bars = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=20),
            MofNCompleteColumn(), TextColumn(things, markup=False), TimeElapsedColumn(),
            TextColumn("left:"), TimeRemainingColumn(), console=console,
            disable=not console.is_terminal)
        self._said = time.monotonic()

    def task(self, description: str, total: int) -> Callable[[float], None]:
        """Begin to count; the return value is called with how many more are done."""
        number = self._bars.add_task(description, total=total)
        return lambda more: self._advance(number, more)

    def track(self, things: Iterable[Thing], description: str, total: int) -> Iterator[Thing]:
        """Yield the things, and count them."""
        count = self.task(description, total)
        for thing in things:
            count(1)
            yield thing

    def _advance(self, number: TaskID, more: float) -> None:
        self._bars.advance(number, more)
        task = next(one for one in self._bars.tasks if one.id == number)
        if self._bars.disable and (task.finished or time.monotonic() - self._said >= SECONDS):
            self._said = time.monotonic()
            left = task.time_remaining
            about = f", about {left / 60:.0f} min left" if left and not task.finished else ""
            say(f"{task.description}: {task.completed:.0f} of {task.total:.0f} {self._things}"
                f"{about}")


@contextmanager
def counting(things: str) -> Iterator[Count]:
    """Show how many of these things are done, and how much time is left."""
    count = Count(things)
    with count._bars:
        yield count


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


CourseOption = Annotated[Path, typer.Option(
    "--course", help="The course's folder, or one below it.", show_default="here")]
Assignment = Annotated[str, typer.Argument(help="The assignment's name in course.toml.")]
HandedIn = Annotated[str, typer.Argument(
    help="The name of a homework or of an assignment in course.toml.")]
PROCESSES = cores()
Processes = Annotated[int, typer.Option("--processes", "-j", min=1,
                                        show_default="one for each processor",
                                        help="How many submissions at a time.")]
