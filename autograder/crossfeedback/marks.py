"""The comment cells: the marks that a group writes its comments between, and where they stand.

    ⟶ **Comments on 2.1**, written by another group:

    ⟵ **End of the comments on 2.1**

The exercise's source says which subtasks there are. Marks are found by their words, whatever an
editor did to arrows, stars or the cell's metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course import Course, CourseError, Exercise
from autograder.release import source

DECORATION = r"[^A-Za-z0-9\n]{0,20}(?:[⟶⟵→←>*_#]|<-)[^A-Za-z0-9\n]{0,20}"
MARK = re.compile(rf"^{DECORATION}(?P<end>end of the )?comments on (?P<subtask>\d+(?:\.\d+)*)"
                  r"(?![\w.]*\d)(?:\W*(?:written by another group|by your group: between this line "
                  r"and the last))?(?P<tail>[^\n]*)$", re.I | re.M)
HINT = "*(write your comments here, in the place of this line)*"
HINTS = re.compile(r"^[^\w\n]*\((?:leave this cell as it is|write your comments here, in the place "
                   r"of this line)\)[^\w\n]*$", re.I | re.M)


@dataclass(frozen=True)
class Asked:
    """What the source asks comments on: one exercise, and its subtasks in order.

    `released` are the texts of the cells as students got them: a badge may stand there, too.
    """

    exercise: Exercise
    notebook: NotebookNode
    subtasks: tuple[str, ...]
    released: tuple[str, ...] = ()

    @property
    def given(self) -> list[str]:
        """The exercise's own texts."""
        return [*(cell.source for cell in self.notebook.cells), *self.released]


@dataclass(frozen=True)
class Found:
    """What stands in one text: comments by subtask, and the text that no marks enclose."""

    comments: dict[str, str]
    outside: str
    remarks: tuple[str, ...] = ()


def asked(course: Course, assignment: str) -> Asked:
    """The exercise of an assignment that has comment cells.

    Raises CourseError where none has.
    """
    for exercise in course.exercises(assignment):
        notebook = source.read_notebook(exercise)
        subtasks = tuple(dict.fromkeys(
            subtask for cell in notebook.cells for subtask in marked(cell.source)))
        if subtasks:
            path = released_file(course, assignment, exercise.name)
            cells = nbformat.read(path, as_version=4).cells if path.is_file() else []
            return Asked(exercise, notebook, subtasks, tuple(cell.source for cell in cells))
    raise CourseError(f"{assignment} has no comment cells, so groups cannot comment on it. One is "
                      "a markdown cell with the lines `⟶ **Comments on 1.1**` and "
                      "`⟵ **End of the comments on 1.1**`.")


def released_file(course: Course, assignment: str, exercise: str) -> Path:
    """The notebook as it was released, where the assignment was made ready to be graded."""
    return course.build / "release" / assignment / f"{exercise}.ipynb"


def marked(text: str) -> list[str]:
    """The subtasks whose comments begin in a text."""
    return [mark["subtask"] for mark in MARK.finditer(text) if not mark["end"]]


def comment_cell(subtask: str) -> str:
    """The text of an empty comment cell, as the reviewing group gets it."""
    return (f"⟶ **Comments on {subtask}**, by your group: between this line and the last\n\n{HINT}"
            f"\n\n⟵ **End of the comments on {subtask}**")


def read(text: str) -> Found:
    """Read the comments in a cell's text.

    Where a cell is about one subtask only, what was written outside its marks belongs to it too.
    """
    text = text.replace("\r\n", "\n")
    comments: dict[str, str] = {}
    remarks: list[str] = []
    outside, at = [], 0
    marks = list(MARK.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        subtask = mark["subtask"]
        if mark["end"]:
            outside += [text[at:mark.start()], _tail(mark)]
            at = mark.end()
            continue
        outside.append(text[at:mark.start()])
        at = following.start() if following else len(text)
        if following is None or not following["end"] or following["subtask"] != subtask:
            remarks.append(f"the end mark of {subtask} is gone")
        comments[subtask] = _joined(comments.get(subtask, ""), _tail(mark),
                                    without_hints(text[mark.end():at]))
    outside.append(text[at:])
    left = without_hints("\n".join(outside))
    if len(comments) == 1 and says_something(left):
        (subtask,) = comments
        comments[subtask] = _joined(comments[subtask], left)
        remarks.append(f"some of what is said on {subtask} stood outside the marks; taken too")
    return Found(comments, left, tuple(remarks))


def _tail(mark: re.Match[str]) -> str:
    """What somebody wrote on a mark's own line."""
    tail = mark["tail"].strip(" *_:\t")
    return tail if says_something(tail) else ""


def without_hints(text: str) -> str:
    return HINTS.sub("", text).strip()


def says_something(text: str) -> bool:
    """Whether a text holds a letter or a digit; dashes and dots are no comment."""
    return any(character.isalnum() for character in text)


def places(asked: Asked, cells: list[NotebookNode]) -> dict[str, tuple[int, bool]]:
    """Where each subtask's comments belong among the cells of somebody's notebook.

    Returns the index of the comment cell, True; where it is gone, the index of the last cell that
    stands before it in the source and is still here, False (-1 where there is none).
    """
    here: dict[str, int] = {}
    for index, cell in enumerate(cells):
        for subtask in marked(cell.source):
            here.setdefault(subtask, index)
    known: dict[str, int] = {}
    for index, cell in enumerate(cells):
        known.update(dict.fromkeys(_names(cell), index))
    found = {}
    last = -1
    for cell in asked.notebook.cells:
        last = next((known[name] for name in _names(cell) if name in known), last)
        for subtask in marked(cell.source):
            found[subtask] = (here[subtask], True) if subtask in here else (last, False)
            last = here.get(subtask, last)
    return found


def _names(cell: NotebookNode) -> Iterator[str]:
    """What a cell can be known by: its grade_id, its id, its text."""
    data = cell.metadata.get("nbgrader")
    if isinstance(data, dict) and data.get("grade_id"):
        yield f"grade_id {data['grade_id']}"
    if cell.get("id"):
        yield f"id {cell.id}"
    yield f"text {plain(cell.source)}"


def plain(text: str) -> str:
    """A text as two of them are compared: line ends and blanks at them do not matter."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _joined(*texts: str) -> str:
    """Texts one after another, each once."""
    return "\n\n".join(dict.fromkeys(text for text in texts if text))


def merged(found: Iterable[Found]) -> tuple[dict[str, str], list[str]]:
    """The comments of several cells together, those that say nothing left out; and remarks."""
    comments: dict[str, str] = {}
    remarks: list[str] = []
    for one in found:
        remarks += one.remarks
        for subtask, text in one.comments.items():
            if not says_something(text):
                continue
            if subtask in comments and text != comments[subtask]:
                remarks.append(f"comments on {subtask} stand in more than one cell; taken together")
            comments[subtask] = _joined(comments.get(subtask, ""), text)
    return comments, list(dict.fromkeys(remarks))
