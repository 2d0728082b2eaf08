"""What pages show of rubrics: each item of a question that is graded to the end, met or not.

Before that, items may still change; an answer of which formgrader has other points is shown as one
that was graded there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autograder.gradebook.queries import GradebookEntry
from autograder.marking.results import QuestionMarks
from autograder.marking.values import Item, Mark
from autograder.report.feedback.view import GivenRubric, RubricLine


def given_rubrics(questions: Mapping[str, QuestionMarks], entries: Iterable[GradebookEntry]
                  ) -> dict[str, dict[str, GivenRubric]]:
    """What was given by rubrics, by owner and part."""
    unread = {part for entry in entries for notebook in entry.notebooks
              for part in (*notebook.waiting, *notebook.again)}
    found: dict[str, dict[str, GivenRubric]] = {}
    for part, question in questions.items():
        if part in unread or not question.items:
            continue
        for owner, mark in question.marks.items():
            if mark.state == "graded":
                found.setdefault(owner, {})[part] = _given(question.items, mark)
    return found


def _given(items: Iterable[Item], mark: Mark) -> GivenRubric:
    lines = (RubricLine(item.kind, item.points, item.text, item.id in mark.item_ids)
             for item in items)
    return GivenRubric(tuple(line for line in lines if line.met or line.kind == "adds"),
                       mark.adjustment)
