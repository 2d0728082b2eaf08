"""Read the submissions to compare, of this year and of others, and what students received."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder import roster
from autograder.batch import submitted_students
from autograder.course import Course, CourseError
from autograder.faults import Faults, Step, of_the_machine, sentence
from autograder.intake.archive import ArchiveError, read_archive
from autograder.intake.notebook.read import read_any
from autograder.intake.settle import SUFFIXES
from autograder.release.build import prepare
from autograder.release.versions import recorded_notebooks
from autograder.roster import Roster
from autograder.similarity import units
from autograder.similarity.fingerprints import Given, prints
from autograder.similarity.identical import RunPattern, own_files, run_patterns
from autograder.similarity.pairs import ComparedSubmission
from autograder.similarity.units import TextUnit

LARGEST = 60 * 1024 * 1024  # bytes of a file; a larger one is left out
MOST_CHARACTERS, MOST_UNITS = 1_000_000, 500  # of a submission, to bound the time


@dataclass(frozen=True)
class Released:
    """What everybody received: the files by name, and their fingerprints.

    `all` also holds files beside the assignment's folder, and older versions. `runs` are patterns
    of text that no two runs share by chance.
    """

    files: Mapping[str, bytes]
    given: Given
    all: Mapping[str, bytes] = field(default_factory=dict)
    runs: Sequence[RunPattern] = ()


def released(course: Course, assignment: str) -> Released:
    """The assignment as it was released, with files beside it and older versions."""
    folder = course.build / "release" / assignment
    if not folder.is_dir():
        prepare(course, assignment)
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    beside = [(course.root / name).read_bytes() for name in course.handout]
    older = recorded_notebooks(course, assignment)
    return Released(files, Given.of(_texts(files)), {
        **files, **{f"beside {number}": data for number, data in enumerate(beside)},
        **{f"older {number}.ipynb": data for number, data in enumerate(older)}},
        run_patterns(course.exercises(assignment)))


def _texts(files: Mapping[str, bytes]) -> Iterator[tuple[str, bool]]:
    """The texts of files, cell by cell, each with whether it is code."""
    for name, data in files.items():
        notebook = read_any(data, name)[0] if name.endswith(".ipynb") else None
        for cell in notebook.cells if notebook else ():
            yield cell.source, cell.cell_type == "code"
        if name.endswith(".py"):
            yield data.decode(errors="replace"), True


def submissions(course: Course, assignment: str, given: Released, guarded: Faults
                ) -> list[ComparedSubmission]:
    """The submissions in nbgrader's folder; what cannot be read is left out."""
    path = course.root / course.toml.course.roster
    together = course.assignment(assignment).groups and path.is_file()
    people = roster.of(course) if together else Roster()
    found = []
    for student in submitted_students(course, assignment):
        with guarded.guard(Step.SIMILAR, student):
            files = _folder(course.submitted / student / assignment)
            pieces = tuple(_units(files, given))
            for piece in pieces:
                prints(piece.text, piece.code)  # kept for the comparison
            found.append(ComparedSubmission(student, people.group_of(student) or student, pieces,
                                    files=own_files(files, given.all, given.runs)))
    return found


def earlier(course: Course, assignment: str, folder: Path, given: Released
            ) -> tuple[list[ComparedSubmission], list[str]]:
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
            inside = {name: data for name, data in files.items()
                      if assignment in PurePosixPath(name).parts}
            pieces = tuple(_units(inside or files, given))
            same = own_files(inside or files, given.all, given.runs)
        except Exception as error:
            if of_the_machine(error):
                raise
            known = isinstance(error, (ArchiveError, OSError))
            unread.append(f"{path}: {error if known else sentence(error)}")
            continue
        ids = set(re.findall(rf"(?<!\d)(?:{course.toml.course.student_id})(?!\d)", path.name))
        name = f"{folder.name}/{path.name}"
        if pieces or same:
            found.append(ComparedSubmission(name, ids.pop() if len(ids) == 1 else name, pieces,
                                            True, same))
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
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST}


def _units(files: Mapping[str, bytes], given: Released) -> Iterator[TextUnit]:
    """The units of a submission's visible files, up to more than anybody writes."""
    seen = {name: data for name, data in files.items() if "/." not in f"/{name}"}
    room, most = MOST_CHARACTERS, MOST_UNITS
    for unit in itertools.chain(_of_notebooks(seen.items()), units.of_files(seen, given.files)):
        room, most = room - len(unit.text), most - 1
        if room < 0 or most < 0:
            return
        yield unit


def _of_notebooks(files: Iterable[tuple[str, bytes]]) -> Iterator[TextUnit]:
    for name, data in files:
        notebook = read_any(data, name)[0] if name.endswith(".ipynb") else None
        if notebook is not None:
            yield from units.of_notebook(name, notebook)
