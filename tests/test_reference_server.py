"""The trusted side: an answer is computed once a batch, and shared by its judges."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from autograder.course import Course
from autograder.judge import reference_server
from autograder.judge.reference import SILENT, ReferenceClient, ReferenceConnection
from autograder.judge.reference_server import (
    ReferenceProcess,
    ReferenceReply,
    ReferenceServer,
)
from autograder.kernel import serialization


@pytest.fixture
def reference(toy: Course) -> Path:
    return toy.build / "reference" / "toy"


@pytest.fixture(scope="module")
def process() -> Iterator[ReferenceProcess]:
    process = ReferenceProcess(20.0, {}, [])
    yield process
    process.close()


@pytest.fixture
def service(process: ReferenceProcess) -> Iterator[ReferenceConnection]:
    service = ReferenceServer(process)
    yield ReferenceConnection(service.address)
    service.close()


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    (tmp_path / "answers").mkdir()
    return tmp_path / "answers"


class Nobody(ReferenceConnection):
    """Must not be asked."""

    def ask(self, version: Path, request: bytes, place: Path | None = None) -> ReferenceReply:
        pytest.fail("it was computed again")


def words(text: str) -> bytes:
    return serialization.pack({"probes": "", "function": "call",
                      "inputs": {"name": "words", "args": [text], "kwargs": {}}})


def edited(reference: Path, name: str, old: str, new: str) -> Path:
    other = reference.with_name(name)
    other.mkdir()
    for path in reference.iterdir():
        if path.is_file():
            (other / path.name).write_text(path.read_text().replace(old, new))
    return other


def test_what_one_judge_asked_another_knows(reference: Path, answers: Path,
                                            service: ReferenceConnection) -> None:
    first = ReferenceClient(service, answers)
    assert first.ask(reference, words("One two")).value == ["one", "two"]
    copy = reference.rename(reference.with_name("elsewhere"))
    second = ReferenceClient(Nobody(""), answers)
    assert second.ask(copy, words("One two")).value == ["one", "two"]


def test_another_question_or_another_version_is_another_answer(
        reference: Path, answers: Path, service: ReferenceConnection) -> None:
    side = ReferenceClient(service, answers)
    assert side.ask(reference, words("A")).value == ["a"]
    assert side.ask(reference, words("B")).value == ["b"]
    other = edited(reference, "other", "text.lower().split()", "text.split()")
    assert side.ask(other, words("A")).value == ["A"]


def test_a_folder_that_cannot_be_written_costs_time_only(reference: Path, tmp_path: Path,
                                                         service: ReferenceConnection) -> None:
    side = ReferenceClient(service, tmp_path / "not there")
    assert side.ask(reference, words("A")).value == ["a"]


def test_who_asks_at_the_same_time_is_answered_in_turn(reference: Path, answers: Path,
                                                       service: ReferenceConnection) -> None:
    texts = [f"Some {number}" for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        said = list(threads.map(
            lambda text: ReferenceClient(service, answers).ask(reference, words(text)), texts * 2))
    assert [one.value for one in said] == [text.lower().split() for text in texts] * 2
    assert len(list(answers.iterdir())) == 12


def test_a_process_that_was_killed_is_replaced(
        reference: Path, answers: Path, process: ReferenceProcess,
        service: ReferenceConnection) -> None:
    side = ReferenceClient(service, answers)
    assert side.ask(reference, words("before")).value == ["before"]
    (server,) = (child for child in psutil.Process().children()
                 if "multiprocessing.forkserver" in " ".join(child.cmdline()))
    forked = server.children()
    for child in forked:
        os.kill(child.pid, signal.SIGKILL)
    assert forked and side.ask(reference, words("after it")).value == ["after", "it"]


def test_a_version_that_ends_its_process_is_not_asked_for_ever(
        reference: Path, answers: Path, service: ReferenceConnection) -> None:
    deadly = edited(reference, "deadly", "return text.lower().split()",
                    "return __import__('os')._exit(1)")
    side = ReferenceClient(service, answers)
    assert side.ask(deadly, words("A")) == SILENT
    assert service.ask(deadly, words("B")) == ReferenceReply(silent=True)
    assert side.ask(reference, words("still there")).value == ["still", "there"]


@pytest.mark.parametrize("busy, answers_it", [(0.2, True), (2.5, False)])
def test_a_version_may_take_processor_time_and_no_more(
        reference: Path, monkeypatch: pytest.MonkeyPatch, busy: float, answers_it: bool) -> None:
    """The clock on the wall does not count: the machine may be busy with other things."""
    monkeypatch.setattr(reference_server, "START_SECONDS", 1)
    process = ReferenceProcess(1.0, {}, ["autograder.judge.reference_process"], patience=30)
    clock = "__import__('time').process_time()"
    slow = edited(reference, f"slow{busy}", "return text.lower().split()",
                  f"return [end := {clock} + {busy}, list(iter(lambda: {clock} < end, False)), "
                  "__import__('time').sleep(3)] and text.lower().split()")
    try:
        process.begin()
        said = process.ask(slow, words("A"))
        assert said.silent is not answers_it and bool(said.answer) is answers_it
        assert process.ask(slow, words("B")).silent is not answers_it
        assert process.ask(reference, words("C")).answer
    finally:
        process.close()


def test_what_a_library_first_wrote_to_stays_open_for_other_versions(
        reference: Path, answers: Path, service: ReferenceConnection) -> None:
    """As handlers of logging and progress bars keep it."""
    code = ("__import__('colorsys').__dict__.setdefault('kept', __import__('sys').stdout)"
            ".write('x') and text.lower().split()")
    side = ReferenceClient(service, answers)
    for name in ("first", "second"):
        version = edited(reference, name, "text.lower().split()", code)
        assert side.ask(version, words(f"The {name}")).value == ["the", name]


def test_what_our_own_code_stops_with_is_reported(reference: Path, answers: Path,
                                                  service: ReferenceConnection) -> None:
    broken = edited(reference, "broken", "text.lower()", "text.lower(")
    failure = ReferenceClient(service, answers).ask(broken, words("A")).failure
    assert failure is not None and "SyntaxError" in failure.says
