"""Gather what needs a person, from intake's notes, the journal, the gradebook and pairs alike."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from autograder import roster
from autograder.course import Course
from autograder.faults import Faults, Step, faults
from autograder.flag import Kind, kind_of, retold
from autograder.gradebook import book
from autograder.intake import elsewhere
from autograder.intake.received import TIMESTAMP, Received, notes
from autograder.intake.times import late_in, unread
from autograder.journal import Entry, last_entries
from autograder.late import Applied
from autograder.report import absent
from autograder.report.members import NOT_ON_ROSTER
from autograder.results.verdict import Verdict
from autograder.similarity import found

FORMGRADER = "http://localhost:8888/formgrader"
FILES = (Kind.LOG, Kind.BORROWED)  # what lies beside the notebook, out of formgrader's sight


@dataclass(frozen=True)
class Item:
    """One thing for a person. `student` may be a group, or two; it is empty for nobody's upload.

    `about` is the exercise, the upload or whatever else it is about, `reason` what was found,
    `where` the places to go to. `seen` is a hash of what it rests on (such as the submission).
    """

    kind: Kind
    student: str
    assignment: str
    about: str
    reason: str
    where: tuple[str, ...] = ()
    seen: str = ""

    @cached_property
    def id(self) -> str:
        """The same as long as it is about the same thing."""
        return _hash(self.kind, self.student, self.assignment, self.about)

    @cached_property
    def state(self) -> str:
        """Another one as soon as there is something new to look at."""
        return _hash(self.reason, self.seen)


def items(course: Course, name: str, formgrader: str = FORMGRADER) -> list[Item]:
    """All that needs a person in a homework or an assignment, by kind and student.

    `formgrader` is the address of nbgrader's formgrader. Raises CourseError as Course and the
    gradebook do.
    """
    gathered: dict[tuple[str, ...], Item] = {}
    known: set[str] = set()
    for assignment in course.together(name):
        gathering = _Gathering(course, assignment, formgrader)
        known |= {notebook.student for notebook in gathering.notebooks}
        for item in gathering.items():
            # An upload is taken in once for each assignment of a homework.
            gathered.setdefault((item.kind, item.student, item.about, item.reason), item)
    for owner in absent.absent(course, name, known):
        item = Item(Kind.ABSENT, owner, name, "", absent.NOTHING, (course.toml.course.roster,))
        gathered[item.id,] = item
    order = list(Kind)
    return sorted(gathered.values(), key=lambda item: (
        order.index(item.kind), item.student, item.assignment, item.about))


@dataclass(frozen=True)
class _Gathering:
    """What needs a person in one assignment."""

    course: Course
    assignment: str
    formgrader: str

    @cached_property
    def _entries(self) -> dict[tuple[str, str], Entry]:
        return last_entries(self.course, self.assignment)

    @cached_property
    def notebooks(self) -> list[book.Notebook]:
        return book.notebooks(self.course, self.assignment)

    def items(self) -> Iterator[Item]:
        by_student: dict[str, list[Callable[[], Iterator[Item]]]] = {}
        for row in notes(self.course, self.assignment):
            by_student.setdefault(row.student or row.upload, []).append(
                functools.partial(self._of_upload, row))
        for owner, doubt in unread(self.course, self.assignment).items():
            by_student.setdefault(owner, []).append(
                functools.partial(self._of_time, owner, doubt))
        for entry in self._entries.values():
            by_student.setdefault(entry.student, []).append(
                functools.partial(self._of_verdict, entry))
        for notebook in self.notebooks:
            by_student.setdefault(notebook.student, []).append(
                functools.partial(self._of_notebook, notebook))
        guarded = Faults(self.course, self.assignment)
        for student, some in by_student.items():
            listed: list[Item] = []
            with guarded.guard(Step.TODO, student):
                listed = [item for one in some for item in one()]
            yield from listed
        for fault in faults(self.course, self.assignment):
            place = self.course.submitted / fault.student / self.assignment
            yield Item(Kind.FAULT, fault.student, self.assignment, fault.step.value, fault.flag,
                       (str(place.relative_to(self.course.root)),))
        yield from self._off_roster()
        for pair in found.read(self.course, self.assignment):
            yield Item(Kind.SIMILAR, f"{pair.one} and {pair.other}", self.assignment, "",
                       pair.reason, (pair.page,), pair.seen)

    def _of_upload(self, row: Received) -> Iterator[Item]:
        if not row.student:
            yield Item(Kind.NOBODYS, "", self.assignment, row.upload, row.problem,
                       ("if it counts, give it the expected name, and grade again",))
        elif row.problem:
            item = self._item(Kind.UNREAD, row.student, row.upload, [row.problem])
            yield replace(item, where=("ask for another upload, and grade again",))
        told_of = [*row.flags, *elsewhere.flags(row.elsewhere, self._without_points(row.student))]
        for kind, told in _by_kind(told_of).items():
            yield self._item(kind, row.student, "" if row.student else row.upload, told)
        applied = self._late.get(row.student)
        if row.late and applied and not (applied.late_by or applied.handed_in.extension):
            by = ("no time is known at which it came" if applied.handed_in.at is None
                  else "its time is not after the due date in course.toml")
            yield self._item(Kind.TIME, row.student, row.upload, [
                f"the platform marks it as LATE, and {by}: it counts as in time"])

    @cached_property
    def _late(self) -> dict[str, Applied]:
        return late_in(self.course, self.assignment)

    def _of_time(self, owner: str, doubt: str) -> Iterator[Item]:
        yield self._item(Kind.TIME, owner, TIMESTAMP, [doubt])

    def _without_points(self, student: str) -> set[str]:
        """The parts of a submission that got no points, or wait for a person."""
        judged = {part.part for (one, _), entry in self._entries.items() if one == student
                  for part in entry.verdict.parts if not part.points}
        return judged | {part for notebook in self.notebooks if notebook.student == student
                         for part in notebook.waiting}

    def _of_verdict(self, entry: Entry) -> Iterator[Item]:
        events = [event for event in entry.verdict.events if kind_of(event) is Kind.CRASHED]
        for kind, told in _by_kind([*events, *_flags(entry.verdict)]).items():
            yield self._item(kind, entry.student, entry.exercise, told)

    def _of_notebook(self, notebook: book.Notebook) -> Iterator[Item]:
        if notebook.waiting:
            parts = [f"{part} ({most:g} points)" for part, most in notebook.waiting.items()]
            yield self._item(Kind.GRADE, notebook.student, notebook.exercise, parts)

    def _off_roster(self) -> Iterator[Item]:
        """Groups that the roster does not know."""
        if self.course.assignment(self.assignment).groups and self.notebooks:
            known = roster.of(self.course).groups
            for group in sorted({notebook.student for notebook in self.notebooks} - known.keys()):
                yield self._item(Kind.NAMES, group, "roster", [NOT_ON_ROSTER])

    def _item(self, kind: Kind, student: str, about: str, reasons: list[str]) -> Item:
        exercises = self.course.assignment(self.assignment).exercises
        seen = [entry.fingerprint for (one, exercise), entry in sorted(self._entries.items())
                if one == student and (about == exercise or about not in exercises)]
        return Item(kind, student, self.assignment, about, "; ".join(dict.fromkeys(reasons)),
                    self._places(kind, student, about), _hash(*seen))

    def _places(self, kind: Kind, student: str, about: str) -> tuple[str, ...]:
        """Where to look: files by their path in the course's folder, notebooks in formgrader."""
        course = self.course
        submitted = course.submitted / student / self.assignment
        originals = course.journal / "originals" / self.assignment / student
        if kind is Kind.NAMES:
            folders = [course.root / course.toml.course.roster, submitted]
        elif kind is Kind.NOTEBOOK:
            folders = [originals]
        else:
            folders = [submitted] if kind in FILES else []
        pages = [f"{self.formgrader.rstrip('/')}/submissions/{notebook.id}/"
                 for notebook in self.notebooks
                 if notebook.student == student and about in ("", notebook.exercise)
                 and kind is not Kind.NAMES]
        paths = [str(folder.relative_to(course.root)) for folder in folders if folder.exists()]
        return (*paths, *pages) or (str(submitted.relative_to(course.root)),)


def _flags(verdict: Verdict) -> list[str]:
    """The flags of a verdict, with their parts' names where they are not of all parts."""
    parts: dict[str, list[str]] = {}
    for part in verdict.parts:
        crashes = [says for says in part.says if kind_of(says) is Kind.CRASHED]
        for flag in (*crashes, *part.flags):
            parts.setdefault(flag, []).append(part.part)
    return [flag if len(some) == len(verdict.parts) else retold(flag, f"{', '.join(some)}: {flag}")
            for flag, some in parts.items()]


def _by_kind(flags: Iterable[str]) -> dict[Kind, list[str]]:
    told: dict[Kind, list[str]] = {}
    for flag in flags:
        told.setdefault(kind_of(flag), []).append(flag)
    return told


def _hash(*values: str) -> str:
    text = "\0".join(values)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
