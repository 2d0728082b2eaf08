"""Take a folder of uploads in: one row for each, whatever is wrong with it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

from autograder import roster
from autograder.course import Course, CourseError
from autograder.intake import groups
from autograder.intake.archive import MAX_FILE, WEIGHTS, ArchiveError, read_archive
from autograder.intake.made_from import of_modules
from autograder.intake.notebooks import SUFFIXES, forget_originals, settle
from autograder.intake.received import Received, write_notes
from autograder.intake.repair import read_any
from autograder.intake.written import take_written
from autograder.roster import Roster

COPY = re.compile(r"( ?\(\d+\)|-\d+)(?=\.\w+$)")  # what platforms and browsers add to a name


def receive(course: Course, assignment: str, folder: Path) -> list[Received]:
    """Lay the uploads of `folder` out as nbgrader's submitted/ID/ASSIGNMENT/; return a row each.

    ID is a student's or, where groups hand in, a group's name. An upload that cannot be read
    still gets a folder, with the notebook as it was released: its owner stands in the gradebook
    with zero points and the reason.
    Raises CourseError where the folder does not exist or holds no upload.
    """
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}. Name the folder that holds the uploads.")
    people = roster.of(course) if course.assignment(assignment).groups else Roster()
    uploads = _uploads(course, assignment, folder, people)
    latest = {owner: path for path, owner in uploads}
    # A name as the rules have it goes before any other, however new that is.
    latest |= {owner: path for path, owner in uploads if _as_expected(course, assignment, path.name,
                                                                      owner)}
    rows = []
    for path, owner in uploads:
        if not owner:
            rows.append(Received(path.name, problem=_nobodys(course, assignment)))
        elif latest[owner] != path:
            rows.append(_passed_over(course, assignment, path, latest[owner]))
        else:
            rows.append(_take_in(course, assignment, owner, path, people))
    write_notes(course, assignment, rows)
    return sorted(rows, key=lambda row: (row.student, row.upload))


def _as_expected(course: Course, assignment: str, name: str, owner: str) -> bool:
    return COPY.sub("", name) == course.assignment(assignment).archive.format(id=owner)


def _passed_over(course: Course, assignment: str, path: Path, other: Path) -> Received:
    """The row of an upload in whose place another one of the same owner counts."""
    if path.stat().st_mtime <= other.stat().st_mtime:
        return Received(path.name, problem=f"replaced by {other.name}, which is newer")
    return Received(path.name, problem=f"{other.name} counts, whose name is as expected, although "
                                       "this one is newer: look whose it is")


def _nobodys(course: Course, assignment: str) -> str:
    expected = course.assignment(assignment).archive
    if course.assignment(assignment).groups:
        return (f"neither the file's name (expected {expected}, with the group's name) nor the "
                "names in it tell which group it is from")
    return f"the file's name holds no student id; expected {expected}"


def _uploads(course: Course, assignment: str, folder: Path, people: Roster
             ) -> list[tuple[Path, str]]:
    """The uploads of a folder with their owners, oldest first.

    A file of another kind than expected is one only where its owner sent none of that kind:
    other things (a PDF of the written part) lie in the same folder.
    """
    suffix = Path(course.assignment(assignment).archive).suffix
    files = sorted((path for path in folder.iterdir() if path.is_file()),
                   key=lambda path: (path.stat().st_mtime, path.name))
    found = [(path, _owner(course, assignment, path, people)) for path in files]
    expected = [(path, owner) for path, owner in found if path.suffix.lower() == suffix]
    served = {owner for _, owner in expected}
    found = [(path, owner) for path, owner in found
             if (path, owner) in expected or (owner and owner not in served)]
    if not found:
        raise CourseError(f"There is no {suffix} in {folder}.")
    return found


def _owner(course: Course, assignment: str, path: Path, people: Roster) -> str:
    """Whose an upload is: by its name, where the rules put the id, else anywhere in it.

    Of a group's, the names inside are asked last; they must all be of one group.
    """
    archive = re.escape(course.assignment(assignment).archive)
    student_id = f"(?P<id>{course.toml.course.student_id})"
    ids = {found["id"] for found in re.finditer(rf"(?<!\d){student_id}(?!\d)", path.name)}
    anywhere = ids.pop() if len(ids) == 1 else ""  # of two, nobody knows whose it is
    if not course.assignment(assignment).groups:
        found = re.fullmatch(archive.replace(r"\{id\}", student_id), path.name)
        return found["id"] if found else anywhere
    of_group = f"(?P<id>{'|'.join(map(re.escape, people.groups))})"
    named = re.fullmatch(archive.replace(r"\{id\}", of_group), COPY.sub("", path.name))
    group = named["id"] if named else people.group_of(anywhere)
    if group or path.suffix not in SUFFIXES or path.stat().st_size > MAX_FILE:
        return group
    notebook, _ = read_any(path.read_bytes(), path.name)
    known = groups.named_in(notebook, people).groups if notebook is not None else set()
    return known.pop() if len(known) == 1 else ""


def _take_in(course: Course, assignment: str, owner: str, upload: Path, people: Roster
             ) -> Received:
    settings = course.assignment(assignment)
    violations: list[str] = []
    remarks: list[str] = []
    expected = settings.archive.format(id=owner)
    if upload.name != expected:
        told = f"handed in as {upload.name}, expected {expected}"
        (remarks if COPY.sub("", upload.name) == expected else violations).append(told)
    problem = ""
    files: dict[str, bytes] = {}
    try:
        everything, left_out = _read(course, assignment, upload)
        remarks += [remark for remark in left_out if WEIGHTS not in remark]
        violations += [remark for remark in left_out if WEIGHTS in remark]
        files = _find_assignment(course, assignment, everything, violations)
    except ArchiveError as error:
        problem = str(error)
    folder = course.submitted / owner / assignment
    forget_originals(course, assignment, owner)
    problem = problem or _write(files, folder)
    if problem:
        files = {}
        _write(files, folder)
    flags = _settle_all(course, assignment, folder, remarks if problem else violations, remarks)
    violations += [f"{name} is missing" for name in settings.student_files
                   if name not in files and not problem]
    if settings.written is not None:
        violations += take_written(upload.parent, owner, settings.written, folder, remarks)
    if settings.groups and not problem:
        flags += _doubts(folder, settings.exercises, owner, people)
    return Received(upload.name, owner, problem, (*violations, *remarks), tuple(violations),
                    tuple(dict.fromkeys(flags)))


def _settle_all(course: Course, assignment: str, folder: Path, violations: list[str],
                remarks: list[str]) -> list[str]:
    """Settle each exercise's notebook; return what a person should look at."""
    flags = []
    for exercise in course.assignment(assignment).exercises:
        said = settle(course, assignment, exercise, folder)
        violations.extend(said.violations)
        remarks.extend(said.remarks)
        flags += said.flags
    remarks.extend(of_modules(course, assignment, folder))
    return flags


