"""To anything else: one CSV file, a row for each student and part."""

from __future__ import annotations

import csv
from pathlib import Path

from autograder.report.export.result import Result
from autograder.report.grades import inert

COLUMNS = ("student", "group", "part", "points", "max_points", "by_hand", "says")


def export(found: list[Result], path: Path) -> None:
    """Write the table; a part that waits for a person has no points."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for result in found:
            for part in result.parts:
                points = "" if part.points is None else f"{part.points:g}"
                writer.writerow([inert(cell) for cell in (
                    result.student, result.group, part.name, points, f"{part.max_points:g}",
                    "yes" if part.by_hand else "no", " ".join(part.says))])
