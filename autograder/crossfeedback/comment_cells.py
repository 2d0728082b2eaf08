"""The cells for comments: their marks, the comments between these, and their places.

    ⟶ **Comments on 2.1**, written by another group:

    ⟵ **End of the comments on 2.1**

The exercise's source defines the subtasks, [crossfeedback] in course.toml the words of the marks.
Marks are found by their words, whatever an editor did to arrows, stars or the cell's metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course import Course, CourseError, Exercise
from autograder.exercise import source
from autograder.settings import MEMBERS, CrossfeedbackSettings

DECORATION = r"[^A-Za-z0-9\n]{0,20}(?:[⟶⟵→←>*_#]|<-)[^A-Za-z0-9\n]{0,20}"


@dataclass(frozen=True)
class CellComments:
    """The comments in one text, by subtask, and the text outside of the marks."""

    comments: dict[str, str]
    outside: str
    remarks: tuple[str, ...] = ()


class CommentCells:
    """Writes and reads cells for comments, with the words of one course."""

    def __init__(self, words: CrossfeedbackSettings | None = None) -> None:
        self.words = words = words or CrossfeedbackSettings()
        self.hint = f"*({words.hint})*"
        self._mark = re.compile(
            rf"^{DECORATION}(?:(?P<end>{re.escape(words.end)})|{re.escape(words.begin)}) "
            r"(?P<subtask>\d+(?:\.\d+)*)(?![\w.]*\d)"
            rf"(?:\W*(?:{_any(words.released, words.reviewing)}))?(?P<tail>[^\n]*)$", re.I | re.M)
        self._hints = re.compile(rf"^[^\w\n]*\((?:{_any(words.keep, words.hint)})\)[^\w\n]*$",
                                 re.I | re.M)

    def marked(self, text: str) -> list[str]:
        """The subtasks whose comments begin in a text."""
        return [mark["subtask"] for mark in self._mark.finditer(text) if not mark["end"]]

    def empty(self, subtask: str) -> str:
        """The text of an empty cell, as the reviewing group gets it."""
        return (f"⟶ **{self.words.begin} {subtask}**, {self.words.reviewing}\n\n{self.hint}\n\n"
                f"⟵ **{self.words.end} {subtask}**")

    def read(self, text: str) -> CellComments:
        """Read the comments in a cell's text.

        In a cell on one subtask only, text outside of the marks is taken for a comment, too.
        """
        text = text.replace("\r\n", "\n")
        comments: dict[str, str] = {}
        remarks: list[str] = []
        outside, at = [], 0
        marks = list(self._mark.finditer(text))
        for mark, following in zip(marks, [*marks[1:], None], strict=True):
            subtask = mark["subtask"]
            outside.append(text[at:mark.start()])
            if mark["end"]:
                outside.append(_tail(mark))
                at = mark.end()
                continue
            at = following.start() if following else len(text)
            if following is None or not following["end"] or following["subtask"] != subtask:
                remarks.append(f"the end mark of {subtask} is gone")
            comments[subtask] = _joined(comments.get(subtask, ""), _tail(mark),
                                        self._without_hints(text[mark.end():at]))
        outside.append(text[at:])
        left = self._without_hints("\n".join(outside))
        if len(comments) == 1 and says_something(left):
            (subtask,) = comments
            comments[subtask] = _joined(comments[subtask], left)
            remarks.append(f"some of what is said on {subtask} stood outside the marks; taken too")
        return CellComments(comments, left, tuple(remarks))

    def read_all(self, texts: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """Read the comments of several cells together; also return remarks."""
        comments: dict[str, str] = {}
        remarks: list[str] = []
        for found in map(self.read, filter(self.marked, texts)):
            remarks += found.remarks
            for subtask, text in found.comments.items():
                if not says_something(text):
                    continue
                if text != comments.get(subtask, text):
                    remarks.append(f"comments on {subtask} stand in more than one cell; taken "
                                   "together")
                comments[subtask] = _joined(comments.get(subtask, ""), text)
        return comments, list(dict.fromkeys(remarks))

    def _without_hints(self, text: str) -> str:
        return self._hints.sub("", text).strip()


@dataclass(frozen=True)
class CommentedExercise:
    """The exercise that groups comment on, and its subtasks in order.

    `released` are the texts of the cells as students got them: a badge may be in there, too.
    `members` are the words above the names of a group's members.
    """

    exercise: Exercise
    notebook: NotebookNode
    subtasks: tuple[str, ...]
    released: tuple[str, ...] = ()
    cells: CommentCells = field(default_factory=CommentCells)
    members: str = MEMBERS

    @property
    def given(self) -> list[str]:
        """The exercise's own texts."""
        return [*(cell.source for cell in self.notebook.cells), *self.released]

    def places(self, cells: list[NotebookNode]) -> dict[str, tuple[int, bool]]:
        """The place of each subtask's comments among the cells of somebody's notebook.

        The index of the cell for comments, and True; where it is gone, the index of the last cell
        that is before it in the source and still here (-1 where there is none), and False.
        """
        here: dict[str, int] = {}
        known: dict[str, int] = {}
        for index, cell in enumerate(cells):
            here = dict.fromkeys(self.cells.marked(cell.source), index) | here
            known |= dict.fromkeys(_names(cell), index)
        found = {}
        last = -1
        for cell in self.notebook.cells:
            last = next((known[name] for name in _names(cell) if name in known), last)
            for subtask in self.cells.marked(cell.source):
                found[subtask] = (here[subtask], True) if subtask in here else (last, False)
                last = here.get(subtask, last)
        return found


