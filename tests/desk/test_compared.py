"""A changed answer beside the one that was graded."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.desk.compared import MOST_PIECES, compared


def test_what_changed_is_a_sentence_not_a_paragraph() -> None:
    assert compared("It is so. Since $a.b$ is 1; or 2.\nThe end.",
                    "It is so. Since $a.b$ is 3; or 2.\n\nThe end.") == [
        ("same", "It is so."), ("old", "Since $a.b$ is 1;"), ("new", "Since $a.b$ is 3;"),
        ("same", "or 2."), ("new", ""), ("same", "The end.")]


@given(st.text(st.sampled_from("ab. \n")), st.text(st.sampled_from("ab. \n")))
def test_nothing_is_lost(old: str, new: str) -> None:
    found = compared(old, new)
    for text, kinds in ((old, ("old", "same")), (new, ("new", "same"))):
        assert "".join("".join(piece for kind, piece in found if kind in kinds).split()) == (
            "".join(text.split()))


@pytest.mark.parametrize(("old", "new"), [
    *(("\n".join(line.format(number) for number in range(9000)),
       "\n".join(line.format(number + 5000) for number in range(9000)))
      for line in ("{0}", "aaaaaaaaaaaaaaaaa{0}", "", "a")),
    ("a. b. " * 5000, "b. a. " * 5000)])
def test_no_text_takes_long(old: str, new: str) -> None:
    started = time.perf_counter()
    assert len(compared(old, new)) <= 2 * (MOST_PIECES + 1)
    assert time.perf_counter() - started < 3
