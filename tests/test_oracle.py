"""The trusted side: an answer is computed once a batch, and shared by its judges."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.judge.oracle import TrustedSide
from autograder.kernel import wire


@pytest.fixture
def reference(toy: Course) -> Path:
    return toy.build / "reference" / "toy"


def words(text: str) -> bytes:
    return wire.pack({"probes": "", "function": "call",
                      "inputs": {"name": "words", "args": [text], "kwargs": {}}})


def test_what_one_judge_asked_another_knows(reference: Path, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answers").mkdir()
    with TrustedSide(shared=tmp_path / "answers") as first:
        assert first.ask(reference, words("One two")).value == ["one", "two"]
        copy = reference.rename(reference.with_name("elsewhere"))
        with TrustedSide(shared=tmp_path / "answers") as second:
            monkeypatch.setattr(second, "compute", lambda *_: pytest.fail("it was computed again"))
            assert second.ask(copy, words("One two")).value == ["one", "two"]


def test_another_question_or_another_version_is_another_answer(reference: Path, tmp_path: Path
                                                               ) -> None:
    (tmp_path / "answers").mkdir()
    with TrustedSide(shared=tmp_path / "answers") as side:
        assert side.ask(reference, words("A")).value == ["a"]
        assert side.ask(reference, words("B")).value == ["b"]
        other = reference.with_name("other")
        other.mkdir()
        for path in reference.iterdir():
            if path.is_file():
                text = path.read_text().replace("text.lower().split()", "text.split()")
                (other / path.name).write_text(text)
        assert side.ask(other, words("A")).value == ["A"]


def test_a_folder_that_cannot_be_written_costs_time_only(reference: Path, tmp_path: Path) -> None:
    with TrustedSide(shared=tmp_path / "not there") as side:
        assert side.ask(reference, words("A")).value == ["a"]
