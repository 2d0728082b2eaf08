"""Text that comes with a submission, made well-formed, printable and bounded: the one way in.

What students wrote, and what their code answered, is quoted in sentences, journals, tables and
pages. Every sentence passes here first (flag.Flag, Verdict, PartVerdict, IntakeRecord, Outcome and
Failure see to it when they are made), so nothing that follows meets text that it cannot write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 1000  # characters of a sentence
MOST = 100  # sentences of one kind on one thing
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
CUT = " ..."
LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
# Control characters but tab and line feed, halves of surrogate pairs, code points that are no
# characters, and those that turn the direction of what follows: no file or page needs them.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
                         "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def printable(text: str) -> str:
    """The same text, with line feeds between lines and marks in the place of what is no text."""
    return UNPRINTABLE.sub(REPLACEMENT, LINE_ENDS.sub("\n", text))


def sentence(text: object, longest: int = LONGEST) -> str:
    """Printable text that is no longer than somebody reads; a sentence of ours stays as it is."""
    shown = text if isinstance(text, str) else str(text)
    if len(shown) > longest:
        shown = shown[:longest - len(CUT)] + CUT
    return printable(shown)


def on_one_line(text: str, longest: int = LONGEST) -> str:
    """Printable text on one line, for names: spaces stand for whatever else is in it."""
    return "".join(char if char.isprintable() else " " for char in sentence(text, longest))


def at_most(sentences: Iterable[str]) -> tuple[str, ...]:
    """The first of many sentences, and how many more there are."""
    found = tuple(sentences)
    if len(found) <= MOST:
        return found
    return (*found[:MOST - 1], f"And {len(found) - MOST + 1} more of this kind.")
