"""Run attacks as a TA would meet them: one folder of uploads, graded with honest ones among it."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import journal
from autograder.course import Course
from autograder.release.build import prepare
from autograder.results.verdict import Verdict
from redteam import course as under_attack
from redteam.attack import CANARY, Attack

HERE = Path(__file__).parent
HONEST = ("s001", "s002")  # all right; one misconception
SENTINELS = ("secret.txt", "gradebook-of-last-year.db")
SECONDS = 1500
# One box at a time: control groups are the whole machine's, and what one leaves shows in another.
LOCK = "/var/tmp/redteam.lock"


@dataclass
class Batch:
    """What came of one batch: the course, who tried what, and what was left in the box."""

    course: Course
    kernel: str
    students: dict[str, Attack]
    left: dict[str, Any]
    log: str
    before: dict[str, bytes]  # what lay beside the course, by name

    def verdict(self, student: str) -> Verdict | None:
        return next((entry.verdict for entry in
                     journal.by_student(self.course, "toy").get(student, {}).values()), None)

    def rows(self, folder: str) -> dict[str, dict[str, Any]]:
        """The report's rows after a folder of uploads, by student or else by upload."""
        path = self.course.root / f"{folder}.json"
        rows = json.loads(path.read_text()) if path.is_file() else []
        return {row["student"] or row["upload"]: row for row in rows}


def run(folder: Path, kernel: str, chosen: Sequence[Attack]) -> Batch:
    """Grade the honest ones alone, then with the attacks; both in a box below `folder`."""
    course = under_attack.write(folder, kernel)
    prepare(course, "toy")
    for name in SENTINELS:
        (folder / name).write_text(CANARY)
    students = {f"s{number}": attack for number, attack in enumerate(chosen, start=100)}
    alone, together = folder / "alone", folder / "together"
    for uploads in (alone, together):
        uploads.mkdir()
        (uploads / "s001_toy.zip").write_bytes(under_attack.honest(course))
        (uploads / "s002_toy.zip").write_bytes(under_attack.honest(
            course, "text.split()", "text.lower().split()"))
    for student, attack in students.items():
        name = (attack.archive or "{id}_toy.zip").replace("{id}", student)
        (together / name).write_bytes(under_attack.handed_in(course, attack))
        if attack.pdf:
            (together / f"{student}_written.pdf").write_bytes(attack.pdf)
    before = _beside(folder, course)
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            _box(folder, [sys.executable, "-m", "redteam.box", course.root, folder / "exercises",
                          folder / "left.json", alone, together]),
            capture_output=True, text=True, timeout=SECONDS, errors="replace")
    report = folder / "left.json"
    left = json.loads(report.read_text()) if report.is_file() else {}
    return Batch(course, kernel, students, left, done.stdout + done.stderr, before)


def changed(batch: Batch) -> list[str]:
    """What lay beside the course's own folders and is not as it was."""
    now = _beside(batch.course.root.parent, batch.course)
    return sorted(name for name in now.keys() | batch.before.keys()
                  if now.get(name) != batch.before.get(name))


def _beside(folder: Path, course: Course) -> dict[str, bytes]:
    """Everything that grading must leave as it is, uploads and the build included."""
    own = {"grading", "alone.json", "together.json", ".build"}
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(course.root).parts if path.is_relative_to(course.root) else ()
        if path.is_file() and path.name != "left.json" and not (inside and inside[0] in own):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return {name: data for name, data in found.items() if "__pycache__" not in name}


def _box(folder: Path, command: list[object]) -> list[str]:
    """A /tmp, processes and a network of its own, and the rest of the machine as it is."""
    walls = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/tmp", "--tmpfs", "/dev/shm",
             "--bind", str(folder), str(folder), "--unshare-pid", "--proc", "/proc",
             "--unshare-net", "--unshare-ipc", "--die-with-parent",
             "--setenv", "TMPDIR", "/tmp", "--setenv", "OMP_NUM_THREADS", "1",
             "--setenv", "PYTHONPATH", f"{HERE.parent}:{HERE.parents[1] / 'data'}",
             "--chdir", str(HERE.parents[1]), "--"]
    return [*walls, *map(str, command)]
