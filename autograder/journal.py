"""The journal: every verdict, written down and flushed to disk before anybody sees it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from autograder.course import Course
from autograder.files import UNLIKE, read_lines
from autograder.results.verdict import Verdict


@dataclass(frozen=True)
class Entry:
    """One verdict on one student's exercise, with the hash of what was judged.

    `origin` holds the hashes of what it was judged with (judge/cache_key.py); it is empty where
    nothing was judged. `time` is when it was written (ISO 8601, UTC): the journal sets it.
    """

    student: str
    exercise: str
    fingerprint: str
    verdict: Verdict
    origin: dict[str, str] = field(default_factory=dict)
    time: str = field(default="", compare=False)


class Journal:
    """Appends entries to a file of JSON lines, one batch after another. A context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.path, "ab+")
        if self._file.tell() and not self.path.read_bytes().endswith(b"\n"):
            self._file.write(b"\n")  # a crash cut the last line off: it stays alone
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._file.close()

    def write(self, entry: Entry) -> None:
        """Append one entry; it is on disk when this returns."""
        line = {"time": datetime.now(UTC).isoformat(timespec="seconds"),
                "student": entry.student, "exercise": entry.exercise,
                "fingerprint": entry.fingerprint, "origin": entry.origin,
                "verdict": entry.verdict.to_json()}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def path_of(course: Course, assignment: str) -> Path:
    return course.journal / f"{assignment}.jsonl"


def by_student(course: Course, assignment: str) -> dict[str, dict[str, Entry]]:
    """The last entry on each exercise, by student; exercises in the course's order.

    In the journal they are in the order in which they were finished, which differs from batch to
    batch.
    """
    found: dict[str, dict[str, Entry]] = {}
    for (student, exercise), entry in last_entries(course, assignment).items():
        found.setdefault(student, {})[exercise] = entry
    places = {name: place for place, name in enumerate(course.assignment(assignment).exercises)}
    return {student: dict(sorted(some.items(), key=lambda pair: places.get(pair[0], len(places))))
            for student, some in found.items()}


def last_entries(course: Course, assignment: str) -> dict[tuple[str, str], Entry]:
    """The last entry on each student's exercise."""
    return {(entry.student, entry.exercise): entry for entry in read(path_of(course, assignment))}


def read(path: Path) -> Iterator[Entry]:
    """The entries of a journal, oldest first; what is no whole entry is left out."""
    for line in read_lines(path):
        with contextlib.suppress(*UNLIKE):
            yield _entry(line)


def _entry(data: Any) -> Entry:
    """The entry of a line. Raises one of files.UNLIKE where it holds something else."""
    texts = data["student"], data["exercise"], data["fingerprint"], data.get("time", "")
    origin = data.get("origin", {})
    if not all(isinstance(one, str) for one in (*texts, *origin.values())):
        raise TypeError("a name or a hash is no text")
    student, exercise, fingerprint, time = texts
    return Entry(student, exercise, fingerprint, Verdict.from_json(data["verdict"]), origin, time)
