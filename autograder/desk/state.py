"""What the desk knows while it runs: questions, answers in their order, the store, who is in."""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cachetools import LRUCache, cached

from autograder.course import Course, CourseError
from autograder.crossfeedback.done import Comment
from autograder.desk.answers import AnswerIndex, WrittenAnswer
from autograder.desk.cards import Board, lay_out
from autograder.desk.content import Shown, show
from autograder.desk.likeness import AnswerGroup, Embedder
from autograder.desk.order import Order
from autograder.desk.questions import Question, questions_of
from autograder.desk.security import Sessions
from autograder.marking.store import RubricStore
from autograder.marking.values import Mark

Key = tuple[str, str]  # assignment and grade_id
MOST_SHOWN = 200 * 1024 * 1024  # bytes of answers as HTML, with their pictures, that are kept


class Unknown(LookupError):
    """There is no such question or answer, or no longer; the message says which."""


@dataclass
class Desk:
    """One running desk, for the assignments that `name` in course.toml stands for."""

    course: Course
    name: str
    store: RubricStore
    sessions: Sessions
    order: Order
    indexes: dict[str, AnswerIndex] = field(default_factory=dict)
    _taken_out: dict[Key, set[str]] = field(default_factory=dict)
    _boards: dict[Key, tuple[Sequence[AnswerGroup], frozenset[str], Board]] = field(
        default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.questions: dict[Key, Question] = {}
        for assignment in self.course.together(self.name):
            self.indexes[assignment] = AnswerIndex(self.course, assignment)
        for one in questions_of(self.course, self.name):
            self.questions[one.key] = one
        self.shown = cached(LRUCache(MOST_SHOWN, _size), lock=threading.Lock())(show_answer)

    def faults(self) -> list[str]:
        """What of the submissions cannot be read, in sentences."""
        found = [self.order.problem] if self.order.problem else []
        return found + sorted({f"{owner}: {problem}" for question in self.questions.values()
                       for owner, problem in self.indexes[question.assignment].problems(
                           question).items()})

    def comments(self, question: Question) -> Mapping[str, Comment]:
        """What other groups commented on the answers, by the answer's owner."""
        return self.indexes[question.assignment].comments(question)

    def shares(self, question: Question) -> Mapping[str, str]:
        """Whose each answer is where the question is divided; empty where it is everybody's."""
        if not self.store.divided_among(question):
            return {}
        return self.store.shares(question, self.answers(question))

    @property
    def graders(self) -> list[str]:
        """Who grades in this course: those whom it names, or who can come in here."""
        return list(self.course.toml.desk.graders or self.sessions.tokens)

    @property
    def title(self) -> str:
        toml = self.course.toml
        homework = toml.homeworks.get(self.name)
        return (homework.title if homework else toml.assignments[self.name].title) or self.name

    def question(self, assignment: str, grade_id: str) -> Question:
        try:
            return self.questions[assignment, grade_id]
        except KeyError:
            raise Unknown(f"There is no question {grade_id} of {assignment} here that a person "
                          "grades.") from None

    def answers(self, question: Question) -> Mapping[str, WrittenAnswer]:
        return self.indexes[question.assignment].answers(question)

    def marks(self, question: Question) -> dict[str, Mark]:
        """What the answers were given; "changed" where the text is another one than was graded.

        The gradebook learns of that when a submission is entered; the notebook may be newer.
        """
        answers = self.answers(question)
        marks = self.store.marks(question.assignment, question.grade_id)
        return {owner: replace(mark, state="changed") if _is_of_another(mark, answers.get(owner))
                else mark for owner, mark in marks.items()}

    def board(self, question: Question) -> Board:
        """The question's cards as its answers are now."""
        key, answers = question.key, self.answers(question)
        out = frozenset(self._taken_out.get(key, ()))
        groups = self.order.groups(question, answers)
        with self._lock:
            kept = self._boards.get(key)
            if kept is None or kept[0] is not groups or kept[1] != out:
                kept = self._boards[key] = groups, out, lay_out(question.assignment, groups, out)
            return kept[2]

    def without_names(self, sentence: str, assignment: str, grade_id: str) -> str:
        """Why something was refused, with answers' places where it names their owners."""
        question = self.questions.get((assignment, grade_id))
        cards = self.board(question).by_owner if question else {}
        if not cards:
            return sentence
        names = "|".join(map(re.escape, sorted(cards, key=len, reverse=True)))
        return re.sub(rf"(?<![\w-])(?:{names})(?![\w-])",
                      lambda found: f"answer {cards[found[0]].place}", sentence)

    def take_out(self, question: Question, owners: tuple[str, ...]) -> None:
        """Let answers stand alone from now on: they were wrongly in a group."""
        with self._lock:
            self._taken_out.setdefault(question.key, set()).update(owners)


def _is_of_another(mark: Mark, answer: WrittenAnswer | None) -> bool:
    """Whether the desk gave a mark to another text than the answer has now."""
    return (mark.state == "graded" and answer is not None
            and mark.digest not in ("", answer.digest))


@contextlib.contextmanager
def open_desk(course: Course, name: str, graders: Sequence[str]) -> Iterator[Desk]:
    """A desk with its store open. Raises CourseError where there is nothing to grade by hand."""
    with RubricStore(course) as store:
        desk = Desk(course, name, store, Sessions(graders), Order(Embedder.of(course)))
        if not desk.questions:
            raise CourseError(f"Nothing of {name} is graded by hand: no cell of its exercises has "
                              "written=.")
        desk.order.start({question: functools.partial(desk.answers, question)
                          for question in desk.questions.values()})
        yield desk


def _size(shown: Shown) -> int:
    return 1000 + len(shown.html) + sum(len(picture.text) for picture in shown.pictures)


def show_answer(answer: WrittenAnswer) -> Shown:
    return show(answer.text, answer.attachments)
