"""Write the pages of a homework, those alone that would change: feedback/ID/HOMEWORK.html.

One page is in memory at a time, however large the class is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.course import Course, CourseError, Exercise
from autograder.crossfeedback import merge
from autograder.exercise import parts, reading, source
from autograder.faults import Faults, Step
from autograder.files import write_page
from autograder.gradebook.queries import ManualGrades
from autograder.report.feedback.code import CodeExcerpt, SubmittedCode
from autograder.report.feedback.exercise import texts
from autograder.report.feedback.language import LOCALE, sentences
from autograder.report.feedback.render import HERE, render
from autograder.report.feedback.rubrics import given_rubrics
from autograder.report.feedback.view import (
    FeedbackPage,
    GradedExercise,
    Heading,
    page,
    with_code,
)
from autograder.report.grades import by_person, grade_rows
from autograder.report.read import CourseResults
from autograder.report.submission import GradedSubmission
from autograder.report.totals import GradeRow

MADE_FROM = re.compile(rb'<meta name="made-from" content="(\w*)">')
HEAD = 2000  # bytes of a page that hold it


@dataclass
class PagesWritten:
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


def write(results: CourseResults, name: str, rows: Iterable[GradeRow] | None = None
          ) -> PagesWritten:
    """Write the pages of all who handed in; `rows` are the grade rows of `name`, if known.

    Raises CourseError where nothing of it is graded.
    """
    course = results.course
    done = PagesWritten(page_name(course, name))
    graded = [one for one in course.together(done.name) if results.is_graded(one)]
    if not graded:
        raise CourseError(f"Nothing of {done.name} is graded yet. First: autograder grade {name}")
    if rows is None or done.name != name:
        rows = grade_rows(results, done.name)
    guarded, pages = Faults(course, done.name), _Pages(results, done.name, graded)
    for row in rows:
        with guarded.guard(Step.FEEDBACK, row.who):
            for one in by_person(results, done.name, [row]):
                if one.student and one.parts is not None:
                    if pages.write(one):
                        done.new += 1
                    else:
                        done.kept += 1
    done.failed = len(guarded.failed)
    return done


class _Pages:
    """What all pages of a homework have in common, and the way from a row to its page."""

    def __init__(self, results: CourseResults, name: str, assignments: list[str]) -> None:
        course = results.course
        self._course, self._name = course, name
        self._language = course.toml.course.language
        homework = course.toml.homeworks.get(name)
        self._waiver = homework.waiver if homework else lambda student: None
        self._heading = Heading(
            course.toml.course.title,
            homework.title if homework else course.assignment(name).title,
            sentences(self._language, LOCALE.parent))
        self._all = course.together(name)
        self._assignments = {one: _AssignmentPages(results, one, self._language)
                             for one in assignments}
        self._ours = _hash_of([*HERE.rglob("*"), *(Path(str(module.__file__)) for module in (
            parts, reading, source)), *(file for one in self._all
                                        for exercise in course.exercises(one)
                                        for file in _files(exercise))])

    def write(self, row: GradeRow) -> bool:
        """Write a row's page; False where the one that is there says the same."""
        file = self._course.feedback / row.student / f"{self._name}.html"
        shown = [(self._assignments[one.assignment], one) for one in row.submissions
                 if self._assignments[one.assignment].has(row)]
        found = self._page(row, shown)
        prints = [assignment.fingerprint(one) for assignment, one in shown]
        made_from = _hash([self._ours, self._language, repr(found), *prints])
        if _made_from(file) == made_from:
            return False
        code = {name: code for assignment, one in shown
                for name, code in assignment.code(one).items()}
        text = render(with_code(found, code), self._language, made_from)
        write_page(file, text)
        return True

    def _page(self, row: GradeRow, shown: list[tuple[_AssignmentPages, GradedSubmission]]
              ) -> FeedbackPage:
        """A row's page, but for the student's code: to read that takes longest."""
        there = {one.assignment for _, one in shown}
        heading = replace(
            self._heading, waived=self._waiver(row.student) or "",
            missing=tuple(self._course.assignment(name).title for name in self._all
                          if name not in there))
        return page(heading, row, [note for _, one in shown for note in one.notes],
                    [graded for assignment, one in shown for graded in assignment.graded(one)])


class _AssignmentPages:
    """What the pages say of one assignment's submissions."""

    def __init__(self, results: CourseResults, assignment: str, language: str) -> None:
        self._course = course = results.course
        self._texts = [texts(exercise, language, course.toml.crossfeedback)
                       for exercise in course.exercises(assignment)]
        self._others = merge.comments_by_group(course, assignment)
        self._rubrics = given_rubrics(results.question_marks(assignment),
                                      (results.gradebook(assignment) or {}).values())

    def has(self, row: GradeRow) -> bool:
        """Whether the row has points in a part of the assignment."""
        return any(part in (row.parts or {}) for one in self._texts for part in one.most)

    def fingerprint(self, submission: GradedSubmission) -> str:
        """The hashes of what was judged."""
        read = [submission.judged.get(one.name) for one in self._texts]
        return " ".join(entry.fingerprint for entry in read if entry is not None)

    def graded(self, submission: GradedSubmission) -> Iterator[GradedExercise]:
        """Each exercise, as it was graded."""
        manual = submission.gradebook.manual if submission.gradebook else ManualGrades()
        others = self._others.get(submission.owner, {})
        for one in self._texts:
            entry = submission.judged.get(one.name)
            yield GradedExercise(one, entry.verdict if entry else None, manual, others,
                                 self._rubrics.get(submission.owner, {}))

    def code(self, submission: GradedSubmission) -> dict[str, tuple[CodeExcerpt, ...]]:
        """The submission's own code, by part."""
        folder = self._course.submitted / submission.owner / submission.assignment
        return {part: code for one in self._texts
                for part, code in SubmittedCode(folder, one.name).code(one.places).items()}


def _files(exercise: Exercise) -> Iterator[Path]:
    """What an exercise's pages are made from, beside verdicts."""
    yield from exercise.notebook_files
    for pattern in (reading.FILE, "misconceptions*.toml", "locale/*.po"):
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
