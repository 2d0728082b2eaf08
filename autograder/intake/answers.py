"""Whether a written answer is there at all.

The cell of an answer is empty where nothing of it would be seen, or where it holds what nbgrader
puts there at release.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import compute_checksum

from autograder.flag import Kind, kind_of
from autograder.intake.received import Received
from autograder.intake.written import NOT_KEPT, WRITTEN

UNSEEN = re.compile(r"<!--.*?(-->|\Z)|</?(br|p|div|span|center)\b[^<>]*>",
                    re.DOTALL | re.IGNORECASE)
_CLEARED = ClearSolutions()
STUBS = (_CLEARED.text_stub, *_CLEARED.code_stub.values())
# Marks that Markdown needs and nobody reads by themselves; a number or a word is an answer.
MARKS = frozenset("*_#>-+`~\\|")


def is_empty(cell: NotebookNode) -> bool:
    """Whether a cell holds no answer: nothing to be seen, or only what was there at release."""
    if cell.get("attachments") or cell.get("outputs"):
        return False
    released = cell.metadata.get("nbgrader", {}).get("checksum")
    return _seen(cell.source) in _STUBS_SEEN or (
        released is not None and released == compute_checksum(cell))


def is_zero_by_itself(cell: NotebookNode, came: bool, note: Received | None) -> bool:
    """Whether an answer earns nothing, and nobody need look.

    It must be empty, no written part may have come (`came`), and intake must have found nothing in
    the submission that could hold the answer instead.
    """
    in_doubt = note is not None and (
        cell.metadata.nbgrader.grade_id in dict(note.elsewhere)
        or any(kind_of(flag) is Kind.NOTEBOOK for flag in note.flags))
    return is_empty(cell) and not came and not in_doubt


def written_came(files: Collection[str], note: Received | None) -> bool:
    """Whether a written part was handed in, be it one that cannot be read."""
    return WRITTEN in files or (note is not None and any(
        one.startswith(NOT_KEPT) for one in note.violations))


def _seen(text: str) -> str:
    """The characters of a Markdown text that somebody would see, without space between them."""
    shown = html.unescape(UNSEEN.sub("", text))
    return "".join(one for one in shown if one not in MARKS
                   and unicodedata.category(one)[0] not in "ZC").casefold()


_STUBS_SEEN = frozenset(map(_seen, ("", *STUBS)))
