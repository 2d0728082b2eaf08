"""Sentences of intake that know their reasons, and flags: those that ask for a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from autograder import text
from autograder.results import words
from autograder.results.reason import Code, Reason, ReviewKind, Value

Kind = ReviewKind


class Sentence(str):
    """A sentence that knows its reason, and is everywhere else the sentence alone.

    What it quotes has passed the door for text (text.py).
    """

    reason: Reason

    def __new__(cls, says: str, reason: Reason | None = None) -> Self:
        sentence = super().__new__(cls, text.sentence(says))
        sentence.reason = reason or Reason(Code.OLD_WORDS, text=says)
        return sentence

    @classmethod
    def of(cls, code: Code, **values: Value) -> Sentence:
        """The English sentence of a reason."""
        return sentence_of(Reason(code, **values))


class Flag(Sentence):
    """A sentence that asks for a person, and knows for what."""

    def __new__(cls, says: str, kind: Kind = Kind.OTHER) -> Self:
        return super().__new__(cls, says, Reason(Code.REVIEW, kind=kind.value, text=says))

    @property
    def kind(self) -> Kind:
        return self.reason.review or Kind.OTHER


def sentence_of(reason: Reason) -> Sentence:
    """A reason in English; a flag where it asks for a person."""
    found = Flag(words.english(reason)) if reason.review else Sentence(words.english(reason))
    found.reason = reason
    return found


def kind_of(sentence: str) -> Kind:
    """The kind of a flag; a sentence from an old journal has none of its own."""
    return sentence.kind if isinstance(sentence, Flag) else Kind.OTHER


def as_reason(found: Reason | str) -> Reason:
    """What asks for a person, as a reason."""
    if isinstance(found, Reason):
        return found
    return found.reason if isinstance(found, Sentence) else Reason(
        Code.REVIEW, kind=Kind.OTHER.value, text=found)


def bounded(sentence: str) -> str:
    """A sentence that has passed the door for text; a flag stays one."""
    return sentence if isinstance(sentence, Sentence) else text.sentence(sentence)


def all_bounded(sentences: Iterable[str]) -> tuple[str, ...]:
    """Sentences that have passed the door for text, and no more of them than somebody reads."""
    if isinstance(sentences, str):
        raise TypeError("a sentence stands where several are expected")
    return text.at_most(map(bounded, sentences))


def to_json(sentence: str) -> str | dict[str, Any]:
    """A sentence as journals keep it: with its reason, where it has one."""
    return sentence.reason.to_json() if isinstance(sentence, Sentence) else sentence


def from_json(value: Any) -> Any:
    """Rebuild what was written, by a kit of any age; lists are tuples again."""
    if isinstance(value, list):
        return tuple(from_json(one) for one in value)
    if isinstance(value, dict) and value.keys() == {"kind", "says"}:
        known = value["kind"] in list(Kind)  # a newer kit may know more of them
        return Flag(value["says"], Kind(value["kind"]) if known else Kind.OTHER)
    return sentence_of(Reason.from_json(value)) if isinstance(value, dict) else value
