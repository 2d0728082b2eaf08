"""Like answers as groups, in an order in which like groups follow each other.

Nothing is graded here. A group is an offer: whoever grades gives all of it the same items at once,
or takes answers out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from autograder.desk.likeness.distances import Matrix, distances
from autograder.desk.likeness.normal_form import normal_form

Embed = Callable[[list[str]], Matrix]  # texts -> vectors of length 1, [n, d]
TOO_FAR = 1.0  # no two of a group are further apart
AT_ONCE = 1000  # distinct answers that are compared with each other
SERIATED = 400  # more groups than so many are ordered by their tree alone, which is fast


class AnswerText(Protocol):
    """What is read of an answer (autograder/desk/answers.py)."""

    @property
    def owner(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def empty(self) -> bool: ...


@dataclass(frozen=True)
class AnswerGroup:
    """Answers that are alike. A card holds those that are the same after normalising."""

    cards: tuple[tuple[str, ...], ...]
    empty: bool = False

    @property
    def owners(self) -> tuple[str, ...]:
        """All owners, in the order in which their answers are to be looked at."""
        return tuple(owner for card in self.cards for owner in card)


def arrange(answers: Iterable[AnswerText], embed: Embed | None = None) -> list[AnswerGroup]:
    """Groups of like answers, empty ones first; like groups follow each other.

    The same answers come out in the same way, in whichever order they were given. `embed` gives
    vectors of length 1, [n, d]; without it, likeness is by words and formulas alone.
    """
    empty, cards = same_answers(answers)
    groups = [AnswerGroup((empty,), empty=True)] if empty else []
    forms = sorted(cards)
    for start in range(0, len(forms), AT_ONCE):
        part = forms[start:start + AT_ONCE]
        groups += [AnswerGroup(tuple(cards[part[place]] for place in places))
                   for places in _grouped([form for form, _ in part], embed)]
    return groups


def same_answers(answers: Iterable[AnswerText]
                 ) -> tuple[tuple[str, ...], dict[tuple[str, str], tuple[str, ...]]]:
    """The owners of empty answers, and those of each other one, by its normal form.

    An answer that is more than its text (a picture, pages) is the same only where all of it is.
    """
    empty: list[str] = []
    cards: dict[tuple[str, str], list[str]] = {}
    for answer in sorted(answers, key=lambda answer: answer.owner):
        if answer.empty:
            empty.append(answer.owner)
            continue
        form = normal_form(answer.text)
        more = not form or any(getattr(answer, name, None)
                               for name in ("has_pictures", "pages", "left_out"))
        cards.setdefault((form, answer.digest if more else ""), []).append(answer.owner)
    return tuple(empty), {form: tuple(owners) for form, owners in cards.items()}


def _grouped(forms: Sequence[str], embed: Embed | None) -> list[list[int]]:
    """The places of like forms together, in an order in which like ones follow each other."""
    if len(forms) < 2:
        return [[place] for place in range(len(forms))]
    vectors = embed(list(forms)) if embed else None
    apart = distances(forms, vectors)
    tree = linkage(_flat(apart), "complete")
    group_of = fcluster(tree, TOO_FAR, "distance")
    found: dict[int, list[int]] = {}
    for place in leaves_list(tree):
        found.setdefault(group_of[place], []).append(int(place))
    groups = list(found.values())
    # What is meant counts here, not what is written: embeddings alone order groups best.
    return _seriated(groups, apart if vectors is None else 1 - vectors @ vectors.T)


def _seriated(groups: list[list[int]], unlike: Matrix) -> list[list[int]]:
    """The groups in an order in which like ones follow each other."""
    if len(groups) < 3:
        return groups
    member = np.zeros((len(groups), len(unlike)))
    for row, places in enumerate(groups):
        member[row, places] = 1 / len(places)
    between = _flat(member @ unlike @ member.T)  # the mean of all pairs of two groups
    tree = linkage(between, "average")
    if len(groups) <= SERIATED:
        tree = optimal_leaf_ordering(tree, between)
    return [groups[place] for place in leaves_list(tree)]


def _flat(matrix: Matrix) -> Matrix:
    """A matrix of distances as scipy's trees take it."""
    both = np.clip((matrix + matrix.T) / 2, 0, None)
    np.fill_diagonal(both, 0)
    return np.asarray(squareform(both, checks=False))
