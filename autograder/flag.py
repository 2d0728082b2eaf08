"""A sentence that asks for a person, and the kind of thing that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograder import text
from autograder.results.reason import Code, Reason, ReviewKind

Kind = ReviewKind


class Flag(str):
    """A sentence that knows its kind, and is everywhere else the sentence alone.

    What it quotes has passed the door for text (text.py).
    """

    kind: Kind

    def __new__(cls, says: str, kind: Kind = Kind.OTHER) -> Flag:
        flag = super().__new__(cls, text.sentence(says))
        flag.kind = kind
        return flag


def kind_of(sentence: str) -> Kind:
    """The kind of a flag; a sentence from an old journal has none of its own."""
    return sentence.kind if isinstance(sentence, Flag) else Kind.OTHER


def as_reason(found: Reason | str) -> Reason:
    """What asks for a person, as a reason."""
    if isinstance(found, Reason):
        return found
    return Reason(Code.REVIEW, kind=kind_of(found).value, text=str(found))


def told(sentence: str) -> str:
    """A sentence that has passed the door for text; a flag stays one."""
    return sentence if isinstance(sentence, Flag) else text.sentence(sentence)


def all_told(sentences: Iterable[str]) -> tuple[str, ...]:
    """Sentences that have passed the door for text, and no more of them than somebody reads."""
    if isinstance(sentences, str):
        raise TypeError("a sentence stands where several are expected")
    return text.at_most(map(told, sentences))


def to_json(sentence: str) -> str | dict[str, str]:
    """A sentence as journals keep it: a flag with its kind, any other as it is."""
    if isinstance(sentence, Flag):
        return {"kind": sentence.kind, "says": str(sentence)}
    return sentence


def from_json(value: Any) -> Any:
    """Rebuild what was written: lists are tuples again, and flags are flags, of any age."""
    if isinstance(value, list):
        return tuple(from_json(one) for one in value)
    if isinstance(value, dict) and value.keys() == {"kind", "says"}:
        known = value["kind"] in list(Kind)  # a newer kit may know more of them
        return Flag(value["says"], Kind(value["kind"]) if known else Kind.OTHER)
    return value
