"""Why points were lost, what stopped code, and how long it took: told from verdicts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autograder.judge import answer
from autograder.judge.pool import JudgingFailed
from autograder.kernel.isolation import seccomp
from autograder.kernel.isolation.policy import Limits
from autograder.kernel.session import KernelSession, Outcome
from autograder.report.class_report.losses import losses, met, reason
from autograder.report.class_report.times import batches, times
from autograder.results import legacy, words
from autograder.results.reason import Code, Reason, ReviewKind, Stop
from autograder.results.verdict import PartVerdict, Verdict, nothing
from class_report.classes import because, entry, toy_verdict, verdict


def last_words(status: int | None, ran_out: bool = False) -> Reason:
    """Why a process ended so, by the kernel's own code."""
    session = KernelSession.__new__(KernelSession)
    session.limits = Limits()
    session._manager = SimpleNamespace(provisioner=SimpleNamespace(  # type: ignore[assignment]
        process=SimpleNamespace(returncode=status), group=SimpleNamespace(ran_out=ran_out)))
    return session._last_words()


@pytest.mark.parametrize(("status", "ran_out", "kind"), [
    (-seccomp.BLOCKED, False, Stop.BLOCKED), (-9, False, Stop.CRASHED),
    (128 + 11, False, Stop.CRASHED), (-11, False, Stop.CRASHED),
    (0, False, Stop.CRASHED), (3, False, Stop.CRASHED), (None, False, Stop.CRASHED),
    (-9, True, Stop.MEMORY)])
def test_what_the_kernel_says_of_ends_is_known(status: int, ran_out: bool, kind: Stop) -> None:
    why = last_words(status, ran_out)
    failure = answer.read_answer(Outcome("died", why)).failure
    assert failure is not None
    for told in (failure.reason, Reason(Code.IN_MODULE, module="bert", why=why),
                 Reason(Code.IN_CELL, cell=3, why=why)):
        assert told.stop is kind and told.review is ReviewKind.CRASHED
        assert legacy.reason(words.sentence(told)) == told, "as old journals hold it"


@pytest.mark.parametrize(("sentence", "kind"), [
    ("Your code ran for more than 20 s and was stopped.", Stop.TIME),
    ("Not tried: this submission's time was used up by what came before.", Stop.TIME),
    ("Your code printed more than 8 MiB and was stopped.", Stop.OUTPUT),
    ("Your code ran out of memory at bert.py, line 220 (`return bytearray(10)`).", Stop.MEMORY),
    ("Your code gave no answer.", Stop.CRASHED),
    ("With the files of this submission no Jupyter kernel starts.", Stop.START),
    ("Your code stopped with TypeError: 'int' object is not callable.", None),
    ("Your code stopped with E: Your code ran for more than 20 s and was stopped.", None),
    ("A code cell of the notebook (number 1 of those run): Odd: crashed the Python process "
     "(signal 11).", None),
    ("The words of a text differ.", None)])
def test_of_old_sentences_only_whole_ones_of_ours_tell_of_failures(sentence: str, kind: Stop | None
                                                                   ) -> None:
    assert legacy.reason(sentence).stop is kind


def part(says: str = "", misconception: str = "", points: float = 1) -> PartVerdict:
    return PartVerdict("toy_words", points, 4, because(says, misconception))


@pytest.mark.parametrize(("verdict", "why"), [
    (part("Your words keep their capitals.", "capitals-kept"), "named"),
    (part("Not written yet: NotImplementedError at the notebook, line 3."), "unwritten"),
    (part("Your code stopped with KeyError: 'a'."), "stopped"),
    (part("Your code ran for more than 2 s and was stopped."), "stopped"),
    (part("The words of a text differ."), "unnamed"), (part(), "unnamed")])
def test_reasons(verdict: PartVerdict, why: str) -> None:
    assert reason(verdict) == why


