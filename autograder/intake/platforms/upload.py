"""Uploaded files, and what a learning platform says of them and of their senders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from autograder.course import Course
from autograder.roster import Roster
from autograder.table import Table

Tree = dict[PurePosixPath, Path]  # a file's path in the download, and where to read it


@dataclass(frozen=True)
class Person:
    """A sender, or a row of a platform's table; what the platform does not say is empty.

    `number` is the platform's own (Moodle's participant, Canvas's user), `ids` are the school's
    (ID number, SIS ids), `group` is the name of a team, `late` the platform's word, `row` the row
    of the table, `doubt` something for a person to look at.
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
        """The platform's name with the person's number there."""
        return f"{self.platform} {self.number}" if self.number else ""

    def __str__(self) -> str:
        return f"{self.name or self.group or 'somebody'} ({self.number or 'without a number'})"


@dataclass(frozen=True)
class Upload:
    """A file of the download. `name` is the student's own, `shown` the one that people see.

    `sender` and `late` come from the platform; `handed_in` has a time zone; `attempt` grows from
    one attempt to the next, if the platform counts them. A folder is a zip that a browser unpacked.
    `pieces` are files that were uploaded one by one and count together.
    """

    path: Path
    name: str
    shown: str
    sender: Person | None = None
    handed_in: datetime | None = None
    late: bool | None = None
    attempt: int = 0
    pieces: tuple[Upload, ...] = ()

    @classmethod
    def plain(cls, path: Path) -> Upload:
        """A file or a folder without a platform."""
        return cls(path, f"{path.name}.zip" if path.is_dir() else path.name, path.name)

    @classmethod
    def together(cls, pieces: Sequence[Upload]) -> Upload:
        """Files that were uploaded one by one, as one upload with the time of the newest."""
        pieces = sorted(pieces, key=lambda piece: piece.when)
        shown = ", ".join(piece.shown for piece in pieces)
        return pieces[0] if len(pieces) == 1 else replace(
            pieces[-1], name=shown, shown=shown, pieces=tuple(pieces))

    @property
    def is_typed(self) -> bool:
        """Whether it was typed on the platform's page, not uploaded."""
        return self.sender is not None and self.suffix.lower() in (".html", ".htm")

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix

    @property
    def when(self) -> tuple[int, float, str]:
        """The sort key, oldest first; the file's own time where the platform has none."""
        moment = self.handed_in.timestamp() if self.handed_in else self.path.stat().st_mtime
        return self.attempt, moment, self.name


@dataclass(frozen=True)
class Download:
    """The uploads of a download; `left_out` are the files not read, with the reasons."""

    uploads: list[Upload]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Platform:
    """A learning platform, by what its downloads and its table of people look like.

    entry: the name of a file or folder in a download; its group `file` is the student's own name
    table: what the table of people is called, after "it is no"
    is_download: whether these names are of a download
    read_table: makes something with `people` of the table; raises CourseError where it is another
    numbers: the people's numbers in these names
    uploads: what a download holds, with the senders as the table, or None, has them
    """

    entry: re.Pattern[str]
    table: str
    is_download: Callable[[Course, Sequence[str]], bool]
    read_table: Callable[[Course, Table], Any]
    numbers: Callable[[Iterable[str]], set[str]]
    uploads: Callable[[Course, Tree, Any], list[Upload]]


def students(course: Course, people: Roster, persons: Iterable[Person],
             senders: Mapping[str, str] | None = None) -> dict[Person, str]:
    """The students that these persons are: by the school's ids, else by a full name of only one.

    `senders` are the owners of uploads taken in, by `Person.account`; they count before names. A
    person whom none of these identifies is left out.
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
