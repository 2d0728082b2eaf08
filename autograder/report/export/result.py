"""What goes out: each person's result part by part, with the sentences that feedback pages show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.exercise import source
from autograder.faults import Faults, Step
from autograder.intake.platforms.upload import Person, students
from autograder.report.feedback.write import path as page_path
from autograder.report.grades import by_person, grade_rows
from autograder.report.read import CourseResults
from autograder.report.submission import GradedSubmission
from autograder.report.totals import NOT_ON_ROSTER, GradeRow
from autograder.results import words


@dataclass(frozen=True)
class PartResult:
    """One part; `points` is None where a person has still to grade it."""

    name: str
    points: float | None
    max_points: float
    by_hand: bool
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudentResult:
    """One person's result. `points` is the total, with all that is taken off or capped."""

    student: str
    group: str
    points: float
    max_points: float
    parts: tuple[PartResult, ...]
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


def student_results(results: CourseResults, name: str
                    ) -> tuple[list[StudentResult], list[Trouble]]:
    """The results of an assignment or a homework, and the rows that have none.

    Raises CourseError where some of it has not been graded yet.
    """
    _demand_grades(results, name)
    known = dict(_released_parts(results.course, name))
    found, troubles, guarded = [], [], Faults(results.course, name)
    for row in by_person(results, name, grade_rows(results, name)):
        if why := _why_left_out(row):
            troubles.append(Trouble(row.who, why))
            continue
        with guarded.guard(Step.EXPORT, row.student):
            found.append(_result(results.course, name, row, known))
    troubles += [Trouble(fault.student, words.english(fault.reason)) for fault in guarded.failed]
    return found, troubles


def _demand_grades(results: CourseResults, name: str) -> None:
    missing = [one for one in results.course.together(name) if not results.is_graded(one)]
    if missing:
        raise CourseError(f"Nothing of {', '.join(missing)} is graded yet. Try: autograder grade "
                          f"{name} FOLDER-OF-ZIPS")


def _released_parts(course: Course, name: str) -> Iterator[tuple[str, tuple[float, bool]]]:
    """By part, its maximum points and whether a person grades it."""
    for assignment in course.together(name):
        for exercise in course.exercises(assignment):
            notebook = source.read_notebook(exercise)
            judged = source.judged_parts(notebook)
            for part, points in source.parts(notebook).items():
                yield part, (points, part not in judged)


def _why_left_out(row: GradeRow) -> str:
    """Why a row is no result; empty where it is one."""
    if row.points is None or row.parts is None or not row.student:
        return "; ".join((*row.happened, *row.flags)) or "not graded"
    return words.english(NOT_ON_ROSTER) if NOT_ON_ROSTER in row.review else ""


def _result(course: Course, name: str, row: GradeRow, known: Mapping[str, tuple[float, bool]]
            ) -> StudentResult:
    """The result that a row is; `known` are the parts that were released."""
    parts = tuple(PartResult(part, points, *known.get(part, (0.0, True)), tuple(
        sentence for one in row.submissions for sentence in _sentences(one, part)))
        for part, points in (row.parts or {}).items())
    owners = [one for one in (row.student, row.group) if one]
    return StudentResult(row.student, row.group, row.points or 0.0, row.max_points, parts,
                         tuple(_pages(course, name, owners)))


def _sentences(submission: GradedSubmission, name: str) -> Iterator[str]:
    """What the feedback page says of a part: the judge's sentences, then a person's comments."""
    for part in submission.part_verdicts:
        if part.part == name:
            yield from (*part.says, *part.remarks)
    for cell, comment in (submission.gradebook.comments if submission.gradebook else {}).items():
        if cell.removesuffix("-solution") == name:
            yield comment


def settled(found: Iterable[StudentResult], partial: bool
            ) -> tuple[list[StudentResult], list[Trouble]]:
    """The results that may go out; of those that wait for a person, only where that is wanted."""
    out, troubles = [], []
    for result in found:
        if result.waiting and not partial:
            troubles.append(Trouble(result.student, "left out, a person has still to grade "
                                                    f"{', '.join(result.waiting)}"))
        else:
            out.append(result)
    return out, troubles


def matched(results: CourseResults, name: str, persons: Iterable[Person]) -> dict[Person, str]:
    """Which students the rows of a platform's table are."""
    course = results.course
    senders = {note.sender: note.student for assignment in course.together(name)
               if not course.assignment(assignment).groups
               for note in results.notes(assignment) if note.sender and note.student}
    return students(course, results.roster, persons, senders)


def unmatched(out: Iterable[StudentResult], on_table: Mapping[Person, str], table: str
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
