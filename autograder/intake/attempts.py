"""Sort owners' uploads: the ones that belong together, and the attempt that counts.

The rule for attempts is in course.toml. Every other upload gets a record with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course import Course, CourseError
from autograder.intake import times
from autograder.intake.archive import ArchiveError
from autograder.intake.expected import ExpectedOfCourse, expected_names
from autograder.intake.file_names import is_named, suffixes
from autograder.intake.notebook.cells import listed
from autograder.intake.owners import Owned, as_expected
from autograder.intake.platforms.upload import Upload
from autograder.intake.records import IntakeRecord
from autograder.intake.upload_files import SINGLE, read_upload
from autograder.results.flag import Sentence
from autograder.results.reason import Code

ARCHIVES = {".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".xz", ".bz2"}
UNKNOWN_TIME = "nothing tells which of {} uploads came in time; the last of them counts"


@dataclass
class Uploads:
    """The uploads that may count, the oldest first; those beside them by owner; and nobody's."""

    attempts: list[Owned] = field(default_factory=list)
    beside: dict[str, list[Upload]] = field(default_factory=dict)
    unowned: list[Upload] = field(default_factory=list)


@dataclass(frozen=True)
class Counting:
    """The upload that counts for its owner, and flags for a person."""

    one: Owned
    flags: tuple[str, ...] = ()


def sort_uploads(expected: ExpectedOfCourse, assignment: str, uploads: Sequence[Owned]) -> Uploads:
    """Sort uploads by their kind.

    Files that were uploaded one by one where a zip was asked for become one upload. A file of
    another kind may count only where its owner sent nothing else.
    """
    found = Uploads(unowned=[one.upload for one in uploads if not one.owner])
    for owner, own in _by_owner(uploads).items():
        attempts, others = _attempts(expected, assignment, own)
        if attempts and has_written(expected.course, assignment):
            others = [one for one in others if one.upload.suffix.lower() != ".pdf"]
        found.attempts += attempts or others
        if attempts:
            found.beside[owner] = [one.upload for one in others]
    found.attempts.sort(key=lambda one: one.upload.when)
    return found


def refuse_another_assignment(expected: ExpectedOfCourse, assignment: str, folder: Path,
                              uploads: Uploads, given: Collection[str]) -> None:
    """Raise CourseError where nothing in a folder is of the assignment.

    An upload that has the expected name, or that cannot be read, may be its owner's mistake: it
    becomes a record, unless others hold another assignment of the course.
    """
    course = expected.course
    together = _together(course, assignment)
    everything = [*uploads.attempts, *(Owned(upload) for upload in uploads.unowned)]
    others: set[str] = set()
    may_be_meant = False
    for one in everything:
        try:
            files, _ = read_upload(one.upload, given)
        except (ArchiveError, OSError):
            may_be_meant |= bool(one.owner) or one.upload.suffix.lower() in ARCHIVES
            continue
        if expected.are_among(together, files):
            return
        may_be_meant |= bool(one.owner) and as_expected(course, assignment, one.upload, one.owner)
        others |= {name for name in course.names if not set(course.together(name)) & set(together)
                   and expected.are_among(course.together(name), files)}
    archive = course.assignment(assignment).archive
    if not everything:
        raise CourseError(f"There is no {Path(archive).suffix} in {folder}.")
    if may_be_meant and not others:
        return
    meant = "".join(f" Did you mean: autograder intake {name} {folder}?" for name in sorted(others))
    raise CourseError(
        f"Nothing in {folder} is of {assignment}, and nothing was changed. Found: "
        f"{listed(one.upload.shown for one in everything)}; expected: {archive} with "
        f"{listed(expected_names(course, assignment))}.{meant}")


def has_written(course: Course, assignment: str) -> bool:
    """Whether a PDF is handed in with an assignment, or with one of its homework."""
    return any(course.assignment(name).written for name in _together(course, assignment))


def named_as_expected(course: Course, assignment: str, upload: Upload, files: dict[str, bytes]
                      ) -> dict[str, bytes]:
    """The files of an upload, in which a notebook that came without a zip has its own name."""
    settings = course.assignment(assignment)
    if settings.archive.endswith(".zip") or upload.suffix.lower() == ".zip" or len(files) != 1:
        return files
    (exercise,) = settings.exercises
    found = suffixes(upload.name)
    suffix = ".ipynb" if ".ipynb" in found else found[-1] if found else ""
    return {f"{exercise}{suffix}": data for data in files.values()}


def naming(upload: Upload, owner: str, archive: str) -> tuple[str, bool]:
    """A remark on an upload's name, and whether the name breaks the instructions."""
    expected = archive.format(id=owner)
    if upload.name == expected and upload.shown != upload.name and upload.path.is_dir():
        return f"handed in as the folder {upload.shown}, expected {expected}", False
    if upload.pieces or (expected.endswith(".zip") and set(suffixes(upload.name)) & SINGLE):
        return f"handed in one by one, as {upload.shown}; expected {expected}", False
    if upload.name == expected:
        return "", False
    extra = upload.name.lower().startswith(expected.lower()) and bool(suffixes(upload.name))
    return (Sentence.of(Code.OTHER_NAME, file=upload.name, name=expected),
            not (is_named(upload.name, expected) or extra))


