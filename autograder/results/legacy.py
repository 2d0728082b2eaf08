"""Sentences of journals that were written before there were reasons, read as reasons.

Only whole sentences of the kit's own count: what a student's own exception says stands in one as
well, and may say anything. Any other sentence stays what it is (Code.OLD_WORDS).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autograder.results.reason import Code, Reason, ReviewKind, Value

Read = Callable[[re.Match[str]], Reason]
WHERE = re.compile(r"(?P<text>.*?) at (?P<where>(?:the notebook|[\w.-]+), line \d+.*)", re.S)
IN_CELL = r"A code cell of the notebook \(number (?P<cell>\d+) of those run\): (?P<rest>.*)\."
IN_MODULE = r"(?P<module>[\w.-]+)\.py, while it was imported, (?P<rest>.*?)\.?"


def reason(sentence: str, kind: str | None = None) -> Reason:
    """The reason that a sentence gave; `kind` is that of a flag."""
    found = _flag(sentence) if kind == ReviewKind.NOT_JUDGED else _known(SENTENCES, sentence)
    if found is None:
        return Reason(Code.OLD_WORDS, text=sentence, **({} if kind is None else {"kind": kind}))
    if kind is not None and found.review != kind:
        return Reason(Code.OLD_FLAG, why=found, kind=kind)
    return found


def remark(sentence: str) -> Reason | None:
    """The reason of a remark of intake, where it is one that something hangs on."""
    return _known(REMARKS, sentence)


def part_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a PartVerdict that an older kit wrote down."""
    says = [_placed(one) for one in _reasons(data.get("says", ()))]
    says += [Reason(Code.OLD_NAME, name=name) for name in data.get("misconceptions", ())]
    return {"part": data["part"], "points": data["points"], "max_points": data["max_points"],
            "reasons": tuple(says), "asides": _reasons(data.get("remarks", ())),
            "review": _reasons(data.get("flags", ())), "staff": tuple(data.get("staff", ()))}


def incidents(events: Iterable[Any]) -> tuple[Reason, ...]:
    """What happened to a student's process, as an older kit wrote it down."""
    return _reasons(events)


def _reasons(sentences: Iterable[Any]) -> tuple[Reason, ...]:
    if isinstance(sentences, str):
        raise TypeError("a sentence stands where several are expected")
    return tuple(_plain_reason(one) if isinstance(one, str) else reason(one["says"], one["kind"])
                 for one in sentences)


def _plain_reason(sentence: str) -> Reason:
    """The reason of a sentence that was no flag, and so asks for nobody."""
    found = reason(sentence)
    return Reason(Code.OLD_FLAG, why=found) if found.review else found


def _placed(found: Reason) -> Reason:
    """An old sentence on lost points, with the place in the code as a value of its own."""
    match = WHERE.fullmatch(str(found.values.get("text", "")))
    if found.code is not Code.OLD_WORDS or match is None:
        return found
    return Reason(Code.OLD_WORDS, **{**found.values, "text": match["text"], "place": Reason(
        Code.AT, where=match["where"])})


def _known(table: Mapping[str, Read], sentence: str) -> Reason | None:
    for pattern, read in table.items():
        if match := re.fullmatch(pattern, sentence, re.S):
            return read(match)
    return None


def _flag(sentence: str) -> Reason | None:
    """A flag of what was not judged."""
    if sentence.startswith("not judged: "):
        return Reason(Code.NOT_JUDGED, why=Reason(
            Code.QUOTE, text=sentence.removeprefix("not judged: ")))
    if found := _known(FLAGS, sentence):
        return found
    untried = _known(UNTRIED, sentence)
    return untried and Reason(Code.NOT_TRIED, why=untried)


def _just(code: Code, **values: Value) -> Read:
    return lambda match: Reason(code, **values)


def _number(code: Code, name: str) -> Read:
    return lambda match: Reason(code, **{name: _plain(float(match[1]))})


def _plain(number: float) -> float | int:
    return int(number) if number.is_integer() else number


def _rest(code: Code) -> Read:
    """A sentence that ends in something that anybody may have said."""
    return lambda match: Reason(code, why=Reason(Code.QUOTE, text=match[1]))


