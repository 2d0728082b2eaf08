"""The list as a table on the terminal, and as a CSV file."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from autograder.files import write_table
from autograder.report.todo.items import Item
from autograder.report.todo.marks import Mark

COLUMNS = ("id", "kind", "student", "assignment", "about", "reason", "where", "looked_at", "note")
Row = tuple[Item, Mark | None]


def table(name: str, rows: list[Row]) -> Table:
    """The rows under a heading for each kind. What students wrote is text here, never markup.

    Reason and place stand below each other: there is room for an address to stay in one piece.
    """
    grid = Table(title=f"{name}: what needs a person", title_justify="left", header_style="bold")
    grid.add_column("id", no_wrap=True)
    grid.add_column("who", overflow="fold")
    grid.add_column("in", overflow="fold")
    grid.add_column("why, and where to go", overflow="fold", ratio=1)
    before = None
    for item, mark in rows:
        if item.kind is not before:
            grid.add_section()
            grid.add_row("", "", "", Text(item.kind.label, style="bold yellow"))
            before = item.kind
        why = Text(item.reason)
        if mark is not None:
            why.append(f"\nlooked at {mark.time[:10]}{': ' * bool(mark.note)}{mark.note}", "green")
        grid.add_row(item.id, Text(item.student or item.about), Text(_place(item)),
                     Text("\n").join([why, *map(_link, item.where)]))
    return grid


def write_csv(path: Path, rows: list[Row]) -> None:
    """Write the rows; cells that a spreadsheet would take for formulas are quoted."""
    write_table(path, COLUMNS, (
        (item.id, item.kind.label, item.student, item.assignment, item.about, item.reason,
         "; ".join(item.where), mark.time if mark else "", mark.note if mark else "")
        for item, mark in rows))


def _place(item: Item) -> str:
    return item.about if item.student and item.about else item.assignment


def _link(place: str) -> Text:
    return Text(place, style=f"dim link {place}" if place.startswith("http") else "dim")
