"""Find pairs of submissions that share what is neither given nor common in the class.

A fingerprint of the skeleton does not count, nor one that more than a fraction of the class shares;
any other counts less, the more share it. Candidates come from an index from fingerprints to
submissions, so that time grows with what is shared, not with the number of pairs.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.settings import SimilaritySettings
from autograder.similarity.fingerprints import GRAM, Given, passages
from autograder.similarity.units import TextUnit

FEW = 4  # submissions that may share something in any class, however small
MOST_COMPARED = 12  # holders of one file; of more, each is compared with the first alone


@dataclass(frozen=True)
class ComparedSubmission:
    """One submission of a `party`: a student, or a group.

    `earlier` submissions are of other years. `files` are the names of the files that were not given
    out, by a hash of their contents.
    """

    owner: str
    party: str
    units: tuple[TextUnit, ...]
    earlier: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    def is_comparable(self, other: ComparedSubmission) -> bool:
        """Whether the two are of different parties, and one of them is of this year."""
        return self.party != other.party and not (self.earlier and other.earlier)


@dataclass(frozen=True)
class SharedPassage:
    """A run of tokens of a unit, first and one after the last.

    `shared_by` is the number of parties that have it, as the median over its fingerprints `prints`;
    `weight` is their mean rarity, 0 to 1.
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
class Overlap:
    """The passages that two submissions share, in one of their parts or in all.

    `score` is their share, 0 to 1, of what is rare in the smaller one; `tokens` their length,
    weighted by rarity; `one` and `other` are the passages by unit.
    """

    score: float
    tokens: float
    one: dict[TextUnit, list[SharedPassage]] = field(default_factory=dict)
    other: dict[TextUnit, list[SharedPassage]] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """Two submissions, what they share as a whole and in the most similar part.

    `same` are files that both hold byte for byte.
    """

    one: ComparedSubmission
    other: ComparedSubmission
    whole: Overlap
    part: Overlap
    same: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return max(self.whole.score, self.part.score)


