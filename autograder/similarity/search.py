"""Look for pairs in one assignment, and note them for `autograder todo`."""

from __future__ import annotations

import hashlib
from pathlib import Path

from autograder.course import Course
from autograder.faults import Faults
from autograder.results import words
from autograder.similarity import journal, pairs, read
from autograder.similarity.page import Section, anchor, title
from autograder.similarity.pairs import Pair


def look(course: Course, assignment: str, also: list[Path], page: Path
         ) -> tuple[Section, list[str]]:
    """Find the pairs of an assignment; also return a sentence on each unreadable submission.

    also: folders of other years' submissions; page: where the pairs will be shown
    Raises CourseError where there is no such folder.
    """
    released = read.released(course, assignment)
    guarded = Faults(course, assignment)
    submissions = read.submissions(course, assignment, released, guarded)
    unread = [f"{fault.student}: {words.english(fault.reason)}" for fault in guarded.failed]
    for folder in also:
        before, problems = read.earlier(course, assignment, folder, released)
        submissions += before
        unread += problems
    alike, rarity = pairs.find(submissions, released.given, course.toml.similarity)
    place = page.relative_to(course.root)
    journal.write(course, assignment, [
        journal.SimilarPair(pair.one.owner, pair.other.owner, _reason(pair),
                    f"{place}#{anchor(assignment, pair)}", _seen(pair)) for pair in alike])
    return Section(assignment, rarity.class_size, alike), unread


def _reason(pair: Pair) -> str:
    """The sentence that says what the pair shares."""
    shared = [f"the same {', '.join(pair.same)}, byte for byte"] if pair.same else []
    if pair.whole.score:
        shared.append(f"{pair.whole.score:.0%} of what is their own")
    if pair.part.score:
        shared.append(f"{pair.part.score:.0%} of {', '.join(map(title, pair.part.one))}")
    tokens = f" ({pair.whole.tokens:.0f} tokens)" if pair.score else ""
    return f"both have {' and '.join(shared)}{tokens}"


def _seen(pair: Pair) -> str:
    """A hash of the units and files that hold what is shared; a new submission changes it."""
    texts = [unit.text for side in (pair.whole.one, pair.whole.other) for unit in side]
    texts += sorted({*pair.one.files} & {*pair.other.files})
    return hashlib.sha256("\0".join(texts).encode(errors="replace")).hexdigest()[:16]
