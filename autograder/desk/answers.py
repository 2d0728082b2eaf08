"""All answers of an assignment, in memory, as the last batch left them in autograded/.

A notebook is read anew when it has changed. Of its pictures only the names are kept: whoever asks
for one has the notebook read again, which may be gone by then.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.cells import is_staff, marks
from autograder.course import Course, CourseError
from autograder.crossfeedback import rounds
from autograder.crossfeedback.done import DONE, Comment, comments
from autograder.desk.questions import Question, questions_of
from autograder.files import UNLIKE
from autograder.gradebook.sanitize import without_remark
from autograder.grading.grading_context import read_beside
from autograder.intake.written import WRITTEN, digest_of, is_empty
from autograder.text import printable

LOOK_SECONDS = 0.25  # between two looks at whether notebooks have changed
MOST = 50_000  # characters of an answer; grading has cut off longer ones before
UNREADABLE = "The notebook {} cannot be read. Grade the submission again."
FENCES = re.compile("`{3,}")
Stamp = tuple[tuple[int, int, int], ...]  # of a notebook and the written part
NOWHERE = (0, 0, 0)  # the stamp of a file that is not there


class NotebookGone(CourseError):
    """What was there a moment ago is not; the message is a sentence."""


@dataclass(frozen=True)
class Page:
    """A page of the written part, or a picture that the exercise draws."""

    caption: str
    number: int = field(repr=False)
    notebook: Path = field(repr=False)

    @property
    def png(self) -> bytes:
        """The picture. Raises NotebookGone where the submission was taken away or graded anew."""
        data = dict(enumerate(_beside(_cells(self.notebook)))).get(self.number, ("", ""))[1]
        try:
            return base64.b64decode(data, validate=True) or _gone(self.notebook)
        except binascii.Error:
            return _gone(self.notebook)


@dataclass(frozen=True)
class WrittenAnswer:
    """What one owner answered, and what is shown beside it.

    text: Markdown, printable, without what was cut off; an answer in code is a block of code
    digest: a hash of all that may be the answer, what was cut off included
    empty: nothing is there that could earn points
    left_out: how many characters were cut off
    remarks: sentences on what is beside it and cannot be shown
    """

    owner: str
    grade_id: str
    text: str = field(repr=False)
    digest: str
    empty: bool = False
    left_out: int = 0
    pages: tuple[Page, ...] = ()
    remarks: tuple[str, ...] = ()
    has_pictures: bool = False
    notebook: Path = field(default=Path(), repr=False)

    @property
    def attachments(self) -> Mapping[str, Any]:
        """The pictures in the answer as nbformat keeps them, by the names that its text uses.

        Raises NotebookGone where the submission was taken away.
        """
        if not self.has_pictures:
            return {}
        found = next((cell for cell in _cells(self.notebook)
                      if marks(cell).get("grade_id") == self.grade_id), None)
        return found.get("attachments", {}) if found else _gone(self.notebook)


@dataclass(frozen=True)
class _Read:
    """One notebook as it was at its stamp. `problem` says why there are no answers in it."""

    stamp: Stamp
    answers: Mapping[str, WrittenAnswer] = field(default_factory=dict)
    problem: str = ""


class AnswerIndex:
    """The answers of an assignment; several threads may ask."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course, self.assignment = course, assignment
        self._questions: dict[str, list[Question]] = {}
        for question in questions_of(course, assignment):
            self._questions.setdefault(question.exercise, []).append(question)
        self._read: dict[str, dict[str, _Read]] = {name: {} for name in self._questions}
        self._by_question: dict[str, Mapping[str, WrittenAnswer]] = {}
        self._looked: dict[str, float] = {}
        self._comments: tuple[Any, list[Comment]] = (None, [])
        self._lock = threading.Lock()

    def answers(self, question: Question) -> Mapping[str, WrittenAnswer]:
        """All answers to a question, by owner, in the owners' order.

        The same mapping as before where nothing has changed.
        """
        with self._lock:
            self._refresh(question.exercise)
            return self._by_question.get(question.grade_id, MappingProxyType({}))

    def problems(self, question: Question) -> dict[str, str]:
        """Why somebody's answer cannot be shown, by owner: a sentence."""
        with self._lock:
            self._refresh(question.exercise)
            return {owner: read.problem for owner, read in self._read[question.exercise].items()
                    if read.problem}

    def comments(self, question: Question) -> dict[str, Comment]:
        """What other groups commented on the answers, as they typed it, by the answer's owner.

        Whoever is done with one says so with `crossfeedback.done.mark`.
        """
        place = rounds.folder(self.course, self.assignment)
        state = tuple(_stat(place / name) for name in (rounds.ASSIGNMENT, rounds.COMMENTS, DONE))
        with self._lock:
            if state != self._comments[0]:
                self._comments = state, comments(self.course, self.assignment)
            found = self._comments[1]
        return {one.reviewed: one for one in found if one.subtask == question.subtask}

    def _refresh(self, exercise: str) -> None:
        """Read what has changed since the last look."""
        now = time.monotonic()
        if now - self._looked.get(exercise, -LOOK_SECONDS) < LOOK_SECONDS:
            return
        known = self._read[exercise]
        current = {}
        for owner, path, stamp in self._notebooks(exercise):
            before = known.get(owner)
            current[owner] = (before if before is not None and before.stamp == stamp
                              else self._read_anew(owner, Path(path), exercise, stamp, before))
        self._read[exercise] = current
        if current.keys() != known.keys() or any(known[one] is not current[one] for one in current):
            for question in self._questions[exercise]:
                self._by_question[question.grade_id] = MappingProxyType({
                    owner: read.answers[question.grade_id] for owner, read in current.items()
                    if question.grade_id in read.answers})
        self._looked[exercise] = time.monotonic()

    def _notebooks(self, exercise: str) -> Iterator[tuple[str, str, Stamp]]:
        """Whose notebooks are there, and their stamps, in the owners' order.

        Somebody waits for this at each key: paths are put together as texts, which is faster.
        """
        root = str(self.course.autograded)
        try:
            owners = sorted(os.listdir(root))
        except OSError:
            return
        for owner in owners:
            folder = f"{root}/{owner}/{self.assignment}"
            path = f"{folder}/{exercise}.ipynb"
            if (notebook := _stat(path)) != NOWHERE:
                yield owner, path, (notebook, _stat(f"{folder}/{WRITTEN}"))

    def _read_anew(self, owner: str, path: Path, exercise: str, stamp: Stamp,
                   before: _Read | None) -> _Read:
        """Read a notebook; what was read before stays where it is just being written."""
        try:
            return _Read(stamp, _answers(owner, path, self._questions[exercise]))
        except NotebookGone as error:
            answers = before.answers if before is not None else {}
            return _Read((), answers, "" if answers else str(error))  # read at the next look


