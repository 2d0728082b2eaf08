"""The order of cards: same answers together, like ones in a row, nobody twice, nobody missing."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from autograder.desk.cards import Board, key_of, lay_out
from autograder.desk.likeness import AnswerGroup


def board(texts: dict[str, str], groups: list[list[str]], taken_out: set[str] | None = None
          ) -> Board:
    made = [AnswerGroup(tuple(tuple(owner for owner in owners if texts[owner] == text and text)
                        for text in dict.fromkeys(texts[owner] for owner in owners) if text))
            for owners in groups]
    empty = tuple(owner for owners in groups for owner in owners if not texts[owner])
    return lay_out("hw", [AnswerGroup((empty,), empty=True), *(one for one in made if one.cards)]
                   if empty else [one for one in made if one.cards], taken_out or set())


TEXTS = {"a": "one", "b": "two", "c": "one", "d": "three", "e": "", "f": ""}


def test_same_answers_are_one_card_and_empty_ones_come_last() -> None:
    made = board(TEXTS, [["a", "b", "c"], ["d"], ["e", "f"]])
    assert [card.owners for card in made.cards] == [("a", "c"), ("b",), ("d",), ("e", "f")]
    assert [card.owners for card in made.members(made.cards[0])] == [("b",)]
    assert made.cards[-1].empty and not made.cards[0].empty


def test_who_is_taken_out_stands_alone_behind_the_group() -> None:
    made = board(TEXTS, [["a", "b", "c"], ["d"], ["e", "f"]], {"c"})
    assert [card.owners for card in made.cards] == [("a",), ("b",), ("c",), ("d",), ("e", "f")]
    alone = made.by_owner["c"]
    assert made.members(alone) == [] and len(made.members(made.cards[0])) == 1


def test_the_next_that_waits_is_behind_then_before_and_not_in_another_hand() -> None:
    made = board(TEXTS, [["a", "b", "c"], ["d"], ["e", "f"]])
    first, second, third, last = made.cards
    assert made.next_waiting(None, lambda card: True) == first
    assert made.next_waiting(last, lambda card: card in (first, last)) == first
    assert made.next_waiting(first, lambda card: True, held={"b"}) == third
    assert made.next_waiting(first, lambda card: card == second, held={"b"}) == second
    assert made.next_waiting(first, lambda card: card == first) is None


def test_keys_tell_no_names_and_lead_back() -> None:
    made = board(TEXTS, [["a", "b", "c"], ["d"], ["e", "f"]])
    assert made.owners[key_of("hw", "d")] == "d"
    assert "d" not in {made.key(card) for card in made.cards}


@given(texts=st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["", "x", "y", "z"])),
       cuts=st.lists(st.integers(0, 8)), out=st.sets(st.sampled_from("abcdefgh")))
def test_everybody_has_one_place(texts: dict[str, str], cuts: list[int], out: set[str]) -> None:
    owners = sorted(texts)
    edges = sorted({0, len(owners), *(cut for cut in cuts if cut < len(owners))})
    groups = [owners[start:end] for start, end in pairwise(edges)]
    made = board(texts, groups, out)
    placed = [owner for card in made.cards for owner in card.owners]
    assert sorted(placed) == owners == sorted(made.by_owner)
    assert [card.place for card in made.cards] == list(range(1, len(made.cards) + 1))
