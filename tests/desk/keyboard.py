"""The keys and clicks with which somebody grades a question in the desk: the shortest way through.

The grader sees a card and the others of its group. Whoever is wrongly in it is clicked on and given
its own items; then the rest gets the usual ones at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from autograder.desk.cards import Card, Grouped, key_of, lay_out
from desk.simulated import SimulatedQuestion

Items = frozenset[str]
ASSIGNMENT = "hw3"


class Keyboard:
    """What is pressed on one question's page, as the page reads it."""

    def __init__(self, question: SimulatedQuestion) -> None:
        self.number = {key: str(place) for place, key in enumerate(question.items, start=1)}
        self.adding = frozenset(key for key, item in question.items.items()
                                if item.kind == "adds")
        self.last: Items | None = None  # what was given last
        self.pressed: list[str] = []

    def give(self, items: Items, whole_group: bool) -> None:
        """The fewest keys that give exactly these items to a card of which none are chosen."""
        if items == self.last:
            self.pressed.append("t" if whole_group else "r")
            return
        ways = [self._numbers(items) or ["0"], ["f", *self._numbers(items ^ self.adding)]]
        if self.last:
            ways.append([".", *self._numbers(items ^ self.last)])
        self.pressed += min(ways, key=len)
        self.pressed.append("g" if whole_group else "Enter")
        self.last = items

    def _numbers(self, items: Items) -> list[str]:
        return sorted(self.number[key] for key in items)

    def click(self, card: Card) -> None:
        """Click on another card of the group, below the answer."""
        self.pressed.append(f"click {key_of(ASSIGNMENT, card.owners[0])}")


def pressed(question: SimulatedQuestion, groups: Sequence[Grouped], items: Mapping[str, Items]
            ) -> list[str]:
    """What is pressed and clicked until each owner's answer has its items."""
    hands, board = Keyboard(question), lay_out(ASSIGNMENT, groups)
    waiting = set(board.cards)
    card: Card | None = board.cards[0]
    while card is not None:
        group = [one for one in (card, *board.members(card)) if one in waiting]
        given = {one: items[one.owners[0]] for one in group}
        usual = Counter(given.values()).most_common(1)[0][0]
        if card.empty:
            hands.pressed.append("z")
            waiting -= {one for one in board.cards if one.empty}
        elif set(given.values()) == {usual}:
            hands.give(usual, whole_group=len(group) > 1)
            waiting -= set(group)
        else:
            if given[card] == usual:
                card = next(one for one in group if given[one] != usual)
                hands.click(card)
            hands.give(given[card], whole_group=False)
            waiting.remove(card)
        card = board.next_waiting(card, waiting.__contains__)
    return hands.pressed
