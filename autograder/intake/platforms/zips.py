"""Unpack a platform's zip of a whole class.

Files are written under numbers: no name in the zip ever becomes one on disk.
"""

from __future__ import annotations

import os
import shutil
import time
import zipfile
from pathlib import Path, PurePosixPath

from autograder.course import CourseError
from autograder.intake.archive import DAMAGE, wanted
from autograder.intake.platforms.upload import Tree

MAX_ENTRIES = 50_000
MAX_FILE = 1024 * 1024 * 1024  # one upload; what of it is read then has limits of its own
MAX_TOTAL = 32 * 1024 * 1024 * 1024
CHUNK = 1024 * 1024


def unpack(path: Path, folder: Path) -> tuple[Tree, dict[str, str]]:
    """Unpack a zip into a folder; return its files, and what was left out with the reasons.

    Raises CourseError where it is damaged, protected by a password, or far too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpack(archive, path, folder)
    except DAMAGE as error:
        raise CourseError(f"{path} cannot be unpacked ({error}). Download it again.") from None
    except RuntimeError:  # how zipfile says it
        raise CourseError(f"{path} is protected by a password: unpack it, and name the folder."
                          ) from None


def _unpack(archive: zipfile.ZipFile, path: Path, folder: Path) -> tuple[Tree, dict[str, str]]:
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    if len(entries) > MAX_ENTRIES:
        raise CourseError(f"{path} holds {len(entries):,} files; a class has fewer than "
                          f"{MAX_ENTRIES:,}.")
    tree: Tree = {}
    left_out: dict[str, str] = {}
    room = min(MAX_TOTAL, shutil.disk_usage(folder).free // 2)
    for number, (entry, name) in enumerate(wanted(entries, left_out)):
        file = folder / f"{number:06d}"
        size = _extract(archive, entry, file)
        if size > MAX_FILE:
            file.unlink()
            left_out[name] = f"it is larger than {MAX_FILE >> 20} MB"
            continue
        room -= size
        if room < 0:
            raise CourseError(f"{path} unpacks to more than there is room for. Unpack it yourself "
                              "where there is more, and name the folder.")
        tree[PurePosixPath(name)] = file
    return tree, left_out


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Path) -> int:
    """Write one entry, no more of it than MAX_FILE and a bit; return its size."""
    size = 0
    with archive.open(entry) as source, open(file, "wb") as target:
        while size <= MAX_FILE and (chunk := source.read(CHUNK)):
            size += target.write(chunk)
    try:  # the order of uploads that nothing else tells
        moment = time.mktime((*entry.date_time, 0, 0, -1))
        os.utime(file, (moment, moment))
    except (ValueError, OverflowError):
        pass
    return size