class Rarity:
    """The rarity of each fingerprint: 1 where two share it, 0 where it is given or common."""

    def __init__(self, submissions: Iterable[ComparedSubmission], given: Given,
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
        self._rare: dict[TextUnit, int] = {}

    def weight(self, print_: int) -> float:
        """Inverse document frequency, so scaled that what two share weighs 1."""
        count = self.shared_by.get(print_, 0)
        if print_ in self._given.grams or count > self._most:
            return 0.0
        if count <= 2 or self.class_size <= 2:
            return 1.0
        return math.log(self.class_size / count) / math.log(self.class_size / 2)

    def rare_tokens(self, unit: TextUnit) -> int:
        """The number of a unit's tokens that are neither given nor common."""
        if unit not in self._rare:
            places = [place for print_, place in zip(unit.prints.hashes, unit.prints.places,
                                                     strict=True) if self.weight(print_)]
            self._rare[unit] = sum(end - first for first, end in self.runs(unit, places))
        return self._rare[unit]

    def runs(self, unit: TextUnit, places: list[int]) -> Iterator[tuple[int, int]]:
        """Runs of tokens covered by grams at these places, without given lines at their ends."""
        spans = unit.prints.spans
        for first, end in passages(places):
            while first < end and self._given.holds_line(unit.text, spans[first][0]):
                first += 1
            while first < end and self._given.holds_line(unit.text, spans[end - 1][0]):
                end -= 1
            if first < end:
                yield first, end


def find(submissions: Sequence[ComparedSubmission], given: Given, settings: SimilaritySettings
         ) -> tuple[list[Pair], Rarity]:
    """Return the pairs that are alike, the most alike first, and the rarity of fingerprints.

    These are the pairs that reach the course's thresholds, and all that hold the same file.
    """
    rarity = Rarity(submissions, given, settings)
    same = _same_files(submissions)
    pairs = []
    for first, second in sorted({*_candidates(submissions, rarity, settings), *same}):
        pair = _compared(submissions[first], submissions[second], rarity, settings,
                         same.get((first, second), ()))
        if pair.score >= settings.threshold or pair.same:
            pairs.append(pair)
    return sorted(pairs, key=lambda pair: (not pair.same, -pair.score, -pair.whole.tokens,
                                           pair.one.owner, pair.other.owner)), rarity


def _same_files(submissions: Sequence[ComparedSubmission]
                ) -> dict[tuple[int, int], tuple[str, ...]]:
    """The names of the files that two submissions both hold, by the numbers of the two."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, one in enumerate(submissions):
        for digest in one.files:
            holders[digest].append(number)
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    for digest, some in holders.items():
        for pair in _pairs_of(some):
            first, second = submissions[pair[0]], submissions[pair[1]]
            if first.is_comparable(second):
                names = dict.fromkeys((first.files[digest], second.files[digest]))
                found[pair].append(" and ".join(names))
    return {pair: tuple(sorted(names)) for pair, names in found.items()}


def _pairs_of(some: list[int]) -> Iterator[tuple[int, int]]:
    if len(some) <= MOST_COMPARED:
        return itertools.combinations(some, 2)
    return ((some[0], other) for other in some[1:])


def _holders(submissions: Sequence[ComparedSubmission]) -> dict[int, set[int]]:
    """The numbers of the submissions that hold each fingerprint."""
    found: dict[int, set[int]] = defaultdict(set)
    for number, one in enumerate(submissions):
        for unit in one.units:
            for print_ in unit.prints.hashes:
                found[print_].add(number)
    return found


def _candidates(submissions: Sequence[ComparedSubmission], rarity: Rarity,
                settings: SimilaritySettings
                ) -> Iterator[tuple[int, int]]:
    """The pairs, by number, that share enough rare fingerprints to reach the minimum."""
    shared: Counter[tuple[int, int]] = Counter()
    for print_, some in _holders(submissions).items():
        if len(some) > 1 and rarity.weight(print_):
            shared.update(itertools.combinations(sorted(some), 2))
    for (first, second), count in sorted(shared.items()):
        if count * GRAM >= settings.minimum and submissions[first].is_comparable(
                submissions[second]):
            yield first, second


def _compared(one: ComparedSubmission, other: ComparedSubmission, rarity: Rarity,
              settings: SimilaritySettings,
              same: tuple[str, ...]) -> Pair:
    """Compare two submissions as wholes, and their parts with each other."""
    whole = _shared(one.units, other.units, rarity, settings)
    parts = [_shared([first], [second], rarity, settings)
             for first, second in itertools.product(whole.one, whole.other)
             if set(first.prints.hashes) & set(second.prints.hashes)]
    part = max(parts, key=lambda shared: (shared.score, shared.tokens), default=Overlap(0.0, 0.0))
    return Pair(one, other, whole, part, same)


def _shared(one: Sequence[TextUnit], other: Sequence[TextUnit], rarity: Rarity,
            settings: SimilaritySettings) -> Overlap:
    """The passages that these units of two submissions share; the score is 0 for too few."""
    telling = {print_ for unit in one for print_ in unit.prints.hashes if rarity.weight(print_)}
    common = {print_ for unit in other for print_ in unit.prints.hashes if print_ in telling}
    sides = [{unit: found for unit in units if (found := _passages(unit, common, rarity))}
             for units in (one, other)]
    tokens = min(sum(passage.tokens for some in side.values() for passage in some)
                 for side in sides)
    rare = min(sum(map(rarity.rare_tokens, units)) for units in (one, other))
    score = tokens / rare if tokens >= settings.minimum else 0.0
    return Overlap(min(score, 1.0), tokens, *sides)


def _passages(unit: TextUnit, common: set[int], rarity: Rarity) -> list[SharedPassage]:
    """The passages of a unit that hold common fingerprints."""
    at = {place: print_ for print_, place in zip(unit.prints.hashes, unit.prints.places,
                                                 strict=True) if print_ in common}
    found = []
    for first, end in rarity.runs(unit, list(at)):
        inside = [print_ for place, print_ in at.items() if first < place + GRAM and place < end]
        found.append(SharedPassage(
            first, end, round(statistics.median(rarity.shared_by[one] for one in inside)),
            statistics.mean(map(rarity.weight, inside)), frozenset(inside)))
    return found
