"""Find the misconceptions that explain everything that went wrong in one part.

One misconception is named where, put to all that the part's tests asked, it answers as the student
did; else two of them, carried out together. Their sentences claim something about code that nobody
has read, so that whatever speaks against them counts:

- In each test that failed, all answers must be equal.
- In each test that passed, every answer must be equal, or right: where the misconception answers
  wrongly what the student answered rightly, it is not the student's.
- At least one equal answer must be a value that the reference does not give. An equal error alone
  says little: a loop over None stops in the same words whatever made it None, and every model that
  the machine lacks is missing in the same words. It counts where type and message are the same, to
  the last number, at the same line of code; and where it is about the machine (a file or a model
  that is not there, no memory), only at a line that the misconception itself wrote.
- Of two misconceptions each must be needed: without it, some value would be another.
"""

from __future__ import annotations

import functools
import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from autograder.exercise.edits import Change, Misconceptions, joined
from autograder.judge.answer import Answer
from autograder.judge.reference import ReferenceClient
from autograder.judge.testing import same

MOST_PAIRS = 150  # of one part that are carried out; a number, since time depends on the machine
UNWRITTEN = ("NotImplementedError", "NameError")
MACHINE = ("OSError", "ConnectionError", "FileNotFoundError", "PermissionError", "MemoryError",
           "LocalEntryNotFoundError", "OfflineModeIsEnabled", "RecursionError")
VARYING = re.compile(r"0x[0-9a-fA-F]+|/[\w./-]*/")  # addresses, and folders of this machine
TOKEN = re.compile(r"\w+|[^\w\s]")
GRAM = 3  # tokens in a row


@dataclass(frozen=True)
class Asked:
    """One request of a test, with the student's answer to it."""

    request: bytes
    answer: Answer


@dataclass(frozen=True)
class Trial:
    """One test of a part: all that it asked, and whether it passed."""

    asked: tuple[Asked, ...]
    passed: bool


class Explainer:
    """Explains the parts of one submission. `text` is the code that was handed in; it only decides
    between misconceptions that answer alike."""

    def __init__(self, client: ReferenceClient, reference: Path, misconceptions: Misconceptions,
                 text: str) -> None:
        self._client, self._reference = client, reference
        self._misconceptions = misconceptions
        self._grams = _grams(text)

    def explain(self, part: str, trials: list[Trial]) -> list[Change]:
        """The misconceptions, one or two, that explain all failed tests of the part; often none."""
        failed = [trial for trial in trials if not trial.passed]
        if not failed or not all(trial.asked for trial in failed):
            return []  # a test that asks nothing has seen no code
        asked = [(one, False) for trial in failed for one in trial.asked]
        if any(_error(one.answer) in UNWRITTEN for one, _ in asked):
            return []  # every misconception is something that was written
        asked += [(one, True) for trial in trials if trial.passed for one in trial.asked]
        known = self._misconceptions.of(part)
        alone = [[one] for one in known if self._explains([one], asked)]
        found = alone or [pair for pair in self._pairs(known, asked)
                          if self._explains(pair, asked)]
        return max(found, key=self._closeness) if len(found) > 1 else [*found, []][0]

    # -- whether values speak for it --------------------------------------------------------------

    def _explains(self, changes: list[Change], asked: list[tuple[Asked, bool]]) -> bool:
        change = joined(changes)
        needed = dict.fromkeys(range(len(changes)), False)
        for one, passed in asked:
            theirs = self._answer(change, one.request)
            ours = self._client.ask(self._reference, one.request)
            if not _alike(one.answer, theirs):
                if not passed or not _alike(theirs, ours):
                    return False
                continue
            for index in range(len(changes)):
                without = ours if len(changes) == 1 else self._answer(
                    changes[1 - index], one.request)
                needed[index] |= not _alike(theirs, without) and self._counts(
                    one.answer, theirs, change)
        return all(needed.values())

    def _answer(self, change: Change, request: bytes) -> Answer:
        return self._client.ask(self._misconceptions.written(change), request)

    def _counts(self, student: Answer, theirs: Answer, change: Change) -> bool:
        """Whether equal answers say more than that something is wrong."""
        if student.failure is None or theirs.failure is None:
            return True
        line = _line(student.failure.line)
        if not line or line != _line(theirs.failure.line):
            return False
        return student.failure.error not in MACHINE or any(
            line in _line(edit.by) for edit in change.edits)

    # -- pairs ------------------------------------------------------------------------------------

    def _pairs(self, known: list[Change], asked: list[tuple[Asked, bool]]
               ) -> Iterable[list[Change]]:
        """Pairs that could explain it, judged by what each of the two changes by itself.

        Neither may change an answer that is right, and one of them must change each that is wrong.
        """
        wrong = {index for index, (one, passed) in enumerate(asked)
                 if not passed and not _alike(one.answer, self._ours(one))}
        changed = {}
        for change in known:
            touches = self._touches(change, asked, wrong)
            if touches:
                changed[change.name] = touches
        likely = sorted((one for one in known if one.name in changed),
                        key=lambda one: -self._closeness([one]))
        pairs = ([one, other] for one, other in combinations(likely, 2)
                 if wrong <= changed[one.name] | changed[other.name]
                 and self._misconceptions.fits(joined([one, other])))
        return [pair for pair, _ in zip(pairs, range(MOST_PAIRS), strict=False)]

    def _touches(self, change: Change, asked: list[tuple[Asked, bool]], wrong: set[int]
                 ) -> set[int]:
        """Which wrong answers a misconception changes; none where it spoils a right one."""
        touched = set()
        for index, (one, _) in enumerate(asked):
            theirs = self._answer(change, one.request)
            if theirs.failure is not None and theirs.failure.fatal:
                return set()
            if _alike(theirs, self._ours(one)):
                continue
            if _alike(one.answer, self._ours(one)):
                return set()
            touched.add(index)
        return touched & wrong

    def _ours(self, one: Asked) -> Answer:
        return self._client.ask(self._reference, one.request)

    # -- which one of those that answer alike -----------------------------------------------------

    def _closeness(self, changes: list[Change]) -> int:
        """How little the student's code differs from the reference with the misconceptions in it.
        """
        return -len(_grams(self._misconceptions.text(joined(changes))) ^ self._grams)


def _alike(one: Answer, other: Answer) -> bool:
    """Whether two answers are equal: values within tolerance, errors in type and message."""
    if one.failure is None and other.failure is None:
        return same(one.value, other.value, equal_nan=True)
    if one.failure is None or other.failure is None or one.failure.fatal or other.failure.fatal:
        return False
    return (one.failure.error, VARYING.sub("", one.failure.message)) == (
        other.failure.error, VARYING.sub("", other.failure.message))


def _error(answer: Answer) -> str:
    return answer.failure.error if answer.failure is not None else ""


def _line(text: str) -> str:
    """Code without spaces and comments."""
    tokens = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline):
            if token.type != tokenize.COMMENT:
                tokens.append(token.string)
    except (tokenize.TokenError, SyntaxError):
        pass  # a line of a longer statement
    return "".join("".join(tokens).split())


@functools.lru_cache(64)
def _grams(text: str) -> frozenset[tuple[str, ...]]:
    """All runs of a few tokens."""
    tokens = TOKEN.findall(text)
    return frozenset(zip(*(tokens[start:] for start in range(GRAM)), strict=False))
