"""Two texts of one answer, sentence by sentence: what went, what came, what stayed."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

MOST = 20_000  # characters that are compared
MOST_PIECES = 1000
BETWEEN = re.compile(r"\n|(?<=[.;:!?])[ \t]+")  # sentences, and lines
OLD, NEW, SAME = "old", "new", "same"


def compared(old: str, new: str) -> list[tuple[str, str]]:
    """The sentences of both, each with its kind, in an order to be read."""
    before, after = _pieces(old), _pieces(new)
    found: list[tuple[str, str]] = []
    for what, i, i_end, j, j_end in SequenceMatcher(None, before, after).get_opcodes():
        if what == "equal":
            found += [(SAME, piece) for piece in before[i:i_end]]
        else:
            found += [(OLD, piece) for piece in before[i:i_end]]
            found += [(NEW, piece) for piece in after[j:j_end]]
    return found


def _pieces(text: str) -> list[str]:
    found = BETWEEN.split(text.strip()[:MOST])
    return [*found[:MOST_PIECES], *([" ".join(found[MOST_PIECES:])] if found[MOST_PIECES:] else [])]
