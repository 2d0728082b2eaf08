"""What all pages show of one exercise: titles, what to reread, the places of a part's code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograder.course import Exercise
from autograder.crossfeedback.comment_cells import CommentCells
from autograder.exercise import reading, source
from autograder.exercise.edits import read_changes
from autograder.exercise.parts import Place, places, solution_cells
from autograder.exercise.reading import Passage, Publication
from autograder.report.feedback.language import Sentences, Translated, sentences
from autograder.results.words import finished
from autograder.settings import CrossfeedbackSettings

TITLE = re.compile(r"^# (.+)$", re.M)


@dataclass(frozen=True)
class Reading:
    """Something to reread; `passage` says where in it, `url` leads there."""

    source: Publication
    passage: Passage
    on: Translated | None

    @property
    def url(self) -> str:
        return self.source.url + self.passage.page


@dataclass(frozen=True)
class ExerciseTexts:
    """One exercise, in one language. All maps but `misconceptions` and `cells` are by part.

    `most` are the points of each part, in the order of the notebook. `misconceptions` are the
    sentences by name; `cells` says to which part a comment at a cell belongs, by its grade_id.
    """

    name: str
    title: str
    most: Mapping[str, float]
    titles: Mapping[str, str]
    say: Sentences
    by_hand: frozenset[str] = frozenset()
    reread: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict)
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    subtasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    misconceptions: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)


def texts(exercise: Exercise, language: str, comments: CrossfeedbackSettings | None = None
          ) -> ExerciseTexts:
    """Read what pages say of an exercise. Raises CourseError where a file of it is not right.

    comments: the words in the cells for comments
    """
    found = source.read(exercise)
    notebook = found.notebook
    say = sentences(language, exercise.folder)
    most = source.parts(notebook)
    to_reread = reading.read(exercise, notebook)
    return ExerciseTexts(
        exercise.name, _title(notebook) or exercise.name, most, found.titles, say,
        frozenset(most) - frozenset(source.judged_parts(notebook)),
        {part: tuple(Reading(one, passage, say(passage.on) if passage.on else None)
                     for one, passage in to_reread.of(part)) for part in most},
        places(exercise, found), _subtasks(notebook, CommentCells(comments)),
        {change.name: finished(change.says)
         for change in read_changes(exercise, "misconception")},
        {**solution_cells(notebook), **{part: part for part in most}})


def _title(notebook: NotebookNode) -> str:
    """The notebook's first heading, without its points."""
    found = next((found for cell in notebook.cells if cell.cell_type == "markdown"
                  and (found := TITLE.search(cell.source))), None)
    return source.IN_BRACKETS.sub("", found[1]).strip() if found else ""


def _subtasks(notebook: NotebookNode, cells: CommentCells) -> dict[str, tuple[str, ...]]:
    """By part, the subtasks whose comments are shown below it."""
    found: dict[str, tuple[str, ...]] = {}
    last = ""
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("grade"):
            last = data.grade_id
        if last and (named := tuple(cells.marked(cell.source))):
            found[last] = (*found.get(last, ()), *named)
    return found
