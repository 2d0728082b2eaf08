"""What the checks say things with: what must hold, and how a table and a file of rows must be."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from rich.console import Console

from fuzz import fence

FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Broken(Exception):
    """Something does not hold that must, though nothing was raised."""


def must(holds: bool, what: str) -> None:
    """Raise Broken with the sentence where something does not hold."""
    if not holds:
        raise Broken(what)


def lay(path: Path, data: Path | bytes) -> None:
    """Write what belongs to the check itself, past the fence."""
    with fence.open_gate():
        path.write_bytes(data if isinstance(data, bytes) else data.read_bytes())


def shown(table: object) -> None:
    """Print a table on a terminal that speaks UTF-8."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    Console(width=140, file=file).print(table)
    file.flush()


def inert(path: Path, count: int) -> None:
    """A CSV file has so many rows, and nothing in it that a spreadsheet runs."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    must(len(rows) == count + 1, f"{len(rows) - 1} rows in the table of {count}")
    must(not any(cell.startswith(FORMULA) for row in rows[1:] for cell in row),
         "a spreadsheet takes a cell for a formula")


def below(folder: Path, path: Path) -> bool:
    """Whether a path lies in a folder, whatever it is made of."""
    return path.resolve().is_relative_to(folder.resolve()) and path.resolve() != folder.resolve()
