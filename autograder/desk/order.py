"""Which answers follow which: groups of like answers, found once and then kept as they are.

A question is ordered by words and formulas as soon as it is opened. Where the course has `embed`,
its vectors are made in the background, for all questions at once, and order them anew; after that
the order stays. What is handed in later comes behind, so that no card moves under a grader's hands.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.course import CourseError
from autograder.desk.answers import WrittenAnswer
from autograder.desk.likeness import (
    AnswerGroup,
    Embedder,
    EmbeddingError,
    arrange,
    normal_form,
    same_answers,
)
from autograder.desk.questions import Question

Key = tuple[str, str]
Answers = Mapping[str, WrittenAnswer]


@dataclass(frozen=True)
class Arranged:
    """The groups of a question, and the answers' digests when they were found."""

    groups: Sequence[AnswerGroup]
    digests: Mapping[str, str] = field(repr=False)


class Order:
    """The order of all questions' answers. `problem` says why there are no vectors."""

    def __init__(self, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self._arranged: dict[Key, Arranged] = {}
        self._lock = threading.Lock()
        self.problem = ""

    def groups(self, question: Question, answers: Answers) -> Sequence[AnswerGroup]:
        """The groups of the answers as they are now; the same object where nothing has changed."""
        digests = {owner: answer.digest for owner, answer in answers.items()}
        with self._lock:
            kept = self._arranged.get(question.key)
            if kept is not None and kept.digests == digests:
                return kept.groups
        found = (arrange(answers.values()) if kept is None
                 else _brought_up_to_date(kept, answers, digests))
        with self._lock:
            if self._arranged.get(question.key) is kept:
                self._arranged[question.key] = Arranged(found, digests)
                return found
        return self.groups(question, answers)  # another thread was faster, perhaps with vectors

    def start(self, answers: Mapping[Question, Callable[[], Answers]]) -> None:
        """Read and order all questions in the background, by the course's vectors if it has any."""
        threading.Thread(target=self._prepare, args=(answers,), daemon=True).start()

    def _prepare(self, answers: Mapping[Question, Callable[[], Answers]]) -> None:
        try:
            now = {question: get() for question, get in answers.items()}
            for question, found in now.items():
                self.groups(question, found)
            # What is in memory now stays: no collection of garbage need look at it while somebody
            # waits for the next card.
            gc.collect()
            gc.freeze()
            if self._embedder is not None:
                self._embed(now, self._embedder)
        except (EmbeddingError, CourseError, OSError, ValueError) as error:
            self.problem = str(error)

    def _embed(self, now: Mapping[Question, Answers], embedder: Embedder) -> None:
        embedder(sorted({normal_form(answer.text) for found in now.values()
                         for answer in found.values() if not answer.empty}))  # kept in a file
        for question, found in now.items():
            groups = arrange(found.values(), embedder)
            with self._lock:
                self._arranged[question.key] = Arranged(
                    groups, {owner: answer.digest for owner, answer in found.items()})


def _brought_up_to_date(kept: Arranged, answers: Answers, digests: Mapping[str, str]
                        ) -> list[AnswerGroup]:
    """The same groups without what has gone; what is new joins a card, or comes behind them."""
    stayed = {owner for owner, digest in digests.items() if kept.digests.get(owner) == digest}
    empty, cards = same_answers(answers.values())
    card_of = {owner: card for card in cards.values() for owner in card}
    groups = [AnswerGroup((empty,), empty=True)] if empty else []
    placed: set[str] = set()
    for group in kept.groups:
        found = dict.fromkeys(card_of[owner] for card in group.cards for owner in card
                              if owner in stayed and owner in card_of)
        if here := tuple(card for card in found if card[0] not in placed):
            groups.append(AnswerGroup(here))
            placed.update(owner for card in here for owner in card)
    return [*groups, *arrange(answers[owner] for owner in card_of if owner not in placed)]
