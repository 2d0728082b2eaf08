"""The oddest uploads through the whole of `autograder grade`, sandbox, gradebook and pages."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fuzz import arena, checks, inputs
from fuzz.run import Outcome

SECONDS = 900
ROUNDS = 4
FIRST = 100  # the first upload's student is s100
ALARMS = ("nbgrader refuses", "no page can be made", "damaged", "read as a notebook")
KINDS = ("zip-structure", "zip-bytes", "notebook-structure", "notebook-cells", "notebook-bytes",
         "module", "script", "made-up-notebook", "made-up-script", "made-up-zip")


@dataclass(frozen=True)
class Graded:
    """What came of the batch: rows by student, and what failed, each with the input's number."""

    numbers: dict[str, int]
    rows: dict[str, dict[str, str]]
    failures: list[tuple[int, str]]


def oddest(outcomes: Iterable[Outcome], count: int) -> list[int]:
    """The numbers of inputs whose outcome is rare; no two with the same sentences."""
    whole = [one for one in outcomes if not one.failure and one.kind in KINDS]
    common = Counter(text for one in whole for text in checks.signature(one.said))

    def rarity(one: Outcome) -> tuple[bool, float, int]:
        seen = [common[text] for text in checks.signature(one.said)]
        alarm = any(text.startswith(ALARMS[:2]) for text in one.said)
        return (not alarm, min(seen, default=10**6), one.number)

    chosen: dict[frozenset[str], int] = {}
    for one in sorted(whole, key=rarity):
        chosen.setdefault(checks.signature(one.said), one.number)
    return list(chosen.values())[:count]


def grade(folder: Path, seed: int, seeds: arena.Seeds, numbers: list[int], processes: int
          ) -> Graded:
    """Grade these inputs as one batch, an honest upload among them, in a course of its own.

    Where a batch stops, the one that it names is a failure, and the rest goes on without it.
    """
    course, uploads = folder / "toy" / "course", folder / "batch"
    uploads.mkdir()
    shutil.copy(folder / arena.HONEST_ZIP, uploads / "s001_toy.zip")
    students = {"s001": -1}
    for place, number in enumerate(numbers, start=FIRST):
        files = inputs.block(number // inputs.BLOCK, seed, seeds)[number % inputs.BLOCK].files
        for name, data in files.items():
            (uploads / name.replace("s001", f"s{place}")).write_bytes(data)
        students[f"s{place}"] = number
    failures: list[tuple[int, str]] = []
    for _ in range(ROUNDS):
        before = _beside(folder)
        status, log = _run(course, folder / "toy" / "exercises", uploads, processes)
        if left := sorted(before ^ _beside(folder)):
            failures.append((-1, f"beside the course, these changed: {left[:5]}"))
        if status in (0, 1) and checks.NOTHING not in log:
            break
        named = [name for name in re.findall(r"for student '(s\d{3})'", log)
                 if (uploads / f"{name}_toy.zip").exists()]
        failures.append((students.get(named[-1], -1) if named else -1,
                         f"status {status}: {log[-1500:]}"))
        if not named:
            return Graded(students, {}, failures)
        (uploads / f"{named[-1]}_toy.zip").unlink()
    else:
        return Graded(students, {}, failures)
    rows = _rows(course)
    missing = [(students[path.name[:4]], "has no row in grades.csv")
               for path in sorted(uploads.glob("s???_toy.zip")) if path.name[:4] not in rows]
    pages = [(students[name], "has no feedback page") for name in rows
             if not list((course / "grading" / "feedback" / name / "toy").glob("*.html"))]
    honest = rows.get("s001", {}).get("total")
    there = (uploads / "s001_toy.zip").exists()
    wrong = [(-1, f"the honest one got {honest}, not 10")] if there and honest != "10" else []
    return Graded(students, rows, failures + missing + pages + wrong)


def _run(course: Path, exercises: Path, uploads: Path, processes: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.line", exercises, "grade", "toy", uploads, "--course", course,
         "--processes", str(processes)], capture_output=True, timeout=SECONDS, text=True,
        errors="replace", stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1",
             "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"})
    return done.returncode, done.stdout + done.stderr


def _beside(folder: Path) -> set[tuple[str, bytes]]:
    """All files that the batch has no business with."""
    own = folder / "toy" / "course"
    kept = [path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(own)]
    return {(str(path), path.read_bytes()) for path in [*kept, own / "course.toml"]
            if "__pycache__" not in path.parts}


def _rows(course: Path) -> dict[str, dict[str, str]]:
    path = course / "grading" / "grades.csv"
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        return {row["student"] or row["upload"]: row for row in csv.DictReader(file)}


def main(exercises: str, *arguments: str) -> None:
    """`autograder ARGUMENTS`, for a course whose exercises lie elsewhere."""
    from autograder import cli
    from autograder.course import Course

    Course.load.__func__.__defaults__ = (Path(exercises),)  # type: ignore[attr-defined]
    sys.argv = ["autograder", *arguments]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
