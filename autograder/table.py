"""A CSV file cell by cell, as it was written: what is not changed goes back to the byte.

Platforms take their own tables back. Python's csv module forgets which cells were quoted and how
lines ended, so the text is kept in pieces here.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder.course import CourseError
from autograder.files import write_file

MAX_SIZE = 16 * 1024 * 1024
ENCODINGS = ("utf-8", "cp1252", "latin-1")  # the last one takes every byte, and gives it back
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le",
         codecs.BOM_UTF16_BE: "utf-16-be"}
DELIMITERS = (",", ";", "\t")
SEPARATOR = re.compile(r"sep=([,;\t])\r?\n", re.I)  # Excel's own first line


@dataclass
class Table:
    """A table with a header line. `rows` holds cells as they are written, `ends` how lines end."""

    path: Path
    encoding: str
    mark: bytes
    delimiter: str
    rows: list[list[str]]
    ends: list[str]
    skipped: int = 0  # lines before the header, which only say what stands between cells

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read a table, whichever encoding and delimiter it was saved with.

        Raises CourseError where there is no such file, or where it is far too large for a table.
        """
        if not path.is_file():
            raise CourseError(f"There is no file {path}.")
        if path.stat().st_size > MAX_SIZE:
            raise CourseError(f"{path} is larger than {MAX_SIZE >> 20} MB: that is no class's "
                              "table.")
        data = path.read_bytes()
        mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
        data = data[len(mark):]
        for encoding in (MARKS[mark],) if mark else ENCODINGS:
            try:
                text = data.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
        else:
            raise CourseError(f"{path} is not text in {MARKS[mark]}, although it says so.")
        first = text.partition("\n")[0]
        delimiter = max(DELIMITERS, key=first.count)
        rows, ends = _cells(text, delimiter)
        said = SEPARATOR.match(text)
        if said is None:
            return cls(path, encoding, mark, delimiter, rows, ends)
        rows, ends = _cells(text[said.end():], said[1])
        return cls(path, encoding, mark + said[0].encode(encoding), said[1], rows, ends, 1)

    def write(self, path: Path) -> None:
        """Write the table, in its own encoding."""
        text = "".join(self.delimiter.join(cells) + end
                       for cells, end in zip(self.rows, self.ends, strict=True))
        write_file(path, self.mark + text.encode(self.encoding, "replace"))

    @cached_property
    def header(self) -> list[str]:
        return [unquoted(cell).strip() for cell in self.rows[0]] if self.rows else []

    def column(self, *names: str) -> int | None:
        """Where the first of these headings stands, whatever its case."""
        folded = [heading.casefold() for heading in self.header]
        return next((folded.index(name) for name in map(str.casefold, names) if name in folded),
                    None)

    def value(self, row: int, column: int | None) -> str:
        """What a cell says; nothing where the row or the table has no such cell."""
        cells = self.rows[row]
        return unquoted(cells[column]) if column is not None and column < len(cells) else ""

    def put(self, row: int, column: int, value: str) -> None:
        """Change what a cell says; it stays quoted where it was."""
        cells = self.rows[row]
        cells += [""] * (column + 1 - len(cells))
        needs = cells[column].startswith('"') or set(value) & {self.delimiter, '"', "\r", "\n"}
        cells[column] = '"' + value.replace('"', '""') + '"' if needs else value


def unquoted(cell: str) -> str:
    """What a cell says, of how it is written."""
    if len(cell) > 1 and cell.startswith('"') and cell.endswith('"'):
        return cell[1:-1].replace('""', '"')
    return cell


def _cells(text: str, delimiter: str) -> tuple[list[list[str]], list[str]]:
    """All lines' cells, and what ends each line. An open quote is an ordinary character."""
    stop = rf"{re.escape(delimiter)}\r\n"
    cell = re.compile(rf'("(?:[^"]|"")*+"(?=[{stop}]|\Z)|[^{stop}]*)({re.escape(delimiter)}'
                      r"|\r\n|\n|\r|\Z)")
    rows: list[list[str]] = []
    ends: list[str] = []
    row: list[str] = []
    position = 0
    while position < len(text) or row:
        found = cell.match(text, position)
        assert found is not None  # the second alternative matches anything
        row.append(found[1])
        position = found.end()
        if found[2] != delimiter:
            rows.append(row)
            ends.append(found[2])
            row = []
    return rows, ends
