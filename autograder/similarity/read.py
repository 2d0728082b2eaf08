"""Read what is compared: this year's submissions, those of other years, and what was given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder import roster
from autograder.batch import submitted_students
from autograder.course import Course, CourseError
from autograder.intake.archive import ArchiveError, read_archive
from autograder.intake.notebooks import SUFFIXES
from autograder.intake.read import read_any
from autograder.release.build import prepare
from autograder.roster import Roster
from autograder.similarity import units
from autograder.similarity.fingerprints import Given
from autograder.similarity.pairs import Submission
from autograder.similarity.units import Unit


@dataclass(frozen=True)
class Released:
    """What everybody received: the files by name, and what is in them."""

    files: Mapping[str, bytes]
    given: Given


def released(course: Course, assignment: str) -> Released:
    """The assignment as it was released."""
    folder = course.build / "release" / assignment
    if not folder.is_dir():
        prepare(course, assignment)
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    return Released(files, Given.of(_texts(files)))


def _texts(files: Mapping[str, bytes]) -> Iterator[tuple[str, bool]]:
    """The texts of files, cell by cell, each with whether it is code."""
    for name, data in files.items():
        notebook = read_any(data, name)[0] if name.endswith(".ipynb") else None
        for cell in notebook.cells if notebook else ():
            yield cell.source, cell.cell_type == "code"
        if name.endswith(".py"):
            yield data.decode(errors="replace"), True


def submissions(course: Course, assignment: str, given: Released) -> list[Submission]:
    """What was handed in, by nbgrader's folder of submissions."""
    path = course.root / course.toml.course.roster
    people = roster.of(course) if path.is_file() else Roster()
    return [Submission(student, people.group_of(student) or student, tuple(
                _units(_folder(course.submitted / student / assignment), given)))
            for student in submitted_students(course, assignment)]


def earlier(course: Course, assignment: str, folder: Path, given: Released
            ) -> tuple[list[Submission], list[str]]:
    """The submissions of another year, zips or unpacked, and a sentence on each unreadable one.

    Raises CourseError where there is no such folder.
    """
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}. Name one that holds zips, notebooks, or a "
                          "folder for each submission.")
    found, unread = [], []
    for path in sorted(folder.iterdir()):
        try:
            files = _any(path)
        except (ArchiveError, OSError) as error:
            unread.append(f"{path}: {error}")
            continue
        inside = {name: data for name, data in files.items()
                  if assignment in PurePosixPath(name).parts}
        pieces = tuple(_units(inside or files, given))
        ids = set(re.findall(rf"(?<!\d)(?:{course.toml.course.student_id})(?!\d)", path.name))
        name = f"{folder.name}/{path.name}"
        if pieces:
            found.append(Submission(name, ids.pop() if len(ids) == 1 else name, pieces, True))
    return found, unread


def _any(path: Path) -> dict[str, bytes]:
    """The files of one submission: a folder, a notebook or script by itself, or an archive."""
    if path.is_dir():
        return _folder(path)
    if path.suffix in SUFFIXES:
        return {path.name: path.read_bytes()}
    return read_archive(path)[0] if path.suffix.lower() == ".zip" else {}


def _folder(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink()}


def _units(files: Mapping[str, bytes], given: Released) -> Iterator[Unit]:
    """The units of a submission's files; what an editor keeps out of sight is left out."""
    seen = {name: data for name, data in files.items() if "/." not in f"/{name}"}
    yield from _of_notebooks(seen.items())
    yield from units.of_files(seen, given.files)


def _of_notebooks(files: Iterable[tuple[str, bytes]]) -> Iterator[Unit]:
    for name, data in files:
        notebook = read_any(data, name)[0] if name.endswith(".ipynb") else None
        if notebook is not None:
            yield from units.of_notebook(name, notebook)
