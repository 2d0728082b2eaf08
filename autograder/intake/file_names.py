"""Compare file names, without the additions of platforms, browsers and editors."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from autograder.intake.platforms import PLATFORMS

NOTEBOOKS = (".ipynb", ".py")  # a notebook may have been saved as a script
EXTRA = {".txt", ".json", ".bak", ".orig", ".old", ".download", ".md"}  # what gets appended
KNOWN = {".ipynb", ".py", ".log", ".zip", ".pdf", *EXTRA}
WORDS = r"copy|kopie|copie|copia|복사본|사본|final|latest|new|old|backup|done|v\d{1,2}"
MARKS = tuple(re.compile(pattern) for pattern in (
    r"[ _-]*\(\d{1,3}\)$",                           # name (1), of browsers
    rf"[ _-]+(?:{WORDS})[ _-]?\d{{0,3}}$",           # name - Copy, name-Copy1, name copy 2
    r"[ _-]+\d{1,2}$",                               # name-1 of Canvas, name 2 of macOS
    r"-checkpoint$",
    rf"^(?:{WORDS})(?: of| von| de)?[ _-]+",         # Copy of name
))
COPY = re.compile(r"(?: - Copy| copy| ?\(\d{1,3}\)| \d{1,2}|-\d{1,2})(?=\.\w+$)", re.I)
COPY_OF = re.compile(r"^Copy of ", re.I)


def without_additions(name: str) -> str:
    """The student's own name of a file, without a platform's prefix and copy marks."""
    for platform in PLATFORMS:
        if (found := platform.entry.fullmatch(name)) and found["file"]:
            return _no_copy(found["file"])
    return _no_copy(name)


def is_named(name: str, expected: str) -> bool:
    """Whether an upload has the expected name, copy marks aside."""
    return expected in (name, _no_copy(name), without_additions(name))


def _no_copy(name: str) -> str:
    before = ""
    while before != name:
        before, name = name, COPY_OF.sub("", COPY.sub("", name))
    return name


def key(name: str, student_id: str = "") -> str:
    """A file's name in lower case, without suffixes, copy marks and a student's id.

    "Copy of Part (1).ipynb.json" has the key "part".
    """
    name = unicodedata.normalize("NFKC", name)
    if student_id:
        name = re.sub(rf"(?<!\d)(?:{student_id})(?!\d)[ _-]?", "", name)
    stem, _ = _split(name.casefold())
    before = ""
    while before != stem:
        before = stem
        for mark in MARKS:
            stem = mark.sub("", stem) or stem
    return stem.strip(" _-")


def suffixes(name: str) -> list[str]:
    """The known suffixes at the end of a name, in lower case and in its order."""
    return _split(name.casefold())[1]


def may_be(name: str, expected: str, student_id: str = "") -> bool:
    """Whether a file's name is `expected` but for copy marks, suffixes and case."""
    if key(name, student_id) != key(expected):
        return False
    wanted, found = PurePosixPath(expected).suffix, suffixes(name)
    own = set(found) - EXTRA
    return not own or own <= (set(NOTEBOOKS) if wanted == ".ipynb" else {wanted})


def _split(name: str) -> tuple[str, list[str]]:
    found: list[str] = []
    while (suffix := PurePosixPath(name).suffix) in KNOWN and len(name) > len(suffix):
        found.insert(0, suffix)
        name = re.sub(r"[ _-]*\(\d{1,3}\)$", "", name[:-len(suffix)])
    return name, found
