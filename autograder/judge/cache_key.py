"""The cache key of a verdict: a hash for each kind of thing that it depends on.

A verdict in the journal is valid while its submission's fingerprint and this key are unchanged. The
key covers the whole engine, not only what judges: how a notebook is read, repaired and released
changes points as well, and no list of the modules that do would stay complete.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

import nbformat

from autograder.course import Course, Exercise
from autograder.exercise import source

ENGINE = Path(__file__).parents[1]
CONTENT = "exercises"  # in the engine's folder: each exercise has hashes of its own
SUBMISSION = "the submission"  # its own hash is kept beside the key


def cache_key(course: Course, assignment: str, exercise: Exercise) -> dict[str, str]:
    """By kind of thing, a hash over what judging this exercise is made from."""
    settings = [repr(course.assignment(assignment).undated), repr(course.toml.limits)]
    notebook = nbformat.writes(source.read_notebook(exercise))
    return {
        "the source": _hash([notebook], exercise.files),
        "hidden tests or probes": _hash([], sorted(exercise.folder.glob("*.py"))),
        "misconceptions": _hash([], sorted(exercise.folder.glob("misconceptions*.toml"))),
        "course.toml": _hash(settings, []),
        "the offline hub": _hash(course.hub_revisions(assignment), []),
        "the autograder": engine_hash(),
    }


@functools.cache
def engine_hash(engine: Path = ENGINE) -> str:
    """A hash over all Python files of the engine, computed once in a process."""
    digest = hashlib.sha256()
    for file in sorted(engine.rglob("*.py")):
        name = file.relative_to(engine)
        if name.parts[0] != CONTENT:
            digest.update(name.as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


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
