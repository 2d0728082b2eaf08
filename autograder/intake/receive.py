"""Take in a folder of uploads: a record for each, whatever is wrong with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC
from pathlib import Path, PurePosixPath

from autograder.course import Course
from autograder.faults import of_the_machine, sentence
from autograder.files import read_folder, write_file
from autograder.intake import attempts, history
from autograder.intake.archive import WEIGHTS, ArchiveError
from autograder.intake.attempts import (
    Counting,
    has_written,
    named_as_expected,
    naming,
    refuse_another_assignment,
    sort_uploads,
)
from autograder.intake.expected import ExpectedOfCourse, given_names
from autograder.intake.history import drop_if_same, set_aside
from autograder.intake.notebook.cells import listed
from autograder.intake.notebook.read import read_any, utf16
from autograder.intake.notebook.versions import of_modules
from autograder.intake.owners import Owned, doubts, named_in, owned, roster_for, why_unowned
from autograder.intake.platforms import opened
from autograder.intake.platforms.upload import Download, Upload
from autograder.intake.records import TIMESTAMP, IntakeRecord, write_notes
from autograder.intake.selection import WRITTEN_IN, Selection, Source, select
from autograder.intake.settle import Findings, keep_beside, settle, use_released
from autograder.intake.upload_files import read_upload
from autograder.intake.written import WRITTEN, is_written_by, take_written
from autograder.results.flag import Flag, Kind, Sentence
from autograder.results.reason import Code
from autograder.roster import Roster
from autograder.settings import Assignment


def receive(course: Course, assignment: str, folder: Path, time: str = "") -> list[IntakeRecord]:
    """Lay out the uploads of `folder` as nbgrader's submitted/ID/ASSIGNMENT/; return the records.

    `folder` may be a learning platform's download, zipped or not. ID is a student's or, where
    groups hand in, a group's name. An upload that cannot be read still gets a folder, with the
    released notebook: its owner gets zero points and the reason. Replaced submissions are kept
    under `time` (history.py). Raises CourseError where the folder does not exist, holds no upload,
    or holds nothing of the assignment.
    """
    with opened(course, folder) as download:
        records = _Intake(course, assignment, folder, time or history.now()).records(download)
    write_notes(course, assignment, records)
    return sorted(records, key=lambda record: (record.student, record.upload))


class _Intake:
    """One run over one folder."""

    def __init__(self, course: Course, assignment: str, folder: Path, time: str) -> None:
        self.course, self.assignment, self.folder, self.time = course, assignment, folder, time
        self.settings = course.assignment(assignment)
        self.given = given_names(course)
        self.expected = ExpectedOfCourse(course)

    def records(self, download: Download) -> list[IntakeRecord]:
        course, assignment = self.course, self.assignment
        self.people = roster_for(course, assignment, download.uploads)
        self.everything = owned(course, assignment, download.uploads, self.people)
        self.uploads = sort_uploads(self.expected, assignment, self.everything)
        refuse_another_assignment(self.expected, assignment, self.folder, self.uploads, self.given)
        counts = attempts.counting(course, assignment, self.uploads.attempts)
        records = [IntakeRecord(name, problem=f"left out: {why}")
                   for name, why in download.left_out.items()]
        from_others: dict[str, dict[str, list[str]]] = {}
        for counting in counts.values():
            record, from_others[counting.one.owner] = self._take_in_guarded(counting)
            records.append(record)
        for one in self.uploads.attempts:
            if counts[one.owner].one is not one:
                files = from_others[one.owner].get(one.upload.shown, [])
                records.append(self._passed_over(one, counts[one.owner].one, files))
        return records + self._unowned(set(counts))

    def _passed_over(self, one: Owned, counts: Owned, files: list[str]) -> IntakeRecord:
        """The record of an attempt that does not count, though `files` of it may be used."""
        record = attempts.passed_over(self.course, self.assignment, one, counts)
        if not files:
            return record
        were = "was" if len(files) == 1 else "were"
        return replace(record, problem=f"{record.problem}; but {listed(files)} {were} taken from "
                                       "this one")

    def _unowned(self, owners: set[str]) -> list[IntakeRecord]:
        """The records of uploads without an owner, except PDFs that are somebody's written part."""
        written = has_written(self.course, self.assignment)
        return [IntakeRecord(upload.shown, handed_in=attempts.iso(upload), problem=why_unowned(
                    self.course, self.assignment, upload, self.folder))
                for upload in self.uploads.unowned
                if not (written and is_written_by(upload, owners))]

    def _take_in_guarded(self, counting: Counting) -> tuple[IntakeRecord, dict[str, list[str]]]:
        """Take in one owner's uploads; a failure with them is in their record, and stops no other.
        """
        try:
            return self._take_in(counting)
        except Exception as error:
            if of_the_machine(error):
                raise
            owner, upload = counting.one.owner, counting.one.upload
            folder = self.course.submitted / owner / self.assignment
            _write({}, folder)
            for exercise in self.settings.exercises:
                use_released(self.course, self.assignment, exercise, folder)
            why = f"it could not be taken in ({sentence(error)})"
            return IntakeRecord(upload.shown, owner, why, flags=(Flag(
                f"{why}; look at it, then take it in again", Kind.FAULT),),
                handed_in=attempts.iso(upload)), {}

    def _take_in(self, counting: Counting) -> tuple[IntakeRecord, dict[str, list[str]]]:
        """Take in one owner's uploads; also return the files taken from other attempts."""
        course, assignment = self.course, self.assignment
        owner, upload = counting.one.owner, counting.one.upload
        found = self._findings(counting)
        folder = course.submitted / owner / assignment
        before = _taken_in_before(folder)
        set_aside(course, assignment, owner, self.time)
        problem, selection, own = self._lay_out(counting, before, folder, found)
        keep_beside(course, assignment, owner, selection.beside)
        self._settle_all(folder, found, selection, bool(problem))
        if not problem:
            found.violations += [Sentence.of(Code.FILE_MISSING, file=name)
                                 for name in self.settings.student_files
                                 if name not in selection.files]
        if self.settings.written is not None:
            self._take_written(owner, self.settings.written, folder, (own, before), found)
        if self.settings.groups and not problem:
            found.flags += _doubts(folder, self.settings, owner, self.people)
        _write_timestamp(upload, folder)
        drop_if_same(course, assignment, owner, self.time)
        certain = upload.sender is not None and not counting.one.doubt
        record = IntakeRecord(
            upload.shown, owner, problem, (*found.violations, *found.remarks),
            tuple(found.violations), tuple(dict.fromkeys(found.flags)), attempts.iso(upload),
            bool(upload.late), upload.sender.account if upload.sender and certain else "",
            tuple(found.elsewhere.items()))
        return record, selection.from_others

    def _findings(self, counting: Counting) -> Findings:
        """The findings on an upload itself, not on its contents."""
        owner, upload, doubt = counting.one.owner, counting.one.upload, counting.one.doubt
        found = Findings(flags=[Flag(one, Kind.NAMES) for one in (doubt, *counting.flags) if one])
        remark, breaks = naming(upload, owner, self.settings.archive)
        if remark:
            (found.violations if breaks else found.remarks).append(remark)
        if upload.late and upload.sender:
            found.remarks.append(f"{upload.sender.platform} marks it as late")
        if upload.sender and upload.sender.doubt:
            found.flags.append(Flag(upload.sender.doubt, Kind.OTHER))
        beside = self.uploads.beside.get(owner, [])
        may_hold = [one.shown for one in beside if one.suffix.lower() in WRITTEN_IN
                    and not one.is_typed]
        others = [one.shown for one in beside if one.shown not in may_hold]
        if may_hold:
            found.flags.append(Flag(f"{listed(may_hold)} came with it, and nobody asked for that: "
                                    "look whether work is in there", Kind.NOTEBOOK))
        if others:
            found.remarks.append(f"{listed(others)} came with it, and nobody asked for that")
        return found

    def _lay_out(self, counting: Counting, before: Source, folder: Path, found: Findings
                 ) -> tuple[str, Selection, Source]:
        """Write the files that count to `folder`.

        Returns the reason why nothing can be graded, if so; the files; and all of the upload.
        """
        upload = counting.one.upload
        problem, own = "", Source(upload.shown, {})
        try:
            own, left_out = self._source(upload)
            found.remarks += [remark for remark in left_out if WEIGHTS not in remark]
            found.violations += [remark for remark in left_out if WEIGHTS in remark]
        except ArchiveError as error:
            problem = str(error)
        try:
            selection = select(self.expected[self.assignment],
                               [own, *self._others(counting), before])
        except ArchiveError as error:
            problem, selection = problem or str(error), Selection()
        if selection.files and upload.suffix.lower() == ".pdf":
            problem = ""  # it is the written part, and the rest was taken in before
        _as_utf8(self.settings.student_files, selection)
        found.violations += selection.violations
        found.remarks += selection.remarks
        found.flags += selection.flags
        if fault := _write(selection.files, folder):
            problem = problem or fault
            selection.files.clear()
            _write({}, folder)
        return problem, selection, own

    def _source(self, upload: Upload) -> tuple[Source, list[str]]:
        files, left_out = read_upload(upload, self.given)
        files = named_as_expected(self.course, self.assignment, upload, files)
        return Source(upload.shown, files, flat=upload.suffix.lower() != ".zip"), left_out

    def _others(self, counting: Counting) -> list[Source]:
        """The owner's other attempts that the rule allows to fill gaps, the newest first."""
        found = []
        for one in reversed(self.uploads.attempts):
            if self._may_fill_gaps(one, counting.one):
                try:
                    found.append(self._source(one.upload)[0])
                except ArchiveError:
                    continue  # the reason is in its own record
        return found

    def _may_fill_gaps(self, one: Owned, counts: Owned) -> bool:
        if one.owner != counts.owner or one is counts or one.doubt:
            return False
        newer = one.upload.when > counts.upload.when
        return self.settings.attempts == "last" or (
            self.settings.attempts == "last_in_time" and not newer)

    def _settle_all(self, folder: Path, found: Findings, selection: Selection, hopeless: bool
                    ) -> None:
        """Settle each exercise's notebook. In a `hopeless` upload, none of them is a violation."""
        for exercise in self.settings.exercises:
            own = settle(self.course, self.assignment, exercise, folder, selection.beside,
                         search=False)
            (found.remarks if hopeless else found.violations).extend(own.violations)
            found.remarks += own.remarks
            found.flags += own.flags
            found.elsewhere |= {} if hopeless else own.elsewhere
        found.remarks += of_modules(self.course, self.assignment, folder)

    def _take_written(self, owner: str, name: str, folder: Path, sources: tuple[Source, ...],
                      found: Findings) -> None:
        """Take the written part: an upload of its own, else a PDF in the zip, else the former one.
        """
        remarks: list[str] = []
        found.violations += take_written(self.everything, owner, name, folder, remarks)
        if (folder / WRITTEN).is_file() or not remarks:
            found.remarks += remarks
            return
        for source in sources:
            pdfs = [path for path, data in source.files.items() if data.startswith(b"%PDF-")
                    and (not source.before or path == WRITTEN)]
            if len(pdfs) == 1:
                (folder / WRITTEN).write_bytes(source.files[pdfs[0]])
                found.remarks.append("the written part is the one that was taken in before"
                                    if source.before else
                                    f"the written part was in the upload, as {pdfs[0]}")
                return
        found.remarks += remarks


