"""Take a folder of uploads in: one row for each, whatever is wrong with it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

from autograder.course import Course
from autograder.faults import of_the_machine, sentence
from autograder.files import write_file
from autograder.flag import Flag, Kind
from autograder.intake import attempts, groups, replaced
from autograder.intake.archive import WEIGHTS, ArchiveError
from autograder.intake.attempts import Counting
from autograder.intake.cells import listed
from autograder.intake.choose import WRITTEN_IN, Choosers, Chosen, Source, choose
from autograder.intake.contents import names_in, read_upload
from autograder.intake.made_from import of_modules
from autograder.intake.notebooks import Settled, keep_beside, settle, use_released
from autograder.intake.platforms import opened
from autograder.intake.platforms.upload import Download, Upload
from autograder.intake.read import read_any, utf16
from autograder.intake.received import TIMESTAMP, Received, write_notes
from autograder.intake.replaced import drop_if_same, set_aside
from autograder.intake.uploads import flat, has_written, refuse_another, renamed, sort_out
from autograder.intake.whose import asked, owned
from autograder.intake.written import WRITTEN, is_written_by, take_written
from autograder.intake.wrote import given_names
from autograder.roster import Roster
from autograder.settings import Assignment


def receive(course: Course, assignment: str, folder: Path, time: str = "") -> list[Received]:
    """Lay the uploads of `folder` out as nbgrader's submitted/ID/ASSIGNMENT/; return a row each.

    `folder` may be what a learning platform gives to download, its zip too. ID is a student's or,
    where groups hand in, a group's name. An upload that cannot be read still gets a folder, with
    the notebook as it was released: its owner stands in the gradebook with zero points and the
    reason. What is replaced is kept under `time` (replaced.py). Raises CourseError where the folder
    does not exist, holds no upload, or holds nothing of the assignment.
    """
    with opened(course, folder) as download:
        rows = _Intake(course, assignment, folder, time or replaced.now()).rows(download)
    write_notes(course, assignment, rows)
    return sorted(rows, key=lambda row: (row.student, row.upload))


@dataclass
class _Intake:
    """One run over one folder."""

    course: Course
    assignment: str
    folder: Path
    time: str

    def rows(self, download: Download) -> list[Received]:
        course, assignment = self.course, self.assignment
        self.given = given_names(course)
        self.people = asked(course, assignment, download.uploads)
        self.everything = owned(course, assignment, download.uploads, self.people)
        self.choosers = Choosers(course)
        self.uploads = sort_out(self.choosers, assignment, self.everything)
        refuse_another(self.choosers, assignment, self.folder, self.uploads, self.given)
        counts = attempts.counting(course, assignment, self.uploads.heads)
        rows = [Received(name, problem=f"left out: {why}")
                for name, why in download.left_out.items()]
        taken: dict[str, dict[str, list[str]]] = {}
        for counting in counts.values():
            row, from_others = self._one(counting)
            rows.append(row)
            taken[counting.one.owner] = from_others
        for one in self.uploads.heads:
            if counts[one.owner].one is not one:
                row = attempts.passed_over(course, assignment, one, counts[one.owner].one)
                if files := taken[one.owner].get(one.upload.shown):
                    row = replace(row, problem=f"{row.problem}; but {listed(files)} "
                                               f"{'was' if len(files) == 1 else 'were'} taken from "
                                               "this one")
                rows.append(row)
        ids = {one.owner for one in self.uploads.heads}
        rows += [Received(upload.shown, problem=self._nobodys(upload),
                          handed_in=attempts.iso(upload)) for upload in self.uploads.nobodys
                 if not (has_written(course, assignment) and is_written_by(upload, ids))]
        return rows

    def _nobodys(self, upload: Upload) -> str:
        expected = self.course.assignment(self.assignment).archive
        if upload.sender:
            return (f"neither the file (expected {expected}) nor {upload.sender.platform}, which "
                    f"has it from {upload.sender}, tells for certain whose it is")
        kind = "folder" if upload.path.is_dir() else "file"
        if kind == "folder" and not any(upload.path.iterdir()):
            return f"the folder is empty, and its name holds no student id; expected {expected}"
        more = ""
        if inside := self._ids_inside(upload):
            more = (f"; it holds uploads of {listed(inside)}: if it is a download of its own, take "
                    f"it in by itself: autograder intake {self.assignment} "
                    f"{self.folder / upload.path.name}")
        if self.course.assignment(self.assignment).groups:
            return (f"neither the {kind}'s name (expected {expected}, with the group's name) nor "
                    f"the names in it tell which group it is from{more}")
        return f"the {kind}'s name holds no student id; expected {expected}{more}"

    def _ids_inside(self, upload: Upload) -> list[str]:
        """The students whose ids are in the names of what a folder or a zip holds."""
        student_id = rf"(?<!\d)(?:{self.course.toml.course.student_id})(?!\d)"
        found = set()
        for name in names_in(upload):
            found |= {match[0] for match in re.finditer(student_id, name)}
        return sorted(found)

    def _one(self, counting: Counting) -> tuple[Received, dict[str, list[str]]]:
        """Take one owner's uploads in. What fails with them is their row, and stops nobody else."""
        try:
            return self._take_in(counting)
        except Exception as error:
            if of_the_machine(error):
                raise
            owner, upload = counting.one.owner, counting.one.upload
            folder = self.course.submitted / owner / self.assignment
            _write({}, folder)
            for exercise in self.course.assignment(self.assignment).exercises:
                use_released(self.course, self.assignment, exercise, folder)
            why = f"it could not be taken in ({sentence(error)})"
            return Received(upload.shown, owner, why, flags=(Flag(
                f"{why}; look at it, then take it in again", Kind.FAULT),),
                handed_in=attempts.iso(upload)), {}

    def _take_in(self, counting: Counting) -> tuple[Received, dict[str, list[str]]]:
        course, assignment = self.course, self.assignment
        settings, doubt = course.assignment(assignment), counting.one.doubt
        owner, upload = counting.one.owner, counting.one.upload
        said = Settled(flags=[Flag(one, Kind.NAMES) for one in (doubt, *counting.flags) if one])
        told, breaks = renamed(upload, owner, settings.archive)
        if told:
            (said.violations if breaks else said.remarks).append(told)
        if upload.late and upload.sender:
            said.remarks.append(f"{upload.sender.platform} marks it as late")
        if upload.sender and upload.sender.doubt:
            said.flags.append(Flag(upload.sender.doubt, Kind.OTHER))
        self._tell_aside(owner, said)
        folder = course.submitted / owner / assignment
        before = _before(folder)
        set_aside(course, assignment, owner, self.time)
        problem, chosen, own = self._lay_out(counting, before, folder, said)
        keep_beside(course, assignment, owner, chosen.beside)
        self._settle_all(folder, said, chosen, bool(problem))
        said.violations += [f"{name} is missing" for name in settings.student_files
                            if name not in chosen.files and not problem]
        if settings.written is not None:
            self._written(owner, settings.written, folder, (own, before), said)
        if settings.groups and not problem:
            said.flags += _doubts(folder, settings, owner, self.people)
        _write_timestamp(upload, folder)
        drop_if_same(course, assignment, owner, self.time)
        row = Received(upload.shown, owner, problem, (*said.violations, *said.remarks),
                       tuple(said.violations), tuple(dict.fromkeys(said.flags)),
                       attempts.iso(upload), bool(upload.late),
                       upload.sender.account if upload.sender and not doubt else "",
                       tuple(said.elsewhere.items()))
        return row, chosen.from_others

    def _tell_aside(self, owner: str, said: Settled) -> None:
        """Tell of what else an owner sent."""
        aside = self.uploads.aside.get(owner, [])
        may_hold = [one.shown for one in aside if one.suffix.lower() in WRITTEN_IN
                    and not one.is_typed]
        others = [one.shown for one in aside if one.shown not in may_hold]
        if may_hold:
            said.flags.append(Flag(f"{listed(may_hold)} came with it, and nobody asked for that: "
                                   "look whether work is in there", Kind.NOTEBOOK))
        if others:
            said.remarks.append(f"{listed(others)} came with it, and nobody asked for that")

    def _lay_out(self, counting: Counting, before: Source, folder: Path, said: Settled
                 ) -> tuple[str, Chosen, Source]:
        """Write the files that count to `folder`.

        Returns why nothing can be graded, if so; the files; and all that the upload holds.
        """
        course, assignment, upload = self.course, self.assignment, counting.one.upload
        problem = ""
        own = Source(upload.shown, {})
        try:
            own, left_out = self._source(upload)
            said.remarks += [remark for remark in left_out if WEIGHTS not in remark]
            said.violations += [remark for remark in left_out if WEIGHTS in remark]
        except ArchiveError as error:
            problem = str(error)
        try:
            chosen = choose(self.choosers[assignment], [own, *self._others(counting), before])
        except ArchiveError as error:
            problem, chosen = problem or str(error), Chosen()
        if chosen.files and upload.suffix.lower() == ".pdf":
            problem = ""  # it is the written part, and the rest was taken in before
        _as_utf8(course.assignment(assignment).student_files, chosen)
        said.violations += chosen.violations
        said.remarks += chosen.remarks
        said.flags += chosen.flags
        if fault := _write(chosen.files, folder):
            problem = problem or fault
            chosen.files.clear()
            _write({}, folder)
        return problem, chosen, own

    def _source(self, upload: Upload) -> tuple[Source, list[str]]:
        files, left_out = read_upload(upload, self.given)
        files = flat(self.course, self.assignment, upload, files)
        return Source(upload.shown, files, flat=upload.suffix.lower() != ".zip"), left_out

    def _others(self, counting: Counting) -> list[Source]:
        """The owner's other uploads, the newest first, as far as the rule for attempts has them."""
        rule = self.course.assignment(self.assignment).attempts
        found = []
        for one in reversed(self.uploads.heads):
            newer = one.upload.when > counting.one.upload.when
            if (one.owner != counting.one.owner or one is counting.one or one.doubt
                    or rule == "first" or (rule == "last_in_time" and newer)):
                continue
            try:
                found.append(self._source(one.upload)[0])
            except ArchiveError:
                continue  # its row says so
        return found

    def _settle_all(self, folder: Path, said: Settled, chosen: Chosen, hopeless: bool) -> None:
        """Settle each exercise's notebook. Of an upload that is `hopeless`, none is a violation."""
        for exercise in self.course.assignment(self.assignment).exercises:
            settled = settle(self.course, self.assignment, exercise, folder, chosen.beside,
                             search=False)
            (said.remarks if hopeless else said.violations).extend(settled.violations)
            said.remarks.extend(settled.remarks)
            said.flags += settled.flags
            said.elsewhere |= {} if hopeless else settled.elsewhere
        said.remarks.extend(of_modules(self.course, self.assignment, folder))

    def _written(self, owner: str, name: str, folder: Path, sources: tuple[Source, ...],
                 said: Settled) -> None:
        """Take the written part in: an upload of its own, else a PDF in the zip, else as before."""
        remarks: list[str] = []
        said.violations += take_written(self.everything, owner, name, folder, remarks)
        if (folder / WRITTEN).is_file() or not remarks:
            said.remarks += remarks
            return
        for source in sources:
            pdfs = [path for path, data in source.files.items() if data.startswith(b"%PDF-")
                    and (not source.before or path == WRITTEN)]
            if len(pdfs) == 1:
                (folder / WRITTEN).write_bytes(source.files[pdfs[0]])
                said.remarks.append("the written part is the one that was taken in before"
                                    if source.before else
                                    f"the written part was in the upload, as {pdfs[0]}")
                return
        said.remarks += remarks


def _before(folder: Path) -> Source:
    """What was taken in before, from this folder or another one."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
             if path.is_file() and path.name != TIMESTAMP} if folder.is_dir() else {}
    return Source("what was taken in before", files, before=True, flat=True)


def _as_utf8(names: Iterable[str], chosen: Chosen) -> None:
    """Text in UTF-16, as some programs of Windows save it, in the form that Python reads."""
    for name in names:
        data = chosen.files.get(name, b"")
        if codec := utf16(data):
            chosen.beside[name] = data
            chosen.files[name] = data.decode(codec, errors="replace").encode("utf-8", "replace")
            chosen.remarks.append(f"{name} was in UTF-16, and was converted")


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
            named = groups.named_in(notebook, people, settings.members)
            flags += groups.doubts(named, group, people)
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
