"""Canvas: submissions.zip, and the gradebook as it is exported.

    exampleada_LATE_12345_67890_2026_00001_coding-1.zip

The name without spaces, last name first; LATE where it was; the user; the attachment, whose number
grows from one upload to the next; the student's own name for the file, with a -N from the second
of that name on. Where marking is anonymous, anon_ and five letters stand for name and user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from autograder.course import CourseError
from autograder.intake.platforms.upload import Person, Platform, Tree, Upload
from autograder.table import Table

NAME = "Canvas"
WHO = r"(?:(?P<name>\w+?)_)?(?:(?P<late>LATE|late)_)?(?P<user>\d+|anon_\w{5})"
ENTRY = re.compile(rf"{WHO}_(?P<attachment>\d+)_(?P<file>.+)", re.S)
TYPED = re.compile(rf"{WHO}_(?:text|link)\.html")  # typed on the page, not uploaded
OF_STUDENT = ("Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID",
              "Integration ID", "Root Account", "Section")  # what Canvas wants to see again
TEST_STUDENT = "Student, Test"
POSSIBLE = "Points Possible"


@dataclass(frozen=True)
class Gradebook:
    """The exported gradebook: `above` are the rows above the students'."""

    table: Table
    above: list[int]
    people: list[Person]

    @classmethod
    def of(cls, table: Table) -> Gradebook:
        """Raises CourseError where a table is no gradebook as Canvas exports it."""
        number, section = table.column("ID"), table.column("Section")
        name = table.column("Student", "LastName")
        if number is None or section is None or name is None:
            raise CourseError(f"{table.path} is no gradebook of Canvas: it has no columns Student, "
                              "ID and Section. In Canvas: Grades, Export, Export Entire Gradebook.")
        rows = range(1, len(table.rows))
        people = [row for row in rows if table.value(row, number).strip().isdigit()]
        above = [row for row in rows if row not in people and any(table.rows[row])
                 and row < min(people, default=len(rows) + 1)]
        return cls(table, above, [_person(table, row) for row in people])

    def points_possible(self, column: int) -> str:
        """The value of a column in the row of the possible points."""
        return next((self.table.value(row, column).strip() for row in self.above
                     if POSSIBLE in self.table.value(row, 0)), "")


def is_download(names: Sequence[str], student_id: str) -> bool:
    """Whether most of these names have Canvas's form.

    A student's own name for a file, `task_2026_00001_coding.zip`, may look like one.
    """
    seen = [name for name in names if not name.startswith(".") and not name.endswith(".csv")]
    return 2 * sum(_is_entry(name, student_id) for name in seen) > len(seen)


def uploads(tree: Tree, gradebook: Gradebook | None, student_id: str) -> list[Upload]:
    """The uploads, with their senders by name and gradebook; other files have no sender."""
    known = {person.number: person for person in gradebook.people} if gradebook else {}
    return [_upload(place, tree, known, student_id) for place in tree]


def users(names: Iterable[str]) -> set[str]:
    """The users' numbers in the names of a download."""
    return {found["user"] for name in names
            if (found := ENTRY.fullmatch(name) or TYPED.fullmatch(name))}


def _is_entry(name: str, student_id: str) -> bool:
    found = ENTRY.fullmatch(name)
    if found is None:
        return TYPED.fullmatch(name) is not None
    pair = f"{found['user']}_{found['attachment']}"
    return not re.fullmatch(student_id, pair) or bool(re.fullmatch(student_id, found["user"]))


def _upload(place: PurePosixPath, tree: Tree, known: dict[str, Person], student_id: str
            ) -> Upload:
    found = ENTRY.fullmatch(place.name) or TYPED.fullmatch(place.name)
    if not found or not _is_entry(place.name, student_id) or len(place.parts) > 1:
        return Upload(tree[place], place.name, str(place))
    person = known.get(found["user"]) or Person(NAME, found["user"], found["name"] or "")
    person = replace(person, late=bool(found["late"]))
    parts = found.groupdict()
    return Upload(tree[place], parts.get("file") or place.name, str(place), person,
                  late=person.late, attempt=int(parts.get("attachment") or 0))


def _person(table: Table, row: int) -> Person:
    first, last = table.column("FirstName"), table.column("Student", "LastName")
    name = f"{table.value(row, last)}, {table.value(row, first)}".strip(", ")
    ids = [table.value(row, table.column(column)).strip()
           for column in ("SIS User ID", "SIS Login ID")]
    number = table.value(row, table.column("ID")).strip()
    return Person(NAME, number, name, tuple(filter(None, ids)), row=row)


CANVAS = Platform(
    ENTRY, "gradebook of Canvas",
    lambda course, names: is_download(names, course.toml.course.student_id),
    lambda course, table: Gradebook.of(table), users,
    lambda course, tree, gradebook: uploads(tree, gradebook, course.toml.course.student_id))
