"""The course that is graded, the batch as a process of its own, and what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import nbformat
from conftest import TOY_COURSE, Toy, toy_work

from autograder.course import Course
from autograder.gradebook import queries
from autograder.journal import read
from autograder.release.build import prepare
from autograder.validate import as_work, skeleton

BATCH = """
import sys
from pathlib import Path
from autograder import batch
from autograder.course import Course
root, processes = Path(sys.argv[1]), int(sys.argv[2])
if __name__ == "__main__":
    course = Course.load(root / "course")
    batch.grade(course, "toy", batch.submitted_students(course, "toy"), processes)
"""
# How the submissions differ: an edit of the solved toy, or cells of one's own.
KINDS: tuple[dict[str, Any], ...] = (
    {}, {"replace": "text.lower().split()", "by": "text.split()"},
    {"replace": "vector.abs().max()", "by": "vector.abs().sum()"},
    {"replace": "return vector / largest", "by": "import os; os._exit(3)"},
    {"cells": ("raise ValueError('mine')",)}, {"replace": "found.count(word)", "by": "1 // 0"},
)


def load(root: Path) -> Course:
    """The course below `root`."""
    return Course.load(root / "course")


def build(root: Path, submissions: int) -> Path:
    """Write the toy course and its submissions, the same for the same number; return `root`."""
    root.mkdir(parents=True)
    settings = TOY_COURSE.replace("[course]", '[course]\nexercises = "../exercises"')
    # None of the submissions hangs: time shall not run out where the machine has much to do.
    settings = settings.replace("cell = 2", "cell = 20").replace("probe = 2", "probe = 20")
    Toy(course=settings + 'preload = ["torch", "numpy"]\n').write(root)
    course = load(root)
    prepare(course, "toy")
    exercise = course.exercise("toy")
    empty = as_work(exercise, skeleton(exercise))
    for number in range(submissions):
        kind = number % (len(KINDS) + 1)
        work = empty if kind == len(KINDS) else toy_work(course, **KINDS[kind])
        folder = course.submitted / f"s{number:03d}" / "toy"
        folder.mkdir(parents=True)
        nbformat.write(work.notebook, folder / "toy.ipynb")
        for name, data in work.files.items():
            (folder / name).write_bytes(data)
    return root


class Batch:
    """One run of the batch. Use as a context manager; at its end nothing of it runs any more."""

    def __init__(self, root: Path, processes: int) -> None:
        self._root, self._processes = root, processes
        self._start()

    def _start(self) -> None:
        with open(self._root / "batch.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", BATCH, str(self._root), str(self._processes)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def was_killed(self) -> bool:
        return self._process.poll() == -signal.SIGKILL

    def finish(self, again: bool = False) -> None:
        """Wait until all is graded; with `again`, start once more where the batch was killed.

        Raises RuntimeError with the log's end where it does not end well.
        """
        status = self._process.wait()
        if again and status == -signal.SIGKILL:
            self._start()
            status = self._process.wait()
        if status != 0:
            log = (self._root / "batch.log").read_text(errors="replace")
            raise RuntimeError(f"the batch ended with {status}:\n{log[-3000:]}")

    def forget(self) -> None:
        """Throw the verdicts away, keeping the gradebook: there is something to grade again."""
        if self._process.wait() != 0:
            self.finish()
        journal = Course.load(self._root / "course").journal
        for path in journal.glob("toy*.jsonl"):
            path.unlink()


@dataclass(frozen=True)
class Outcome:
    """What a batch left behind: a row a student, and how many verdicts were given twice."""

    rows: dict[str, tuple[Any, ...]]
    doubled: int


def outcome(root: Path) -> Outcome:
    """Read gradebook, journal and feedback pages of a course that has been graded."""
    course = load(root)
    entries = list(read(course.journal / "toy.jsonl"))
    verdicts = {entry.student: entry.verdict for entry in entries}
    rows = {}
    for row in queries.entries(course, "toy"):
        verdict = verdicts.get(row.student)
        page = course.feedback / row.student / "toy" / "toy.html"
        judged = () if verdict is None else tuple((part.part, part.points, part.says)
                                                  for part in verdict.parts)
        rows[row.student] = (json.dumps(row.parts, sort_keys=True), row.points, judged,
                             page.is_file() and page.read_bytes().endswith(b"</html>\n"))
    # An entry that rests on nothing says that there is no verdict yet.
    times = Counter((entry.student, entry.exercise) for entry in entries if entry.origin)
    whole = 0
    for line in (course.journal / "toy.jsonl").read_bytes().splitlines():
        with contextlib.suppress(ValueError):
            json.loads(line)
            whole += 1
    return Outcome(rows, sum(count - 1 for count in times.values()) + (whole - len(entries)))
