"""Grade rows: a total for each student, of an assignment, of a homework, of a group's members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from autograder import text
from autograder.late import Applied
from autograder.report.submission import GradedSubmission
from autograder.results import flag, words
from autograder.results.flag import Flag
from autograder.results.reason import Code, Reason, at_most
from autograder.roster import Roster
from autograder.settings import Homework

NOT_ON_ROSTER = Reason(Code.NOT_ON_ROSTER)


@dataclass(frozen=True)
class GradeRow:
    """One row of the table and of grades.csv: a total, its parts, and what happened.

    `parts` and `points` are None where nothing could be graded; a part is None where a person has
    still to grade it. `student` is a group's name in the rows of what groups hand in; `group` is
    that name in the rows of its members. `violations` are the instructions for handing in that were
    not followed, `deduction` what that costs. `late` is what the late rules apply, None without a
    due date; `late_penalty` is taken off `points` already, in those of a homework before the
    deduction and before the cap. `unread` is whether what was handed in could not be read.
    `submissions` are the records that the row is made from.
    """

    student: str
    upload: str
    parts: dict[str, float | None] | None
    points: float | None
    max_points: float
    happened: tuple[str, ...]
    review: tuple[Reason, ...]
    violations: tuple[str, ...] = ()
    deduction: float = 0.0
    group: str = ""
    late: Applied | None = None
    late_penalty: float = 0.0
    unread: bool = False
    submissions: tuple[GradedSubmission, ...] = ()

    def __post_init__(self) -> None:
        for name in ("happened", "violations"):
            object.__setattr__(self, name, flag.all_bounded(getattr(self, name)))
        object.__setattr__(self, "review", at_most(map(flag.as_reason, self.review)))
        object.__setattr__(self, "upload", text.sentence(self.upload))

    @property
    def flags(self) -> tuple[str, ...]:
        """What a person should look at, in English."""
        return tuple(Flag(words.english(one), one.review or flag.Kind.OTHER)
                     for one in self.review)

    @property
    def is_late(self) -> bool:
        """Whether it came late, by the course's rules or, without any, by nbgrader's own."""
        return bool(self.late_penalty or (self.late and self.late.late_by))

    @property
    def who(self) -> str:
        """The student or group; the upload's name where nobody knows its owner."""
        return self.student or self.upload


def homework_rows(homework: Homework, assignments: Iterable[list[GradeRow]]) -> list[GradeRow]:
    """One row a student, and one for each upload that is nobody's.

    First comes off what being late costs, never more than was earned in an assignment; then the
    deduction, then what is over the maximum. Bonus points can make up for points lost elsewhere,
    for lateness or for the deduction, but nobody gets more than the homework's maximum.
    """
    by_student: dict[str, list[GradeRow]] = {}
    nobodys: dict[str, GradeRow] = {}
    for rows in assignments:
        for row in rows:
            if row.student:
                by_student.setdefault(row.student, []).append(row)
            else:
                nobodys[row.upload] = row
    found = [_homework_row(homework, rows) for _, rows in sorted(by_student.items())]
    return found + [GradeRow("", row.upload, None, None, homework.max_points, row.happened,
                             row.review) for row in nobodys.values()]


def _homework_row(homework: Homework, rows: list[GradeRow]) -> GradeRow:
    """A student's row of a homework, from those of its assignments."""
    student, violations = rows[0].student, _unique(one for row in rows for one in row.violations)
    waiver = homework.waiver(student)
    deduction = homework.deduction if violations and waiver is None else 0.0
    happened = _unique(one for row in rows for one in row.happened)
    if deduction:
        happened = (f"{deduction:g} points off: {'; '.join(violations)}",
                    *(one for one in happened if one not in violations))
    elif violations and homework.deduction:
        happened = (*happened, f"nothing taken off: {waiver}")
    total = sum(row.points or 0.0 for row in rows) - deduction
    return GradeRow(
        student, rows[0].upload,
        {part: points for row in rows for part, points in (row.parts or {}).items()},
        round(min(max(total, 0.0), homework.max_points), 2), homework.max_points,
        happened, tuple(dict.fromkeys(one for row in rows for one in row.review)), violations,
        deduction,
        next((row.group for row in rows if row.group), ""),
        next((row.late for row in rows if row.late), None),
        round(sum(row.late_penalty for row in rows), 2),
        any(row.unread for row in rows),
        tuple(submission for row in rows for submission in row.submissions))


def _unique(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))


def by_member(rows: list[GradeRow], roster: Roster) -> list[GradeRow]:
    """The rows with each group's members in its place; a group of nobody stays, with a flag."""
    found = []
    without_group = {member.id for member in roster.members if not member.group}
    for row in rows:
        members = roster.groups.get(row.student, [])
        found += [replace(row, student=member.id, group=row.student) for member in members]
        if not members:
            unknown = row.student and row.student not in without_group
            review = (*row.review, NOT_ON_ROSTER) if unknown else row.review
            found.append(replace(row, review=review))
    return found


def display_names(people: Roster) -> dict[str, str]:
    """The names of the people on the roster by their ids, and those of groups by theirs."""
    return {**{group: ", ".join(member.name for member in some)
               for group, some in people.groups.items()},
            **{member.id: member.name for member in people.members}}
