"""The roster: who is in the course, and in which group. A CSV file with a header line.

    id,name,group
    2026_00001,Ada Example,1

`group` may be left out where people work alone. Names and groups are for people: they reach
reports, never student code.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.table import Table, unquoted
from autograder.text import on_one_line

COLUMNS = ("id", "name")
READ = ("utf-8", "utf-16-le", "utf-16-be")
SAVE = "Save it as \"CSV UTF-8 (comma delimited)\", or as CSV in UTF-8, and try again."
FORMULA = re.compile(r'="(.*)"')
QUOTED = 300  # characters of the file in a sentence
GROUP = re.compile(r"[\w-]*")  # it names folders


@dataclass(frozen=True)
class Member:
    """One person. `group` is empty where the roster names none."""

    id: str
    name: str
    group: str = ""


@dataclass(frozen=True)
class Roster:
    """All members of the course, in the order of the file."""

    members: tuple[Member, ...] = ()

    @cached_property
    def groups(self) -> dict[str, list[Member]]:
        """The members of each group, by the group's name."""
        groups: dict[str, list[Member]] = {}
        for member in self.members:
            if member.group:
                groups.setdefault(member.group, []).append(member)
        return groups

    def group_of(self, student: str) -> str:
        """The group of a member; empty where there is none."""
        return next((member.group for member in self.members if member.id == student), "")

    def named(self, name: str) -> list[Member]:
        """The members with this full name, whatever its case, spacing, accents' form or order.

        "Example, Ada" is the same name as "Ada Example". More than one may come back.
        """
        return [member for member in self.members if plain(member.name) == plain(name)]


def plain(name: str) -> str:
    """A name as it is compared: composed, folded, its words in the order of the alphabet."""
    words = unicodedata.normalize("NFKC", name).casefold().replace(",", " ").split()
    return " ".join(sorted(words))


def of(course: Course) -> Roster:
    """The roster that course.toml names; an empty one where it names none."""
    return read(course.root / course.toml.course.roster) if course.toml.course.roster else Roster()


def known(course: Course) -> Roster:
    """The roster that course.toml names; an empty one where there is no such file, either."""
    there = (course.root / course.toml.course.roster).is_file()
    return of(course) if there else Roster()


def read(path: Path) -> Roster:
    """Read a roster, as a spreadsheet saves it: with , ; or tabs, in UTF-8 or UTF-16.

    Raises CourseError where it is in another encoding, a column is missing or an id is there twice.
    """
    table = _table(path)
    columns = {name: table.column(name) for name in (*COLUMNS, "group")}
    lacking = [name for name in COLUMNS if columns[name] is None]
    if lacking:
        header = _shown(", ".join(filter(None, table.header))) or "no columns"
        raise CourseError(f"{path}: {' and '.join(lacking)} missing from the first line, which has "
                          f"{header}; expected the columns id, name, group.")
    members = []
    for row in range(1, len(table.rows)):
        cells = {name: _value(table.value(row, column)) for name, column in columns.items()}
        if not any(_value(unquoted(cell)) for cell in table.rows[row]):
            continue  # a spreadsheet's empty line
        number = row + table.skipped + 1
        missing = [name for name in COLUMNS if not cells[name]]
        if missing:
            raise CourseError(f"{path}, line {number}: {' and '.join(missing)} missing; expected "
                              "the columns id, name, group.")
        if not GROUP.fullmatch(cells["group"]):
            group = _shown(cells["group"])
            raise CourseError(f"{path}, line {number}: the group is called {group!r}; only "
                              "letters, digits, - and _ may stand in a group's name.")
        members.append(Member(cells["id"], cells["name"], cells["group"]))
    twice = [name for name, count in Counter(one.id for one in members).items() if count > 1]
    if twice:
        raise CourseError(f"{path}: more than one line for {_shown(', '.join(twice))}.")
    return Roster(tuple(members))


def _shown(found: str) -> str:
    """What a sentence quotes of the file."""
    return on_one_line(found, QUOTED)


def _table(path: Path) -> Table:
    if not path.is_file():
        raise CourseError(f"There is no {path}. Write it as a table with the columns id, name, "
                          "group, or take `roster` out of course.toml.")
    with open(path, "rb") as file:
        head = file.read(8)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise CourseError(f"{path} is a spreadsheet's workbook. {SAVE}")
    table = Table.read(path)
    if table.encoding not in READ or any("\0" in cell for row in table.rows for cell in row):
        raise CourseError(f"{path} is not in UTF-8, so that nobody knows which letters its names "
                          f"have. {SAVE}")
    return table


def _value(cell: str) -> str:
    """What a cell says, without spaces around it, and without a spreadsheet's ="..." for text."""
    found = FORMULA.fullmatch(cell.strip())
    return (found[1] if found else cell).replace("\ufeff", "").strip()
