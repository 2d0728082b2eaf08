"""Example answers: what a few students wrote in the place that a sentence is about, nameless."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from autograder.course import Course, Exercise
from autograder.faults import Faults, Step
from autograder.journal import Entry
from autograder.judge.work import Work, read_work
from autograder.release.parts import Place, places, places_of_misconceptions
from autograder.release.source import read
from autograder.report.classpage.answers import answer
from autograder.report.classpage.nameless import Nameless

ENOUGH, TRIED = 2, 8  # examples, and submissions that are looked into for them


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
        """Answers of those whose values are a misconception's, where it would edit them."""
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
    """Where answers to an exercise stand, by misconception and by part, and its own texts.

    What stands in `texts` is nobody's name.
    """

    def __init__(self, exercise: Exercise) -> None:
        found = read(exercise)
        files = (path.read_text() for path in exercise.files if path.suffix == ".py")
        self.texts = (*(cell.source for cell in found.notebook.cells), *files)
        self.parts = {part: some[0] for part, some in places(exercise, found).items() if some}
        self.misconceptions = places_of_misconceptions(exercise, found)
