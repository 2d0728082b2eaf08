"""Take the written part in: one PDF a student, which a person reads beside the rubric."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from autograder.intake.names import is_named
from autograder.intake.platforms.upload import Upload
from autograder.intake.whose import Owned

WRITTEN = "written.pdf"  # its name in nbgrader's folder of the submission
NOT_KEPT = "the written part cannot be read: "  # begins the sentence on one that was not taken
MAX_SIZE = 30 * 1024 * 1024


def take_written(uploads: Iterable[Owned], student: str, name: str, folder: Path,
                 remarks: list[str]) -> list[str]:
    """Copy a student's PDF from among all uploads; return which instructions it breaks.

    `name` is its name with {id} in it. `remarks` learns of what breaks none: nothing handed in.
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
        remarks.append(f"no written part ({expected})")
        return []
    upload = found[0].upload
    violations = []
    if not is_named(upload.name, expected):
        violations.append(f"the written part came as {upload.name}, expected {expected}")
    if upload.path.stat().st_size > MAX_SIZE:
        violations.append(f"{NOT_KEPT}{upload.name} is larger than {MAX_SIZE >> 20} MB")
    elif not upload.path.read_bytes()[:1024].lstrip().startswith(b"%PDF-"):
        violations.append(f"{NOT_KEPT}{upload.name} is no PDF")
    else:
        shutil.copyfile(upload.path, folder / WRITTEN)
    return violations


def is_written_by(upload: Upload, students: Iterable[str]) -> bool:
    """Whether a PDF has the id of one of these students in its name, and no platform's sender."""
    return upload.suffix.lower() == ".pdf" and not upload.sender and any(
        _own(student).search(upload.name) for student in students)


def _own(student: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\d){re.escape(student)}(?!\d)")


def _newest_first(upload: Upload) -> tuple[int, float]:
    attempt, moment, _ = upload.when
    return -attempt, -moment
