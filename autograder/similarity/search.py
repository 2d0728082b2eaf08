"""Look for pairs in one assignment, and note them for `autograder todo`."""

from __future__ import annotations

import hashlib
from pathlib import Path

from autograder.course import Course
from autograder.faults import Faults
from autograder.similarity import found, pairs, read
from autograder.similarity.page import Section, anchor, title
from autograder.similarity.pairs import Pair


def look(course: Course, assignment: str, also: list[Path], page: Path
         ) -> tuple[Section, list[str]]:
    """The pairs of an assignment, and a sentence on each submission of `also` that is unreadable.

    `page` is where they will be shown. Raises CourseError where there is no such folder.
    """
    released = read.released(course, assignment)
    guarded = Faults(course, assignment)
    submissions = read.submissions(course, assignment, released, guarded)
    unread = [f"{fault.student}: {fault.flag}" for fault in guarded.failed]
    for folder in also:
        before, problems = read.earlier(course, assignment, folder, released)
        submissions += before
        unread += problems
    alike, rarity = pairs.find(submissions, released.given, course.toml.similarity)
    place = page.relative_to(course.root)
    found.write(course, assignment, [
        found.Found(pair.one.owner, pair.other.owner, _reason(pair),
                    f"{place}#{anchor(assignment, pair)}", _seen(pair)) for pair in alike])
    return Section(assignment, rarity.class_size, alike), unread


def _reason(pair: Pair) -> str:
    """What the pair shares, in a sentence."""
    told = [f"the same {', '.join(pair.same)}, byte for byte"] if pair.same else []
    if pair.whole.score:
        told.append(f"{pair.whole.score:.0%} of what is their own")
    if pair.part.score:
        told.append(f"{pair.part.score:.0%} of {', '.join(map(title, pair.part.one))}")
    tokens = f" ({pair.whole.tokens:.0f} tokens)" if pair.score else ""
    return f"both have {' and '.join(told)}{tokens}"


def _seen(pair: Pair) -> str:
    """A hash of what holds what is shared: another one after a new submission."""
    texts = [unit.text for side in (pair.whole.one, pair.whole.other) for unit in side]
    texts += sorted({*pair.one.files} & {*pair.other.files})
    return hashlib.sha256("\0".join(texts).encode(errors="replace")).hexdigest()[:16]
