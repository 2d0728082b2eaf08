"""What an attack must not have: points, something to see, an effect on anything but its own row."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.gradebook import queries
from redteam.attack import CANARY, LOOT
from redteam.batch import HONEST, Batch, changed

MOST_DISK = 96  # MiB of the machine's own /tmp: two submissions, their copies, the reference
MOST_INODES = 12_000
FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠|%]")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
TRACEBACK = "Traceback (most recent call last)"


def gained(batch: Batch, student: str) -> Iterator[str]:
    """What an attack got that the skeleton does not get."""
    verdict = batch.verdict(student)
    for part in verdict.parts if verdict else ():
        if part.points:
            yield f"{part.points:g} points in {part.part}"
    row = batch.rows("together").get(student, {})
    if row.get("points"):
        yield f"{row['points']:g} points in the gradebook"
    told = json.dumps([verdict.to_json() if verdict else None, row])
    pages = "".join(path.read_text(errors="replace") for path in _own_files(batch, student))
    if CANARY in told + pages:
        yield "a secret that stands beside it"
    if LOOT in told:
        yield told[told.index(LOOT):][:90]


def never_ran(batch: Batch, student: str) -> Iterator[str]:
    """Why an attack proves nothing: it did not do what it says."""
    attack, verdict = batch.students[student], batch.verdict(student)
    said = json.dumps([verdict.to_json() if verdict else None,
                       batch.rows("together").get(student)], ensure_ascii=False)
    if attack.may_fail:
        return
    if attack.proof and not re.search(attack.proof, said):
        yield f"nothing was said of {attack.proof!r}: {_events(verdict)}"
    if not attack.proof and verdict is not None and verdict.events:
        yield f"a cell stopped: {_events(verdict)}"


def harmed(batch: Batch) -> Iterator[str]:
    """What the batch did to others than its attackers; `left` tells what it left behind."""
    if not batch.left:
        yield f"the batch stopped: {batch.log.strip()[-400:]}"
        return
    alone, together = batch.rows("alone"), batch.rows("together")
    for student in HONEST:
        if alone.get(student) != together.get(student):
            yield f"{student}'s row differs: {alone.get(student)} / {together.get(student)}"
    there = {row.student: row.points for row in queries.entries(batch.course, "toy")}
    for student, attack in batch.students.items():
        if student not in there and not attack.archive:
            yield f"{attack}: no row in the gradebook"
    for part in (batch.verdict("s001").parts if batch.verdict("s001") else ()):
        if part.points != part.max_points:
            yield f"the right solution lost points in {part.part}: {part.says}"
    if TRACEBACK in batch.log:
        yield f"a traceback: {batch.log[batch.log.index(TRACEBACK):][:600]}"
    yield from (f"changed: {name}" for name in changed(batch))
    yield from (f"left in /tmp: {name}" for name in batch.left["files"])
    yield from (f"a process outlived the batch: {one}" for one in batch.left["processes"])
    yield from (f"a mount is left: {one}" for one in batch.left["mounts"])
    yield from (f"a control group is left: {one}" for one in batch.left["groups"])
    yield from (f"a server outside was reached: {one}" for one in batch.left["callers"])
    yield from (f"shared memory was changed: {one}" for one in batch.left["bait"])
    if batch.left["controls"] != 4:
        yield f"the bait itself does not work: {batch.left['controls']} of 4 doors"
    if batch.left["disk"] > MOST_DISK:
        yield f"{batch.left['disk']} MiB of the machine's own /tmp were filled"
    if batch.left["inodes"] > MOST_INODES:
        yield f"{batch.left['inodes']} files in the machine's own /tmp"
    yield from formulas(batch.course.grades)


def formulas(path: Path) -> Iterator[str]:
    """Cells of a table that a spreadsheet would run."""
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            for cell in row:
                if FORMULA.match(cell) and not NUMBER.fullmatch(cell):
                    yield f"{path.name} holds a formula: {cell[:60]!r}"


def lost(batch: Batch, student: str) -> Iterator[str]:
    """An attacker whose own submission could not be judged keeps a person busy."""
    verdict = batch.verdict(student)
    for part in verdict.parts if verdict else ():
        if any("not judged" in flag for flag in part.flags):
            yield f"the judge was stopped by it: {part.flags}"
            return


def _own_files(batch: Batch, student: str) -> Iterator[Path]:
    for folder in (batch.course.autograded, batch.course.feedback):
        yield from (path for path in (folder / student).rglob("*")
                    if path.suffix in (".ipynb", ".html"))


def _events(verdict: Any) -> str:
    return " ".join(verdict.events)[:300] if verdict else "no verdict"