def _taken_in_before(folder: Path) -> Source:
    """The files of an earlier intake."""
    files = {name: data for name, data in read_folder(folder).items()
             if PurePosixPath(name).name != TIMESTAMP}
    return Source("what was taken in before", files, before=True, flat=True)


def _as_utf8(names: Iterable[str], selection: Selection) -> None:
    """Convert text in UTF-16, as some Windows programs save it, to UTF-8."""
    for name in names:
        data = selection.files.get(name, b"")
        if codec := utf16(data):
            selection.beside[name] = data
            selection.files[name] = data.decode(codec, errors="replace").encode("utf-8", "replace")
            selection.remarks.append(f"{name} was in UTF-16, and was converted")


def _write_timestamp(upload: Upload, folder: Path) -> None:
    """Write when it was handed in where nbgrader's own tools look for it, as they write it."""
    if upload.handed_in is not None:
        moment = upload.handed_in.astimezone(UTC)
        write_file(folder / TIMESTAMP, f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC")


def _doubts(folder: Path, settings: Assignment, group: str, people: Roster) -> list[str]:
    """Flags for names in a group's notebooks that contradict the roster."""
    flags = []
    for exercise in settings.exercises:
        path = folder / f"{exercise}.ipynb"
        notebook, _ = read_any(path.read_bytes(), path.name)
        if notebook is not None:
            flags += doubts(named_in(notebook, people, settings.members), group, people)
    return flags


def _write(files: Mapping[str, bytes], folder: Path) -> str:
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