def test_losses_are_summed_by_part_and_reason() -> None:
    entries = [
        entry("a", toy_verdict(0, says="Capitals.", misconception="capitals-kept")),
        entry("b", toy_verdict(1, says="The words of a text differ at line 3.", scale=0)),
        entry("c", toy_verdict(2, says="The words of a text differ at line 3.")),
        entry("d", toy_verdict(3, says="A text of the notebook, line 2, differs.")),
        entry("e", toy_verdict())]
    first, count, scale = losses(["toy_words", "toy_count", "toy_scale"], entries)
    assert (first.judged, first.total) == (5, 4 + 3 + 2 + 1)
    assert first.points == {"named": 4, "unnamed": 6, "stopped": 0, "unwritten": 0}
    assert first.lost_by == {"named": 1, "unnamed": 3}
    assert first.named_share == pytest.approx(0.4)
    assert [(one.points, [entry.student for entry in one.entries]) for one in first.sentences] == [
        (5, ["b", "c"]), (1, ["d"])]
    assert (count.total, count.named_share, scale.total) == (0, None, 3)


def old_verdict(says: str) -> Verdict:
    """A verdict as it was kept before there were reasons."""
    return Verdict.from_json({"exercise": "toy", "events": [], "parts": [
        {"part": "toy_words", "points": 0, "max_points": 4, "says": [says]}]})


def test_sentences_that_differ_in_the_place_only_are_one() -> None:
    entries = [entry(student, old_verdict(f"Wrong at bert.py, line {line} (`x = {line}`)."))
               for student, line in (("a", 3), ("b", 77))]
    (said,) = losses(["toy_words"], entries)[0].sentences
    assert (said.sentence, len(said.entries)) == ("Wrong.", 2)


def test_the_most_frequent_misconception_comes_first() -> None:
    names = {"a": "rare", "b": "capitals-kept", "c": "capitals-kept"}
    found = met(entry(who, toy_verdict(0, says="x", misconception=name))
                for who, name in names.items())
    assert [(one.name, one.part, len(one.entries)) for one in found] == [
        ("capitals-kept", "toy_words", 2), ("rare", "toy_words", 1)]


def at(second: int) -> str:
    return f"2026-11-02T12:00:{second:02d}+00:00"


def lost(student: str, time: str) -> Any:
    why = JudgingFailed(Reason(Code.JUDGE_DIED, error="signal 9")).why
    return entry(student, nothing("toy", {"toy_words": 4}, why, review=(
        Reason(Code.NOT_JUDGED, why=why),)), time)


def test_batches_are_told_by_their_seeds() -> None:
    journal = [entry("a", toy_verdict(seed=1, seconds=4), at(10)),
               entry("b", toy_verdict(seed=1, seconds=6), at(12)), lost("c", at(20)),
               entry("a", toy_verdict(seed=2, seconds=1), at(50))]
    first, second = batches("toy", journal)
    assert (first.judged, first.lost, first.seconds, first.wall) == (3, 1, 10, 14)
    assert first.at_a_time == pytest.approx(10 / 14)
    assert (second.judged, second.lost, second.wall) == (1, 0, 1)


def test_a_batch_may_begin_with_a_lost_work() -> None:
    (batch,) = batches("toy", [lost("c", at(1)), entry("a", toy_verdict(), at(9))])
    assert (batch.judged, batch.lost) == (2, 1)


def test_a_journal_without_times_has_no_batches() -> None:
    assert batches("toy", [entry("a", toy_verdict(), "")]) == []


def test_failures_and_the_slowest() -> None:
    looping = toy_verdict(0, says="Your code ran for more than 2 s and was stopped.", seconds=9)
    ended = verdict(part("Vectors.py, while it was imported, ended its own process (exit status "
                         "0)."), seconds=3,
                    incidents=("vectors.py, while it was imported, ended its own process (exit "
                            "status 0).",))
    found = times([], [entry("a", looping), entry("b", ended), entry("c", toy_verdict()),
                       lost("d", at(3))])
    assert {one.kind: one.students for one in found.failures} == {
        Stop.TIME: ("a",), Stop.CRASHED: ("b",), Stop.LOST: ("d",)}
    assert [(one.student, one.stopped) for one in found.slowest[:2]] == [
        ("a", (Stop.TIME,)), ("b", (Stop.CRASHED,))]
    assert found.seconds is not None and found.seconds.values == (2, 3, 9)
