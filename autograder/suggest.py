"""What to say of a name that is not there: the one that was meant, and all that there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST = 60  # names that somebody reads
CLOSE = 0.6


def close(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one, whatever its case; empty where none is."""
    folded: dict[str, str] = {}
    for one in known:
        folded.setdefault(one.casefold(), one)
    found = difflib.get_close_matches(name.casefold(), folded, 1, CLOSE)
    return folded[found[0]] if found else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names the closest of the known names; empty where none is close."""
    meant = close(name, known)
    return f"did you mean `{meant}`?" if meant else ""


def unknown(what: str, name: str, where: str, known: Iterable[str]) -> str:
    """That `where` has no such name, which one was meant, and which there are."""
    names = list(dict.fromkeys(known))
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    there = f"it has: {', '.join(names[:MOST])}{more}." if names else "it has none."
    question = did_you_mean(name, names)
    said = f"{question} {there[0].upper()}{there[1:]}" if question else there
    return f"No {what} `{name}` in {where}; {said}"
