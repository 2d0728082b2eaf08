"""Moodle: "Download all submissions", in folders or flat, and the grading worksheet.

    Ada Example_123456_assignsubmission_file_/2026_00001_coding.zip    (before 4.1 with a last _)
    Ada Example_123456_assignsubmission_file_2026_00001_coding.zip     (flat)

The number is the participant's in this one assignment; where teams hand in, it is the team's. A
full name holds no _ there: Moodle puts spaces instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from autograder.course import CourseError
from autograder.intake.platforms.upload import Person, Platform, Tree, Upload, same_name
from autograder.table import Table

NAME = "Moodle"
ENTRY = re.compile(r"(?P<name>[^_]+)(?:_(?P<number>\d+))?_assignsubmission_(?P<plugin>[a-z]+)"
                   r"(?:_(?P<file>.*))?", re.S)
BLIND = "Participant"  # stands for every name where marking is anonymous
# As Moodle writes them in English, on a clock of twelve or of twenty-four hours.
TIMES = ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M", "%A, %B %d, %Y, %I:%M %p",
         "%A, %B %d, %Y, %H:%M", "%d %B %Y, %I:%M %p", "%d %B %Y, %H:%M", "%Y-%m-%d %H:%M",
         "%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True)
class Worksheet:
    """The grading worksheet: a row for each participant of the assignment."""

    table: Table
    grade: int
    comments: int | None
    most: int | None
    changeable: int | None
    people: list[Person]

    @classmethod
    def of(cls, table: Table, zone: ZoneInfo) -> Worksheet:
        """Raises CourseError where a table is no grading worksheet in English."""
        identifier, grade = table.column("Identifier"), table.column("Grade")
        if identifier is None or grade is None:
            raise CourseError(
                f"{table.path} is no grading worksheet of Moodle: it has no columns Identifier and "
                "Grade. Set your language in Moodle to English, then download the worksheet again.")
        return cls(table, grade, table.column("Feedback comments"),
                   table.column("Maximum Grade", "Maximum grade"),
                   table.column("Grade can be changed"), _people(table, identifier, zone))

    def person(self, found: Person) -> Person:
        """The person in the worksheet that a folder is from, else the person in its name.

        A team's number is not a participant's, though it may look like one.
        """
        of_team = [one for one in self.people if one.group and one.group == found.name]
        for one in self.people:
            agrees = not one.name or not found.name or same_name(one.name, found.name)
            if one.number == found.number and agrees:
                return one
        return replace(found, group=found.name, handed_in=of_team[0].handed_in,
                       late=of_team[0].late, doubt=of_team[0].doubt) if of_team else found


def is_download(names: Iterable[str]) -> bool:
    """Whether any of these names has Moodle's form, which no other platform uses."""
    return any(ENTRY.fullmatch(name) for name in names)


def uploads(tree: Tree, worksheet: Worksheet | None) -> list[Upload]:
    """The uploads, with their senders by name and worksheet; other files have no sender."""
    return [_upload(place, tree, worksheet) for place in tree]


def participants(names: Iterable[str]) -> set[str]:
    """The participants' numbers in the names of a download."""
    return {found["number"] for name in names if (found := ENTRY.fullmatch(name))}


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """A time in the worksheet's form; None for "-", and for one in another language."""
    text = " ".join(text.split())  # a narrow space may stand before PM
    for form in TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone)
        except ValueError:
            continue
    return None


def _upload(place: PurePosixPath, tree: Tree, worksheet: Worksheet | None) -> Upload:
    found = ENTRY.fullmatch(place.parts[0])
    if not found:
        return Upload(tree[place], place.name, str(place))
    person = Person(NAME, found["number"] or "",
                    "" if found["name"] == BLIND else found["name"])
    person = worksheet.person(person) if worksheet else person
    name = place.name if len(place.parts) > 1 else found["file"] or place.name
    return Upload(tree[place], name, str(place), person, person.handed_in, person.late)


def _people(table: Table, identifier: int, zone: ZoneInfo) -> list[Person]:
    name, group = table.column("Full name"), table.column("Group")
    number, status = table.column("ID number"), table.column("Status")
    time = table.column("Last modified (submission)")
    people = []
    for row in range(1, len(table.rows)):
        found = re.search(r"(\d+)\s*$", table.value(row, identifier))
        if not found:
            continue
        states = table.value(row, status).split(" - ")
        late = any(one.endswith(" late") for one in states)
        at = moment(table.value(row, time), zone)
        ids = tuple(filter(None, [table.value(row, number).strip()]))
        people.append(Person(NAME, found[1], table.value(row, name).strip(), ids,
                             table.value(row, group).strip(),
                             at, late, row, _doubt(states, table.value(row, time).strip(), at)))
    return people


def _doubt(status: list[str], time: str, read: datetime | None) -> str:
    """A sentence on what a person should look at in a row of the worksheet."""
    doubts = []
    if any(one.strip().casefold().startswith("draft") for one in status):
        doubts.append("Moodle has it as a draft that was not submitted: decide whether it counts")
    if read is None and time not in ("", "-"):
        doubts.append(f"Moodle's worksheet says that it was handed in at {time[:60]!r}, which "
                      "cannot be read: look whether it is late")
    return "; ".join(doubts)


MOODLE = Platform(
    ENTRY, "grading worksheet of Moodle in English", lambda course, names: is_download(names),
    lambda course, table: Worksheet.of(table, course.zone), participants,
    lambda course, tree, worksheet: uploads(tree, worksheet))
