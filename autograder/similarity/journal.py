"""The similar pairs of an assignment, kept in journal/ASSIGNMENT.similar.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.course import Course
from autograder.files import UNLIKE, write_json


@dataclass(frozen=True)
class SimilarPair:
    """Two submissions for a person to compare.

    page: the address of their comparison; seen: a hash of what they share
    """

    one: str
    other: str
    reason: str
    page: str
    seen: str


def write(course: Course, assignment: str, pairs: list[SimilarPair]) -> None:
    """Replace the pairs of an assignment."""
    write_json(_file(course, assignment), [asdict(pair) for pair in pairs])


def read(course: Course, assignment: str) -> list[SimilarPair]:
    """The pairs that were found last; none before the first search."""
    path = _file(course, assignment)
    try:
        pairs = json.loads(path.read_text()) if path.is_file() else []
        return [SimilarPair(**pair) for pair in pairs]
    except UNLIKE:
        return []


def _file(course: Course, assignment: str) -> Path:
    return course.journal / f"{assignment}.similar.json"
