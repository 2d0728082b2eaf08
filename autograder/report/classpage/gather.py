"""Everything that the class report is made from: gradebook, journal, intake, roster and source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autograder import roster
from autograder.course import Course, CourseError, Exercise
from autograder.intake.received import notes
from autograder.journal import Entry, path_of, read
from autograder.release import source
from autograder.report import grades
from autograder.report.classpage.batch_times import Batch, batches
from autograder.report.classpage.items import Scores
from autograder.report.line import Line
from autograder.roster import Roster


@dataclass(frozen=True)
class Part:
    """One part of an exercise, as the source has it."""

    name: str
    exercise: str
    max_points: float
    by_hand: bool


@dataclass(frozen=True)
class Gathered:
    """What is known of a homework or an assignment.

    parts: in the order of the notebooks
    lines: a row for each submission; `unreadable` are those of whom nothing could be read
    entries: the last entry on each student's exercise, by assignment
    batches: by assignment
    """

    name: str
    title: str
    groups: bool
    parts: tuple[Part, ...]
    lines: tuple[Line, ...]
    unreadable: frozenset[str]
    entries: dict[str, tuple[Entry, ...]]
    batches: dict[str, tuple[Batch, ...]]
    roster: Roster

    @property
    def read(self) -> list[Line]:
        """The rows of submissions that could be read: on them rest all statistics."""
        return [line for line in self.lines
                if line.points is not None and not self.unreadable & {line.student, line.group}]

    @property
    def all_entries(self) -> list[Entry]:
        return [entry for some in self.entries.values() for entry in some]

    def scores(self, lines: list[Line]) -> Scores:
        """The points of submissions that hold all parts, [submissions, parts]; NaN for none yet."""
        names = [part.name for part in self.parts]
        rows = [[np.nan if line.parts[name] is None else line.parts[name] for name in names]
                for line in lines if line.parts is not None and set(names) <= set(line.parts)]
        return np.array(rows, dtype=float).reshape(-1, len(names))


def gather(course: Course, name: str) -> Gathered:
    """Read all that is known of NAME. Raises CourseError where nothing was graded yet."""
    assignments = course.together(name)
    lines = tuple(grades.lines(course, name))
    if not lines:
        raise CourseError(f"Nothing of {name} is graded yet, so there is nothing to report. Run: "
                          f"autograder grade {name} FOLDER-OF-ZIPS")
    unreadable = frozenset(row.student for assignment in assignments
                           for row in notes(course, assignment) if row.problem and row.student)
    last: dict[str, tuple[Entry, ...]] = {}
    found: dict[str, tuple[Batch, ...]] = {}
    for assignment in assignments:
        last[assignment], found[assignment] = _journal(course, assignment, unreadable)
    toml = course.toml
    titled = toml.homeworks.get(name) or toml.assignments[name]
    return Gathered(
        name, titled.title, name in toml.assignments and toml.assignments[name].groups,
        tuple(part for assignment in assignments for exercise in course.exercises(assignment)
              for part in _parts(exercise)),
        lines, unreadable, last, found, _roster(course))


def _journal(course: Course, assignment: str, unreadable: frozenset[str]
             ) -> tuple[tuple[Entry, ...], tuple[Batch, ...]]:
    """The last entry on each exercise of those that could be read, and the batches: one reading."""
    last: dict[tuple[str, str], Entry] = {}

    def kept() -> Iterator[Entry]:
        for entry in read(path_of(course, assignment)):
            last[entry.student, entry.exercise] = entry
            yield entry

    found = batches(assignment, kept())
    return tuple(entry for entry in last.values() if entry.student not in unreadable), tuple(found)


def _parts(exercise: Exercise) -> list[Part]:
    notebook = source.read_notebook(exercise)
    judged = source.judged_parts(notebook)
    return [Part(part, exercise.name, most, part not in judged)
            for part, most in source.parts(notebook).items()]


def _roster(course: Course) -> Roster:
    """The roster, where there is one: a report needs none."""
    named = course.toml.course.roster
    return roster.of(course) if named and (course.root / named).is_file() else Roster()
