"""Pairs of submissions that share what is neither given nor common in the class.

A passage that everybody writes tells nothing. So a fingerprint of the skeleton does not count; nor
does one that more than a fraction of the class shares; and one that a few share counts the less the
more they are. An index from fingerprints to submissions finds candidates, so that time grows with
what is shared, not with the number of pairs.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.settings import SimilaritySettings
from autograder.similarity import identical
from autograder.similarity.fingerprints import GRAM, Given, passages
from autograder.similarity.units import Unit

FEW = 4  # so many may share something in any class, however small


@dataclass(frozen=True)
class Submission:
    """One submission. Nothing is said of two of the same `party`: a group, or one person twice.

    `earlier` ones, of other years, are compared with this year's, and not with each other. `files`
    are the names of its files by a hash of their contents, what was given out left out.
    """

    owner: str
    party: str
    units: tuple[Unit, ...]
    earlier: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Passage:
    """A run of tokens of a unit, first and one after the last.

    `shared_by` is how many parties of the class have it, the median of its fingerprints' numbers;
    `weight` is how telling they are, 0 to 1, and `prints` the fingerprints themselves.
    """

    first: int
    end: int
    shared_by: int
    weight: float
    prints: frozenset[int]

    @property
    def tokens(self) -> float:
        return (self.end - self.first) * self.weight


@dataclass(frozen=True)
class Shared:
    """What two submissions share, in one of their parts or in all.

    `score` is the share, 0 to 1, of what is rare in the smaller one; `tokens` how much that is,
    weighted by rarity; `one` and `other` where it stands, by unit.
    """

    score: float
    tokens: float
    one: dict[Unit, list[Passage]] = field(default_factory=dict)
    other: dict[Unit, list[Passage]] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """Two submissions: what they share in all, and in the part that they share most of.

    `same` are files that both hold byte for byte.
    """

    one: Submission
    other: Submission
    whole: Shared
    part: Shared
    same: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return max(self.whole.score, self.part.score)


class Rarity:
    """How telling each fingerprint is: 1 where two share it, 0 where it is given or common."""

    def __init__(self, submissions: Iterable[Submission], given: Given,
                 settings: SimilaritySettings) -> None:
        parties: dict[int, set[str]] = defaultdict(set)
        everybody = set()
        for one in submissions:
            everybody.add(one.party)
            for unit in one.units:
                for print_ in unit.prints.hashes:
                    parties[print_].add(one.party)
        self.class_size = len(everybody)
        self.shared_by = {print_: len(some) for print_, some in parties.items()}
        self._given = given
        self._most = max(FEW, int(settings.common * self.class_size))
        self._rare: dict[Unit, int] = {}

    def weight(self, print_: int) -> float:
        """Inverse document frequency, so scaled that what two share weighs 1."""
        count = self.shared_by.get(print_, 0)
        if print_ in self._given.grams or count > self._most:
            return 0.0
        if count <= 2 or self.class_size <= 2:
            return 1.0
        return math.log(self.class_size / count) / math.log(self.class_size / 2)

    def rare_tokens(self, unit: Unit) -> int:
        """How many tokens of a unit are neither given nor common."""
        if unit not in self._rare:
            places = [place for print_, place in zip(unit.prints.hashes, unit.prints.places,
                                                     strict=True) if self.weight(print_)]
            self._rare[unit] = sum(end - first for first, end in self.runs(unit, places))
        return self._rare[unit]

    def runs(self, unit: Unit, places: list[int]) -> Iterator[tuple[int, int]]:
        """Runs of tokens that grams at these places cover, without given lines at their ends."""
        spans = unit.prints.spans
        for first, end in passages(places):
            while first < end and self._given.holds_line(unit.text, spans[first][0]):
                first += 1
            while first < end and self._given.holds_line(unit.text, spans[end - 1][0]):
                end -= 1
            if first < end:
                yield first, end


def find(submissions: Sequence[Submission], given: Given, settings: SimilaritySettings
         ) -> tuple[list[Pair], Rarity]:
    """The pairs that are alike, the most alike first, and how rare things are.

    These are the pairs that reach the course's thresholds, and all that hold the same file.
    """
    rarity = Rarity(submissions, given, settings)
    same = identical.pairs([(one.party, one.earlier, one.files) for one in submissions])
    pairs = []
    for first, second in sorted({*_candidates(submissions, rarity, settings), *same}):
        pair = _compared(submissions[first], submissions[second], rarity, settings,
                         same.get((first, second), ()))
        if pair.score >= settings.threshold or pair.same:
            pairs.append(pair)
    return sorted(pairs, key=lambda pair: (not pair.same, -pair.score, -pair.whole.tokens,
                                           pair.one.owner, pair.other.owner)), rarity


def _candidates(submissions: Sequence[Submission], rarity: Rarity, settings: SimilaritySettings
                ) -> Iterator[tuple[int, int]]:
    """The pairs, by number, that share enough rare fingerprints to reach the minimum."""
    owners: dict[int, set[int]] = defaultdict(set)
    for number, one in enumerate(submissions):
        for unit in one.units:
            for print_ in unit.prints.hashes:
                owners[print_].add(number)
    count: Counter[tuple[int, int]] = Counter()
    for print_, some in owners.items():
        if len(some) > 1 and rarity.weight(print_):
            count.update(itertools.combinations(sorted(some), 2))
    for (first, second), shared in sorted(count.items()):
        one, other = submissions[first], submissions[second]
        if (shared * GRAM >= settings.minimum and one.party != other.party
                and not (one.earlier and other.earlier)):
            yield first, second


def _compared(one: Submission, other: Submission, rarity: Rarity, settings: SimilaritySettings,
              same: tuple[str, ...]) -> Pair:
    """The two as wholes, and their parts with each other."""
    whole = _shared(one.units, other.units, rarity, settings)
    parts = [_shared([first], [second], rarity, settings)
             for first, second in itertools.product(whole.one, whole.other)
             if set(first.prints.hashes) & set(second.prints.hashes)]
    part = max(parts, key=lambda shared: (shared.score, shared.tokens), default=Shared(0.0, 0.0))
    return Pair(one, other, whole, part, same)


def _shared(one: Sequence[Unit], other: Sequence[Unit], rarity: Rarity,
            settings: SimilaritySettings) -> Shared:
    """What these units of two submissions share; a score only where it is enough to tell."""
    telling = {print_ for unit in one for print_ in unit.prints.hashes if rarity.weight(print_)}
    common = {print_ for unit in other for print_ in unit.prints.hashes if print_ in telling}
    sides = [{unit: found for unit in units if (found := _passages(unit, common, rarity))}
             for units in (one, other)]
    tokens = min(sum(passage.tokens for some in side.values() for passage in some)
                 for side in sides)
    rare = min(sum(map(rarity.rare_tokens, units)) for units in (one, other))
    score = tokens / rare if tokens >= settings.minimum else 0.0
    return Shared(min(score, 1.0), tokens, *sides)


def _passages(unit: Unit, common: set[int], rarity: Rarity) -> list[Passage]:
    """Where the common fingerprints stand in a unit."""
    at = {place: print_ for print_, place in zip(unit.prints.hashes, unit.prints.places,
                                                 strict=True) if print_ in common}
    found = []
    for first, end in rarity.runs(unit, list(at)):
        inside = [print_ for place, print_ in at.items() if first < place + GRAM and place < end]
        found.append(Passage(
            first, end, round(statistics.median(rarity.shared_by[one] for one in inside)),
            statistics.mean(map(rarity.weight, inside)), frozenset(inside)))
    return found