def counting(course: Course, assignment: str, uploads: Sequence[Owned]) -> dict[str, Counting]:
    """The upload that counts for each owner."""
    return {owner: _counting(course, assignment, owner, own)
            for owner, own in _by_owner(uploads).items()}


def passed_over(course: Course, assignment: str, one: Owned, counts: Owned) -> IntakeRecord:
    """The record of an upload that does not count, because another one of its owner does."""
    return IntakeRecord(one.upload.shown, problem=_why_not(course, assignment, one, counts),
                    handed_in=iso(one.upload), late=bool(one.upload.late))


def iso(upload: Upload) -> str:
    """The time of handing in, with its offset; empty where it is unknown."""
    return upload.handed_in.isoformat() if upload.handed_in else ""


def in_time(course: Course, assignment: str, one: Owned) -> bool | None:
    """Whether an upload came in time: by the owner's due date, else as the platform says.

    None where neither is known.
    """
    upload = one.upload
    if upload.handed_in is not None and course.deadline(assignment) is not None:
        return times.in_time(course, assignment, one.owner, upload.handed_in)
    return None if upload.late is None else not upload.late


def _by_owner(uploads: Sequence[Owned]) -> dict[str, list[Owned]]:
    found: dict[str, list[Owned]] = {}
    for one in uploads:
        if one.owner:
            found.setdefault(one.owner, []).append(one)
    return found


def _attempts(expected: ExpectedOfCourse, assignment: str, own: list[Owned]
              ) -> tuple[list[Owned], list[Owned]]:
    """Split one owner's uploads into those of the expected kind and the others."""
    suffix = Path(expected.course.assignment(assignment).archive).suffix
    main = [one for one in own if one.upload.suffix.lower() in (suffix, ".zip")]
    rest = [one for one in own if one not in main]
    pieces = [one for one in rest if _is_piece(expected, assignment, one.upload)]
    others = [one for one in rest if one not in pieces]
    if pieces and suffix == ".zip":
        doubt = next((one.doubt for one in pieces if one.doubt), "")
        pieces = [Owned(Upload.together([one.upload for one in pieces]), pieces[0].owner, doubt)]
    return [*main, *pieces], others


def _is_piece(expected: ExpectedOfCourse, assignment: str, upload: Upload) -> bool:
    """Whether a single file is one of those that were asked for."""
    if not set(suffixes(upload.name)) & SINGLE:
        return False
    try:
        files, _ = read_upload(upload)
    except (ArchiveError, OSError):
        return False
    suffix = Path(expected.course.assignment(assignment).archive).suffix
    if suffix != ".zip" and suffix in suffixes(upload.name):
        return True  # x.ipynb.json
    return expected.are_among(_together(expected.course, assignment), files)


def _together(course: Course, assignment: str) -> list[str]:
    """The assignments that are handed in together with one."""
    return next((homework.assignments for homework in course.toml.homeworks.values()
                 if assignment in homework.assignments), [assignment])


def _counting(course: Course, assignment: str, owner: str, uploads: list[Owned]) -> Counting:
    """Choose one upload; one in doubt, or with a wrong name, only if there is no other."""
    some = [one for one in uploads if not one.doubt] or uploads
    some = [one for one in some if as_expected(course, assignment, one.upload, owner)] or some
    some = sorted(some, key=lambda one: one.upload.when)
    rule = course.assignment(assignment).attempts
    if rule == "first":
        return Counting(some[0])
    if rule == "last" or len(some) == 1:
        return Counting(some[-1])
    timely = [in_time(course, assignment, one) for one in some]
    if None in timely:
        return Counting(some[-1], (UNKNOWN_TIME.format(len(some)),))
    return Counting(next((one for one, came_in_time in zip(some[::-1], timely[::-1], strict=True)
                          if came_in_time), some[0]))


def _why_not(course: Course, assignment: str, one: Owned, counts: Owned) -> str:
    """The reason why one upload does not count and another one does."""
    rule, this, other = course.assignment(assignment).attempts, one.upload, counts.upload
    misnamed = (as_expected(course, assignment, other, one.owner)
                and not as_expected(course, assignment, this, one.owner))
    if one.doubt and not counts.doubt:
        return f"{other.shown} counts, whose sender is not in doubt; {one.doubt}"
    if this.sender and this.when[:2] == other.when[:2]:
        return f"{other.shown} counts, which came with it" + (
            ", and whose name is as expected" if misnamed else ": look which one is meant")
    if misnamed and this.when > other.when:
        return (f"{other.shown} counts, whose name is as expected, although this one is newer: "
                "look whose it is")
    if rule == "first":
        return f"{other.shown} counts: the first attempt does"
    if rule == "last" or this.when <= other.when:
        return f"replaced by {other.shown}, which is newer"
    return f"{other.shown} counts: it is " + (
        "the last that came in time" if in_time(course, assignment, counts)
        else "the first of those that came late")
