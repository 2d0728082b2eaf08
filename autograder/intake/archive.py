"""Read an uploaded zip without trusting it: entry by entry into memory, within limits."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MAX_ENTRIES = 2_000
MAX_DEPTH, MAX_PATH = 20, 240  # folders, and characters in all
MAX_FILE = 60 * 1024 * 1024
MAX_TOTAL = 200 * 1024 * 1024
CHECKPOINTS = ".ipynb_checkpoints"  # where Jupyter keeps an earlier state of a notebook
LITTER = frozenset({"__MACOSX", ".DS_Store", CHECKPOINTS, "__pycache__", ".git", "Thumbs.db",
                    "desktop.ini"})
WEIGHTS = "model weights are not handed in"
TOO_LONG = "its path is too long"
TOO_HEAVY = (".pt", ".pth", ".bin", ".safetensors", ".ckpt")
# What the libraries raise on a damaged zip.
DAMAGE = (zipfile.BadZipFile, OSError, zlib.error, EOFError, NotImplementedError, UnicodeError,
          lzma.LZMAError)


class ArchiveError(ValueError):
    """The archive cannot be read; the message is the reason, for the submission's record."""


def read_archive(zipped: Path | BinaryIO, given: Collection[str] = (), checkpoints: bool = False
                 ) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of a zip, path -> contents, and remarks on what was left out.

    given: names of files that students received, whose absence needs no remark
    checkpoints: read Jupyter's checkpoints, too
    Raises ArchiveError where it is no zip, is damaged, encrypted, empty or far too large.
    """
    opened = False
    try:
        with zipfile.ZipFile(zipped) as archive:
            opened = True
            return _read(archive, given, checkpoints)
    except DAMAGE as error:
        not_a_zip = isinstance(error, zipfile.BadZipFile) and not opened
        reason = _not_a_zip(zipped) if not_a_zip else f"the zip is damaged: {error}"
        raise ArchiveError(reason) from None


def _read(archive: zipfile.ZipFile, given: Collection[str], checkpoints: bool
          ) -> tuple[dict[str, bytes], list[str]]:
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    if not entries:
        raise ArchiveError("the zip is empty")
    if len(entries) > MAX_ENTRIES:
        raise ArchiveError(f"the zip holds {len(entries):,} files; {MAX_ENTRIES:,} are allowed")
    files: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    for entry, name in wanted(entries, left_out, given, checkpoints):
        if entry.flag_bits & 1:
            raise ArchiveError("the zip is protected by a password")
        data = _read_entry(archive, entry)
        if sum(map(len, files.values())) + len(data) > MAX_TOTAL:
            raise ArchiveError(f"the zip unpacks to more than {MAX_TOTAL >> 20} MB")
        files[name] = data
    return files, [f"left out {name!r}: {why}" for name, why in left_out.items()]


def wanted(entries: list[zipfile.ZipInfo], left_out: dict[str, str], given: Collection[str] = (),
           checkpoints: bool = False) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """Yield the entries to read, each with a safe relative path.

    `left_out` is filled with the names of the others and the reasons. Heavy files that are `given`
    out with the assignment are passed over in silence.
    """
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if is_litter(path, checkpoints):
            continue
        reason = _reason_against(entry, path)
        if not reason:
            yield entry, str(path)
        elif reason != WEIGHTS or path.name not in given:
            shown = f"{entry.filename[:80]} ..." if reason == TOO_LONG else entry.filename
            left_out[shown] = reason


def _reason_against(entry: zipfile.ZipInfo, path: PurePosixPath) -> str:
    """The reason why an entry is not read; empty where it is."""
    if not path.parts:
        return "it has no name"
    if len(path.parts) > MAX_DEPTH or len(str(path)) > MAX_PATH:
        return TOO_LONG
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return "its path leads out of the zip"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "it is a link"
    return WEIGHTS if is_heavy(path) else ""


def is_litter(path: PurePosixPath, checkpoints: bool = False) -> bool:
    """Whether an editor or the system made the file, and nobody means to hand it in.

    With `checkpoints`, Jupyter's earlier states of notebooks are no litter.
    """
    litter = LITTER - {CHECKPOINTS} if checkpoints else LITTER
    return not litter.isdisjoint(path.parts) or path.name.startswith("._")


def is_heavy(path: PurePosixPath) -> bool:
    """Whether a file holds model weights, by its name."""
    return path.suffix in TOO_HEAVY


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read an entry, at most MAX_FILE bytes of it, whatever size it claims to have."""
    with archive.open(entry) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ArchiveError(f"{entry.filename!r} is larger than {MAX_FILE >> 20} MB")
    return data


def _not_a_zip(zipped: Path | BinaryIO) -> str:
    if isinstance(zipped, Path):
        with open(zipped, "rb") as file:
            head = file.read(8)
    else:
        zipped.seek(0)
        head = zipped.read(8)
    known = {b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7-Zip archive", b"\x1f\x8b": "a gzip file",
             b"%PDF": "a PDF"}
    for magic, name in known.items():
        if head.startswith(magic):
            return f"this is {name}, not a zip"
    if not head:
        return "the file is empty (0 bytes)"
    return "this is not a zip file, or its end was cut off"
