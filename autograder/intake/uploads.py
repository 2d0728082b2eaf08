"""Sort a folder's uploads out: which may count, which go together, which nobody asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.intake.archive import ArchiveError
from autograder.intake.cells import listed
from autograder.intake.choose import Choosers
from autograder.intake.contents import SINGLE, read_upload
from autograder.intake.names import is_named, suffixes
from autograder.intake.platforms.upload import Upload
from autograder.intake.whose import Owned, as_expected
from autograder.intake.wrote import expected_names


@dataclass
class Uploads:
    """`heads` may count, the oldest first; `aside` is what else an owner sent; some are nobody's.
    """

    heads: list[Owned] = field(default_factory=list)
    aside: dict[str, list[Upload]] = field(default_factory=dict)
    nobodys: list[Upload] = field(default_factory=list)


def sort_out(choosers: Choosers, assignment: str, everything: Sequence[Owned]) -> Uploads:
    """Sort uploads by what they can be for an assignment.

    Files that were uploaded one by one where a zip was asked for are put together. A file of
    another kind counts only where its owner sent nothing else.
    """
    course = choosers.course
    suffix = Path(course.assignment(assignment).archive).suffix
    found = Uploads(nobodys=[one.upload for one in everything if not one.owner])
    by_owner: dict[str, list[Owned]] = {}
    for one in everything:
        if one.owner:
            by_owner.setdefault(one.owner, []).append(one)
    for owner, some in by_owner.items():
        main = [one for one in some if one.upload.suffix.lower() in (suffix, ".zip")]
        rest = [one for one in some if one not in main]
        single = [one for one in rest if _is_piece(choosers, assignment, one.upload)]
        if single and suffix == ".zip":
            doubt = next((one.doubt for one in single if one.doubt), "")
            main.append(Owned(Upload.together([one.upload for one in single]), owner, doubt))
        else:
            main += single
        others = [one for one in rest if one not in single]
        if has_written(course, assignment) and main:
            others = [one for one in others if one.upload.suffix.lower() != ".pdf"]
        found.heads += main or others
        if main:
            found.aside[owner] = [one.upload for one in others]
    found.heads.sort(key=lambda one: one.upload.when)
    return found


def refuse_another(choosers: Choosers, assignment: str, folder: Path, uploads: Uploads,
                   given: Collection[str]) -> None:
    """Raise CourseError where nothing in a folder is of the assignment.

    An upload that has the expected name, or that cannot be read, may be its owner's mistake: it
    becomes a row, unless others hold another assignment of the course.
    """
    course = choosers.course
    together = _together(course, assignment)
    expected = course.assignment(assignment)
    others: set[str] = set()
    seen: list[str] = []
    fitting = False
    for one in [*uploads.heads, *(Owned(upload) for upload in uploads.nobodys)]:
        try:
            files, _ = read_upload(one.upload, given)
        except (ArchiveError, OSError):
            fitting |= bool(one.owner) or _is_archive(one.upload)
            seen.append(one.upload.shown)
            continue
        if choosers.hold_any(together, files):
            return
        fitting |= bool(one.owner) and as_expected(course, assignment, one.upload, one.owner)
        others |= {name for name in course.names if not set(course.together(name)) & set(together)
                   and choosers.hold_any(course.together(name), files)}
        seen.append(one.upload.shown)
    if not others and (fitting or not (uploads.heads or uploads.nobodys)):
        if uploads.heads or uploads.nobodys:
            return
        raise CourseError(f"There is no {Path(expected.archive).suffix} in {folder}.")
    meant = "".join(f" Did you mean: autograder intake {name} {folder}?" for name in sorted(others))
    raise CourseError(
        f"Nothing in {folder} is of {assignment}, and nothing was changed. Found: "
        f"{listed(seen)}; expected: {expected.archive} with "
        f"{listed(expected_names(course, assignment))}.{meant}")


def _is_piece(choosers: Choosers, assignment: str, upload: Upload) -> bool:
    """Whether a single file is one of those that were asked for together."""
    if not set(suffixes(upload.name)) & SINGLE:
        return False
    try:
        files, _ = read_upload(upload)
    except (ArchiveError, OSError):
        return False
    expected = choosers.course.assignment(assignment).archive
    if Path(expected).suffix in suffixes(upload.name) and Path(expected).suffix != ".zip":
        return True  # x_hw3.ipynb.json
    return choosers.hold_any(_together(choosers.course, assignment), files)


def _is_archive(upload: Upload) -> bool:
    return upload.suffix.lower() in (".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".xz", ".bz2")


def has_written(course: Course, assignment: str) -> bool:
    """Whether a PDF is handed in with an assignment, or with one of its homework."""
    return any(course.assignment(name).written for name in _together(course, assignment))


def _together(course: Course, assignment: str) -> list[str]:
    """The assignments that are handed in together with one."""
    return next((homework.assignments for homework in course.toml.homeworks.values()
                 if assignment in homework.assignments), [assignment])


def flat(course: Course, assignment: str, upload: Upload, files: dict[str, bytes]
         ) -> dict[str, bytes]:
    """The files by the names that they have in the assignment, where no zip was asked for."""
    archive = course.assignment(assignment).archive
    if archive.endswith(".zip") or upload.suffix.lower() == ".zip" or len(files) != 1:
        return files
    (exercise,) = course.assignment(assignment).exercises
    found = suffixes(upload.name)
    (data,) = files.values()
    return {f"{exercise}{'.ipynb' if '.ipynb' in found else found[-1] if found else ''}": data}


def renamed(upload: Upload, owner: str, archive: str) -> tuple[str, bool]:
    """What to say of an upload's name, and whether it breaks the instructions."""
    expected = archive.format(id=owner)
    if upload.name == expected and upload.shown != upload.name and upload.path.is_dir():
        return f"handed in as the folder {upload.shown}, expected {expected}", False
    if upload.pieces or (expected.endswith(".zip") and set(suffixes(upload.name)) & SINGLE):
        return f"handed in one by one, as {upload.shown}; expected {expected}", False
    if upload.name == expected:
        return "", False
    extra = upload.name.lower().startswith(expected.lower()) and bool(suffixes(upload.name))
    return (f"handed in as {upload.name}, expected {expected}",
            not (is_named(upload.name, expected) or extra))

