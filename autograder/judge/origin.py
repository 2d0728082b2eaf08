"""What a verdict rests on, beside the submission: a hash for each kind of thing that can change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import nbformat

from autograder.course import Course, Exercise
from autograder.release import source

ENGINE = Path(__file__).parents[1]
SUBMISSION = "the submission"  # its own hash stands beside the others


def origin(course: Course, assignment: str, exercise: Exercise) -> dict[str, str]:
    """By kind of thing, a hash over what judging this exercise is made from."""
    settings = [repr(course.assignment(assignment).undated), repr(course.toml.limits)]
    notebook = nbformat.writes(source.read_notebook(exercise))
    return {
        "the source": _hash([notebook], exercise.files),
        "hidden tests or probes": _hash([], sorted(exercise.folder.glob("*.py"))),
        "misconceptions": _hash([], sorted(exercise.folder.glob("misconceptions*.toml"))),
        "course.toml": _hash(settings, []),
        "the offline hub": _hash(course.hub_revisions(assignment), []),
        "the autograder": engine(),
    }


def engine() -> str:
    """A hash over the part of the kit that judges."""
    return _hash([], sorted(
        file for package in ("judge", "kernel") for file in (ENGINE / package).rglob("*.py")))


def changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """The kinds of things that are not what they were."""
    return [kind for kind in now if before.get(kind) != now[kind]]


def _hash(texts: Iterable[str], files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode(errors="surrogatepass") + b"\0")
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
