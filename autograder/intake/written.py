"""The written part: one PDF a student, and whether a written answer is empty.

A person reads the PDF beside the rubric. The cell of an answer is empty where nothing of it is
visible, or where it still holds nbgrader's placeholder.
"""

from __future__ import annotations

import html
import re
import shutil
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import compute_checksum

from autograder.intake.file_names import is_named
from autograder.intake.owners import Owned
from autograder.intake.platforms.upload import Upload
from autograder.intake.records import IntakeRecord
from autograder.marking.values import answer_digest
from autograder.results.flag import Kind, Sentence, as_reason, kind_of
from autograder.results.reason import Code

WRITTEN = "written.pdf"  # its name in nbgrader's folder of the submission
NOT_KEPT = (Code.WRITTEN_TOO_LARGE, Code.WRITTEN_NO_PDF)  # of a PDF that was refused
MAX_SIZE = 30 * 1024 * 1024
UNSEEN = re.compile(r"<!--.*?(-->|\Z)|</?(br|p|div|span|center)\b[^<>]*>",
                    re.DOTALL | re.IGNORECASE)
_CLEARED = ClearSolutions()
STUBS = (_CLEARED.text_stub, *_CLEARED.code_stub.values())
# Marks of Markdown that nobody reads by themselves; a number or a word is an answer.
MARKS = frozenset("*_#>-+`~\\|")


def take_written(uploads: Iterable[Owned], student: str, name: str, folder: Path,
                 remarks: list[str]) -> list[str]:
    """Copy a student's PDF from among all uploads; return the instructions that it breaks.

    name: the expected one, with {id} for the student's
    remarks: extended by one where nothing was handed in, which breaks no instruction
    """
    (folder / WRITTEN).unlink(missing_ok=True)
    expected = name.format(id=student)
    own = _own(student)
    found = sorted((one for one in uploads if one.upload.suffix.lower() == ".pdf" and (
                        one.owner == student or (not one.upload.sender
                                                 and own.search(one.upload.name)))),
                   key=lambda one: (bool(one.doubt), not is_named(one.upload.name, expected),
                                    _newest_first(one.upload), one.upload.name))
    if not found:
        remarks.append(Sentence.of(Code.NO_WRITTEN_PART, file=expected))
        return []
    upload = found[0].upload
    violations: list[str] = []
    if not is_named(upload.name, expected):
        violations.append(f"the written part came as {upload.name}, expected {expected}")
    if upload.path.stat().st_size > MAX_SIZE:
        violations.append(Sentence.of(Code.WRITTEN_TOO_LARGE, file=upload.name,
                                      limit=MAX_SIZE >> 20))
    elif not upload.path.read_bytes()[:1024].lstrip().startswith(b"%PDF-"):
        violations.append(Sentence.of(Code.WRITTEN_NO_PDF, file=upload.name))
    else:
        shutil.copyfile(upload.path, folder / WRITTEN)
    return violations


def is_written_by(upload: Upload, students: Iterable[str]) -> bool:
    """Whether a PDF without a platform's sender has the id of one of these students in its name."""
    return upload.suffix.lower() == ".pdf" and not upload.sender and any(
        _own(student).search(upload.name) for student in students)


def _own(student: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\d){re.escape(student)}(?!\d)")


def _newest_first(upload: Upload) -> tuple[int, float]:
    attempt, moment, _ = upload.when
    return -attempt, -moment


def is_empty(cell: NotebookNode) -> bool:
    """Whether a cell holds no answer: nothing visible, or only what was there at release."""
    if cell.get("attachments") or cell.get("outputs"):
        return False
    released = cell.metadata.get("nbgrader", {}).get("checksum")
    return _seen(cell.source) in _STUBS_SEEN or (
        released is not None and released == compute_checksum(cell))


def digest_of(cell: NotebookNode, written: bytes | None) -> str:
    """The hash by which an answer is known: of the written part, too, where the cell is empty."""
    return answer_digest(cell.source, cell.get("attachments"), written if is_empty(cell) else None)


def is_zero_by_itself(cell: NotebookNode, came: bool, note: IntakeRecord | None) -> bool:
    """Whether an answer earns nothing, and no person need look.

    It must be empty, no written part may have come (`came`), and intake must have found nothing
    that could hold the answer instead.
    """
    in_doubt = note is not None and (
        cell.metadata.nbgrader.grade_id in dict(note.elsewhere)
        or any(kind_of(flag) is Kind.NOTEBOOK for flag in note.flags))
    return is_empty(cell) and not came and not in_doubt


def written_came(files: Collection[str], note: IntakeRecord | None) -> bool:
    """Whether a written part was handed in, even one that cannot be read."""
    return WRITTEN in files or (note is not None and any(
        as_reason(one).code in NOT_KEPT for one in note.violations))


def _seen(text: str) -> str:
    """The visible characters of a Markdown text, without space between them."""
    shown = html.unescape(UNSEEN.sub("", text))
    return "".join(one for one in shown if one not in MARKS
                   and unicodedata.category(one)[0] not in "ZC").casefold()


_STUBS_SEEN = frozenset(map(_seen, ("", *STUBS)))
