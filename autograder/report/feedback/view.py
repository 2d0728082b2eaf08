"""What stands on a feedback page, as plain values. `page` decides it; nothing is read here.

No hidden value can reach a page: of a verdict it takes what is said to the student, never `staff`
or `flags`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from autograder.exercise.rubric import Kind
from autograder.gradebook.queries import ManualGrade, ManualGrades
from autograder.report.feedback.code import CodeExcerpt
from autograder.report.feedback.exercise import ExerciseTexts, Reading
from autograder.report.feedback.language import Sentences, Translated
from autograder.report.totals import GradeRow
from autograder.results.reason import Code, Reason, misconception
from autograder.results.verdict import PartVerdict, Verdict

State = Literal["right", "partly", "wrong", "unwritten", "waits"]
Why = Literal["instructions", "late", "most"]
LITTLE = 0.005  # points that are none


@dataclass(frozen=True)
class RubricLine:
    """An item of the rubric in its own words, and whether the answer holds it."""

    kind: Kind
    points: float
    text: str
    met: bool


@dataclass(frozen=True)
class GivenRubric:
    """What an answer was given by the rubric: its items, and points on top of what they add up to.

    What takes points off, or is a wrong form, is there only where it was given.
    """

    items: tuple[RubricLine, ...]
    adjustment: float = 0.0


@dataclass(frozen=True)
class FeedbackPart:
    """One part. `points` is None while a person has still to grade it.

    `looks_like` are the sentences of known misconceptions, `says` what else was not right,
    `remarks` cost nothing. `given` is what a person gave in the place of `judged`, `rubric` how it
    comes about; `others` are another group's comments, by subtask.
    """

    name: str
    title: str
    points: float | None
    most: float
    state: State
    looks_like: tuple[Translated, ...] = ()
    says: tuple[Translated, ...] = ()
    remarks: tuple[Translated, ...] = ()
    by_hand: bool = False
    given: ManualGrade | None = None
    judged: float | None = None
    comments: tuple[str, ...] = ()
    code: tuple[CodeExcerpt, ...] = ()
    reread: tuple[Reading, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    rubric: GivenRubric | None = None


@dataclass(frozen=True)
class FeedbackExercise:
    """One notebook: what happened while it ran, and its parts in their order."""

    name: str
    title: str
    events: tuple[Translated, ...]
    parts: tuple[FeedbackPart, ...]


@dataclass(frozen=True)
class TakenOff:
    """Points that are not given, and why; `most` is the maximum that nobody exceeds."""

    why: Why
    points: float
    reasons: tuple[Translated, ...] = ()


@dataclass(frozen=True)
class FeedbackPage:
    """A whole page. `total` is None where nothing could be graded; `earned` is before deductions.

    `waived` says why nothing was taken off although there was a reason, `notes` what was unusual
    about what was handed in, `missing` names assignments of which there is nothing.
    """

    course: str
    title: str
    student: str
    group: str
    total: float | None
    most: float
    earned: float
    taken_off: tuple[TakenOff, ...]
    waived: str
    notes: tuple[Translated, ...]
    exercises: tuple[FeedbackExercise, ...]
    missing: tuple[str, ...] = ()

    @property
    def waiting(self) -> int:
        """How many parts wait for a person."""
        return sum(part.points is None for exercise in self.exercises for part in exercise.parts)


@dataclass(frozen=True)
class Heading:
    """What a homework's pages have in common. `notes` turns sentences on uploads."""

    course: str
    title: str
    say: Sentences
    waived: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class GradedExercise:
    """One exercise of one submission: what all its pages say, and what is said to this student.

    `others` are another group's comments, by subtask; `rubrics` what was given by them, by part.
    """

    texts: ExerciseTexts
    verdict: Verdict | None = None
    manual: ManualGrades = field(default_factory=ManualGrades)
    others: Mapping[str, str] = field(default_factory=dict)
    rubrics: Mapping[str, GivenRubric] = field(default_factory=dict)