def _doubts(folder: Path, exercises: list[str], group: str, people: Roster) -> list[str]:
    """Where the names in a group's notebooks and the roster do not agree."""
    flags = []
    for exercise in exercises:
        path = folder / f"{exercise}.ipynb"
        notebook, _ = read_any(path.read_bytes(), path.name)
        if notebook is not None:
            flags += groups.doubts(groups.named_in(notebook, people), group, people)
    return flags


def _read(course: Course, assignment: str, upload: Path) -> tuple[dict[str, bytes], list[str]]:
    """The files of an upload: those of a zip, or a notebook that is handed in by itself."""
    alone = Path(course.assignment(assignment).archive).suffix in SUFFIXES
    if not alone or upload.suffix.lower() not in SUFFIXES:
        return read_archive(upload)
    if upload.stat().st_size > MAX_FILE:
        raise ArchiveError(f"it is larger than {MAX_FILE >> 20} MB")
    if not upload.stat().st_size:
        raise ArchiveError("the file is empty (0 bytes)")
    (exercise,) = course.assignment(assignment).exercises
    return {f"{assignment}/{exercise}{upload.suffix.lower()}": upload.read_bytes()}, []


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
            and PurePosixPath(name).name != "timestamp.txt"}  # nbgrader's own, not a student's
