"""Files that are written whole or not at all: beside their place, and renamed.

A command that is killed, or a disk that is full, leaves what was there before. Lines are appended
elsewhere (journal.py): whoever reads them leaves out one that was cut off.
"""

from __future__ import annotations

import contextlib
import csv
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from autograder.text import printable

# What comes of JSON that holds something else than was agreed.
UNLIKE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠|%]|[\t\r]")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside `path` to write a file to; it takes the file's place when all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        if path.exists():
            shutil.copymode(path, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file; of a text, what no file in UTF-8 can hold is replaced."""
    with replacing(path) as partial:
        partial.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str)
                            else content)


def write_page(path: Path, page: str) -> None:
    """Write an HTML page, which may quote what students wrote: control characters are replaced."""
    write_file(path, printable(page))


def write_json(path: Path, data: Any, indent: int | None = 1) -> None:
    """Write a value as JSON."""
    write_file(path, json.dumps(data, indent=indent) + "\n")


def write_table(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file; cells that a spreadsheet would take for formulas are quoted."""
    with replacing(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([inert(printable(str(cell))) for cell in row] for row in rows)


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file of a folder and those below it, by its path in there; empty without the folder."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def read_lines(path: Path, holding: Iterable[bytes] | None = None) -> Iterator[Any]:
    """The values of a file of JSON lines, oldest first.

    A line that was cut off counts as one never written. Of a large file, only the lines are read
    that hold one of some bytes, where these are given.
    """
    if not path.is_file():
        return
    with open(path, "rb") as file:
        for line in file:
            if holding is None or any(some in line for some in holding):
                with contextlib.suppress(*UNLIKE):
                    yield json.loads(line)
