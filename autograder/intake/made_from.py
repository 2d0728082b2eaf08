"""Which version a notebook was made from: it is compared with that one, and judged by today's.

Points, names of parts and checks are always today's, whatever a notebook says of itself.
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
from autograder.intake.repair import Repaired, repair
from autograder.release import source, version
from autograder.release.record import Recorded, recorded
from autograder.release.version import Stamp

SHOWN = 40  # characters of what a notebook says of itself


@dataclass(frozen=True)
class MadeFrom:
    """`released` is the notebook to compare with: that of the version it was made from, if known.

    `remarks` and `flags` are as in Received; without any, the notebook is of the present version or
    says nothing of one.
    """

    released: NotebookNode
    remarks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def mend(course: Course, assignment: str, exercise: str, notebook: NotebookNode,
         present: NotebookNode, stamp: Stamp | None) -> Repaired:
    """Repair a notebook that says it was made from `stamp`, into the form of the `present` one.

    Where it is of another version than that, what is returned says so, and is stamped anew. If that
    has been done before, and another release came since, where it is from has been said.
    """
    origin = made_from(course, assignment, exercise, stamp, present)
    mended = repair(notebook, origin.released)
    now = version.read(present)
    if stamp is None or now is None or (origin.released is present and not origin.flags):
        return mended
    unsure = mended.unsure
    if origin.released is not present:
        brought = up_to_date(mended.notebook, present)
        mended, unsure = Repaired(brought.notebook, mended.repaired), (*unsure, *brought.unsure)
    stamped, before = copy.deepcopy(mended.notebook), version.made_from(notebook)
    version.write(stamped, now, made_from=(before or stamp.version)[:SHOWN])
    remarks = () if before else origin.remarks
    return Repaired(stamped, (*remarks, *mended.repaired),
                    tuple(dict.fromkeys((*origin.flags, *unsure))))


def made_from(course: Course, assignment: str, exercise: str, stamp: Stamp | None,
              present: NotebookNode) -> MadeFrom:
    """The release that a notebook with this stamp was made from, and what there is to say of it.

    Raises CourseError where the record of that version cannot be read.
    """
    now = version.read(present)
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
    """A notebook in the form of an older release in that of the present one.

    What was done is no damage; what stays unsure is for a person all the same.
    """
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
    """What the modules beside a notebook say, where the notebook itself lost it."""
    return next((stamp for _, stamp in _modules(folder, student_files)), None)


def of_modules(course: Course, assignment: str, folder: Path) -> list[str]:
    """A remark on each module that was made from another version than the settled notebooks."""
    settings = course.assignment(assignment)
    told = set()
    for exercise in settings.exercises:
        notebook = nbformat.read(folder / f"{exercise}.ipynb", as_version=4)
        own = version.read(notebook)
        told |= {version.made_from(notebook) or (own.version if own else "")}
    return [f"{name}: it was made from version {known}"
            for name, stamp in _modules(folder, settings.student_files)
            if stamp.version not in told and (known := _known(course, assignment, stamp))]


def _modules(folder: Path, student_files: Iterable[str]) -> Iterator[tuple[str, Stamp]]:
    for name in student_files:
        if name.endswith(".py") and (folder / name).is_file():
            stamp = version.read_module((folder / name).read_text(errors="replace"))
            if stamp is not None:
                yield name, stamp


def _known(course: Course, assignment: str, stamp: Stamp) -> Recorded | None:
    return recorded(course, assignment, stamp.version) if stamp.assignment == assignment else None


def _differences(old: NotebookNode, present: NotebookNode, known: Recorded) -> Iterator[str]:
    """What of the parts is not as it was in an older version: for a person to weigh."""
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
