"""People taken out of what the page shows of answers and of what code said."""

from __future__ import annotations

import re
from collections.abc import Iterable

from autograder.crossfeedback.redaction import REMOVED, Names, mentioned
from autograder.roster import Member, Roster

SHORTEST_ID = 3  # signs of an id; a shorter one, or a short number, is any number


class Nameless:
    """Takes the members of a roster, and all who handed in, out of texts.

    ids: whose submissions there are, on the roster or not
    """

    def __init__(self, roster: Roster, ids: Iterable[str]) -> None:
        known = {member.id for member in roster.members}
        self._members = [*roster.members,
                         *(Member(one, "") for one in sorted(set(ids) - known) if one)]
        self._groups = roster.groups

    def clean(self, text: str, kind: str = "text", owner: str = "",
              given: Iterable[str] = ()) -> str:
        """The text without people. `kind` is "code" or "text"; `owner` is whose text it is.

        given: the exercise's own texts, whose lines and words stay
        """
        members = mentioned(self._members, text)
        if owner in self._groups:
            members += [one for one in self._groups[owner] if one not in members]
        text = Names(owner if owner in self._groups else "", members, given=given).clean(text, kind)
        ids = [re.escape(one.id) for one in members if _telling(one.id)]
        return re.sub(rf"(?<![^\W_])(?:{'|'.join(ids)})(?![^\W_])", REMOVED, text) if ids else text


def _telling(student: str) -> bool:
    return len(student) >= SHORTEST_ID and not (student.isdigit() and len(student) < 5)
