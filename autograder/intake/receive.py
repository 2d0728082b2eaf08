"""Take a folder of uploads in: one row for each, whatever is wrong with it."""

from __future__ import annotations

import shutil
from datetime import UTC
from pathlib import Path, PurePosixPath

from autograder.course import Course, CourseError
from autograder.flag import Flag, Kind
from autograder.intake import attempts, groups
from autograder.intake.archive import MAX_FILE, WEIGHTS, ArchiveError, read_archive
from autograder.intake.attempts import Counting
from autograder.intake.made_from import of_modules
from autograder.intake.notebooks import SUFFIXES, Settled, forget_originals, settle
from autograder.intake.platforms import opened
from autograder.intake.platforms.upload import Download, Upload
from autograder.intake.received import TIMESTAMP, Received, write_notes
from autograder.intake.repair import read_any
from autograder.intake.whose import COPY, Owned, asked, owned
from autograder.intake.written import take_written
from autograder.roster import Roster


def receive(course: Course, assignment: str, folder: Path) -> list[Received]:
    """Lay the uploads of `folder` out as nbgrader's submitted/ID/ASSIGNMENT/; return a row each.

    `folder` may be what a learning platform gives to download, its zip too. ID is a student's or,
    where groups hand in, a group's name. An upload that cannot be read still gets a folder, with
    the notebook as it was released: its owner stands in the gradebook with zero points and the
    reason. Raises CourseError where the folder does not exist or holds no upload.
    """
    with opened(course, folder) as download:
        rows = _rows(course, assignment, download, folder)
    write_notes(course, assignment, rows)
    return sorted(rows, key=lambda row: (row.student, row.upload))


def _rows(course: Course, assignment: str, download: Download, folder: Path) -> list[Received]:
    people = asked(course, assignment, download.uploads)
    everything = owned(course, assignment, download.uploads, people)
    uploads = _of_the_kind(course, assignment, everything, folder)
    counts = attempts.counting(course, assignment, uploads)
    rows = [Received(name, problem=f"left out: {why}") for name, why in download.left_out.items()]
    for one in uploads:
        if not one.owner:
            rows.append(Received(one.upload.shown, problem=_nobodys(course, assignment, one.upload),
                                 handed_in=attempts.iso(one.upload)))
        elif counts[one.owner].one is not one:
            rows.append(attempts.passed_over(course, assignment, one, counts[one.owner].one))
        else:
            rows.append(_take_in(course, assignment, counts[one.owner], everything, people))
    return rows


def _nobodys(course: Course, assignment: str, upload: Upload) -> str:
    expected = course.assignment(assignment).archive
    if upload.sender:
        return (f"neither the file (expected {expected}) nor {upload.sender.platform}, which has "
                f"it from {upload.sender}, tells for certain whose it is")
    if course.assignment(assignment).groups:
        return (f"neither the file's name (expected {expected}, with the group's name) nor the "
                "names in it tell which group it is from")
    return f"the file's name holds no student id; expected {expected}"


def _of_the_kind(course: Course, assignment: str, everything: list[Owned], folder: Path
                 ) -> list[Owned]:
    """The uploads to take in, oldest first.

    A file of another kind than expected is one only where its owner sent none of that kind:
    other things (a PDF of the written part) lie in the same folder.
    """
    suffix = Path(course.assignment(assignment).archive).suffix
    served = {one.owner for one in everything if one.upload.suffix.lower() == suffix}
    found = [one for one in everything if one.upload.suffix.lower() == suffix
             or (one.owner and one.owner not in served)]
    if not found:
        raise CourseError(f"There is no {suffix} in {folder}.")
    return sorted(found, key=lambda one: one.upload.when)


def _take_in(course: Course, assignment: str, counting: Counting, everything: list[Owned],
             people: Roster) -> Received:
    settings, doubt = course.assignment(assignment), counting.one.doubt
    owner, upload = counting.one.owner, counting.one.upload
    said = Settled(flags=[Flag(one, Kind.NAMES) for one in (doubt, *counting.flags) if one])
    expected = settings.archive.format(id=owner)
    if upload.name != expected:
        told = f"handed in as {upload.name}, expected {expected}"
        (said.remarks if COPY.sub("", upload.name) == expected else said.violations).append(told)
    if upload.late and upload.sender:
        said.remarks.append(f"{upload.sender.platform} marks it as late")
    folder = course.submitted / owner / assignment
    forget_originals(course, assignment, owner)
    problem, files = _lay_out(course, assignment, upload, folder, said)
    _settle_all(course, assignment, folder, said, bool(problem))
    said.violations += [f"{name} is missing" for name in settings.student_files
                        if name not in files and not problem]
    if settings.written is not None:
        said.violations += take_written(everything, owner, settings.written, folder,
                                        said.remarks)
    if settings.groups and not problem:
        said.flags += _doubts(folder, settings.exercises, owner, people)
    _write_timestamp(upload, folder)
    return Received(upload.shown, owner, problem, (*said.violations, *said.remarks),
                    tuple(said.violations), tuple(dict.fromkeys(said.flags)),
                    attempts.iso(upload), bool(upload.late),
                    upload.sender.account if upload.sender and not doubt else "")


