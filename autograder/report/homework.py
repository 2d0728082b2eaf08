"""A homework's total: its assignments' points, less a deduction, never over the maximum.

What being late costs comes off each assignment's points first, never more than were earned in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from autograder.report.line import Line
from autograder.settings import Homework


def together(homework: Homework, assignments: Iterable[list[Line]]) -> list[Line]:
    """One row a student, and one for each upload that is nobody's.

    First comes off what being late costs, then the deduction, then what is over the maximum: bonus
    points can make up for points lost elsewhere, for lateness or for the deduction, but nobody
    gets more than the homework's maximum.
    """
    by_student: dict[str, list[Line]] = {}
    nobodys: dict[str, Line] = {}
    for lines in assignments:
        for line in lines:
            if line.student:
                by_student.setdefault(line.student, []).append(line)
            else:
                nobodys[line.upload] = line
    found = [_student(homework, lines) for _, lines in sorted(by_student.items())]
    return found + [Line("", line.upload, None, None, homework.max_points, line.happened,
                         line.flags) for line in nobodys.values()]


def _student(homework: Homework, lines: list[Line]) -> Line:
    parts = {part: points for line in lines for part, points in (line.parts or {}).items()}
    violations = tuple(dict.fromkeys(one for line in lines for one in line.violations))
    waiver = homework.waiver(lines[0].student)
    deduction = homework.deduction if violations and waiver is None else 0.0
    happened = list(dict.fromkeys(one for line in lines for one in line.happened))
    if deduction:
        happened.insert(0, f"{deduction:g} points off: {'; '.join(violations)}")
        happened = [one for one in happened if one not in violations]
    elif violations and homework.deduction:
        happened.append(f"nothing taken off: {waiver}")
    total = sum(line.points or 0.0 for line in lines) - deduction
    return Line(lines[0].student, lines[0].upload, parts,
                round(min(max(total, 0.0), homework.max_points), 2), homework.max_points,
                tuple(happened), tuple(dict.fromkeys(f for line in lines for f in line.flags)),
                violations, deduction, next((line.group for line in lines if line.group), ""),
                next((line.late for line in lines if line.late), None),
                round(sum(line.late_penalty for line in lines), 2),
                any(line.unread for line in lines))
