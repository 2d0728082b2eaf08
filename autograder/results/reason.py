"""A reason: why points were lost, what happened, or what a person should look at.

It is a code with a few plain values. What follows from it (a review, a statistic, a state) follows
from the code; its words are made where somebody reads them (words.py), and may change any time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Union

from autograder import text

Value = Union[str, int, float, "Reason"]


class ReviewKind(StrEnum):
    """What a person is asked for, the most urgent first. The values are kept in journals."""

    NOT_JUDGED = "not-judged"
    FAULT = "fault"
    UNREAD = "unread"
    CRASHED = "crashed"
    NOBODYS = "nobodys"
    NAMES = "names"
    NOTEBOOK = "notebook"
    GRADE = "grade"
    MARKS = "marks"
    LOG = "log"
    BORROWED = "borrowed"
    SIMILAR = "similar"
    TIME = "time"
    ABSENT = "absent"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The kind as people read it."""
        return LABELS[self]


LABELS = {
    ReviewKind.NOT_JUDGED: "not judged",
    ReviewKind.FAULT: "a step failed",
    ReviewKind.UNREAD: "could not be read",
    ReviewKind.CRASHED: "crashed",
    ReviewKind.NOBODYS: "nobody's upload",
    ReviewKind.NAMES: "names in doubt",
    ReviewKind.NOTEBOOK: "notebook in doubt",
    ReviewKind.GRADE: "to be graded by hand",
    ReviewKind.MARKS: "points in doubt",
    ReviewKind.LOG: "odd log",
    ReviewKind.BORROWED: "like a forbidden library",
    ReviewKind.SIMILAR: "suspected copy",
    ReviewKind.TIME: "time in doubt",
    ReviewKind.ABSENT: "nothing handed in",
    ReviewKind.OTHER: "flagged",
}


