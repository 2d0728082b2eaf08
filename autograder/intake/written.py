"""Take the written part in: one PDF a student, which a person reads beside the rubric."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

WRITTEN = "written.pdf"  # its name in nbgrader's folder of the submission
MAX_SIZE = 30 * 1024 * 1024


def take_written(uploads: Path, student: str, name: str, folder: Path, remarks: list[str]
                 ) -> list[str]:
    """Copy a student's PDF from the folder of uploads; return which instructions it breaks.

    `name` is its name with {id} in it. `remarks` learns of what breaks none: nothing handed in.
    """
    (folder / WRITTEN).unlink(missing_ok=True)
    expected = name.format(id=student)
    own = rf"(?<!\d){re.escape(student)}(?!\d)"
    found = sorted((path for path in uploads.iterdir() if path.is_file()
                    and path.suffix.lower() == ".pdf" and re.search(own, path.name)),
                   key=lambda path: (path.name != expected, -path.stat().st_mtime, path.name))
    if not found:
        remarks.append(f"no written part ({expected})")
        return []
    path = found[0]
    violations = []
    if path.name != expected:
        violations.append(f"the written part came as {path.name}, expected {expected}")
    if path.stat().st_size > MAX_SIZE:
        violations.append(f"{path.name} is larger than {MAX_SIZE >> 20} MB")
    elif not path.read_bytes()[:1024].lstrip().startswith(b"%PDF-"):
        violations.append(f"{path.name} is no PDF")
    else:
        shutil.copyfile(path, folder / WRITTEN)
    return violations