def commented_exercise(course: Course, assignment: str) -> CommentedExercise:
    """The exercise of an assignment that has cells for comments.

    Raises CourseError where none has.
    """
    cells = CommentCells(course.toml.crossfeedback)
    for exercise in course.exercises(assignment):
        notebook = source.read_notebook(exercise)
        subtasks = tuple(dict.fromkeys(
            subtask for cell in notebook.cells for subtask in cells.marked(cell.source)))
        if subtasks:
            path = released_file(course, assignment, exercise.name)
            released = nbformat.read(path, as_version=4).cells if path.is_file() else []
            return CommentedExercise(exercise, notebook, subtasks,
                                     tuple(cell.source for cell in released), cells,
                                     course.assignment(assignment).members)
    raise CourseError(
        f"{assignment} has no comment cells, so groups cannot comment on it. One is a markdown "
        f"cell with the lines `⟶ **{cells.words.begin} 1.1**` and `⟵ **{cells.words.end} 1.1**`.")


def released_file(course: Course, assignment: str, exercise: str) -> Path:
    """The notebook as it was released, where the assignment was made ready to be graded."""
    return course.build / "release" / assignment / f"{exercise}.ipynb"


def says_something(text: str) -> bool:
    """Whether a text holds a letter or a digit; dashes and dots are no comment."""
    return any(character.isalnum() for character in text)


def plain(text: str) -> str:
    """A text for comparison: without blanks around it and at line ends."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _any(*phrases: str) -> str:
    """A pattern that matches any of the phrases; one that matches nothing, if all are empty."""
    return "|".join(re.escape(phrase) for phrase in phrases if phrase) or "(?!)"


def _tail(mark: re.Match[str]) -> str:
    """The text that somebody wrote on a mark's own line."""
    tail = mark["tail"].strip(" *_:\t")
    return tail if says_something(tail) else ""


def _names(cell: NotebookNode) -> Iterator[str]:
    """The names that identify a cell: its grade_id, its id, its text."""
    data = cell.metadata.get("nbgrader")
    if isinstance(data, dict) and data.get("grade_id"):
        yield f"grade_id {data['grade_id']}"
    if cell.get("id"):
        yield f"id {cell.id}"
    yield f"text {plain(cell.source)}"


def _joined(*texts: str) -> str:
    """Texts one after another, each once."""
    return "\n\n".join(dict.fromkeys(text for text in texts if text))
