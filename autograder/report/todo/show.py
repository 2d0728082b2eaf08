"""The list on the terminal, and as a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from autograder.files import write_table
from autograder.report.todo.items import ReviewItem
from autograder.report.todo.marks import ReviewMark

COLUMNS = ("id", "kind", "student", "assignment", "about", "reason", "where", "looked_at", "note")
INDENT = 2
ReviewRow = tuple[ReviewItem, ReviewMark | None]


def listed(name: str, rows: list[ReviewRow], names: Mapping[str, str]) -> Iterator[RenderableType]:
    """The list under a heading for each kind, piece by piece as a terminal wraps it.

    An address is a line by itself, however narrow the terminal is. `names` are people's names by
    their ids. What students wrote is text here, never markup.
    """
    yield Text(f"{name}: what needs a person", "bold italic")
    before = None
    for item, mark in rows:
        if item.kind is not before:
            yield Text(f"\n{item.kind.label}", "bold yellow")
            before = item.kind
        who = " ".join(filter(None, [item.student or item.about, names.get(item.student, "")]))
        yield _hanging(Text(f"{item.id}  ").append(who, "bold").append(f"  {_place(item)}"), 0)
        yield _hanging(Text(item.reason))
        if mark is not None:
            noted = f": {mark.note}" if mark.note else ""
            yield _hanging(Text(f"looked at {mark.time[:10]}{noted}", "green"))
        for place in item.where:
            yield AddressLine(place) if "://" in place else _hanging(Text(place, "dim"))


@dataclass(frozen=True)
class AddressLine:
    """A line of its own that nothing breaks: indented where there is room, and a link."""

    url: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = " " * INDENT if cell_len(self.url) + INDENT <= options.max_width else ""
        yield Segment(f"{indent}{self.url}", Style(dim=True, link=self.url))
        yield Segment.line()


def _hanging(text: Text, left: int = INDENT) -> Padding:
    return Padding(text, (0, 0, 0, left), expand=False)


def write_csv(path: Path, rows: list[ReviewRow]) -> None:
    """Write the rows; cells that a spreadsheet would take for formulas are quoted."""
    write_table(path, COLUMNS, (
        (item.id, item.kind.label, item.student, item.assignment, item.about, item.reason,
         "; ".join(item.where), mark.time if mark else "", mark.note if mark else "")
        for item, mark in rows))


def _place(item: ReviewItem) -> str:
    return item.about if item.student and item.about else item.assignment
