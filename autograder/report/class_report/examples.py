"""Example answers: what a few students wrote where a sentence of the report applies, anonymous."""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from collections.abc import Callable, Iterable

from autograder.cells import marks
from autograder.course import Course, Exercise
from autograder.crossfeedback.redaction import REMOVED, Names, mentioned
from autograder.exercise.parts import Place, places, places_of_misconceptions, written
from autograder.exercise.source import read
from autograder.faults import Faults, Step
from autograder.intake.notebook.cells import parsed
from autograder.journal import Entry
from autograder.judge.work import Work, read_work
from autograder.roster import Member, Roster

ENOUGH, TRIED = 2, 8  # examples, and submissions that are looked into for them
MOST_LINES, LONGEST_LINE = 60, 200  # of an example
SHORTEST_ID = 3  # signs of an id; a shorter one, or a short number, is any number


class Examples:
    """Finds examples in what lies in submitted/. `assignments` maps exercises to theirs.

    `name` is what the report is on: a fault of a submission is noted under it.
    """

    def __init__(self, course: Course, name: str, assignments: dict[str, str], nameless: Nameless
                 ) -> None:
        self._faults = Faults(course, name)
        self._course, self._assignments, self._nameless = course, assignments, nameless
        self._read = functools.lru_cache(maxsize=256)(self._work)
        self._of_exercise = functools.cache(lambda name: _AnswerPlaces(course.exercise(name)))

    def of_misconception(self, name: str, entries: Iterable[Entry]) -> tuple[str, ...]:
        """Answers of students with a misconception, at the place that it would edit."""
        return self._of(entries, lambda source: source.misconceptions.get(name))

    def of_part(self, part: str, entries: Iterable[Entry]) -> tuple[str, ...]:
        """Answers to a part."""
        return self._of(entries, lambda source: source.parts.get(part))

    def _of(self, entries: Iterable[Entry], place_in: Callable[[_AnswerPlaces], Place | None]
            ) -> tuple[str, ...]:
        found: list[str] = []
        # By fingerprints: always the same, and not always the first of the class.
        for entry in sorted(entries, key=lambda one: (one.fingerprint, one.student))[:TRIED]:
            source = self._of_exercise(entry.exercise)
            place = place_in(source)
            with self._faults.guard(Step.EXAMPLE, entry.student):
                work = self._read(entry.student, entry.exercise) if place else None
                text = answer(work, place) if work and place else ""
                text = self._nameless.clean(text, "code", entry.student, source.texts)
                if text.strip() and text not in found:
                    found.append(text)
            if len(found) == ENOUGH:
                break
        return tuple(found)

    def _work(self, student: str, exercise: str) -> Work | None:
        try:
            return read_work(self._course, self._assignments[exercise], student, exercise)
        except Exception:  # it was taken away or changed since; any error can come of a file
            return None


class _AnswerPlaces:
    """The places of answers to an exercise, by misconception and by part, and its own texts.

    No word in `texts` is taken for a person's name.
    """

    def __init__(self, exercise: Exercise) -> None:
        found = read(exercise)
        files = (path.read_text() for path in exercise.files if path.suffix == ".py")
        self.texts = (*(cell.source for cell in found.notebook.cells), *files)
        self.parts = {part: some[0] for part, some in places(exercise, found).items() if some}
        self.misconceptions = places_of_misconceptions(exercise, found)


def answer(work: Work, place: Place) -> str:
    """The text at a place, without its docstring; empty where nothing is there."""
    cells = {str(marks(cell).get("grade_id") or cell.get("id") or number): cell.source
             for number, cell in enumerate(work.notebook.cells)}
    text = written(place, cells, lambda name: work.text(name) or "")
    return _shortened(_without_docstring(textwrap.dedent(text)))


def _without_docstring(text: str) -> str:
    """A function without its docstring; any other text as it is."""
    tree = parsed(text)
    found = tree.body[0] if tree and len(tree.body) == 1 else None
    if (not isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef)
            or ast.get_docstring(found, clean=False) is None
            or found.body[0].lineno == found.lineno):
        return text
    lines, docstring = text.splitlines(), found.body[0]
    return "\n".join([*lines[:docstring.lineno - 1], *lines[docstring.end_lineno:]])


def _shortened(text: str) -> str:
    lines = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..."
             for line in text.splitlines()]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"# ... (cut off here: {len(lines)} lines)"]
    return "\n".join(lines).strip("\n")


class Nameless:
    """Takes the members of a roster, and all who handed in, out of texts.

    ids: everybody with a submission, on the roster or not
    """

    def __init__(self, roster: Roster, ids: Iterable[str]) -> None:
        known = {member.id for member in roster.members}
        self._members = [*roster.members,
                         *(Member(one, "") for one in sorted(set(ids) - known) if one)]
        self._groups = roster.groups

    def clean(self, text: str, kind: str = "text", owner: str = "",
              given: Iterable[str] = ()) -> str:
        """The text without people. `kind` is "code" or "text"; `owner` wrote it.

        given: the exercise's own texts, whose lines and words stay
        """
        members = mentioned(self._members, text)
        if owner in self._groups:
            members += [one for one in self._groups[owner] if one not in members]
        text = Names(owner if owner in self._groups else "", members, given=given).clean(text, kind)
        ids = [re.escape(one.id) for one in members if _telling(one.id)]
        return re.sub(rf"(?<![^\W_])(?:{'|'.join(ids)})(?![^\W_])", REMOVED, text) if ids else text


def _telling(student: str) -> bool:
    return len(student) >= SHORTEST_ID and not (student.isdigit() and len(student) < 5)
