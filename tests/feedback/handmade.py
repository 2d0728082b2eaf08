"""A page made by hand, with one part in each state."""

from __future__ import annotations

from dataclasses import replace

from autograder.exercise.reading import Passage, Publication
from autograder.gradebook.queries import ManualGrade, ManualGrades
from autograder.report.feedback.code import CodeExcerpt
from autograder.report.feedback.exercise import ExerciseTexts, Reading
from autograder.report.feedback.language import Sentences, Translated
from autograder.report.feedback.view import (
    FeedbackPage,
    GivenRubric,
    GradedExercise,
    Heading,
    RubricLine,
    page,
    with_code,
)
from autograder.report.totals import GradeRow
from autograder.results.reason import misconception
from autograder.results.verdict import PartVerdict, Verdict

STAFF = "the probe wanted 0.7310585786300049"
FLAG = "a hidden test stopped with KeyError"
MOST = {"toy_words": 4.0, "toy_count": 3.0, "toy_scale": 3.0, "toy_why": 2.0, "toy_best": 1.0}
KNOWN = "Your words keep their capitals, so that one word counts as two."
READING = Reading(
    Publication(title="Vaswani et al. (2017), Attention Is All You Need",
           url="https://arxiv.org/abs/1706.03762"),
    Passage(source="vaswani", section="3.2.1", equation="1"),
    Translated("scaled dot products", "en"))
TEXTS = ExerciseTexts(
    "toy", "Words and vectors", MOST, {part: f"({part[4]}) {part[4:]}" for part in MOST},
    Sentences("en", []), by_hand=frozenset({"toy_why"}),
    reread={part: (READING,) for part in MOST}, subtasks={"toy_count": ("1.1",)},
    misconceptions={"capitals-kept": KNOWN},
    cells={"toy_words-solution": "toy_words", "toy_why": "toy_why"})
VERDICT = Verdict("toy", (
    PartVerdict("toy_words", 2.5, 4,
                (misconception("capitals-kept", KNOWN), "The words of `no text` differ."),
                staff=(STAFF,), review=(FLAG,)),
    PartVerdict("toy_count", 3, 3, asides=("A `Counter` does it in a line.",), staff=(STAFF,)),
    PartVerdict("toy_scale", 0, 3, ("The scaled vector differs.",)),
    PartVerdict("toy_best", 0, 1, ("Not written yet: NotImplementedError at toy.py, line 3.",))),
    incidents=("A code cell took too long.",))
HEADING = Heading("A course about nothing", "A toy", Sentences("en", []))
LINE = GradeRow("s001", "s001_toy.zip", {"toy_words": 2.5, "toy_count": 3.0, "toy_scale": 0.0,
                                     "toy_why": None, "toy_best": 0.0}, 5.5, 10, (), ("look",))
CODE = {"toy_words": (CodeExcerpt("toy.py, words", "def words(text):\n    return text.split()"),)}


def made(line: GradeRow = LINE, verdict: Verdict = VERDICT, manual: ManualGrades | None = None,
         others: dict[str, str] | None = None, notes: tuple[str, ...] = (),
         texts: ExerciseTexts = TEXTS, heading: Heading = HEADING,
         rubric: GivenRubric | None = None) -> FeedbackPage:
    """The page, but for what a test gives in place of its values."""
    rubrics = {"toy_why": rubric} if rubric else {}
    graded = [GradedExercise(texts, verdict, manual or ManualGrades(), others or {}, rubrics)]
    return with_code(page(heading, line, notes, graded), CODE)


def full(text: str) -> FeedbackPage:
    """The page with a student's, a person's or a group's `text` wherever one can stand."""
    part = PartVerdict("toy_words", 0, 4, (text, f"`{text}`"), (text,))
    found = made(
        replace(LINE, student=text, group=text, violations=(text,), deduction=1.0,
                parts={**(LINE.parts or {}), "toy_why": 1.0}),
        replace(VERDICT, parts=(part,), incidents=(text,)),
        ManualGrades({"toy_why": ManualGrade(1.0, 0.5)},
                     {"toy_why": text, "toy_words-solution": text}),
        {"1.1": text}, (text, f"{text}!"), replace(TEXTS, title=text),
        Heading(text, text, Sentences("en", []), text, (text,)),
        GivenRubric((RubricLine("adds", 1, text, True), RubricLine("adds", 1, text, False),
                     RubricLine("takes", 0.5, text, True), RubricLine("caps", 1, text, True)),
                    -0.25))
    return with_code(found, {name: (CodeExcerpt(text, text, cut=True),) for name in MOST})
