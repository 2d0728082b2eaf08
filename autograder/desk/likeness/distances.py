"""How far answers are from each other, from what only one of two has.

Each part catches what the others miss. A sentence that one answer has and the other has not weighs
the same in a long answer as in a short one; so do formulas, of which a letter makes another thing;
and words and embeddings, compared as wholes, keep apart what says something else altogether.
A word that few have weighs more than one that many have. One that nobody else has counts in the
comparison of wholes alone: it may be a slip of the pen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from scipy.spatial.distance import pdist, squareform
from sklearn.feature_extraction.text import TfidfVectorizer

from autograder.desk.likeness.normal_form import is_formula

Matrix = NDArray[np.float64]
Words = list[str]

# A distance of 1 keeps two answers apart, and so much of each part makes it: tuned on half of the
# questions of a made-up class (tests/desk/simulated.py), and measured on the others.
WORDS, FORMULAS, WHOLE, WHOLE_ALONE = 24.0, 20.0, 1.5, 0.8
MOST_TOKENS = 600  # of an answer; what follows is not compared
MOST_FEATURES = 4000  # the most frequent ones
COMMON, RARE, LONG = 3, 2, 4  # a rare word with a common twin is a slip; both are so long


def distances(forms: Sequence[str], vectors: Matrix | None = None) -> Matrix:
    """The distances between normal forms, [n, n]; 1 and more is too far to be one group.

    vectors: of the forms, [n, d], each of length 1
    """
    answers = _mended([form.split()[:MOST_TOKENS] for form in forms])
    apart = (_only_in_one(answers, _words, often=True) / WORDS
             + _only_in_one(answers, _formulas, often=False) / FORMULAS)
    unlike = 1 - _cosines(answers)
    if vectors is None:
        return apart + unlike / WHOLE_ALONE
    return apart + (unlike + 2 * (1 - np.clip(vectors @ vectors.T, 0, 1))) / WHOLE


def _words(tokens: Words) -> Iterable[str]:
    return (token for token in tokens if not is_formula(token))


def _formulas(tokens: Words) -> Iterable[str]:
    """The symbols of an answer, each alone and with what stands beside it."""
    yield from filter(is_formula, tokens)
    yield from (f"{one} {other}" for one, other in pairwise(tokens)
                if is_formula(one) or is_formula(other))


def _only_in_one(answers: Sequence[Words], features: Callable[[Words], Iterable[str]],
                 often: bool) -> Matrix:
    """The weight of what only one of two answers has; `often`: and of how often it has it."""
    counts = [Counter(features(tokens)) for tokens in answers]
    holders = Counter(feature for count in counts for feature in count)
    ranked = sorted((feature for feature in holders if holders[feature] > 1),
                    key=lambda feature: (-holders[feature], feature))
    column = {feature: index for index, feature in enumerate(ranked[:MOST_FEATURES])}
    table = np.zeros((len(answers), len(column) or 1))
    for row, count in enumerate(counts):
        for feature, number in count.items():
            if feature in column:
                weight = np.log(len(answers) / holders[feature])
                table[row, column[feature]] = weight * (number if often else 1)
    return np.asarray(squareform(pdist(table, "cityblock")))


def _cosines(answers: Sequence[Words]) -> Matrix:
    """How like the answers are in their words, and pairs of words, that somebody else has, too."""
    model = TfidfVectorizer(analyzer=_words_and_pairs, min_df=1,
                            max_features=MOST_FEATURES, sublinear_tf=True)
    try:
        table = model.fit_transform(answers)  # [n, features], rows of length 1
    except ValueError:  # no two answers share anything
        return np.eye(len(answers))
    return np.asarray((table @ table.T).todense())


def _words_and_pairs(tokens: Words) -> Words:
    return [*tokens, *map(" ".join, pairwise(tokens))]


def _mended(answers: Sequence[Words]) -> list[Words]:
    """The answers with slips of the pen mended: a rare word becomes its common twin."""
    holders = Counter(word for tokens in answers for word in set(tokens)
                      if len(word) >= LONG and word.isalpha())
    twins: dict[str, list[str]] = {}
    for word in sorted(holders):
        if holders[word] >= COMMON:
            for key in _keys(word):
                twins.setdefault(key, []).append(word)
    mended = {}
    for word in holders:
        if holders[word] <= RARE:
            near = {twin for key in _keys(word) for twin in twins.get(key, ())
                    if OSA.distance(word, twin, score_cutoff=1) <= 1}
            if near:
                mended[word] = max(near, key=lambda twin: (holders[twin], twin))
    return [[mended.get(word, word) for word in tokens] for tokens in answers]


def _keys(word: str) -> set[str]:
    """The word and what is left without one of its letters: two with a slip between share one."""
    short = word[:40]
    return {word} | {short[:at] + short[at + 1:] for at in range(len(short))}
