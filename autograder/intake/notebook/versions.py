"""Repair a notebook against the release that it was made from, then bring it up to date.

Points, names of parts and checks are always the present ones, whatever a notebook claims.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.cells import is_locked, marks
from autograder.course import Course, CourseError
from autograder.exercise import source
from autograder.intake.notebook.repair import Repaired, repair
from autograder.release import versions
from autograder.release.versions import Recorded, Stamp, recorded

SHOWN = 40  # characters of a version that a notebook claims


@dataclass(frozen=True)
class MadeFrom:
    """The released notebook to compare with: of the version it was made from, if that is known.

    `remarks` and `flags` are as in IntakeRecord; without any, the notebook is of the present
    version, or claims none.
    """

    released: NotebookNode
    remarks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def mend(course: Course, assignment: str, exercise: str, notebook: NotebookNode,
         present: NotebookNode, stamp: Stamp | None) -> Repaired:
    """Repair a notebook with this version stamp, and bring it into the form of the `present` one.

    A notebook of another version gets a remark, and a new stamp. Its origin is reported once, even
    if there are further releases.
    """
    origin = made_from(course, assignment, exercise, stamp, present)
    mended = repair(notebook, origin.released)
    now = versions.read_stamp(present)
    if stamp is None or now is None or (origin.released is present and not origin.flags):
        return mended
    unsure = mended.unsure
    if origin.released is not present:
        brought = up_to_date(mended.notebook, present)
        mended, unsure = Repaired(brought.notebook, mended.repaired), (*unsure, *brought.unsure)
    stamped, before = copy.deepcopy(mended.notebook), versions.made_from(notebook)
    versions.write_stamp(stamped, now, made_from=(before or stamp.version)[:SHOWN])
    remarks = () if before else origin.remarks
    return Repaired(stamped, (*remarks, *mended.repaired),
                    tuple(dict.fromkeys((*origin.flags, *unsure))))


def made_from(course: Course, assignment: str, exercise: str, stamp: Stamp | None,
              present: NotebookNode) -> MadeFrom:
    """The release that a notebook with this stamp was made from.

    Raises CourseError where the record of that version cannot be read.
    """
    now = versions.read_stamp(present)
    if stamp is None or now is None or stamp == now:
        return MadeFrom(present)
    known = _known(course, assignment, stamp)
    path = known.folder / f"{exercise}.ipynb" if known else None
    if known is None or path is None or not path.is_file():
        return MadeFrom(present, flags=(
            f"says that it was made from version {stamp.version[:SHOWN]!r} of "
            f"{stamp.assignment[:SHOWN]!r}, of which there is no record; it was compared with the "
            "present version",))
    try:
        released = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise CourseError(f"{path}, the record of a version, cannot be read ({error}). Take it "
                          "back from the course's version control.") from None
    return MadeFrom(released, (f"it was made from version {known}, and was compared with that one",
                               ), tuple(_differences(released, present, known)))


def up_to_date(notebook: NotebookNode, present: NotebookNode) -> Repaired:
    """Bring a notebook from the form of an older release into that of the present one."""
    right = {marks(cell)["grade_id"]: cell for cell in present.cells if marks(cell)}
    brought = copy.deepcopy(notebook)
    brought.cells = [cell for cell in brought.cells
                     if not is_locked(cell) or marks(cell)["grade_id"] in right]
    for cell in brought.cells:
        if not marks(cell):
            cell.pop("id", None)  # in another version the same id is another cell's
        elif is_locked(cell) and is_locked(right[marks(cell)["grade_id"]]):
            cell.source = right[marks(cell)["grade_id"]].source
    return repair(brought, present)


def stamp_beside(folder: Path, student_files: Iterable[str]) -> Stamp | None:
    """The version stamp of the modules beside a notebook, for one that lost its own."""
    return next((stamp for _, stamp in _modules(folder, student_files)), None)


def of_modules(course: Course, assignment: str, folder: Path) -> list[str]:
    """A remark on each module that was made from another version than the settled notebooks."""
    settings = course.assignment(assignment)
    based_on = set()
    for exercise in settings.exercises:
        notebook = nbformat.read(folder / f"{exercise}.ipynb", as_version=4)
        own = versions.read_stamp(notebook)
        based_on |= {versions.made_from(notebook) or (own.version if own else "")}
    return [f"{name}: it was made from version {known}"
            for name, stamp in _modules(folder, settings.student_files)
            if stamp.version not in based_on and (known := _known(course, assignment, stamp))]


def _modules(folder: Path, student_files: Iterable[str]) -> Iterator[tuple[str, Stamp]]:
    for name in student_files:
        if name.endswith(".py") and (folder / name).is_file():
            stamp = versions.read_module_stamp((folder / name).read_text(errors="replace"))
            if stamp is not None:
                yield name, stamp


def _known(course: Course, assignment: str, stamp: Stamp) -> Recorded | None:
    return recorded(course, assignment, stamp.version) if stamp.assignment == assignment else None


def _differences(old: NotebookNode, present: NotebookNode, known: Recorded) -> Iterator[str]:
    """The differences of the parts from an older version, for a person to weigh."""
    before, now = source.parts(old), source.parts(present)
    for part, points in now.items():
        if part not in before:
            yield (f"version {known} lacks `{part}` ({points:g} points), which gets what the judge "
                   "gives it: decide whether it counts")
        elif before[part] != points:
            yield (f"`{part}` gave {before[part]:g} points in version {known}, and gives "
                   f"{points:g} now")
    for part in before.keys() - now.keys():
        yield f"`{part}` ({before[part]:g} points) of version {known} is graded no more"
