"""Hand out an anonymous notebook to each group that takes part."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.course import Course, CourseError
from autograder.crossfeedback import rounds
from autograder.crossfeedback.anonymise import anonymous
from autograder.crossfeedback.comment_cells import commented_exercise
from autograder.crossfeedback.rounds import OUT, Round
from autograder.faults import Faults, Step
from autograder.files import replacing
from autograder.results import words
from autograder.roster import Roster


@dataclass(frozen=True)
class HandedOut:
    """A round, the file of each reviewing group, and the groups that take no part.

    The reviewer of a notebook that could not be made anonymous has no file; `failed` has the
    reason.
    """

    round: Round
    files: dict[str, Path]
    absent: tuple[str, ...]
    failed: tuple[str, ...] = ()


def assign(course: Course, assignment: str, roster: Roster, seed: int | None = None,
           again: bool = False) -> HandedOut:
    """Settle the round and write the notebook for each group.

    Only groups that handed in take part. Raises CourseError where they are fewer than two, or where
    an earlier round would change and `again` does not allow it.
    """
    commented = commented_exercise(course, assignment)
    if not roster.groups:
        raise CourseError("Cross-feedback is between groups, and the roster names none. Fill its "
                          "column `group`, and name it as `roster` in course.toml.")
    works = rounds.handed_in(course, assignment, roster, commented.exercise.name)
    drawn = rounds.settle(course, assignment, works, seed, again)
    out = rounds.folder(course, assignment) / OUT
    shutil.rmtree(out, ignore_errors=True)
    files, guarded = {}, Faults(course, assignment)
    for reviewer, reviewed in drawn.reviews.items():
        letter = drawn.letters[reviewed]
        with guarded.guard(Step.HAND_OUT, reviewed):
            notebook = anonymous(nbformat.read(works[reviewed], as_version=4), commented, reviewed,
                                 roster.groups[reviewed], letter, drawn.tokens[reviewer])
            path = out / reviewer / f"{commented.exercise.name}-group-{letter}.ipynb"
            with replacing(path) as partial:
                nbformat.write(notebook, partial)
            files[reviewer] = path
    return HandedOut(drawn, files, tuple(group for group in roster.groups if group not in works),
                     tuple(f"{fault.student}: {words.english(fault.reason)}"
                           for fault in guarded.failed))
