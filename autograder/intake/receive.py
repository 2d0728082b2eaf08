"""Take a folder of uploads in: one row for each, whatever is wrong with it."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import nbformat

from autograder.course import Course, CourseError
from autograder.intake.archive import WEIGHTS, ArchiveError, read_archive
from autograder.intake.written import take_written

COPY = re.compile(r"( ?\(\d+\)|-\d+)(?=\.\w+$)")  # what platforms and browsers add to a name


@dataclass(frozen=True)
class Received:
    """One upload. `problem` says why nothing of it can be graded, `remarks` what was unusual.

    `student` is empty where the file's name holds no id: nobody guesses whose it is. `violations`
    are those of the remarks that break the instructions for handing in.
    """

    upload: str
    student: str = ""
    problem: str = ""
    remarks: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()


def receive(course: Course, assignment: str, folder: Path) -> list[Received]:
    """Lay the uploads of `folder` out as nbgrader's submitted/ID/ASSIGNMENT/; return a row each.

    An upload that cannot be read still gets a folder, with the notebook as it was released: the
    student stands in the gradebook with zero points and the reason.
    Raises CourseError where the folder does not exist or holds no zip.
    """
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}. Name the folder that holds the zips.")
    uploads = _uploads(course, assignment, folder)
    latest = {student: path for path, student in uploads}
    rows = []
    for path, student in uploads:
        if not student:
            rows.append(Received(path.name, problem="the file's name holds no student id; expected "
                                 f"{course.assignment(assignment).archive}"))
        elif latest[student] != path:
            rows.append(Received(path.name, problem=f"replaced by {latest[student].name}, which "
                                                    "is newer"))
        else:
            rows.append(_take_in(course, assignment, student, path))
    _write_notes(course, assignment, rows)
    return sorted(rows, key=lambda row: (row.student, row.upload))


def notes(course: Course, assignment: str) -> list[Received]:
    """What was noted of each upload when it was taken in, those that are nobody's included."""
    path = _notes_file(course, assignment)
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Received(**{**row, "remarks": tuple(row["remarks"]),
                        "violations": tuple(row.get("violations", ()))}) for row in rows]


def note_of(course: Course, assignment: str, student: str) -> Received | None:
    """What was noted of a student's upload."""
    return next((row for row in notes(course, assignment) if row.student == student), None)


def _uploads(course: Course, assignment: str, folder: Path) -> list[tuple[Path, str]]:
    """The uploads of a folder with their students, oldest first.

    A file that is no .zip is one only where its student sent no zip: other things (a PDF of the
    written part) lie in the same folder.
    """
    files = sorted((path for path in folder.iterdir() if path.is_file()),
                   key=lambda path: (path.stat().st_mtime, path.name))
    found = [(path, _student(course, assignment, path.name)) for path in files]
    zips = [(path, student) for path, student in found if path.suffix.lower() == ".zip"]
    with_zip = {student for _, student in zips}
    found = [(path, student) for path, student in found
             if (path, student) in zips or (student and student not in with_zip)]
    if not found:
        raise CourseError(f"There is no .zip in {folder}.")
    return found


def _student(course: Course, assignment: str, name: str) -> str:
    """The student's id in an upload's name: where the rules put it, else anywhere in it."""
    student_id = f"(?P<id>{course.toml.course.student_id})"
    expected = re.escape(course.assignment(assignment).archive).replace(r"\{id\}", student_id)
    found = re.fullmatch(expected, name) or re.search(rf"(?<!\d){student_id}(?!\d)", name)
    return found["id"] if found else ""


def _take_in(course: Course, assignment: str, student: str, upload: Path) -> Received:
    settings = course.assignment(assignment)
    violations: list[str] = []
    remarks: list[str] = []
    expected = settings.archive.format(id=student)
    if upload.name != expected:
        told = f"handed in as {upload.name}, expected {expected}"
        (remarks if COPY.sub("", upload.name) == expected else violations).append(told)
    problem = ""
    files: dict[str, bytes] = {}
    try:
        everything, left_out = read_archive(upload)
        remarks += [remark for remark in left_out if WEIGHTS not in remark]
        violations += [remark for remark in left_out if WEIGHTS in remark]
        files = _find_assignment(course, assignment, everything, violations)
    except ArchiveError as error:
        problem = str(error)
    folder = course.submitted / student / assignment
    problem = problem or _write(files, folder)
    if problem:
        files = {}
        _write(files, folder)
    for exercise in settings.exercises:
        odd = ensure_notebook(course, assignment, exercise, folder)
        (remarks if problem else violations).extend(odd)
    violations += [f"{name} is missing" for name in settings.student_files
                   if name not in files and not problem]
    if settings.written is not None:
        violations += take_written(upload.parent, student, settings.written, folder, remarks)
    return Received(upload.name, student, problem, (*violations, *remarks), tuple(violations))


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


def ensure_notebook(course: Course, assignment: str, exercise: str, folder: Path) -> list[str]:
    """Make sure there is a notebook that nbgrader can read; tell where it is not the student's.

    One that cannot be read is kept beside it as NAME.unreadable.
    """
    path = folder / f"{exercise}.ipynb"
    if not path.exists():
        use_released(course, assignment, exercise, folder)
        return [f"{path.name} is missing; graded with the notebook as it was released"]
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(notebook)
    except (ValueError, nbformat.ValidationError, AttributeError, KeyError, TypeError, OSError,
            RecursionError) as error:
        use_released(course, assignment, exercise, folder)
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return [f"{path.name} is not a readable notebook ({reason}); graded with the notebook as "
                "it was released"]
    return []


@contextlib.contextmanager
def released_instead(course: Course, assignment: str, folder: Path) -> Iterator[None]:
    """For a while, the released notebooks lie in the place of the student's."""
    names = course.assignment(assignment).exercises
    for exercise in names:
        use_released(course, assignment, exercise, folder)
    try:
        yield
    finally:
        for exercise in names:
            kept = folder / f"{exercise}.unreadable"
            kept.replace(folder / f"{exercise}.ipynb")


def use_released(course: Course, assignment: str, exercise: str, folder: Path) -> None:
    """Put the released notebook in the place of the student's, which is kept as NAME.unreadable."""
    path = folder / f"{exercise}.ipynb"
    if path.exists():
        path.replace(folder / f"{exercise}.unreadable")
    shutil.copy(course.build / "release" / assignment / path.name, path)


def _notes_file(course: Course, assignment: str) -> Path:
    return course.journal / f"{assignment}.intake.jsonl"


def _write_notes(course: Course, assignment: str, rows: list[Received]) -> None:
    """Keep the rows, and those of uploads that came another time."""
    path = _notes_file(course, assignment)
    students, uploads = {row.student for row in rows if row.student}, {row.upload for row in rows}
    kept = [row for row in notes(course, assignment)
            if row.student not in students and row.upload not in uploads]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in [*kept, *rows]))
