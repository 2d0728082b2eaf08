"""How far two graders agree who graded the same answers: by item, and in points."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.marking.rows import AnswerRow
from autograder.marking.second import SecondMark


@dataclass(frozen=True)
class Agreement:
    """The second marking of a question in figures.

    `answers` were graded twice, of `drawn`. `kappa` is Cohen's by item; None where both gave an
    item to all answers, or to none, so that chance alone would agree as well. `agreed` is the share
    of answers on which both agreed about an item. `mean_difference` is that of the second points
    from the first, `mean_distance` that without its sign; None where nothing was graded twice.
    """

    drawn: int
    answers: int
    kappa: dict[int, float | None]
    agreed: dict[int, float]
    mean_difference: float | None
    mean_distance: float | None


def agreement(first: dict[str, AnswerRow], second: Iterable[SecondMark], items: Sequence[int]
              ) -> Agreement:
    """Compare the first marks with the second ones, where both are of the same text."""
    drawn = list(second)
    pairs = [(mark, one) for one in drawn if one.points is not None
             and (row := first.get(one.owner)) and (mark := row.mark)
             and mark.digest == one.digest]
    differences = [float(one.points or 0) - mark.points for mark, one in pairs]
    held = {item: [(item in mark.items, item in one.item_ids) for mark, one in pairs]
            for item in items} if pairs else {}
    return Agreement(
        len(drawn), len(pairs), {item: _kappa(both) for item, both in held.items()},
        {item: sum(one == other for one, other in both) / len(both)
         for item, both in held.items()},
        sum(differences) / len(pairs) if pairs else None,
        sum(map(abs, differences)) / len(pairs) if pairs else None)


def _kappa(both: Sequence[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa of two graders' yes and no; None where it is not defined."""
    if len({one for pair in both for one in pair}) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score  # slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = float(cohen_kappa_score(*zip(*both, strict=True)))
    return None if found != found else found
