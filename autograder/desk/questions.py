"""The questions that a person grades, of an assignment or a homework, in the notebooks' order."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from autograder.cells import marks
from autograder.course import Course, Exercise
from autograder.crossfeedback.comment_cells import CommentCells
from autograder.exercise import source
from autograder.exercise.rubric import Rubric, read_rubrics
from autograder.exercise.source import HEADING


@dataclass(frozen=True)
class Question:
    """One question graded by hand; `text` is Markdown, as students read it.

    placeholder: what stands in the answer's cell before anybody answers
    subtask: the number under which other groups comment on it; empty where they do not
    """

    assignment: str
    exercise: str
    grade_id: str
    title: str
    max_points: float
    text: str = field(repr=False)
    rubric: Rubric = field(repr=False)
    placeholder: str = ""
    subtask: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What no other question of the course has."""
        return self.assignment, self.grade_id


def questions_of(course: Course, name: str) -> list[Question]:
    """All questions graded by hand of a homework or an assignment.

    Raises CourseError where the course has no such name, or where a rubric is malformed.
    """
    return [question for assignment in course.together(name)
            for exercise in course.exercises(assignment)
            for question in _of_exercise(course, assignment, exercise)]


def _of_exercise(course: Course, assignment: str, exercise: Exercise) -> list[Question]:
    written = source.read(exercise)
    rubrics = read_rubrics(written.notebook, exercise.name)
    released, _ = ClearSolutions().preprocess(copy.deepcopy(written.notebook), {})
    comments = CommentCells(course.toml.crossfeedback)
    found = []
    for index, cell in enumerate(released.cells):
        if source.by_hand(cell):
            grade_id = cell.metadata.nbgrader.grade_id
            found.append(Question(
                assignment, exercise.name, grade_id, written.titles[grade_id],
                float(cell.metadata.nbgrader.points), _text_above(released.cells[:index], comments),
                rubrics[grade_id], cell.source, _subtask(released.cells[index:], comments)))
    return found


def _text_above(cells: list[NotebookNode], comments: CommentCells) -> str:
    """The text between an answer's cell and the part before it, from the last heading on."""
    texts: list[str] = []
    for cell in reversed(cells):
        if marks(cell) or comments.marked(cell.source):
            break
        if cell.cell_type == "markdown":
            texts.insert(0, cell.source)
            if HEADING.search(cell.source):
                break
    return "\n\n".join(texts)


def _subtask(cells: list[NotebookNode], comments: CommentCells) -> str:
    """The number of the first cell for comments below an answer."""
    return next((subtask for cell in cells if cell.cell_type == "markdown"
                 for subtask in comments.marked(cell.source)), "")
