"""What all commands share: the console, and the options and arguments that several have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

# A terminal has its own width; in a pipe or a log, tables get room enough to be read.
console = Console(width=None if Console().is_terminal else 140)


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


def progress_bar() -> Progress:
    """A bar that counts submissions."""
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                    TimeElapsedColumn(), console=console)
