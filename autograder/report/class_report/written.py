"""The written questions: how far they are graded, what was given, how far two gradings agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autograder.exercise.rubric import Kind
from autograder.gradebook.queries import GradebookEntry
from autograder.marking.results import QuestionMarks


@dataclass(frozen=True)
class WrittenItem:
    """One item of a rubric: how many of the answers graded by it hold it.

    kappa: Cohen's, of two gradings of the same answers; None where nothing varies, or none is there
    agreed: the share of these answers on which both agreed; None where there are none
    """

    kind: Kind
    points: float
    text: str
    count: int
    kappa: float | None
    agreed: float | None


@dataclass(frozen=True)
class WrittenQuestion:
    """One question that people grade.

    answers: how many there are; of these `graded` are, and `changed` after they were
    mean: of the points of those that are graded; None where there are none
    marked: how many were graded by the rubric's items
    drawn: how many are to be graded twice; `twice` are, `difference` is the mean of the second
        points less the first, `distance` that without the sign
    """

    part: str
    max_points: float
    answers: int
    graded: int
    changed: int
    mean: float | None
    marked: int
    items: tuple[WrittenItem, ...]
    drawn: int
    twice: int
    difference: float | None
    distance: float | None


def written_question(part: str, most: float, entries: Iterable[GradebookEntry],
                     given: QuestionMarks | None) -> WrittenQuestion:
    """What is known of a question; `given` is None where nobody has opened it at the desk."""
    answers = [entry for entry in entries if part in entry.parts]
    points = [found for entry in answers if (found := entry.parts[part]) is not None]
    changed = sum(part in notebook.again for entry in answers for notebook in entry.notebooks)
    mean = sum(points) / len(points) if points else None
    if given is None:
        return WrittenQuestion(part, most, len(answers), len(points) - changed, changed, mean, 0,
                               (), 0, 0, None, None)
    marked = [mark for mark in given.marks.values() if mark.grader and mark.state == "graded"]
    both = given.agreement
    items = tuple(WrittenItem(
        item.kind, item.points, item.text, sum(item.id in mark.item_ids for mark in marked),
        both.kappa.get(item.id), both.agreed.get(item.id)) for item in given.items)
    return WrittenQuestion(
        part, most, len(answers), len(points) - changed, changed, mean, len(marked), items,
        both.drawn, both.answers, both.mean_difference, both.mean_distance)


def written_questions(parts: Mapping[str, float], entries: Iterable[GradebookEntry],
                      given: Mapping[str, QuestionMarks]) -> tuple[WrittenQuestion, ...]:
    """All questions of an assignment that people grade; `parts` are their points."""
    entries = list(entries)
    return tuple(written_question(part, most, entries, given.get(part))
                 for part, most in parts.items())
