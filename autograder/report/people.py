"""Compare who handed in with the roster, and extensions and waivers with both."""

from __future__ import annotations

from collections.abc import Iterable

from autograder.report.read import CourseResults
from autograder.report.totals import GradeRow
from autograder.results import words
from autograder.results.reason import Code, Reason
from autograder.suggest import did_you_mean


def absent(results: CourseResults, name: str, known: Iterable[str] = ()) -> list[str]:
    """The students, or the groups, of the roster from whom nothing came; none without a roster.

    Of a homework, nothing for any of its assignments. Where groups hand in, people without a group
    are among them. Whoever is `known` to the gradebook handed something in.
    """
    course, people = results.course, results.roster
    here = set(known)
    assignments = course.together(name)
    for assignment in assignments:
        here |= {note.student for note in results.notes(assignment)}
        here |= {folder.parent.name for folder in course.submitted.glob(f"*/{assignment}")}
    if any(course.assignment(assignment).groups for assignment in assignments):
        expected = [*people.groups, *(one.id for one in people.members if not one.group)]
        return [one for one in expected if one not in here]
    return [one.id for one in people.members if one.id not in here]


def absent_rows(results: CourseResults, name: str, graded: Iterable[GradeRow]) -> list[GradeRow]:
    """A row, without points, for each of the absent who is not among the `graded`.

    It has no flag: a batch is no worse for people who hand nothing in. The todo list has them.
    """
    course = results.course
    homework = course.toml.homeworks.get(name)
    most = homework.max_points if homework else course.assignment(name).max_points
    return [GradeRow(one, "", None, None, most, (words.english(Reason(Code.NOTHING_CAME)),), ())
            for one in absent(results, name, (row.student for row in graded))]


def unknown_grantees(results: CourseResults, name: str = "") -> list[str]:
    """A sentence on each extension and waiver of nobody on the roster or among the submissions.

    Their ids may be mistyped. Of all the course, or of the homework or assignment `name`. Nothing
    where nobody is known yet.
    """
    course, people = results.course, results.roster
    known = {member.id for member in people.members} | people.groups.keys()
    known |= {folder.name for folder in course.submitted.glob("*/")}
    known |= {note.student for one in course.toml.assignments for note in results.notes(one)
              if note.student}
    if not known:
        return []
    granted = [(one.assignment, "the extension", one.student) for one in course.toml.extensions]
    for kind in (course.toml.homeworks, course.toml.assignments):
        granted += [(of, "the waiver", one.student) for of, given in kind.items()
                    for one in given.waivers]
    return [_sentence(of, kind, student, known) for of, kind, student in granted
            if student not in known and name in ("", of)]


def _sentence(of: str, kind: str, student: str, known: set[str]) -> str:
    meant = did_you_mean(student, sorted(known))
    return f"{of}: {kind} of {student}, whom nothing else names{f'; {meant}' if meant else ''}"
