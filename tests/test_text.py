"""The one door for text: what is made of a submission's can be written anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import text
from autograder.intake.records import IntakeRecord
from autograder.judge.answer import Failure, unpack
from autograder.kernel import serialization
from autograder.kernel.session import Outcome
from autograder.results.flag import Flag, Kind, kind_of
from autograder.results.reason import Code, Reason
from autograder.results.verdict import PartVerdict, Verdict
from autograder.results.words import finished

ODD = st.one_of(
    st.text(st.characters()), st.sampled_from([
        "\ud800", "\udfff", "\0", "\x1b[2J", "\r", "\r\n", "\x85", "\u2028", "\u202eabc\u2066",
        "\ufffe", "\ufdd0", "x" * 100_000, "\ud83d" * 5000, "ends\ud800", "\b" * 999]),
    st.text(st.sampled_from(["a", " ", "\ud800", "\udc00", "\r", "\n", "\0", "\u202e"])))


def is_fit(shown: str) -> bool:
    """Whether any file, table and page can hold it."""
    return (len(shown) <= text.LONGEST and bool(shown.encode("utf-8") or not shown)
            and not any(ord(char) < 32 and char not in "\t\n" for char in shown)
            and not set("\x7f\x85\u2028\u2029\u202e\u2066\ufffe") & set(shown))


@given(ODD)
def test_a_sentence_can_be_written_anywhere_and_stays_as_it_is_then(found: str) -> None:
    shown = text.sentence(found)
    assert is_fit(shown) and text.sentence(shown) == shown


@given(ODD)
def test_a_name_is_on_one_line(found: str) -> None:
    assert text.on_one_line(found, 40).isprintable() and len(text.on_one_line(found, 40)) <= 40


@pytest.mark.parametrize("plain", [
    "Your scores are not divided by `sqrt(d)`.", "a\tb\nc", "émoi 華 🙂 👩\u200d👧",
    "x" * text.LONGEST])
def test_a_sentence_of_ours_stays_as_it_is(plain: str) -> None:
    assert text.sentence(plain) == plain


@given(ODD)
def test_nothing_that_holds_sentences_can_be_made_with_others(found: str) -> None:
    part = PartVerdict("a", 0, 1, (found, Flag(found, Kind.LOG)), (found,),
                       (Flag(found, Kind.BORROWED),), (found,))
    verdict = Verdict("q2", (part,), (found, Flag(found, Kind.CRASHED)))
    row = IntakeRecord(found, found, found, (found,), (found,), (Flag(found, Kind.NAMES),))
    why = Reason(Code.RAISED, error=found, message=found)
    held = [*part.says, *part.remarks, *part.flags, *part.misconceptions, *part.staff,
            *verdict.events, row.upload, row.student, row.problem, *row.remarks, *row.violations,
            *row.flags, Failure(why, found).says, Failure(why, found).error,
            Outcome("error", why).says]
    assert all(map(is_fit, held))
    assert [kind_of(part.says[1]), kind_of(part.flags[0]), kind_of(verdict.events[1]),
            kind_of(row.flags[0])] == [Kind.LOG, Kind.BORROWED, Kind.CRASHED, Kind.NAMES]
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
    assert len(finished(found)) <= text.LONGEST + 1


def test_many_sentences_are_counted() -> None:
    part = PartVerdict("a", 0, 1, asides=tuple(f"remark {n}" for n in range(10_000)))
    assert len(part.remarks) == text.MOST and part.remarks[-1] == "And 9901 more of this kind."
    assert Verdict.from_json(Verdict("q2", (part,)).to_json()).parts == (part,)


@pytest.mark.parametrize("place", [
    lambda odd: odd, lambda odd: {odd: 1}, lambda odd: [{"a": (odd,)}], lambda odd: {1: {odd: odd}},
    lambda odd: serialization.Opaque(odd)],
    ids=["value", "key", "within", "both", "name of a type"])
@pytest.mark.parametrize("odd", ["\ud800", "a\udfffb", "\ude00\ud83d"])
def test_half_a_character_in_an_answer_is_no_value(place: Callable[[str], Any], odd: str) -> None:
    """It is refused, not replaced: what is compared is what was answered."""
    answer = unpack(serialization.pack({"value": place(odd)}))
    assert answer.value is None and answer.failure is not None
    assert "half of a surrogate pair" in answer.failure.says


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_other_text_in_an_answer_is_compared_as_it_is(found: str) -> None:
    assert unpack(serialization.pack({"value": {found: found}})).value == {found: found}
