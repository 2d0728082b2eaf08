"""Write the pages of a homework, those alone that would change: feedback/ID/HOMEWORK.html.

One page is in memory at a time, however large the class is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.faults import Faults, Step
from autograder.files import write_page
from autograder.course import Course, CourseError, Exercise
from autograder.crossfeedback import merge
from autograder.gradebook.hands import HandGrades, Hands, hand_grades
from autograder.gradebook.native import has_assignment
from autograder.intake.received import notes
from autograder.journal import LastEntries, path_of
from autograder.release import parts, reread, source
from autograder.report import grades
from autograder.report.feedback.code import Code, Submission
from autograder.report.feedback.exercise import ExerciseTexts, texts
from autograder.report.feedback.language import LOCALE, sentences
from autograder.report.feedback.render import HERE, render
from autograder.report.feedback.view import FeedbackPage, Graded, Heading, page, with_code
from autograder.report.line import Line

MADE_FROM = re.compile(rb'<meta name="made-from" content="(\w*)">')
HEAD = 2000  # bytes of a page in which that stands


@dataclass
class Written:
    """How many pages were written, and how many were as they should be."""

    name: str
    new: int = 0
    kept: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return (f"{self.new} written, {self.kept} unchanged"
                + f", {self.failed} failed" * bool(self.failed))


def page_name(course: Course, name: str) -> str:
    """What the pages on an assignment or homework are called: the homework, where there is one."""
    if name in course.toml.homeworks:
        return name
    course.assignment(name)
    return next((homework for homework, settings in course.toml.homeworks.items()
                 if name in settings.assignments), name)


def path(course: Course, name: str, student: str) -> Path:
    """Where a student's page on an assignment or homework lies."""
    return course.feedback / student / f"{page_name(course, name)}.html"


def write(course: Course, name: str, lines: Iterable[Line] | None = None) -> Written:
    """Write the pages of all who handed in; `lines` are the report's rows of `name`, if known.

    Raises CourseError where nothing of it is graded.
    """
    done = Written(page_name(course, name))
    graded = [one for one in course.together(done.name) if has_assignment(course, one)]
    if not graded:
        raise CourseError(f"Nothing of {done.name} is graded yet. First: autograder grade {name}")
    if lines is None or done.name != name:
        lines = grades.lines(course, done.name)
    guarded = Faults(course, done.name)
    with hand_grades(course) as by_hand:
        pages = _Pages(course, done.name, graded, by_hand)
        for row in lines:
            with guarded.guard(Step.FEEDBACK, row.student or row.upload):
                for line in grades.by_person(course, done.name, [row]):
                    if line.student and line.parts is not None:
                        if pages.write(line):
                            done.new += 1
                        else:
                            done.kept += 1
    done.failed = len(guarded.failed)
    return done


class _Pages:
    """What all pages of a homework have in common, and the way from a row to its page."""

    def __init__(self, course: Course, name: str, assignments: list[str], by_hand: HandGrades
                 ) -> None:
        self._course, self._name, self._by_hand = course, name, by_hand
        self._language = course.toml.course.language
        homework = course.toml.homeworks.get(name)
        self._waiver = homework.waiver if homework else lambda student: None
        self._heading = Heading(
            course.toml.course.title,
            homework.title if homework else course.assignment(name).title,
            sentences(self._language, LOCALE.parent))
        self._all = course.together(name)
        self._sources = {one: _Source(course, one, self._language) for one in assignments}
        self._ours = _hash_of([*HERE.rglob("*"), *(Path(str(module.__file__)) for module in (
            parts, reread, source)), *(file for one in self._all
                                        for exercise in course.exercises(one)
                                        for file in _files(exercise))])

    def write(self, line: Line) -> bool:
        """Write a row's page; False where the one that is there says the same."""
        file = self._course.feedback / line.student / f"{self._name}.html"
        handed_in = {name: source for name, source in self._sources.items() if source.has(line)}
        found = self._page(line, handed_in)
        prints = [source.fingerprint(line) for source in handed_in.values()]
        made_from = _hash([self._ours, self._language, repr(found), *prints])
        if _made_from(file) == made_from:
            return False
        code = {name: code for source in handed_in.values()
                for name, code in source.code(line).items()}
        text = render(with_code(found, code), self._language, made_from)
        write_page(file, text)
        return True

    def _page(self, line: Line, handed_in: dict[str, _Source]) -> FeedbackPage:
        """A row's page, but for the student's code: to read that takes longest."""
        hands = {name: self._by_hand(name, source.owner(line))
                 for name, source in handed_in.items()}
        heading = replace(
            self._heading, waived=self._waiver(line.student) or "",
            missing=tuple(self._course.assignment(name).title for name in self._all
                          if name not in handed_in))
        return page(heading, line,
                    [note for source in handed_in.values() for note in source.notes(line)],
                    [one for name, source in handed_in.items()
                     for one in source.graded(line, hands[name])])


class _Source:
    """One assignment: whose page asks finds here what was graded."""

    def __init__(self, course: Course, assignment: str, language: str) -> None:
        self._course, self._assignment = course, assignment
        self._by_groups = course.assignment(assignment).groups
        self._texts = [texts(exercise, language, course.toml.crossfeedback)
                       for exercise in course.exercises(assignment)]
        self._last = LastEntries(path_of(course, assignment))
        self._notes = {row.student: row for row in notes(course, assignment)}
        self._others = merge.comments_by_group(course, assignment)

    def owner(self, line: Line) -> str:
        """Under whose name the row's submission lies."""
        return line.group or line.student if self._by_groups else line.student

    def has(self, line: Line) -> bool:
        """Whether a part of it stands in the row."""
        return any(part in (line.parts or {}) for one in self._texts for part in one.most)

    def notes(self, line: Line) -> tuple[str, ...]:
        """What was unusual about the upload, in the student's own interest."""
        note = self._notes.get(self.owner(line))
        return () if note is None else (note.problem,) if note.problem else note.remarks

    def fingerprint(self, line: Line) -> str:
        """The hashes of what was judged."""
        read = [self._last(self.owner(line), one.name) for one in self._texts]
        return " ".join(entry.fingerprint for entry in read if entry is not None)

    def graded(self, line: Line, hands: Hands) -> Iterator[Graded]:
        """Each exercise, as it was graded."""
        owner = self.owner(line)
        for one in self._texts:
            entry = self._last(owner, one.name)
            yield Graded(one, entry.verdict if entry else None, hands, self._others.get(owner, {}))

    def code(self, line: Line) -> dict[str, tuple[Code, ...]]:
        """The submission's own code, by part."""
        folder = self._course.submitted / self.owner(line) / self._assignment
        return {part: code for one in self._texts
                for part, code in Submission(folder, one.name).code(one.places).items()}


def _files(exercise: Exercise) -> Iterator[Path]:
    """What an exercise's pages are made from, beside verdicts."""
    yield from exercise.notebook_files
    for pattern in (reread.FILE, "misconceptions*.toml", "locale/*.po"):
        yield from exercise.folder.glob(pattern)


def _made_from(file: Path) -> str:
    """What a page that is there was made from; empty where there is none."""
    if not file.is_file():
        return ""
    with open(file, "rb") as opened:
        found = MADE_FROM.search(opened.read(HEAD))
    return found[1].decode() if found else ""


def _hash_of(files: Iterable[Path]) -> str:
    return _hash(file.read_bytes().hex() for file in sorted(set(files))
                 if file.is_file() and file.suffix != ".pyc")


def _hash(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()[:16]
