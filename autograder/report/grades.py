"""The rows of the table, and grades.csv: a row for each upload, none left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from autograder.faults import Faults, Step, faults
from autograder.files import write_table
from autograder.gradebook.queries import GradebookEntry
from autograder.intake.notebook import misplaced
from autograder.late import duration
from autograder.report.read import CourseResults
from autograder.report.submission import GradedSubmission
from autograder.report.totals import GradeRow, by_member, homework_rows
from autograder.results import words
from autograder.results.flag import as_reason
from autograder.results.reason import Code, Reason
from autograder.results.verdict import PartVerdict


def grade_rows(results: CourseResults, name: str) -> list[GradeRow]:
    """The rows of an assignment or of a homework.

    Of a homework, assignments that are not in the gradebook yet have no rows.
    """
    course = results.course
    found = {assignment: _of_assignment(results, assignment) for assignment in course.together(name)
             if assignment == name or results.is_graded(assignment)}
    rows = found[name] if name not in course.toml.homeworks else homework_rows(
        course.toml.homeworks[name],
        [by_person(results, assignment, some) for assignment, some in found.items()])
    failed: dict[str, list[Reason]] = {}
    for fault in faults(course, name):
        failed.setdefault(fault.student, []).append(fault.reason)
    return [_flagged(row, failed) for row in rows]


def by_person(results: CourseResults, name: str, rows: list[GradeRow]) -> list[GradeRow]:
    """The rows with a person each: a group's grade is that of all its members."""
    course = results.course
    if name in course.toml.homeworks or not course.assignment(name).groups:
        return rows
    return by_member(rows, results.roster_of_groups)


def _flagged(row: GradeRow, failed: dict[str, list[Reason]]) -> GradeRow:
    """A row with flags on what failed for it, as `failed` says by student or group."""
    found = [one for owner in (row.student, row.group) if owner for one in failed.get(owner, ())]
    return replace(row, review=tuple(dict.fromkeys((*row.review, *found)))) if found else row


def _of_assignment(results: CourseResults, assignment: str) -> list[GradeRow]:
    """A row for each submission that was entered, or that a step failed for, and for each upload
    that is nobody's."""
    guarded, found = Faults(results.course, assignment), list[GradeRow]()
    for one in results.submissions(assignment):
        if not one.owner:
            found.append(replace(_empty_row(one, one.received.problem),
                                 review=(as_reason("not graded"),)))
        elif one.gradebook is not None or one.faults:
            row = None
            with guarded.guard(Step.ROW, one.owner):
                row = _graded_row(one, one.gradebook) if one.gradebook else None
            found.append(row or _empty_row(one, "not graded"))
    return found


def _empty_row(submission: GradedSubmission, why: str) -> GradeRow:
    """A row without points."""
    return GradeRow(submission.owner, submission.received.upload, None, None,
                    submission.max_points, (why,), (), submissions=(submission,))


def _graded_row(submission: GradedSubmission, graded: GradebookEntry) -> GradeRow:
    """One submission's row."""
    received = submission.received
    return GradeRow(
        submission.owner, received.upload, graded.parts, graded.points, submission.max_points,
        tuple(dict.fromkeys(_happened(submission))), tuple(dict.fromkeys(_review(submission))),
        received.violations, late=submission.late, late_penalty=graded.late_penalty,
        unread=bool(received.problem), submissions=(submission,))


def _happened(submission: GradedSubmission) -> Iterable[str]:
    """What was unusual, and shortly why points were lost."""
    yield from submission.notes
    yield from submission.late.sentences() if submission.late else ()
    yield from submission.events
    if not submission.received.problem:
        yield from _reasons(list(submission.part_verdicts))
    if waiting := submission.waiting:
        yield f"{', '.join(map(_short, waiting))}: to be graded by hand, in formgrader"


def _review(submission: GradedSubmission) -> Iterable[Reason]:
    """What a person should look at, from intake and from the judge."""
    received, parts = submission.received, submission.gradebook
    yield from map(as_reason, received.flags)
    if submission.time_doubt:
        yield as_reason(submission.time_doubt)
    for name, points in submission.again.items():
        yield Reason(Code.GRADED_BEFORE, part=name, points=points)
    for part in submission.part_verdicts:
        yield from part.review
    yield from map(as_reason, misplaced.flags(received.elsewhere, {
        part for part, points in (parts.parts if parts else {}).items() if not points}))


def _reasons(parts: list[PartVerdict]) -> list[str]:
    """The first sentence on each part that lost points; parts that share one stand together."""
    shared: dict[str, list[str]] = {}
    for part in parts:
        if part.says:
            says = words.english(Reason(Code.NOT_WRITTEN)) if part.unwritten else part.says[0]
            shared.setdefault(says, []).append(_short(part.part))
    return [f"{', '.join(names)}: {says}" for says, names in shared.items()]


def _short(part: str) -> str:
    return part.replace("_", " ")


def write_csv(path: Path, found: list[GradeRow]) -> None:
    """Write grades.csv; cells that a spreadsheet would take for formulas are quoted."""
    parts = parts_of(found)
    write_table(path, ["student", "group", "upload", *parts, "deduction", "late", "late_days_used",
                       "late_penalty", "total", "max", "what_happened", "for_a_person"], (
        (row.student, row.group, row.upload,
         *(number((row.parts or {}).get(part)) for part in parts), number(row.deduction),
         *_late(row), number(row.points), number(row.max_points),
         "; ".join(row.happened), "; ".join(row.flags)) for row in found))


def _late(row: GradeRow) -> tuple[str, str, str]:
    """How late, the late days used, and what else was taken off; empty where nothing is late."""
    if not row.is_late:
        return "", "", ""
    by, used = (duration(row.late.late_by), str(row.late.days_used)) if row.late else ("", "")
    return by, used, number(row.late_penalty)


def parts_of(found: list[GradeRow]) -> list[str]:
    """The names of all parts that any of the rows has."""
    return list(dict.fromkeys(part for row in found for part in row.parts or {}))


def number(value: float | None) -> str:
    """Points as people read them; empty where there are none."""
    return "" if value is None else f"{value:g}"
