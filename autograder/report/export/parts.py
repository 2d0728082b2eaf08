"""To anything else: one CSV file, a row for each student and part."""

from __future__ import annotations

from pathlib import Path

from autograder.files import write_table
from autograder.report.export.result import StudentResult

COLUMNS = ("student", "group", "part", "points", "max_points", "by_hand", "says")


def export(found: list[StudentResult], path: Path) -> None:
    """Write the table; a part that waits for a person has no points."""
    write_table(path, COLUMNS, (
        (result.student, result.group, part.name,
         "" if part.points is None else f"{part.points:g}", f"{part.max_points:g}",
         "yes" if part.by_hand else "no", " ".join(part.says))
        for result in found for part in result.parts))