def _lay_out(course: Course, assignment: str, upload: Upload, folder: Path, said: Settled
             ) -> tuple[str, dict[str, bytes]]:
    """Write an upload's files to `folder`; return why nothing of it can be graded, and the files.
    """
    problem = ""
    files: dict[str, bytes] = {}
    try:
        held, left_out = _read(course, assignment, upload)
        said.remarks += [remark for remark in left_out if WEIGHTS not in remark]
        said.violations += [remark for remark in left_out if WEIGHTS in remark]
        files = _find_assignment(course, assignment, held, said.violations)
    except ArchiveError as error:
        problem = str(error)
    problem = problem or _write(files, folder)
    if problem:
        files = {}
        _write(files, folder)
    return problem, files


def _write_timestamp(upload: Upload, folder: Path) -> None:
    """Write when it was handed in where nbgrader's own tools look for it, as they write it."""
    if upload.handed_in is not None:
        moment = upload.handed_in.astimezone(UTC)
        (folder / TIMESTAMP).write_text(f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC")


def _settle_all(course: Course, assignment: str, folder: Path, said: Settled, hopeless: bool
                ) -> None:
    """Settle each exercise's notebook. Of an upload that is `hopeless`, none is a violation."""
    for exercise in course.assignment(assignment).exercises:
        settled = settle(course, assignment, exercise, folder)
        (said.remarks if hopeless else said.violations).extend(settled.violations)
        said.remarks.extend(settled.remarks)
        said.flags += settled.flags
    said.remarks.extend(of_modules(course, assignment, folder))


def _doubts(folder: Path, exercises: list[str], group: str, people: Roster) -> list[str]:
    """Where the names in a group's notebooks and the roster do not agree."""
    flags = []
    for exercise in exercises:
        path = folder / f"{exercise}.ipynb"
        notebook, _ = read_any(path.read_bytes(), path.name)
        if notebook is not None:
            flags += groups.doubts(groups.named_in(notebook, people), group, people)
    return flags


def _read(course: Course, assignment: str, upload: Upload) -> tuple[dict[str, bytes], list[str]]:
    """The files of an upload: those of a zip, or a notebook that is handed in by itself."""
    alone = Path(course.assignment(assignment).archive).suffix in SUFFIXES
    if not alone or upload.suffix.lower() not in SUFFIXES:
        return read_archive(upload.path)
    if upload.path.stat().st_size > MAX_FILE:
        raise ArchiveError(f"it is larger than {MAX_FILE >> 20} MB")
    if not upload.path.stat().st_size:
        raise ArchiveError("the file is empty (0 bytes)")
    (exercise,) = course.assignment(assignment).exercises
    return {f"{assignment}/{exercise}{upload.suffix.lower()}": upload.path.read_bytes()}, []


def _write(files: dict[str, bytes], folder: Path) -> str:
    """Write the files to `folder`, emptied before; return why that cannot be done, if so."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in files.items():
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        except OSError as error:
            return f"the zip holds a path that cannot be a file ({error.strerror}): {name[:80]!r}"
    return ""


def _find_assignment(course: Course, assignment: str, files: dict[str, bytes],
                     violations: list[str]) -> dict[str, bytes]:
    """The files of the assignment's folder, wherever in the zip it lies, by paths within it."""
    settings = course.assignment(assignment)
    wanted = {f"{name}.ipynb" for name in settings.exercises} | set(settings.student_files)
    folders: dict[PurePosixPath, int] = {}
    for name in files:
        path = PurePosixPath(name)
        folders[path.parent] = folders.get(path.parent, 0) + (path.name in wanted)
    if not any(folders.values()):  # perhaps under another name: notebooks.py looks inside
        for name in files:
            path = PurePosixPath(name)
            folders[path.parent] += path.suffix in SUFFIXES
    found = [folder for folder, count in folders.items() if count]
    if not found:
        some = ", ".join(sorted(files)[:4])
        raise ArchiveError(f"the zip holds none of {', '.join(sorted(wanted))}; it holds {some}")
    best = max(found, key=lambda folder: (folder.name == assignment, folders[folder],
                                          -len(folder.parts)))
    if str(best) != assignment:
        violations.append(f"the files lie in {str(best)!r}, expected {assignment!r}")
    return {str(PurePosixPath(name).relative_to(best)): data for name, data in files.items()
            if PurePosixPath(name).is_relative_to(best)
            and PurePosixPath(name).name != TIMESTAMP}  # nbgrader's own, not a student's
