"""The content of the page as plain values, with no more about people than it may show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from autograder.course import Course
from autograder.exercise.edits import read_changes
from autograder.journal import Entry
from autograder.report.class_report.data import ClassData, ReportPart
from autograder.report.class_report.examples import Examples, Nameless
from autograder.report.class_report.losses import Losses, Met, losses, met
from autograder.report.class_report.statistics import Analysis, Distribution, analyse, distribution
from autograder.report.class_report.times import Times, times
from autograder.report.class_report.written import WrittenQuestion

MANY = 40  # misconceptions that are shown with examples


@dataclass(frozen=True)
class Counts:
    """How many submissions there are of each kind; one may be of several.

    absent: how many members or groups of the roster sent nothing; None without a roster
    """

    handed_in: int
    graded: int
    waiting: int
    flagged: int
    unreadable: int
    unidentified: int
    absent: int | None
    absentees: tuple[str, ...] = ()


@dataclass(frozen=True)
class Student:
    """One row of the list of students."""

    student: str
    name: str
    total: float | None
    parts: tuple[float | None, ...]
    flags: int


@dataclass(frozen=True)
class Misconception:
    """A misconception that was met by `count` of the `judged` submissions."""

    name: str
    part: str
    says: str
    count: int
    judged: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Unnamed:
    """A general sentence that students saw, the points lost with it, and examples of answers."""

    sentence: str
    count: int
    points: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class PartLosses:
    """What points were lost for in one part, and what could not be named."""

    losses: Losses
    unnamed: tuple[Unnamed, ...]


@dataclass(frozen=True)
class ClassReport:
    """All that the page shows. Nothing on an anonymous one identifies a person."""

    name: str
    title: str
    anonymous: bool
    who: str
    max_points: float
    counts: Counts
    totals: Distribution | None
    students: tuple[Student, ...]
    parts: tuple[ReportPart, ...]
    analysis: Analysis
    incomplete: int
    misconceptions: tuple[Misconception, ...]
    losses: tuple[PartLosses, ...]
    times: Times
    written: tuple[WrittenQuestion, ...]


def class_report(course: Course, found: ClassData, anonymous: bool) -> ClassReport:
    """Put the report together; `anonymous` leaves out whatever identifies a person."""
    read = found.read
    most = max((row.max_points for row in found.rows), default=0.0)
    scores = found.scores(read)
    entries = found.all_entries
    nameless = Nameless(found.roster, {row.student for row in found.rows}
                        | {entry.student for entry in entries})
    examples = Examples(course, found.name, {
        exercise: assignment for assignment in course.together(found.name)
        for exercise in course.assignment(assignment).exercises}, nameless)
    summed = times((batch for some in found.batches.values() for batch in some), entries)
    names = [part.name for part in found.parts]
    return ClassReport(
        found.name, found.title, anonymous, "groups" if found.groups else "students", most,
        _counts(found, anonymous),
        distribution([row.points for row in read if row.points is not None], most),
        () if anonymous else _students(found, names),
        found.parts, analyse(names, [part.max_points for part in found.parts], scores),
        len(read) - len(scores), _misconceptions(course, entries, examples),
        _losses([part.name for part in found.parts if not part.by_hand], entries, examples,
                nameless),
        _anonymous(summed) if anonymous else summed,
        tuple(_nameless(question, nameless) for question in found.written))


def _counts(found: ClassData, anonymous: bool) -> Counts:
    rows = found.rows
    there = {row.student for row in rows} | {row.group for row in rows}
    everybody = (list(found.roster.groups) if found.groups
                 else [member.id for member in found.roster.members])
    absent = tuple(one for one in everybody if one not in there)
    read = found.read
    waiting = sum(None in (row.parts or {}).values() for row in read)
    unidentified = sum(row.points is None for row in rows)
    return Counts(
        len(rows), len(read) - waiting, waiting, sum(bool(row.flags) for row in rows),
        len(rows) - len(read) - unidentified, unidentified, len(absent) if everybody else None,
        () if anonymous else absent)


def _students(found: ClassData, names: list[str]) -> tuple[Student, ...]:
    people = {member.id: member.name for member in found.roster.members}
    return tuple(Student(row.student or row.upload, people.get(row.student, ""), row.points,
                         tuple((row.parts or {}).get(name) for name in names), len(row.flags))
                 for row in found.rows)


def _misconceptions(course: Course, entries: list[Entry], examples: Examples
                    ) -> tuple[Misconception, ...]:
    exercises = {entry.exercise for entry in entries}
    says = {(change.part, change.name): change.says for exercise in sorted(exercises)
            for change in read_changes(course.exercise(exercise), "misconception")}
    judged = Counter(part.part for entry in entries for part in entry.verdict.parts)

    def shown(number: int, one: Met) -> Misconception:
        own = examples.of_misconception(one.name, one.entries) if number < MANY else ()
        return Misconception(
            one.name, one.part, says.get((one.part, one.name), "(no longer in the exercise)"),
            len(one.entries), judged[one.part], own)

    return tuple(shown(number, one) for number, one in enumerate(met(entries)))


def _losses(parts: Iterable[str], entries: list[Entry], examples: Examples, nameless: Nameless
            ) -> tuple[PartLosses, ...]:
    return tuple(
        PartLosses(replace(one, sentences=[]), tuple(
            Unnamed(nameless.clean(general.sentence), len(general.entries), general.points,
                    examples.of_part(one.part, general.entries)) for general in one.sentences))
        for one in losses(parts, entries))


def _nameless(question: WrittenQuestion, nameless: Nameless) -> WrittenQuestion:
    """A question without the names that a grader may have put into an item."""
    return replace(question, items=tuple(
        replace(item, text=nameless.clean(item.text)) for item in question.items))


def _anonymous(summed: Times) -> Times:
    """Times and failures without the students' ids."""
    return replace(
        summed, slowest=tuple(replace(one, student="") for one in summed.slowest),
        failures=tuple(replace(one, students=()) for one in summed.failures))
