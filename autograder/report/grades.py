"""The rows of the report, and grades.csv: a row for each upload, none left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autograder import roster
from autograder.course import Course
from autograder.faults import Faults, Step, faults
from autograder.files import write_table
from autograder.flag import Flag
from autograder.gradebook import book
from autograder.gradebook.native import has_assignment
from autograder.intake import elsewhere
from autograder.intake.received import Received, notes
from autograder.intake.times import late_in, unread
from autograder.journal import latest
from autograder.late import Applied, duration
from autograder.report.homework import together
from autograder.report.line import Line
from autograder.report.members import by_member
from autograder.results.verdict import PartVerdict, Verdict

NOT_WRITTEN = "Not written yet"


def lines(course: Course, name: str) -> list[Line]:
    """The rows of an assignment or of a homework: what gradebook, journal and intake say.

    Of a homework, what is not in the gradebook yet has no rows.
    """
    found = {assignment: _of_assignment(course, assignment)
             for assignment in course.together(name)
             if assignment == name or has_assignment(course, assignment)}
    rows = found[name] if name not in course.toml.homeworks else together(
        course.toml.homeworks[name],
        [by_person(course, assignment, some) for assignment, some in found.items()])
    failed: dict[str, list[Flag]] = {}
    for fault in faults(course, name):
        failed.setdefault(fault.student, []).append(fault.flag)
    return [_flagged(row, failed) for row in rows]


def _flagged(row: Line, failed: dict[str, list[Flag]]) -> Line:
    """A row with flags on what failed for it, as `failed` says by student or group."""
    flags = [flag for owner in (row.student, row.group) if owner for flag in failed.get(owner, ())]
    return replace(row, flags=tuple(dict.fromkeys((*row.flags, *flags)))) if flags else row


def by_person(course: Course, name: str, found: list[Line]) -> list[Line]:
    """The rows with a person each: a group's grade is that of all its members."""
    if name in course.toml.homeworks or not course.assignment(name).groups:
        return found
    return by_member(found, roster.of(course))


def _of_assignment(course: Course, assignment: str) -> list[Line]:
    received, verdicts = notes(course, assignment), latest(course, assignment)
    noted, late = {row.student: row for row in received}, late_in(course, assignment)
    for owner, doubt in unread(course, assignment).items():
        before = noted.get(owner, Received("", owner))
        noted[owner] = replace(before, flags=(*before.flags, doubt))
    most = course.assignment(assignment).max_points
    entered = {row.student: row for row in book.rows(course, assignment)}
    guarded, found = Faults(course, assignment), list[Line]()
    for student in sorted({*entered, *(fault.student for fault in faults(course, assignment)
                                       if fault.name == assignment)}):
        note, line = noted.get(student), None
        with guarded.guard(Step.ROW, student):
            if student in entered:
                line = _graded(entered[student], note, verdicts.get(student, []),
                               late.get(student), most)
        found.append(line or Line(student, note.upload if note else "", None, None, most,
                                  ("not graded",), ()))
    found += [Line("", row.upload, None, None, most, (row.problem,), ("not graded",))
              for row in received if not row.student]
    return found


def write_csv(path: Path, found: list[Line]) -> None:
    """Write grades.csv; cells that a spreadsheet would take for formulas are quoted."""
    parts = parts_of(found)
    write_table(path, ["student", "group", "upload", *parts, "deduction", "late", "late_days_used",
                       "late_penalty", "total", "max", "what_happened", "for_a_person"], (
        (line.student, line.group, line.upload,
         *(number((line.parts or {}).get(part)) for part in parts), number(line.deduction),
         *_late(line), number(line.points), number(line.max_points),
         "; ".join(line.happened), "; ".join(line.flags)) for line in found))


def _late(line: Line) -> tuple[str, str, str]:
    """How late, the late days used, and what else was taken off; empty where nothing is late."""
    if not line.is_late:
        return "", "", ""
    by, used = (duration(line.late.late_by), str(line.late.days_used)) if line.late else ("", "")
    return by, used, number(line.late_penalty)


def parts_of(found: list[Line]) -> list[str]:
    """The names of all parts that any of the rows has."""
    return list(dict.fromkeys(part for line in found for part in line.parts or {}))


def _graded(row: book.Row, note: Received | None, verdicts: list[Verdict], late: Applied | None,
            most: float) -> Line:
    """One student's row: why points were lost, shortly, and what was unusual."""
    happened: list[str] = []
    if note is not None:
        happened += [note.problem] if note.problem else list(note.remarks)
    happened += late.told() if late else ()
    happened += [event for verdict in verdicts for event in verdict.events]
    parts = [part for verdict in verdicts for part in verdict.parts]
    if note is None or not note.problem:
        happened += _reasons(parts)
    nothing = {part for part, points in row.parts.items() if not points}
    flags = [*(note.flags if note else ()), *(flag for part in parts for flag in part.flags),
             *(elsewhere.flags(note.elsewhere, nothing) if note else ())]
    waiting = [_short(part) for part, points in row.parts.items() if points is None]
    if waiting:
        happened.append(f"{', '.join(waiting)}: to be graded by hand, in formgrader")
    return Line(row.student, note.upload if note else "", row.parts, row.points, most,
                tuple(dict.fromkeys(happened)), tuple(dict.fromkeys(flags)),
                note.violations if note else (), late=late, late_penalty=row.late_penalty,
                unread=bool(note and note.problem))


def _reasons(parts: list[PartVerdict]) -> list[str]:
    """The first sentence on each part that lost points; parts that share one stand together."""
    shared: dict[str, list[str]] = {}
    for part in parts:
        if part.says:
            says = "not written yet" if part.says[0].startswith(NOT_WRITTEN) else part.says[0]
            shared.setdefault(says, []).append(_short(part.part))
    return [f"{', '.join(names)}: {says}" for says, names in shared.items()]


def _short(part: str) -> str:
    return part.replace("_", " ")


def number(value: float | None) -> str:
    """Points as people read them; empty where there are none."""
    return "" if value is None else f"{value:g}"
