"""Rounds of cross-feedback: the reviewer of each group, drawn once from a seed and kept.

    crossfeedback/NAME/
        assignment.json          seed, letters, pairs, and a token for each notebook handed out
        out/GROUP/               the notebook that GROUP comments on
        comments.json            the comments that came back
        done.jsonl               those that a person is done with (done.py)
        report.csv               the groups that took part
        earlier/N/               rounds that were drawn anew
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.crossfeedback.comment_cells import released_file
from autograder.files import UNLIKE, write_file
from autograder.intake.records import note_of
from autograder.roster import Roster

ASSIGNMENT, COMMENTS, OUT = "assignment.json", "comments.json", "out"
KEY = "crossfeedback"  # in the metadata of what is handed out


@dataclass(frozen=True)
class Round:
    """One round of cross-feedback. All maps are by a group's name.

    reviews: the group whose notebook it comments on
    letters: its name in what is handed out
    tokens: identify the notebook that it got when that comes back
    """

    assignment: str
    seed: int
    reviews: dict[str, str]
    letters: dict[str, str]
    tokens: dict[str, str]

    def reviewer_of(self, letter: str) -> str | None:
        """The reviewer of the group of this letter."""
        return next((reviewer for reviewer, reviewed in self.reviews.items()
                     if self.letters[reviewed] == letter), None)


def folder(course: Course, assignment: str) -> Path:
    return course.grading / "crossfeedback" / assignment


def draw(assignment: str, groups: Iterable[str], seed: int) -> Round:
    """Draw a round among groups: one cycle through all of them, and letters in another order.

    On a cycle no group reviews itself and, from three groups on, no two review each other.
    Raises CourseError where there are fewer than two.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise CourseError(f"{len(names) or 'No'} group{'s'[len(names) == 1:]} handed in "
                          f"{assignment}; cross-feedback takes two at least.")
    generator = random.Random(seed)
    cycle = generator.sample(names, len(names))
    lettered = generator.sample(names, len(names))
    return Round(
        assignment, seed, dict(sorted(zip(cycle, [*cycle[1:], cycle[0]], strict=True))),
        {name: letter(index) for index, name in enumerate(lettered)},
        # Digits only: no name can stand in a token by chance.
        {name: str(secrets.randbelow(10 ** 30)).zfill(30) for name in names})


def letter(index: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    before, last = divmod(index, 26)
    return (letter(before - 1) if before else "") + chr(ord("A") + last)


def load(course: Course, assignment: str) -> Round:
    """The present round. Raises CourseError where none was drawn."""
    path = folder(course, assignment) / ASSIGNMENT
    if not path.is_file():
        raise CourseError(f"Nobody reviews anybody's {assignment} yet. First: autograder "
                          f"crossfeedback assign {assignment}")
    try:
        return Round(**json.loads(path.read_text(encoding="utf-8")))
    except UNLIKE as error:
        raise CourseError(f"{path} cannot be read ({error}). Restore it: without it nobody knows "
                          "whose comments come back.") from None


def settle(course: Course, assignment: str, groups: Iterable[str], seed: int | None = None,
           again: bool = False) -> Round:
    """The round among `groups`: the present one or, where there is none, a new one.

    Raises CourseError where the present one would change and `again` does not allow it. With
    `again` the earlier round is put aside, with all that came back in it.
    """
    names = set(groups)
    path = folder(course, assignment) / ASSIGNMENT
    if path.is_file():
        drawn = load(course, assignment)
        changes = _changes(drawn, names, seed)
        if not changes and not again:
            return drawn
        if not again:
            raise CourseError(
                f"Who reviews whom is settled for {assignment}, and it would change: "
                f"{'; '.join(changes)}. To draw anew, and hand out anew: autograder crossfeedback "
                f"assign {assignment} --again. The earlier round is kept in "
                f"{path.parent / 'earlier'}.")
    drawn = draw(assignment, names, secrets.randbelow(10 ** 6) if seed is None else seed)
    _put_aside(path.parent)
    write_json(path, asdict(drawn))
    return drawn


def _changes(drawn: Round, names: set[str], seed: int | None) -> list[str]:
    new, gone = sorted(names - set(drawn.reviews)), sorted(set(drawn.reviews) - names)
    changes = [f"{', '.join(new)} handed in since"] if new else []
    changes += [f"what {', '.join(gone)} handed in is gone"] if gone else []
    changes += [f"it was drawn with the seed {drawn.seed}, not {seed}"] if seed not in (
        None, drawn.seed) else []
    return changes


def _put_aside(place: Path) -> None:
    """Move the files of an earlier round into a folder of its own."""
    left = [path for path in place.glob("*") if path.name != "earlier"]
    if left:
        earlier = place / "earlier"
        aside = earlier / str(len(list(earlier.glob("*"))) + 1)
        aside.mkdir(parents=True)
        for path in left:
            path.rename(aside / path.name)


def earlier_tokens(course: Course, assignment: str) -> set[str]:
    """The tokens of rounds that were put aside."""
    return {token for path in folder(course, assignment).glob(f"earlier/*/{ASSIGNMENT}")
            for token in json.loads(path.read_text(encoding="utf-8"))["tokens"].values()}


def write_json(path: Path, data: object) -> None:
    """Write a file whole or not at all."""
    write_file(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def handed_in(course: Course, assignment: str, roster: Roster, exercise: str) -> dict[str, Path]:
    """The notebook of each group that handed one in.

    A submission is under the group's name or under a member's id; the newest counts. A released
    notebook, which intake puts in the place of an unreadable one, does not.
    """
    released = released_file(course, assignment, exercise)
    empty = released.read_bytes() if released.is_file() else None
    found = {}
    for group, members in roster.groups.items():
        paths = [course.submitted / owner / assignment / f"{exercise}.ipynb"
                 for owner in (group, *(member.id for member in members))
                 if not _unreadable(course, assignment, owner)]
        paths = [path for path in paths if path.is_file() and path.read_bytes() != empty]
        if paths:
            found[group] = max(paths, key=lambda path: path.stat().st_mtime)
    return found


def _unreadable(course: Course, assignment: str, owner: str) -> bool:
    note = note_of(course, assignment, owner)
    return note is not None and bool(note.problem)
