"""The versions of a release: what each file says it was made from, and the record of all of them.

A version is a hash over what students receive, written into what they hand in:

    notebook.metadata.autograder = {"assignment": "q2", "version": "3fa94c1b"}
    # q2, version 3fa94c1b                  the first line of a module

It is the same however solutions, rubrics and hidden tests change, and another one where a word
changes that students read. Editors keep what they do not know of a notebook's metadata; where one
does not, a submission just has no version. The record holds each version's notebooks, for
submissions that were made from them:

    releases/q2/2026.1-3fa94c1b/q2.ipynb        what was given out
    journal/releases/q2/77d0e1b2/q2.ipynb       whatever else was released or graded by, here

A folder's name is the version, behind the name that an instructor gave it, if any. Nothing in it is
secret. What was given out belongs into the course's own version control: whoever grades needs it.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from autograder.course import Course, CourseError
from autograder.files import write_file

KEY = "autograder"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of a version
LENGTH = 8  # of a version, in hexadecimal digits
LINE = re.compile(rf"^# ([A-Za-z0-9_-]+), version ([0-9a-f]{{{LENGTH}}})[ \t\r]*$", re.M)


@dataclass(frozen=True)
class Stamp:
    """What a file says of itself. Where it was handed in, a student may have written this."""

    assignment: str
    version: str

    @property
    def line(self) -> str:
        """The stamp as a module's first line."""
        return f"# {self.assignment}, version {self.version}\n"


def version_of(notebooks: Mapping[str, NotebookNode], files: Mapping[str, bytes]) -> str:
    """The version of an assignment: of its notebooks, whose solutions are left out, and its files.

    Both are what they are before they are stamped; `files` are cleared already.
    """
    digest = hashlib.sha256()
    for name, notebook in sorted(notebooks.items()):
        cleared, _ = ClearSolutions().preprocess(copy.deepcopy(notebook), {})
        digest.update(name.encode() + b"\0" + nbformat.writes(cleared).encode() + b"\0")
    for name, data in sorted(files.items()):
        digest.update(name.encode() + b"\0" + data + b"\0")
    return digest.hexdigest()[:LENGTH]


def write_stamp(notebook: NotebookNode, stamp: Stamp, made_from: str = "") -> None:
    """Stamp a notebook; `made_from` is the version that it says it was made from, if another."""
    also = {"made_from": made_from} if made_from else {}
    notebook.metadata[KEY] = nbformat.from_dict(
        {"assignment": stamp.assignment, "version": stamp.version, **also})


def read_stamp(notebook: NotebookNode) -> Stamp | None:
    """What a notebook says of itself; None where that is nothing, or makes no sense."""
    data = notebook.metadata.get(KEY)
    if not isinstance(data, dict):
        return None
    match data.get("assignment"), data.get("version"):
        case str(assignment), str(version):
            return Stamp(assignment, version)
    return None


def made_from(notebook: NotebookNode) -> str:
    """The version that a notebook said it was made from when it was stamped anew; else empty."""
    data = notebook.metadata.get(KEY)
    found = data.get("made_from") if isinstance(data, dict) else None
    return found if isinstance(found, str) else ""


def read_module_stamp(text: str) -> Stamp | None:
    """What a module says of itself, on whatever line that stands by now."""
    found = LINE.search(text)
    return Stamp(found[1], found[2]) if found else None


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


def recorded_notebooks(course: Course, assignment: str) -> Iterator[bytes]:
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
