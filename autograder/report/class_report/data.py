"""Everything that the class report is made from: gradebook, journal, intake, roster and source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograder.course import CourseError, Exercise
from autograder.exercise import source
from autograder.journal import Entry, path_of, read
from autograder.report.class_report.statistics import Scores
from autograder.report.class_report.times import Batch, batches
from autograder.report.class_report.written import WrittenQuestion, written_questions
from autograder.report.grades import grade_rows
from autograder.report.read import CourseResults
from autograder.report.totals import GradeRow
from autograder.roster import Roster


@dataclass(frozen=True)
class ReportPart:
    """One part of an exercise, as the source has it."""

    name: str
    exercise: str
    max_points: float
    by_hand: bool


@dataclass(frozen=True)
class ClassData:
    """What is known of a homework or an assignment.

    parts: in the order of the notebooks
    rows: a row for each submission; `unreadable` are those of whom nothing could be read
    entries: the last entry on each student's exercise, by assignment
    batches: by assignment
    written: the questions that people grade
    """

    name: str
    title: str
    groups: bool
    parts: tuple[ReportPart, ...]
    rows: tuple[GradeRow, ...]
    unreadable: frozenset[str]
    entries: dict[str, tuple[Entry, ...]]
    batches: dict[str, tuple[Batch, ...]]
    roster: Roster
    written: tuple[WrittenQuestion, ...] = ()

    @property
    def read(self) -> list[GradeRow]:
        """The rows of submissions that could be read: on them rest all statistics."""
        return [row for row in self.rows
                if row.points is not None and not self.unreadable & {row.student, row.group}]

    @property
    def all_entries(self) -> list[Entry]:
        return [entry for some in self.entries.values() for entry in some]

    def scores(self, rows: list[GradeRow]) -> Scores:
        """The points of submissions that hold all parts, [submissions, parts]; NaN for none yet."""
        names = [part.name for part in self.parts]
        points = [[np.nan if row.parts[name] is None else row.parts[name] for name in names]
                  for row in rows if row.parts is not None and set(names) <= set(row.parts)]
        return np.array(points, dtype=float).reshape(-1, len(names))


def gather(results: CourseResults, name: str) -> ClassData:
    """Read all that is known of NAME. Raises CourseError where nothing was graded yet."""
    course, assignments = results.course, results.course.together(name)
    rows = tuple(grade_rows(results, name))
    if not rows:
        raise CourseError(f"Nothing of {name} is graded yet, so there is nothing to report. Run: "
                          f"autograder grade {name} FOLDER-OF-ZIPS")
    unreadable = frozenset(one.owner for one in results.of(name)
                           if one.owner and one.received.problem)
    toml = course.toml
    parts = {one: tuple(part for exercise in course.exercises(one) for part in _parts(exercise))
             for one in assignments}
    titled = toml.homeworks.get(name) or toml.assignments[name]
    return ClassData(
        name, titled.title, name in toml.assignments and toml.assignments[name].groups,
        tuple(part for some in parts.values() for part in some),
        rows, unreadable,
        {one: _readable(results, one, unreadable) for one in assignments},
        {one: tuple(batches(one, read(path_of(course, one)))) for one in assignments},
        results.roster,
        tuple(question for assignment, some in parts.items() for question in written_questions(
            {part.name: part.max_points for part in some if part.by_hand},
            (entry for owner, entry in (results.gradebook(assignment) or {}).items()
             if owner not in unreadable),
            results.question_marks(assignment))))


def _readable(results: CourseResults, assignment: str, unreadable: frozenset[str]
              ) -> tuple[Entry, ...]:
    """The last entry on each exercise of those that could be read."""
    return tuple(entry for student, judged in results.judged(assignment).items()
                 if student not in unreadable for entry in judged.values())


def _parts(exercise: Exercise) -> list[ReportPart]:
    notebook = source.read_notebook(exercise)
    judged = source.judged_parts(notebook)
    return [ReportPart(part, exercise.name, most, part not in judged)
            for part, most in source.parts(notebook).items()]