def _ended(code: Code, name: str = "") -> Read:
    """A sentence on how a kernel ended, whose subject is a cell, a module or `your code`."""

    def read(match: re.Match[str]) -> Reason:
        why = _known(ENDS, match["rest"])
        subject: dict[str, Value] = {} if not name else {
            name: int(match[name]) if name == "cell" else match[name]}
        if why is None:
            return Reason(Code.OLD_WORDS, text=match[0])
        return Reason(code, **subject, why=why)

    return read


def _looked_at(match: re.Match[str]) -> Reason:
    return Reason(Code.PERSON_LOOKS, why=reason(match[1]))


ENDS: dict[str, Read] = {
    r"ran for more than ([\d.e+]+) s and was stopped": _number(Code.TIMEOUT, "limit"),
    r"used more than the (\d+) MiB of memory that are allowed in all":
        _number(Code.OUT_OF_MEMORY, "limit"),
    r"printed more than (\d+) MiB and was stopped": _number(Code.PRINTED_TOO_MUCH, "limit"),
    r"made a system call that is blocked while grading, and was stopped": _just(Code.BLOCKED_CALL),
    r"was killed \(signal 9\)": _just(Code.KILLED),
    r"crashed the Python process \(signal (\d+)\)": _number(Code.CRASHED, "signal"),
    r"ended its own process \(exit status (-?\d+)\)": _number(Code.ENDED_ITSELF, "status"),
    r"ended its own process": _just(Code.ENDED_ITSELF),
    r"gave no answer": _just(Code.NO_ANSWER),
}
UNTRIED: dict[str, Read] = {
    r"[Ww]ith the files of this submission no Jupyter kernel starts\.?": _just(Code.NO_KERNEL),
    r"[Nn]ot tried: this submission's time was used up by what came before\.?":
        _just(Code.TIME_USED_UP),
    r"[Nn]ot tried: the grading machine was too busy\.?": _just(Code.MACHINE_BUSY),
    r"the grading machine has not what this needs: (.+)":
        lambda match: Reason(Code.LACKING, what=match[1]),
}
FLAGS: dict[str, Read] = {
    r"no hidden test is there for this part": _just(Code.NO_TEST),
    r"the reference itself failed: the exercise needs mending": _just(Code.REFERENCE_FAILED),
    r"a hidden test stopped with (\S+): the answer is odd, or the test is":
        lambda match: Reason(Code.TEST_STOPPED, error=match[1]),
}
WRITTEN = "the written part cannot be read: "
REMARKS: dict[str, Read] = {
    r"(\S+) is missing": lambda match: Reason(Code.FILE_MISSING, file=match[1]),
    r"handed in as (.+), expected (\S+)":
        lambda match: Reason(Code.OTHER_NAME, file=match[1], name=match[2]),
    r"no written part \((.+)\)": lambda match: Reason(Code.NO_WRITTEN_PART, file=match[1]),
    rf"{WRITTEN}(.+) is larger than (\d+) MB":
        lambda match: Reason(Code.WRITTEN_TOO_LARGE, file=match[1], limit=int(match[2])),
    rf"{WRITTEN}(.+) is no PDF": lambda match: Reason(Code.WRITTEN_NO_PDF, file=match[1]),
}
SENTENCES: dict[str, Read] = {
    r"(.+) A person will look at it\.": _looked_at,
    r"Not written yet: (.+)": _rest(Code.NOT_WRITTEN),
    r"Not written yet\.?": _just(Code.NOT_WRITTEN),
    r"Your code stopped with (.+)": _rest(Code.STOPPED_WITH),
    r"Your code ran out of memory\.?": _just(Code.MEMORY_ERROR),
    r"Your code ran out of memory at (.+)": lambda match: Reason(
        Code.MEMORY_ERROR, place=Reason(Code.AT, where=match[1])),
    r"Your code's answer could not be read: (.+)":
        lambda match: Reason(Code.UNREADABLE_ANSWER, error=match[1]),
    r"Your code (?P<rest>.*?)\.?": _ended(Code.YOUR_CODE),
    IN_CELL: _ended(Code.IN_CELL, "cell"),
    IN_MODULE: _ended(Code.IN_MODULE, "module"),
    r"This part could not be graded; a person will look at it\.": _just(Code.NOT_GRADED),
    r"Your code returned something that the test could not read\.": _just(Code.ODD_VALUE),
    **{pattern: read for pattern, read in UNTRIED.items() if "needs" not in pattern},
}
