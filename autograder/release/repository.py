"""A repository for students: what they receive, with a README, ready to be pushed to GitHub.

A manifest in it says which files are a release's. Nothing else there is touched, and nothing is
committed: that is for a person, who looks at the difference first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.files import write_file
from autograder.release.bundle import contents, mode
from autograder.release.check import CACHES
from autograder.release.readme import readme

MANIFEST = ".released.json"
IGNORED = """\
# what training and running write
{}
# data and weights are prepared, see {}
data/*
!data/*.py
# your own environment, and what you hand in
.venv/
*.zip
"""


@dataclass(frozen=True)
class Changed:
    """What a release changed in a repository, by path.

    `overwritten` had been changed by hand since the last release; `left` likewise, and is no part
    of the release any more.
    """

    written: tuple[str, ...]
    removed: tuple[str, ...]
    overwritten: tuple[str, ...]
    left: tuple[str, ...]


def write_repository(course: Course, names: list[str], folder: Path) -> Changed:
    """Bring a folder to what is released of these homeworks and assignments.

    Raises CourseError, before anything is written, where a file of somebody else is in the way.
    """
    files = {**contents(course, names), "README.md": readme(course, names).encode(),
             ".gitignore": _ignored(course).encode()}
    if (course.root / "LICENSE").is_file():
        files["LICENSE"] = (course.root / "LICENSE").read_bytes()
    if folder.resolve() == course.root:
        raise CourseError(f"{folder} is the course itself, with its solutions. Name another folder "
                          "for the students' repository.")
    before = _manifest(folder)
    _check(folder, files, before)
    there = {name: (folder / name).read_bytes() for name in files if (folder / name).is_file()}
    written = [name for name, data in files.items() if there.get(name) != data]
    for name in written:
        write_file(folder / name, files[name])
        (folder / name).chmod(mode(name))
    gone = {name: digest for name, digest in before.items()
            if name not in files and (folder / name).is_file()}
    left = [name for name, digest in gone.items() if _hash((folder / name).read_bytes()) != digest]
    removed = [name for name in gone if name not in left]
    for name in removed:
        _remove(folder, name)
    manifest = json.dumps({name: _hash(data) for name, data in sorted(files.items())}, indent=1)
    if not (folder / MANIFEST).is_file() or (folder / MANIFEST).read_text() != manifest + "\n":
        write_file(folder / MANIFEST, manifest + "\n")
    overwritten = [name for name in written if name in there
                   and _hash(there[name]) != before.get(name)]
    return Changed(tuple(written), tuple(removed), tuple(overwritten), tuple(left))


def _ignored(course: Course) -> str:
    """What git leaves alone in the repository: what is written there and not handed in."""
    handed_in = {name for one in course.toml.assignments.values() for name in one.student_files}
    written = [name.removesuffix("*") for name in (*CACHES, *course.toml.release.leftovers)
               if name not in handed_in]
    return IGNORED.format("\n".join(written), course.toml.release.instructions)


def _check(folder: Path, files: Mapping[str, bytes], before: Mapping[str, str]) -> None:
    """Nothing that no release wrote may be overwritten, nothing outside the folder touched."""
    top = folder.resolve()
    strange = [name for name in {**files, **before, MANIFEST: b""}
               if not (folder / name).resolve().is_relative_to(top) or (folder / name).is_symlink()]
    if strange:
        raise CourseError(f"{folder}: {', '.join(sorted(strange))} leads elsewhere, by a link or "
                          "by its name. Take that away first.")
    taken = [name for name, data in files.items() if name not in before and (folder / name).exists()
             and not ((folder / name).is_file() and (folder / name).read_bytes() == data)]
    if taken:
        raise CourseError(f"{folder} holds {', '.join(taken)}, which no release wrote, and which "
                          "the release would overwrite. Rename or delete that first.")


def _manifest(folder: Path) -> dict[str, str]:
    """The files of the release before, each with the hash of what was written."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
        if all(isinstance(digest, str) for digest in found.values()):
            return dict(found)
    except (ValueError, AttributeError):
        pass
    raise CourseError(f"{path} is damaged: it should say which files a release wrote. Take it back "
                      "from the repository's history.")


def _remove(folder: Path, name: str) -> None:
    """Remove a file, and the folders that it leaves empty."""
    path = folder / name
    path.unlink()
    for parent in path.parents:
        if parent == folder or any(parent.iterdir()):
            break
        parent.rmdir()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
