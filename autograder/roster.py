"""The roster: who is in the course, and in which group. A CSV file with a header line.

    id,name,group
    2026_00001,Ada Example,1

`group` may be left out where people work alone. Names and groups are for people: they reach
reports, never student code.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder.course import Course, CourseError

COLUMNS = ("id", "name")
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


def read(path: Path) -> Roster:
    """Read a roster. Raises CourseError where a column is missing or an id is there twice."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise CourseError(f"There is no {path}. Write it as a table with the columns id, name, "
                          "group, or take `roster` out of course.toml.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from None
    found = [{(key or "").strip().lower(): (value or "").strip() for key, value in row.items()
              if isinstance(value, str)} for row in rows]
    for number, row in enumerate(found, start=2):
        missing = [column for column in COLUMNS if not row.get(column)]
        if missing:
            raise CourseError(f"{path}, line {number}: {' and '.join(missing)} missing; expected "
                              "the columns id, name, group.")
        if not GROUP.fullmatch(row.get("group", "")):
            raise CourseError(f"{path}, line {number}: the group is called {row['group']!r}; only "
                              "letters, digits, - and _ may stand in a group's name.")
    twice = [name for name, count in Counter(row["id"] for row in found).items() if count > 1]
    if twice:
        raise CourseError(f"{path}: more than one line for {', '.join(twice)}.")
    return Roster(tuple(Member(row["id"], row["name"], row.get("group", "")) for row in found))
