"""Step 2, look up: which verdicts of earlier batches still apply, and what is to be judged.

A verdict applies until the submission changes, or something that it was judged with
(judge/cache_key.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from autograder.course import Course
from autograder.grading.submission import Submission
from autograder.journal import Entry, last_entries
from autograder.judge.cache_key import SUBMISSION, cache_key, changed
from autograder.results.verdict import Verdict

HELD = 8  # submissions that have changed, kept in memory until they are judged

Origins = Mapping[str, dict[str, str]]  # by exercise: what its verdicts depend on, as hashes


@dataclass(frozen=True, eq=False)
class LookedUp:
    """A submission, by exercise: verdicts that still apply, and why the others are to be judged.

    `left` is how many exercises, of this submission and of those after it, are known to be due.
    """

    submission: Submission
    kept: Mapping[str, Verdict]
    due: Mapping[str, str]
    left: int = 0


@dataclass
class Summary:
    """What a batch did: how many exercises it judged, by reason, and how many it left as is."""

    judged: dict[str, int] = field(default_factory=dict)
    kept: int = 0

    def __str__(self) -> str:
        reasons = [f"{count} because of {why}" for why, count in self.judged.items()]
        return f"judged: {', '.join(reasons) or 'nothing'}; kept: {self.kept}"

    def count(self, found: LookedUp) -> LookedUp:
        """Count the exercises of a submission; return it."""
        self.kept += len(found.kept)
        for why in found.due.values():
            self.judged[why] = self.judged.get(why, 0) + 1
        return found


def origins_of(course: Course, assignment: str) -> Origins:
    """What the verdicts on each exercise depend on now."""
    return {exercise.name: cache_key(course, assignment, exercise)
            for exercise in course.exercises(assignment)}


def look_up(course: Course, assignment: str, students: list[str], origins: Origins,
            read: Callable[[str], Submission], again: bool, summary: Summary
            ) -> Iterator[LookedUp]:
    """Yield first the submissions of which every verdict still applies, then those to be judged.

    A submission is read once, when its turn comes; but one that has changed under verdicts that
    could apply is read again where more than HELD of them wait. Whether an old verdict can still
    apply is decided without reading it; with `again`, none does. `summary` counts what is found.
    """
    last = last_entries(course, assignment)

    def look(student: str) -> LookedUp:
        entries = {exercise: last.get((student, exercise)) for exercise in origins}
        return _look(read(student), entries, origins, again)

    due = dict[str, int]()  # by student, how many exercises are known to be due
    held = dict[str, LookedUp]()
    for student in students:
        due[student] = sum(again or not _may_apply(last.get((student, exercise)), origins)
                           for exercise in origins)
        if due[student]:
            continue  # read when its turn comes
        found = look(student)
        due[student] = len(found.due)
        if not found.due:
            yield summary.count(found)
        elif len(held) < HELD:
            held[student] = found
    left = sum(due.values())
    for student, number in due.items():
        if not number:
            continue
        found = held.pop(student) if student in held else look(student)
        yield summary.count(replace(found, left=left))
        left -= number


def _may_apply(entry: Entry | None, origins: Origins) -> bool:
    """Whether an entry's verdict applies as long as the submission has not changed."""
    return bool(entry and entry.origin and not changed(entry.origin, origins[entry.exercise]))


def _look(submission: Submission, entries: Mapping[str, Entry | None], origins: Origins,
          again: bool) -> LookedUp:
    kept, due = dict[str, Verdict](), dict[str, str]()
    for exercise, entry in entries.items():
        fingerprint = submission.fingerprints[exercise]
        why = "--again" if again else _why(entry, fingerprint, origins[exercise])
        if entry is not None and not why:
            kept[exercise] = entry.verdict
        else:
            due[exercise] = why
    return LookedUp(submission, kept, due)


def _why(entry: Entry | None, fingerprint: str, now: dict[str, str]) -> str:
    """Why an exercise is to be judged; empty where its verdict applies."""
    if entry is None:
        return "no verdict so far"
    if not entry.origin:
        return "no verdict last time"
    return " and ".join([*([SUBMISSION] if entry.fingerprint != fingerprint else []),
                         *changed(entry.origin, now)])
