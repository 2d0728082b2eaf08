"""The record of versions: each one's notebooks, for submissions that were made from them.

    releases/q2/2026.1-3fa94c1b/q2.ipynb        what was given out
    journal/releases/q2/77d0e1b2/q2.ipynb       whatever else was released or graded by, here

A folder's name is the version, behind the name that an instructor gave it, if any. Nothing in it is
secret. What was given out belongs into the course's own version control: whoever grades needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.files import write_file

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Recorded:
    """One version. `name` is what people call it; it may be empty."""

    version: str
    name: str
    folder: Path

    def __str__(self) -> str:
        return f"{self.name} ({self.version})" if self.name else self.version


def recorded(course: Course, assignment: str, version: str) -> Recorded | None:
    """The record of a version; None where there is none."""
    return next((one for place in (course.releases, _here(course))
                 for one in _all(place / assignment) if one.version == version), None)


def notebooks(course: Course, assignment: str) -> Iterator[bytes]:
    """The notebooks of all versions on record, as they were given out."""
    for place in (course.releases, _here(course)):
        for one in _all(place / assignment):
            yield from (path.read_bytes() for path in sorted(one.folder.glob("*.ipynb")))


def check_name(course: Course, assignment: str, version: str, name: str) -> None:
    """Raise CourseError where `name` cannot be a version's name, or is another one's already."""
    if not NAME.fullmatch(name):
        raise CourseError(f"--version {name!r} cannot be a name: letters, digits, dots, - and _ "
                          "make one, such as 2026.1.")
    for one in _all(course.releases / assignment):
        if one.name == name and one.version != version:
            raise CourseError(f"{name} of {assignment} was given out already, as {one.version}, "
                              f"and what would be released now is {version}. Take another "
                              "--version.")


def give_out(course: Course, assignment: str, version: str, name: str = "") -> Recorded:
    """Record what lies released in the assignment's folder as given out.

    A version that has a name already keeps it: what did not change since is still that one.
    """
    place = course.releases / assignment
    known = next((one for one in _all(place) if one.version == version), None)
    name = known.name if known and known.name else name
    folder = place / (f"{name}-{version}" if name else version)
    if known:
        known.folder.rename(folder)
    _copy(course, assignment, course.root / assignment, folder)
    return Recorded(version, name, folder)


def remember(course: Course, assignment: str, version: str, released: Path) -> None:
    """Keep what lies in `released`, which may be given out or graded by, on this machine."""
    _copy(course, assignment, released, _here(course) / assignment / version)


def _here(course: Course) -> Path:
    return course.journal / "releases"


def _copy(course: Course, assignment: str, released: Path, folder: Path) -> None:
    for exercise in course.assignment(assignment).exercises:
        write_file(folder / f"{exercise}.ipynb", (released / f"{exercise}.ipynb").read_bytes())


def _all(place: Path) -> Iterator[Recorded]:
    for folder in sorted(place.glob("*/")):
        name, _, version = folder.name.rpartition("-")
        yield Recorded(version, name, folder)
