"""Comments that a person is done with: crossfeedback/NAME/done.jsonl, a line each; the last counts.

A mark holds for the words that were read. Where another comment comes in its place, that one is
not done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from autograder.course import Course
from autograder.crossfeedback import merge, rounds
from autograder.files import UNLIKE, read_lines

DONE = "done.jsonl"


@dataclass(frozen=True)
class Comment:
    """What one group wrote on a subtask of another, `reviewed`; `done_by` is empty until it is."""

    reviewed: str
    subtask: str
    text: str
    done_by: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode(errors="surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class _Mark:
    """That somebody is done with a comment or, where `by` is empty, that nobody is any more."""

    reviewed: str
    subtask: str
    digest: str
    by: str
    time: str


def comments(course: Course, assignment: str) -> list[Comment]:
    """All comments that came back, by the reviewed group; none where there was no round."""
    marks: dict[tuple[str, str, str], str] = {}
    for line in read_lines(rounds.folder(course, assignment) / DONE):
        with contextlib.suppress(*UNLIKE):
            known = _mark(line)
            marks[known.reviewed, known.subtask, known.digest] = known.by
    found = [Comment(reviewed, subtask, text)
             for reviewed, texts in sorted(merge.comments_by_group(course, assignment).items())
             for subtask, text in texts.items()]
    return [Comment(one.reviewed, one.subtask, one.text,
                    marks.get((one.reviewed, one.subtask, one.digest), "")) for one in found]


def mark(course: Course, assignment: str, comment: Comment, by: str) -> None:
    """Note who is done with a comment; an empty name takes that back."""
    path = rounds.folder(course, assignment) / DONE
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    line = json.dumps(asdict(_Mark(comment.reviewed, comment.subtask, comment.digest, by, now)))
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")  # on a line of its own, whatever was cut off before


def _mark(data: dict[str, Any]) -> _Mark:
    """The mark of a line. Raises one of files.UNLIKE where it holds something else."""
    if not all(isinstance(value, str) for value in data.values()):
        raise TypeError("a mark holds texts")
    return _Mark(**data)
