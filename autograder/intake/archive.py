"""Read one uploaded zip without trusting it: nothing is unpacked, files are read one by one."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MAX_ENTRIES = 2_000
MAX_DEPTH, MAX_PATH = 20, 240  # folders, and characters in all
MAX_FILE = 60 * 1024 * 1024
MAX_TOTAL = 200 * 1024 * 1024
LITTER = ("__MACOSX", ".DS_Store", ".ipynb_checkpoints", "__pycache__", ".git", "Thumbs.db")
WEIGHTS = "model weights are not handed in"
TOO_HEAVY = (".pt", ".pth", ".bin", ".safetensors", ".ckpt")
# What a damaged zip makes the libraries raise.
DAMAGE = (zipfile.BadZipFile, OSError, zlib.error, EOFError, NotImplementedError, UnicodeError,
          lzma.LZMAError)


class ArchiveError(ValueError):
    """The archive cannot be read; the message is the reason that stands in the submission's row."""


def read_archive(path: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of a zip, path -> contents, and remarks on what was left out.

    Raises ArchiveError where it is no zip, is damaged, encrypted, empty or far too large.
    """
    opened = False
    try:
        with zipfile.ZipFile(path) as archive:
            opened = True
            return _read(archive)
    except DAMAGE as error:
        not_a_zip = isinstance(error, zipfile.BadZipFile) and not opened
        reason = _not_a_zip(path) if not_a_zip else f"the zip is damaged: {error}"
        raise ArchiveError(reason) from None


def _read(archive: zipfile.ZipFile) -> tuple[dict[str, bytes], list[str]]:
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    if not entries:
        raise ArchiveError("the zip is empty")
    if len(entries) > MAX_ENTRIES:
        raise ArchiveError(f"the zip holds {len(entries):,} files; {MAX_ENTRIES:,} are allowed")
    files: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    for entry, name in wanted(entries, left_out):
        if entry.flag_bits & 1:
            raise ArchiveError("the zip is protected by a password")
        data = _read_entry(archive, entry)
        if sum(map(len, files.values())) + len(data) > MAX_TOTAL:
            raise ArchiveError(f"the zip unpacks to more than {MAX_TOTAL >> 20} MB")
        files[name] = data
    return files, [f"left out {name!r}: {why}" for name, why in left_out.items()]


def wanted(entries: list[zipfile.ZipInfo], left_out: dict[str, str]
           ) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """The entries to read, each with a safe relative path; `left_out` learns why others are not."""
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if any(part in LITTER for part in path.parts):
            continue
        if not path.parts:
            left_out[entry.filename] = "it has no name"
        elif len(path.parts) > MAX_DEPTH or len(str(path)) > MAX_PATH:
            left_out[f"{entry.filename[:80]} ..."] = "its path is too long"
        elif path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            left_out[entry.filename] = "its path leads out of the zip"
        elif stat.S_ISLNK(entry.external_attr >> 16):
            left_out[entry.filename] = "it is a link"
        elif path.suffix in TOO_HEAVY:
            left_out[entry.filename] = WEIGHTS
        else:
            yield entry, str(path)


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read at most MAX_FILE bytes, whatever size the entry claims to have."""
    with archive.open(entry) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ArchiveError(f"{entry.filename!r} is larger than {MAX_FILE >> 20} MB")
    return data


def _not_a_zip(path: Path) -> str:
    head = path.read_bytes()[:8]
    known = {b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7-Zip archive", b"\x1f\x8b": "a gzip file",
             b"%PDF": "a PDF"}
    for magic, name in known.items():
        if head.startswith(magic):
            return f"this is {name}, not a zip"
    if not head:
        return "the file is empty (0 bytes)"
    return "this is not a zip file, or its end was cut off"
