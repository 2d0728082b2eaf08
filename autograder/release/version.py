"""Which release a file is of: a hash over what students receive, written into what they hand in.

    notebook.metadata.autograder = {"assignment": "q2", "version": "3fa94c1b"}
    # q2, version 3fa94c1b                  the first line of a module

It is the same however solutions, rubrics and hidden tests change, and another one where a word
changes that students read. Editors keep what they do not know of a notebook's metadata; where one
does not, a submission just has no version.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

KEY = "autograder"
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


def write(notebook: NotebookNode, stamp: Stamp, made_from: str = "") -> None:
    """Stamp a notebook; `made_from` is the version that it says it was made from, if another."""
    also = {"made_from": made_from} if made_from else {}
    notebook.metadata[KEY] = nbformat.from_dict(
        {"assignment": stamp.assignment, "version": stamp.version, **also})


def read(notebook: NotebookNode) -> Stamp | None:
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


def read_module(text: str) -> Stamp | None:
    """What a module says of itself, on whatever line that stands by now."""
    found = LINE.search(text)
    return Stamp(found[1], found[2]) if found else None