def page(heading: Heading, row: GradeRow, notes: Sequence[str], graded: Sequence[GradedExercise]
         ) -> FeedbackPage:
    """The page of one row of the report."""
    points = row.parts or {}
    earned = sum(one or 0.0 for one in points.values())
    own = [note for note in notes if note not in row.violations]
    own += [] if row.late_penalty else _on_time(row)
    return FeedbackPage(
        heading.course, heading.title, row.student, row.group, row.points, row.max_points,
        earned, tuple(_taken_off(heading, row, earned)),
        heading.waived if row.violations and not row.deduction else "",
        tuple(heading.say(note) for note in dict.fromkeys(own)),
        tuple(_exercise(one, points) for one in graded), heading.missing)


def with_code(found: FeedbackPage, code: Mapping[str, tuple[CodeExcerpt, ...]]) -> FeedbackPage:
    """The page with the student's own code beside what is said of it; `code` is by part."""
    return replace(found, exercises=tuple(
        replace(exercise, parts=tuple(replace(part, code=code.get(part.name, ()))
                                      for part in exercise.parts))
        for exercise in found.exercises))


def _on_time(row: GradeRow) -> list[str]:
    """When it came and what that means, without the reasons that staff wrote down."""
    return list(row.late.sentences(reasons=False)) if row.late else []


def _taken_off(heading: Heading, row: GradeRow, earned: float) -> list[TakenOff]:
    found = []
    if row.deduction:
        found.append(TakenOff("instructions", row.deduction,
                              tuple(heading.say(one) for one in row.violations)))
    if row.late_penalty:
        found.append(TakenOff("late", row.late_penalty,
                              tuple(map(heading.say, _on_time(row)))))
    over = earned - sum(one.points for one in found) - (row.points or 0.0)
    if over > LITTLE and row.points is not None and row.points >= row.max_points:
        found.append(TakenOff("most", over))
    return found


def _exercise(graded: GradedExercise, points: Mapping[str, float | None]) -> FeedbackExercise:
    texts, verdict = graded.texts, graded.verdict
    incidents = verdict.incidents if verdict else ()
    return FeedbackExercise(
        texts.name, texts.title, tuple(map(texts.say, dict.fromkeys(incidents))),
        tuple(_part(name, graded, points.get(name)) for name in texts.most if name in points))


def _part(name: str, graded: GradedExercise, points: float | None) -> FeedbackPart:
    texts = graded.texts
    found = graded.verdict.part(name) if graded.verdict else None
    given = graded.manual.parts.get(name)
    by_hand = name in texts.by_hand
    state = _state(points, texts.most[name], found, nobody_gave=by_hand and given is None)
    looks_like, says = _sorted(found, texts)
    if given and given.points is not None and points is not None and points >= texts.most[name]:
        looks_like, says = [], []  # a person saw more than the tests did
    return FeedbackPart(
        name, texts.titles[name], points, texts.most[name], state,
        tuple(map(texts.say, looks_like)), tuple(map(texts.say, says)),
        tuple(map(texts.say, found.asides if found else ())), by_hand, given,
        found.points if found else None,
        tuple(text for cell, text in graded.manual.comments.items()
              if texts.cells.get(cell) == name),
        (), () if state in ("right", "waits") else texts.reread.get(name, ()),
        tuple((subtask, graded.others[subtask]) for subtask in texts.subtasks.get(name, ())
              if subtask in graded.others),
        None if state == "waits" else graded.rubrics.get(name))


def _state(points: float | None, most: float, verdict: PartVerdict | None, nobody_gave: bool
           ) -> State:
    """`nobody_gave` holds where a person should have: nbgrader gives 0 for what was left empty."""
    if points is None:
        return "waits"
    if points >= most:
        return "right"
    if points > 0:
        return "partly"
    unwritten = verdict is not None and verdict.unwritten
    return "unwritten" if unwritten or nobody_gave else "wrong"


def _sorted(verdict: PartVerdict | None, texts: ExerciseTexts) -> tuple[list[Reason], list[Reason]]:
    """Why a part lost points: known misconceptions, in the exercise's present words; the others."""
    if verdict is None:
        return [], []
    named = {texts.misconceptions.get(name) for name in verdict.misconceptions}
    known, others = [], []
    for reason in verdict.reasons:
        if reason.code is Code.MISCONCEPTION:
            name, sentence = str(reason.values["name"]), str(reason.values["text"])
            known.append(misconception(name, texts.misconceptions.get(name, sentence)))
        elif reason.code is Code.OLD_WORDS and reason.values["text"] in named:
            known.append(reason)
        elif reason.code is not Code.OLD_NAME:
            others.append(reason)
    return known, others
