"""People of the roster who handed nothing in: each has a row, and is on the list for a person."""

from __future__ import annotations

from collections.abc import Iterable

from autograder import roster
from autograder.course import Course
from autograder.intake.received import notes
from autograder.report.line import Line

NOTHING = "nothing was handed in"


def absent(course: Course, name: str, known: Iterable[str] = ()) -> list[str]:
    """The students, or the groups, of the roster from whom nothing came; none without a roster.

    Of a homework, nothing for any of its assignments. Where groups hand in, people without a group
    are among them. Whoever is `known` to the gradebook handed something in.
    """
    path = course.root / course.toml.course.roster
    if not course.toml.course.roster or not path.is_file():
        return []
    people = roster.of(course)
    here = set(known)
    assignments = course.together(name)
    for assignment in assignments:
        here |= {row.student for row in notes(course, assignment)}
        here |= {folder.parent.name for folder in course.submitted.glob(f"*/{assignment}")}
    if any(course.assignment(assignment).groups for assignment in assignments):
        expected = [*people.groups, *(one.id for one in people.members if not one.group)]
        return [one for one in expected if one not in here]
    return [one.id for one in people.members if one.id not in here]


def rows(course: Course, name: str, graded: Iterable[Line]) -> list[Line]:
    """A row of the report, without points, for each of them who is not among the `graded`.

    It has no flag: a batch is no worse for people who hand nothing in. The list for a person has
    them.
    """
    homework = course.toml.homeworks.get(name)
    most = homework.max_points if homework else course.assignment(name).max_points
    return [Line(one, "", None, None, most, (NOTHING,), ())
            for one in absent(course, name, (line.student for line in graded))]
