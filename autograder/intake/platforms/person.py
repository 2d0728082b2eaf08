"""Somebody as a learning platform knows them, and which student of the course that is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from autograder.course import Course
from autograder.roster import Roster


@dataclass(frozen=True)
class Person:
    """Who handed in, or one row of a platform's table; what the platform does not tell is empty.

    `number` is the platform's own (Moodle's participant, Canvas's user), `ids` are what the school
    gave (ID number, SIS ids), `group` is the name of a team. `late` is
    what the platform says, `row` the row of the table, `doubt` what a person should look at.
    """

    platform: str
    number: str = ""
    name: str = ""
    ids: tuple[str, ...] = ()
    group: str = ""
    handed_in: datetime | None = None
    late: bool | None = None
    row: int = -1
    doubt: str = ""

    @property
    def account(self) -> str:
        """Whom the platform knows under this number."""
        return f"{self.platform} {self.number}" if self.number else ""

    def __str__(self) -> str:
        return f"{self.name or self.group or 'somebody'} ({self.number or 'without a number'})"


def students(course: Course, people: Roster, persons: Iterable[Person],
             senders: Mapping[str, str] | None = None) -> dict[Person, str]:
    """Which students these are: by the school's ids, then by a full name that only one has.

    `senders` are those whose uploads were taken in, by `Person.account`; they go before names. Who
    is told by none of these is left out: nobody guesses.
    """
    once = list(dict.fromkeys(persons))
    found = {person: who for person in once
             if (who := _by_id(course, people, person) or (senders or {}).get(person.account))}
    named = {person: who for person in once if person not in found
             if (who := _by_name(people, person))}
    accounts: dict[str, set[str]] = {}
    for person, who in named.items():
        accounts.setdefault(who, set()).add(person.account)
    return found | {person: who for person, who in named.items()
                    if len(accounts[who]) == 1 and who not in found.values()}


def same_name(one: str, other: str) -> bool:
    """Whether two full names can be one, in whatever order and with whatever lost in a file name.

    "Example, Ada", "Ada Example" and Canvas's "exampleada" are one name.
    """
    return _squeezed(one) in _orders(other) or _squeezed(other) in _orders(one)


def _by_id(course: Course, people: Roster, person: Person) -> str:
    known = {member.id for member in people.members}
    fitting = [one for one in person.ids if re.fullmatch(course.toml.course.student_id, one)]
    return next((one for one in fitting if one in known), fitting[0] if fitting else "")


def _by_name(people: Roster, person: Person) -> str:
    named = [member.id for member in people.members
             if person.name and same_name(person.name, member.name)]
    return named[0] if len(named) == 1 else ""


def _squeezed(name: str) -> str:
    """A name's letters and digits alone, folded."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def _orders(name: str) -> set[str]:
    """A name squeezed, with any of its words first: "Ada B. Example" may be sorted as "Example"."""
    words = [word for word in map(_squeezed, name.replace(",", " ").split()) if word]
    return {"".join([*words[n:], *words[:n]]) for n in range(len(words))}
