"""Copies are found however they are disguised; what is given, common or natural is not one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograder.settings import SimilaritySettings
from autograder.similarity.fingerprints import GRAM, WINDOW, Given, prints
from autograder.similarity.pairs import ComparedSubmission, Pair, find
from similarity.classes import (
    ANOTHER,
    OWN,
    commented,
    crowd,
    of_text,
    own_answers,
    reformatted,
    renamed,
    reordered,
)

SETTINGS = SimilaritySettings()


def pairs(*submissions: ComparedSubmission, given: str = "") -> list[Pair]:
    return find([*crowd(), *submissions], Given.of([(given, True)]), SETTINGS)[0]


def names(found: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.one.owner, pair.other.owner) for pair in found]


@pytest.mark.parametrize("disguise", [
    str, renamed, reordered, commented, reformatted,
    lambda text: commented(reordered(renamed(text)))],
    ids=["none", "renamed", "reordered", "commented", "reformatted", "all of it"])
def test_a_copy_is_found_in_any_disguise(disguise: Callable[[str], str]) -> None:
    (pair,) = pairs(of_text("ada", OWN), of_text("bo", disguise(OWN)))
    assert {pair.one.owner, pair.other.owner} == {"ada", "bo"}
    assert pair.score > 0.8


def test_another_solution_of_the_same_is_no_copy() -> None:
    assert pairs(of_text("ada", OWN), of_text("bo", ANOTHER)) == []


def test_one_function_of_many_is_found_by_itself() -> None:
    """It is a small share of all, and all of one part."""
    stolen = OWN[OWN.index("def balance"):]
    (pair,) = pairs(of_text("ada", OWN), of_text("bo", "\n\n".join(
        f"def step_{n}(a):\n    return [a.x{n}(q) for q in a.y{n} if q > {n}] + a.tail[:{n}:2]"
        for n in range(30)) + "\n" + renamed(stolen)))
    assert pair.part.score > 0.9 > 0.6 > pair.whole.score
    assert [unit.name for unit in pair.part.one] == ["balance"]


@pytest.mark.parametrize("exercise", ["q1a", "q1b", "q2"])
def test_the_kits_own_answers_are_no_copies_of_each_other(exercise: str) -> None:
    """Each is the reference with one edit: what they share is what all of them share."""
    answers, given = own_answers(exercise)
    assert len(answers) > 60
    assert find(answers, given, SETTINGS)[0] == []


def test_who_left_the_skeleton_as_it_is_shares_nothing() -> None:
    assert pairs(of_text("ada", OWN), of_text("bo", OWN), given=OWN) == []


def test_what_a_tenth_of_the_class_writes_is_common() -> None:
    few = [of_text(f"s{n}", OWN) for n in range(4)]
    assert len(pairs(*few)) == 6
    assert pairs(*few, of_text("s5", OWN)) == []


def test_what_more_people_share_counts_less() -> None:
    two = pairs(*(of_text(f"s{n}", OWN) for n in range(2)))
    four = pairs(*(of_text(f"s{n}", OWN) for n in range(4)))
    assert two[0].whole.tokens > 1.5 * four[0].whole.tokens


def test_short_answers_are_no_copies() -> None:
    short = "def mean(values):\n    return sum(values) / max(len(values), 1) if values else 0.0\n"
    assert pairs(of_text("ada", short), of_text("bo", short)) == []


def test_a_group_is_never_a_pair() -> None:
    assert pairs(of_text("ada", OWN, "group 1"), of_text("bo", OWN, "group 1")) == []
    assert len(pairs(of_text("ada", OWN, "group 1"), of_text("bo", OWN, "group 2"))) == 1


def test_earlier_years_are_compared_with_this_one_alone() -> None:
    old = [of_text(f"2025/{n}", OWN, earlier=True) for n in range(2)]
    assert pairs(*old) == []
    assert sorted(names(pairs(*old, of_text("ada", OWN)))) == [("2025/0", "ada"), ("2025/1", "ada")]
    assert pairs(of_text("2025/ada", OWN, "ada", earlier=True), of_text("ada", OWN)) == []


def test_written_answers_are_compared_by_their_words() -> None:
    answer = " ".join(f"the {word} word attends to {n} others" for n, word in
                      enumerate(["first", "second", "third", "fourth", "fifth", "sixth"]))
    plain, loud = prints(answer, code=False), prints(f"# {answer.upper()}!", code=False)
    assert plain.hashes == loud.hashes and len(plain.hashes) > 3


@pytest.mark.parametrize("text", [
    "", "def f(:\n  !!", "x = '''never closed", "%%bash\nrm -rf /", "\x00\u2028", "(" * 5000,
    "def f():\n\tpass\n  x", "é" * 3000, "\ud800 = 1\n" * 30])
def test_any_text_has_fingerprints(text: str) -> None:
    found = prints(text)
    assert len(found.hashes) == len(found.places)
    assert all(place + GRAM <= len(found.spans) for place in found.places)


def test_a_file_that_is_no_python_is_compared_as_a_whole() -> None:
    (pair,) = pairs(of_text("ada", OWN), of_text("bo", f"if broken(:\n{OWN}"))
    assert pair.whole.score > 0.8
    assert [unit.name for unit in pair.whole.other] == ["the beginning"]


def test_long_enough_passages_are_always_found() -> None:
    """Winnowing's promise, wherever in a text the passage stands."""
    passage = " ".join(f"word{n}" for n in range(GRAM + WINDOW - 1))
    there = set(prints(passage + " " + " ".join(f"tail{n}" for n in range(40)), False).hashes)
    for before in range(30):
        text = " ".join(f"head{n}" for n in range(before)) + f" {passage} " + "end " * 20
        assert there & set(prints(text, False).hashes), before


def test_fingerprints_are_the_same_on_every_machine() -> None:
    assert prints("a b c d e f g h i j k l m n o p", code=False).hashes == (26607410002953,)
