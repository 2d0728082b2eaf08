"""Extensions and waivers of people whom nothing else names: their ids may be mistyped."""

from __future__ import annotations

from autograder import roster
from autograder.course import Course
from autograder.intake.received import notes
from autograder.suggest import did_you_mean


def strangers(course: Course, name: str = "") -> list[str]:
    """A sentence on each extension and waiver of nobody on the roster or among the submissions.

    Of all the course, or of what a homework's or an assignment's `name` says. Nothing where nobody
    is known yet.
    """
    people = roster.known(course)
    known = {member.id for member in people.members} | people.groups.keys()
    known |= {folder.name for folder in course.submitted.glob("*/")}
    known |= {note.student for one in course.toml.assignments for note in notes(course, one)
              if note.student}
    if not known:
        return []
    granted = [(one.assignment, "the extension", one.student) for one in course.toml.extensions]
    for kind in (course.toml.homeworks, course.toml.assignments):
        granted += [(of, "the waiver", one.student) for of, given in kind.items()
                    for one in given.waivers]
    return [_told(of, kind, student, known) for of, kind, student in granted
            if student not in known and name in ("", of)]


def _told(of: str, kind: str, student: str, known: set[str]) -> str:
    meant = did_you_mean(student, sorted(known))
    return f"{of}: {kind} of {student}, whom nothing else names{f'; {meant}' if meant else ''}"
