"""grades.csv and the table on the terminal: a row for each upload, none left out."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from autograder.course import Course
from autograder.gradebook import book
from autograder.intake.receive import Received, notes
from autograder.journal import latest
from autograder.judge.verdict import PartVerdict, Verdict

NOT_WRITTEN = "Not written yet"


@dataclass(frozen=True)
class Line:
    """One row of the report. `parts` and `points` are None where nothing could be graded."""

    student: str
    upload: str
    parts: dict[str, float] | None
    points: float | None
    max_points: float
    happened: tuple[str, ...]
    flags: tuple[str, ...]


def lines(course: Course, assignment: str) -> list[Line]:
    """Put together what the gradebook, the journal and the intake say of each submission."""
    received, verdicts = notes(course, assignment), latest(course, assignment)
    noted = {row.student: row for row in received}
    found = [_graded(row, noted.get(row.student), verdicts.get(row.student, []))
             for row in book.rows(course, assignment)]
    most = course.assignment(assignment).max_points
    found += [Line("", row.upload, None, None, most, (row.problem,), ("not graded",))
              for row in received if not row.student]
    return found


def table(assignment: str, found: list[Line]) -> Table:
    """The table that `autograder grade` ends with."""
    parts = list(dict.fromkeys(part for line in found for part in line.parts or {}))
    grid = Table(title=f"{assignment}: grades", title_justify="left", header_style="bold")
    grid.add_column("submission", no_wrap=True)
    for part in parts:
        grid.add_column(part.removeprefix(f"{assignment}_").replace("_", " "), justify="right")
    grid.add_column("total", justify="right", style="bold")
    grid.add_column("what happened", ratio=1)
    for line in found:
        numbers = [_number((line.parts or {}).get(part)) for part in parts]
        happened = [escape(text) for text in line.happened]
        happened += [f"[yellow]for a person: {escape(flag)}[/yellow]" for flag in line.flags]
        grid.add_row(escape(line.student or line.upload), *numbers, _number(line.points),
                     "\n".join(happened) or "graded")
    return grid


def write_csv(path: Path, found: list[Line]) -> None:
    """Write grades.csv; cells that a spreadsheet would take for formulas are quoted."""
    parts = list(dict.fromkeys(part for line in found for part in line.parts or {}))
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["student", "upload", *parts, "total", "max", "what_happened",
                         "for_a_person"])
        for line in found:
            numbers = [_number((line.parts or {}).get(part)) for part in parts]
            writer.writerow([_inert(cell) for cell in (
                line.student, line.upload, *numbers, _number(line.points), _number(line.max_points),
                "; ".join(line.happened), "; ".join(line.flags))])


def _graded(row: book.Row, note: Received | None, verdicts: list[Verdict]) -> Line:
    """One student's row: why points were lost, shortly, and what was unusual."""
    happened: list[str] = []
    if note is not None:
        happened += [note.problem] if note.problem else list(note.remarks)
    happened += [event for verdict in verdicts for event in verdict.events]
    parts = [part for verdict in verdicts for part in verdict.parts]
    if note is None or not note.problem:
        happened += _reasons(parts)
    flags = [flag for part in parts for flag in part.flags]
    return Line(row.student, note.upload if note else "", row.parts, row.points, row.max_points,
                tuple(dict.fromkeys(happened)), tuple(dict.fromkeys(flags)))


def _reasons(parts: list[PartVerdict]) -> list[str]:
    """The first sentence on each part that lost points; parts that share one stand together."""
    shared: dict[str, list[str]] = {}
    for part in parts:
        if part.says:
            says = "not written yet" if part.says[0].startswith(NOT_WRITTEN) else part.says[0]
            shared.setdefault(says, []).append(_short(part.part))
    return [f"{', '.join(names)}: {says}" for says, names in shared.items()]


def _short(part: str) -> str:
    return part.partition("_")[2].replace("_", " ") or part


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _inert(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
