"""Fingerprints of code and text, by winnowing (Schleimer, Wilkerson, Aiken: SIGMOD 2003).

What is easily changed in a copy does not count: names, layout, comments, docstrings, brackets, the
text of strings. What distinguishes solutions does: keywords, operators, numbers, their order, and
the names of a library's functions.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from copydetect.utils import get_copied_slices, winnow
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Literal, Name, Text

GRAM = 16  # tokens that are hashed together: shorter passages are noise
WINDOW = 8  # grams in a row of which one is kept: passages of GRAM + WINDOW - 1 are always found
IGNORED = frozenset("(),:;.")  # added and removed by reformatting
OWN = "own"  # stands for any name that a person may choose
STRING = "a string"
LEXER = PythonLexer()
NAMED = (Name.Builtin, Name.Namespace, Name.Exception, Name.Function.Magic, Name.Variable.Magic)
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Prints:
    """The fingerprints of one text.

    `hashes` are those that winnowing keeps, `places` the token at which each begins; `spans` are
    the first character of each token and the one after its last.
    """

    hashes: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Given:
    """What everybody received, as the hashes of its grams, and its lines."""

    grams: frozenset[int] = frozenset()
    lines: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[tuple[str, bool]]) -> Given:
        """Of texts, each with whether it is code."""
        grams: set[int] = set()
        lines: set[str] = set()
        for text, code in texts:
            grams.update(_grams(text, code)[0])
            lines.update(line.strip() for line in text.splitlines())
        return cls(frozenset(grams), frozenset(lines))

    def holds_line(self, text: str, place: int) -> bool:
        """Whether the line of a text at this character was given."""
        end = text.find("\n", place)
        line = text[text.rfind("\n", 0, place) + 1:end if end >= 0 else len(text)]
        return line.strip() in self.lines


@functools.lru_cache(maxsize=1 << 16)  # much of a class is the same, line by line
def prints(text: str, code: bool = True) -> Prints:
    """The fingerprints of a text: Python code, whole or not, or words."""
    grams, spans = _grams(text, code)
    if not grams:
        return Prints()
    # Not copydetect's CodeFingerprint, whose hashes differ from process to process.
    hashes, places = winnow(np.array(grams), min(WINDOW, len(grams)), remove_duplicates=False)
    return Prints(tuple(hashes.tolist()), tuple(places.tolist()), spans)


def passages(places: list[int]) -> list[tuple[int, int]]:
    """Runs of tokens, first and one after the last, that grams at these places cover."""
    starts, ends = get_copied_slices(np.array(places, dtype=np.int64), GRAM)
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def _grams(text: str, code: bool) -> tuple[list[int], tuple[tuple[int, int], ...]]:
    """The hash of each gram, in 48 bits and the same on every machine, and the tokens' spans."""
    tokens = list(_of_code(text) if code else _of_words(text))
    words = [word for word, _, _ in tokens]
    grams = [" ".join(words[start:start + GRAM]) for start in range(len(words) - GRAM + 1)]
    return ([int.from_bytes(hashlib.blake2b(gram.encode(errors="replace"), digest_size=6).digest())
             for gram in grams], tuple((start, end) for _, start, end in tokens))


def _of_words(text: str) -> Iterator[tuple[str, int, int]]:
    for found in WORD.finditer(text):
        yield found[0].casefold(), found.start(), found.end()


def _of_code(text: str) -> Iterator[tuple[str, int, int]]:
    """The tokens of Python code that count, each with its first character and the one after it."""
    before = ("", "")  # two tokens back, and the last one
    for start, kind, value in LEXER.get_tokens_unprocessed(text):
        if kind in Text or kind in Comment or kind in Literal.String.Doc:
            continue
        word = STRING if kind in Literal.String else value
        if word not in IGNORED and (word, before[1]) != (STRING, STRING):
            yield _plain(kind, word, before), start, start + len(value)
        before = (before[1], word)


def _plain(kind: Any, word: str, before: tuple[str, str]) -> str:
    """The form in which a token counts, given the two tokens before it."""
    of_a_library = before[1] == "." and before[0] != "self"
    named = of_a_library or any(kind in one for one in NAMED)
    return OWN if kind in Name and not named else word
