"""The cards of one question, in the order in which a grader meets them.

A card is one answer, or several whose text is the same; cards that are alike follow each other, in
groups. What nobody has answered comes last, as one card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol


class Grouped(Protocol):
    """A group of like answers (likeness/groups.py): its cards are owners whose answer is one."""

    @property
    def cards(self) -> Sequence[Sequence[str]]: ...
    @property
    def empty(self) -> bool: ...


@dataclass(frozen=True)
class Card:
    """One or several owners whose answers are the same; `place` counts from 1."""

    owners: tuple[str, ...]
    place: int
    group: int
    empty: bool = False


@dataclass(frozen=True)
class Board:
    """All cards of a question, and where each answer is among them."""

    assignment: str
    cards: tuple[Card, ...]
    by_owner: Mapping[str, Card] = field(repr=False)

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """Whose answer it is, by the key that stands in pages and addresses."""
        return {key_of(self.assignment, owner): owner for owner in self.by_owner}

    def key(self, card: Card) -> str:
        return key_of(self.assignment, card.owners[0])

    def members(self, card: Card) -> list[Card]:
        """The other cards of a card's group, in their order."""
        return [one for one in self._groups.get(card.group, ()) if one != card]

    @cached_property
    def _groups(self) -> Mapping[int, list[Card]]:
        found: dict[int, list[Card]] = {}
        for card in self.cards:
            found.setdefault(card.group, []).append(card)
        return found

    def only(self, owners: Collection[str]) -> Board:
        """The cards of some owners, each answer by itself and in an order that tells nothing."""
        rows = sorted(owner for owner in owners if owner in self.by_owner)
        rows.sort(key=lambda owner: key_of(self.assignment, owner))
        cards = tuple(Card((owner,), place, place, self.by_owner[owner].empty)
                      for place, owner in enumerate(rows, start=1))
        return Board(self.assignment, cards, {card.owners[0]: card for card in cards})

    def after(self, card: Card, step: int = 1) -> Card | None:
        """The card `step` places on; None beyond either end."""
        at = card.place - 1 + step
        return self.cards[at] if 0 <= at < len(self.cards) else None

    def next_waiting(self, card: Card | None, waits: Callable[[Card], bool],
                     held: Collection[str] = ()) -> Card | None:
        """The next card that waits, from behind `card` round to it.

        One that somebody else has open (`held`, owners) comes only where there is no other.
        """
        start = card.place if card else 0
        ahead = [one for one in (*self.cards[start:], *self.cards[:start])
                 if one != card and waits(one)]
        free = (one for one in ahead if not any(owner in held for owner in one.owners))
        return next(free, ahead[0] if ahead else None)


def key_of(assignment: str, owner: str) -> str:
    """What stands for an owner in pages and addresses, which tell no names."""
    return hashlib.sha256(f"{assignment}\0{owner}".encode()).hexdigest()[:12]


def lay_out(assignment: str, groups: Sequence[Grouped], taken_out: Collection[str] = ()) -> Board:
    """The cards of groups, in their order, empty answers last.

    Whoever was taken out of a group stands behind it, alone.
    """
    rows: list[tuple[int, tuple[str, ...], bool]] = []
    empty = tuple(owner for group in groups if group.empty for card in group.cards
                  for owner in card)
    number = 0
    for group in groups:
        if group.empty:
            continue
        for card in group.cards:
            if owners := tuple(owner for owner in card if owner not in taken_out):
                rows.append((number, owners, False))
        for owner in (owner for card in group.cards for owner in card if owner in taken_out):
            number += 1
            rows.append((number, (owner,), False))
        number += 1
    if empty:
        rows.append((number, empty, True))
    cards = tuple(Card(owners, place, group, nothing)
                  for place, (group, owners, nothing) in enumerate(rows, start=1))
    return Board(assignment, cards, {owner: card for card in cards for owner in card.owners})