def _answers(owner: str, path: Path, questions: list[Question]) -> dict[str, WrittenAnswer]:
    """The answers in a notebook. Raises NotebookGone where it is not there, or cannot be read."""
    cells = _cells(path)
    beside = list(_beside(cells))
    pages = tuple(Page(caption, number, path)
                  for number, (caption, data) in enumerate(beside) if data)
    remarks = tuple(text for text, data in beside if not data)
    written = _bytes(path.with_name(WRITTEN))
    named = {marks(cell).get("grade_id"): cell for cell in reversed(cells)}
    try:
        return {question.grade_id: _answer(owner, path, question, named[question.grade_id], pages,
                                           remarks, written)
                for question in questions if question.grade_id in named}
    except UNLIKE:
        raise NotebookGone(UNREADABLE.format(path)) from None


def _answer(owner: str, path: Path, question: Question, cell: NotebookNode,
            pages: tuple[Page, ...], remarks: tuple[str, ...], written: bytes | None
            ) -> WrittenAnswer:
    nothing = is_empty(cell) or cell.source.strip() == question.placeholder.strip()
    text, left_out = without_remark(printable(cell.source))
    left_out += max(0, len(text) - MOST)
    text = text[:MOST]
    return WrittenAnswer(
        owner, question.grade_id, text if cell.cell_type == "markdown" else _as_code(text),
        digest_of(cell, written),
        nothing and written is None, left_out, pages, remarks, bool(cell.get("attachments")), path)


def _as_code(text: str) -> str:
    """A block of code in Markdown, whatever is in it."""
    fence = "`" * max([3, *(len(found) + 1 for found in FENCES.findall(text))])
    return f"{fence}python\n{text}\n{fence}"


def _cells(path: Path) -> list[NotebookNode]:
    """The cells that graders look at: of a part, or written for staff.

    Raises NotebookGone where the notebook is not there, or cannot be read.
    """
    try:
        found = json.loads(path.read_bytes())["cells"]
        cells = [nbformat.from_dict(cell) for cell in found if cell["metadata"].get("nbgrader")
                 or cell["metadata"].get("tags")]
        for cell in cells:
            cell.source = cell.source if isinstance(cell.source, str) else "".join(cell.source)
            if not isinstance(cell.get("attachments", {}), dict):
                del cell["attachments"]
        return cells
    except OSError:
        return _gone(path)
    except UNLIKE:
        raise NotebookGone(UNREADABLE.format(path)) from None


def _beside(cells: list[NotebookNode]) -> Iterator[tuple[str, str]]:
    return read_beside(cell.source for cell in cells if is_staff(cell))


def _gone(path: Path) -> Any:
    raise NotebookGone(f"{path} has been taken away, or is another one now: the submission was "
                       "removed or graded anew. Load the page again.")


def _stat(path: Path | str) -> tuple[int, int, int]:
    """What is another after a file has changed; NOWHERE where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return NOWHERE
    if not stat.S_ISREG(found.st_mode):
        return NOWHERE
    return found.st_mtime_ns, found.st_size, found.st_ino


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
