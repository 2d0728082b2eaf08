"""What goes out: each person's result part by part, with the sentences that feedback pages show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder import roster
from autograder.course import Course, CourseError
from autograder.faults import Faults, Step
from autograder.gradebook import book, native
from autograder.intake.platforms.person import Person, students
from autograder.intake.received import notes
from autograder.journal import latest
from autograder.release import source
from autograder.report import grades
from autograder.report.feedback.write import path as page_path
from autograder.report.members import NOT_ON_ROSTER
from autograder.roster import Roster


@dataclass(frozen=True)
class Part:
    """One part; `points` is None where a person has still to grade it."""

    name: str
    points: float | None
    max_points: float
    by_hand: bool
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """One person's result. `points` is the total, with all that is taken off or capped."""

    student: str
    group: str
    points: float
    max_points: float
    parts: tuple[Part, ...]
    pages: tuple[tuple[str, Path], ...] = ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """The parts that a person has still to grade."""
        return tuple(part.name for part in self.parts if part.points is None)

    @property
    def off(self) -> float:
        """How much less the total is than the parts together."""
        return round(sum(part.points or 0 for part in self.parts) - self.points, 2)


@dataclass(frozen=True)
class Trouble:
    """Whose grade does not reach the platform as it should, and why."""

    who: str
    what: str


def results(course: Course, name: str) -> tuple[list[Result], list[Trouble]]:
    """The results of an assignment or a homework, and the rows that have none.

    Raises CourseError where some of it has not been graded yet.
    """
    assignments = course.together(name)
    missing = [one for one in assignments if not native.has_assignment(course, one)]
    if missing:
        raise CourseError(f"Nothing of {', '.join(missing)} is graded yet. Try: autograder grade "
                          f"{name} FOLDER-OF-ZIPS")
    known = {part: (points, by_hand) for assignment in assignments
             for part, points, by_hand in _parts(course, assignment)}
    said = _said(course, assignments)
    found, troubles, guarded = [], [], Faults(course, name)
    for line in grades.by_person(course, name, grades.lines(course, name)):
        if line.points is None or line.parts is None or not line.student:
            troubles.append(Trouble(line.student or line.upload, "; ".join(
                (*line.happened, *line.flags)) or "not graded"))
        elif NOT_ON_ROSTER in line.flags:
            troubles.append(Trouble(line.student, NOT_ON_ROSTER))
        else:
            with guarded.guard(Step.EXPORT, line.student):
                owners = [one for one in (line.student, line.group) if one]
                parts = tuple(Part(part, points, *known.get(part, (0.0, True)), tuple(
                    sentence for owner in owners for sentence in said.get((owner, part), ())))
                    for part, points in line.parts.items())
                found.append(Result(line.student, line.group, line.points, line.max_points, parts,
                                    tuple(_pages(course, name, owners))))
    troubles += [Trouble(fault.student, fault.flag) for fault in guarded.failed]
    return found, troubles


def settled(found: Iterable[Result], partial: bool) -> tuple[list[Result], list[Trouble]]:
    """The results that may go out; of those that wait for a person, only where that is wanted."""
    out, troubles = [], []
    for result in found:
        if result.waiting and not partial:
            troubles.append(Trouble(result.student, "left out, a person has still to grade "
                                                    f"{', '.join(result.waiting)}"))
        else:
            out.append(result)
    return out, troubles


def matched(course: Course, name: str, persons: Iterable[Person]) -> dict[Person, str]:
    """Which students the rows of a platform's table are."""
    path = course.root / course.toml.course.roster
    people = roster.of(course) if path.is_file() else Roster()
    senders = {note.sender: note.student for assignment in course.together(name)
               if not course.assignment(assignment).groups
               for note in notes(course, assignment) if note.sender and note.student}
    return students(course, people, persons, senders)


def unmatched(out: Iterable[Result], on_table: Mapping[Person, str], table: str
              ) -> list[Trouble]:
    """Who has a grade, and no row in the platform's table."""
    there = set(on_table.values())
    return [Trouble(result.student, f"has a grade, and no row in {table} is theirs for certain")
            for result in out if result.student not in there]


def above_maximum(who: str, points: float, most: float, platform: str) -> list[Trouble]:
    """A trouble where somebody has more points than a platform's maximum; none where not."""
    if round(points, 2) <= round(most, 2):
        return []
    return [Trouble(who, f"has {points:g} points, and the maximum in {platform} is {most:g}: look "
                         "whether it took them, or enter them there by hand")]


def _parts(course: Course, assignment: str) -> Iterable[tuple[str, float, bool]]:
    """Each part's name and points, and whether a person grades it."""
    for exercise in course.exercises(assignment):
        notebook = source.read_notebook(exercise)
        judged = source.judged_parts(notebook)
        for part, points in source.parts(notebook).items():
            yield part, points, part not in judged


def _said(course: Course, assignments: list[str]) -> dict[tuple[str, str], list[str]]:
    """By owner and part, what the feedback page says: the judge's sentences, a person's comment."""
    said: dict[tuple[str, str], list[str]] = {}
    for assignment in assignments:
        for owner, verdicts in latest(course, assignment).items():
            for part in (part for verdict in verdicts for part in verdict.parts):
                said[owner, part.part] = [*part.says, *part.remarks]
        for owner, comments in book.comments(course, assignment).items():
            for cell, comment in comments.items():
                said.setdefault((owner, cell.removesuffix("-solution")), []).append(comment)
    return said


def _pages(course: Course, name: str, owners: list[str]) -> Iterable[tuple[str, Path]]:
    """The feedback: one page on everything where there is one, else nbgrader's pages."""
    one = page_path(course, name, owners[0])
    if one.is_file():
        yield one.name, one
        return
    for owner in owners:
        for assignment in course.together(name):
            for page in sorted((course.feedback / owner / assignment).rglob("*.html")):
                if page.is_file() and not page.is_symlink():
                    yield f"{assignment}/{page.name}", page