class Stop(StrEnum):
    """What stopped student code, as the class report counts it."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    BLOCKED = "blocked"
    CRASHED = "crashed"
    START = "start"
    LOST = "lost"

    @property
    def label(self) -> str:
        """What is said of the code, or of its judge."""
        return STOP_LABELS[self]


STOP_LABELS = {
    Stop.TIME: "ran out of time",
    Stop.MEMORY: "ran out of memory",
    Stop.OUTPUT: "printed without end",
    Stop.BLOCKED: "made a system call that is blocked",
    Stop.CRASHED: "crashed, or ended its own process",
    Stop.START: "kept its kernel from starting",
    Stop.LOST: "was lost: its judge died or hung",
}


class Code(StrEnum):
    """All reasons. Codes are kept in journals: a new one may come, none gets another meaning.

    `why` is the value that holds another reason, which the code says more about.
    """

    # How a kernel ended: predicates, whose subject is one of the three codes that follow.
    TIMEOUT = "timeout"  # limit, in seconds
    OUT_OF_MEMORY = "out_of_memory"  # limit, in MiB
    PRINTED_TOO_MUCH = "printed_too_much"  # limit, in MiB
    BLOCKED_CALL = "blocked_call"
    KILLED = "killed"  # by SIGKILL: its own, or somebody else's
    CRASHED = "crashed"  # signal
    ENDED_ITSELF = "ended_itself"  # status, where it is known
    NO_ANSWER = "no_answer"
    ALREADY_ENDED = "already_ended"
    NOT_CONNECTED = "not_connected"
    STALLED = "stalled"  # seconds, by the clock
    YOUR_CODE = "your_code"  # why
    IN_CELL = "in_cell"  # cell, why, notes
    IN_MODULE = "in_module"  # module, why
    # What a kernel does before the first probe.
    NO_KERNEL = "no_kernel"
    MODULE_REWRITTEN = "module_rewritten"  # file
    LEFT_OUT = "left_out"  # files, more
    OUTDATED = "outdated"  # line, advice
    NOTE = "note"  # text, as the kernel's agent printed it
    # Why a probe has no value.
    RAISED = "raised"  # error, message, place
    AT = "at"  # where, line
    STOPPED_WITH = "stopped_with"  # why
    NOT_WRITTEN = "not_written"  # why
    MEMORY_ERROR = "memory_error"  # place
    UNREADABLE_ANSWER = "unreadable_answer"  # error
    TIME_USED_UP = "time_used_up"
    MACHINE_BUSY = "machine_busy"
    LACKING = "lacking"  # what the grading machine has not
    PERSON_LOOKS = "person_looks"  # why, and that a person will look at it
    # What hidden tests say. The sentences are the exercise's own (text, with its values).
    TEST = "given_back_by_test"
    TEST_REMARK = "test_remark"
    TEST_FLAG = "test_flag"
    MISCONCEPTION = "misconception"  # name, text
    NO_TENSOR = "no_tensor"  # why, found
    OTHER_SHAPE = "other_shape"  # why, shape, expected
    NOT_FINITE = "not_finite"  # why
    NOT_GRADED = "not_graded"
    ODD_VALUE = "odd_value"
    # What asks for a person.
    VERSION_FAILED = "version_failed"  # error, of the reference or of a misconception
    NO_TEST = "no_test"
    REFERENCE_FAILED = "reference_failed"
    TEST_STOPPED = "test_stopped"  # error
    NOT_TRIED = "not_tried"  # why
    NOT_JUDGED = "not_judged"  # why
    LIBRARY_NAME = "library_name"  # file
    COPIED = "copied"  # where, tokens, source
    HIDDEN_CODE = "hidden_code"  # where, names
    STEP_FAILED = "step_failed"  # step, error
    NOT_ON_ROSTER = "not_on_roster"
    REVIEW = "review"  # kind, text
    TO_BE_GRADED = "to_be_graded"  # part, points
    GRADED_BEFORE = "graded_before"  # part, points
    GRADED_ELSEWHERE = "graded_elsewhere"  # part, points
    SECOND_DIFFERS = "second_differs"  # part, points, second
    LATE_WITHOUT_TIME = "late_without_time"
    LATE_IN_TIME = "late_in_time"
    NOTHING_CAME = "nothing_came"
    # Why a whole work has no verdict.
    JUDGES_DIED = "judges_died"
    JUDGE_DIED = "judge_died"  # error
    JUDGED_TOO_LONG = "judged_too_long"  # limit, in seconds
    JUDGING_STOPPED = "judging_stopped"  # error
    WORKERS_ENDED = "workers_ended"  # count
    SUBMISSION_UNREADABLE = "submission_unreadable"  # error
    # What intake notes of an upload.
    FILE_MISSING = "file_missing"  # file
    OTHER_NAME = "other_name"  # file, name
    NO_WRITTEN_PART = "no_written_part"  # file
    WRITTEN_TOO_LARGE = "written_too_large"  # file, limit, in MB
    WRITTEN_NO_PDF = "written_no_pdf"  # file
    # Lists, and what older journals hold.
    OF_PARTS = "of_parts"  # parts, why
    SAID = "said"  # why, as students read it
    MORE = "more"  # count
    QUOTE = "quote"  # text, of which nothing is known
    OLD_WORDS = "old_words"  # text, place, kind
    OLD_FLAG = "old_flag"  # why, kind
    OLD_NAME = "old_name"  # name, of a misconception; its sentence is among the others


STOPS = {
    Code.TIMEOUT: Stop.TIME,
    Code.TIME_USED_UP: Stop.TIME,
    Code.OUT_OF_MEMORY: Stop.MEMORY,
    Code.MEMORY_ERROR: Stop.MEMORY,
    Code.PRINTED_TOO_MUCH: Stop.OUTPUT,
    Code.BLOCKED_CALL: Stop.BLOCKED,
    Code.KILLED: Stop.CRASHED,
    Code.CRASHED: Stop.CRASHED,
    Code.ENDED_ITSELF: Stop.CRASHED,
    Code.NO_ANSWER: Stop.CRASHED,
    Code.ALREADY_ENDED: Stop.CRASHED,
    Code.NOT_CONNECTED: Stop.CRASHED,
    Code.NO_KERNEL: Stop.START,
    Code.NOT_JUDGED: Stop.LOST,
}
REVIEWS = {
    **dict.fromkeys((Code.TIMEOUT, Code.OUT_OF_MEMORY, Code.PRINTED_TOO_MUCH, Code.BLOCKED_CALL,
                     Code.KILLED, Code.CRASHED, Code.ENDED_ITSELF, Code.NO_ANSWER,
                     Code.ALREADY_ENDED, Code.NOT_CONNECTED, Code.NO_KERNEL), ReviewKind.CRASHED),
    **dict.fromkeys((Code.NO_TEST, Code.REFERENCE_FAILED, Code.TEST_STOPPED, Code.NOT_TRIED,
                     Code.NOT_JUDGED), ReviewKind.NOT_JUDGED),
    Code.PERSON_LOOKS: None,  # the flag beside it asks
    Code.TEST_FLAG: ReviewKind.LOG,
    Code.LIBRARY_NAME: ReviewKind.BORROWED,
    Code.COPIED: ReviewKind.BORROWED,
    Code.HIDDEN_CODE: ReviewKind.BORROWED,
    Code.STEP_FAILED: ReviewKind.FAULT,
    Code.NOT_ON_ROSTER: ReviewKind.NAMES,
    Code.TO_BE_GRADED: ReviewKind.GRADE,
    Code.GRADED_BEFORE: ReviewKind.GRADE,
    Code.GRADED_ELSEWHERE: ReviewKind.MARKS,
    Code.SECOND_DIFFERS: ReviewKind.MARKS,
}


@dataclass(frozen=True, init=False)
class Reason:
    """A code and its values: Reason(Code.TIMEOUT, limit=20). Texts pass text.py's door here."""

    code: Code
    values: Mapping[str, Value]

    def __init__(self, code: Code, /, **values: Value) -> None:
        object.__setattr__(self, "code", Code(code))
        object.__setattr__(self, "values", {
            name: _checked(value) for name, value in values.items()})

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_json(), sort_keys=True))

    @property
    def why(self) -> Reason | None:
        """The reason that this one says more about."""
        why = self.values.get("why")
        return why if isinstance(why, Reason) else None

    @property
    def root(self) -> Reason:
        """The innermost reason: what happened, without where."""
        return self.why.root if self.why else self

    @property
    def review(self) -> ReviewKind | None:
        """What a person is asked for; None where nobody is."""
        if self.code in REVIEWS:
            return REVIEWS[self.code]
        if self.code in (Code.REVIEW, Code.OLD_WORDS, Code.OLD_FLAG):
            return _kind(self.values.get("kind"))
        return self.why.review if self.why else None

    @property
    def stop(self) -> Stop | None:
        """What stopped the student's process; None where nothing did."""
        if self.code in STOPS:
            return STOPS[self.code]
        return self.why.stop if self.why else None

    @property
    def raised(self) -> bool:
        """Whether student code raised an error."""
        return self.code is Code.STOPPED_WITH or bool(self.why and self.why.raised)

    @property
    def unwritten(self) -> bool:
        """Whether there is no code yet."""
        return self.code is Code.NOT_WRITTEN or bool(self.why and self.why.unwritten)

    @property
    def general(self) -> Reason:
        """The same reason, wherever in the code it was met."""
        return Reason(self.code, **{
            name: value.general if isinstance(value, Reason) else value
            for name, value in self.values.items() if name != "place"})

    def to_json(self) -> dict[str, Any]:
        """The reason as journals keep it."""
        return {"code": self.code.value, **{
            name: value.to_json() if isinstance(value, Reason) else value
            for name, value in self.values.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reason:
        """Rebuild what `to_json` gave. A code of a newer kit is kept by its name alone.

        Raises one of files.UNLIKE where the data are something else.
        """
        code = data["code"]
        if not isinstance(code, str):
            raise TypeError("a code is no text")
        values = {name: cls.from_json(value) if isinstance(value, dict) else value
                  for name, value in data.items() if name != "code"}
        if code not in list(Code):
            return cls(Code.OLD_WORDS, text=code)
        return cls(Code(code), **values)


def misconception(name: str, sentence: str) -> Reason:
    """That an answer is a known misconception's. The name counts; the sentence is only shown."""
    return Reason(Code.MISCONCEPTION, name=name, text=sentence)


def at_most(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The first of many reasons, and how many more there are."""
    found = tuple(reasons)
    if len(found) <= text.MOST:
        return found
    return (*found[:text.MOST - 1], Reason(Code.MORE, count=len(found) - text.MOST + 1))


def _kind(value: Value | None) -> ReviewKind | None:
    """The kind of that name; OTHER where only a newer kit knows it."""
    if value is None:
        return None
    return ReviewKind(str(value)) if value in list(ReviewKind) else ReviewKind.OTHER


def _checked(value: Value) -> Value:
    if isinstance(value, str):
        return text.sentence(value)
    if isinstance(value, int | float | Reason):
        return value
    raise TypeError(f"{value!r} is no value of a reason")
