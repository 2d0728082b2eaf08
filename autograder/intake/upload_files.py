"""Read the files of an upload: a zip, a folder, a single file, or single files put together."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from autograder.intake.archive import (
    DAMAGE,
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_FILE,
    MAX_TOTAL,
    TOO_LONG,
    WEIGHTS,
    ArchiveError,
    is_heavy,
    is_litter,
    read_archive,
)
from autograder.intake.file_names import suffixes
from autograder.intake.platforms.upload import Upload

ZIP = b"PK\x03\x04"
SINGLE = {".ipynb", ".py", ".log", ".txt", ".json"}  # suffixes of files that are read as they are
NESTED = 2  # levels of zips within zips that are read


def read_upload(upload: Upload, given: Collection[str] = ()) -> tuple[dict[str, bytes], list[str]]:
    """Return an upload's files, path -> contents, and remarks on what was left out.

    given: names of files that students received, whose absence needs no remark
    Raises ArchiveError where nothing can be read.
    """
    if upload.pieces:
        return _together(upload, given)
    if upload.path.is_dir():
        files, left_out = _folder(upload.path, given)
    elif _is_single(upload):
        return {upload.name: _single(upload.path)}, []
    else:
        files, left_out = read_archive(upload.path, given, checkpoints=True)
    return _unpacked(files, left_out, given)


def names_in(upload: Upload) -> list[str]:
    """The names at the top level of a zip or a folder; none where it cannot be read."""
    if upload.path.is_dir():
        return sorted(path.name for path in upload.path.iterdir())
    try:
        with zipfile.ZipFile(upload.path) as archive:
            return sorted({PurePosixPath(name).parts[0] for name in archive.namelist()
                           if PurePosixPath(name).parts})
    except DAMAGE:
        return []


def _is_single(upload: Upload) -> bool:
    """Whether an upload is one text file; a zip under another name is read as a zip."""
    if not set(suffixes(upload.name)) & SINGLE or ".zip" in suffixes(upload.name):
        return False
    with open(upload.path, "rb") as file:
        return file.read(len(ZIP)) != ZIP


def _single(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE:
        raise ArchiveError(f"it is larger than {MAX_FILE >> 20} MB")
    data = path.read_bytes()
    if not data:
        raise ArchiveError("the file is empty (0 bytes)")
    return data


def _together(upload: Upload, given: Collection[str]) -> tuple[dict[str, bytes], list[str]]:
    """The files of uploads that belong together; an upload that cannot be read is left out."""
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    reason = ""
    for piece in sorted(upload.pieces, key=lambda piece: piece.when):
        try:
            found, remarks = read_upload(piece, given)
        except ArchiveError as error:
            reason = str(error)
            left_out.append(f"left out {piece.shown!r}: {reason}")
            continue
        files |= found
        left_out += remarks
    if not files:
        raise ArchiveError(reason)
    return files, left_out


def _folder(folder: Path, given: Collection[str]) -> tuple[dict[str, bytes], list[str]]:
    """The files of a folder, such as a browser makes of a zip. Links are not followed."""
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    total = 0
    for path in _paths(folder):
        inside = PurePosixPath(path.relative_to(folder))
        reason = _reason_against(path, inside)
        if is_litter(inside, checkpoints=True) or (reason == WEIGHTS and inside.name in given):
            continue
        if reason:
            left_out.append(f"left out {str(inside)!r}: {reason}")
            continue
        size = path.stat().st_size
        total += size
        if size > MAX_FILE:
            raise ArchiveError(f"{str(inside)!r} is larger than {MAX_FILE >> 20} MB")
        if total > MAX_TOTAL or len(files) >= MAX_ENTRIES:
            raise ArchiveError(f"the folder holds more than {MAX_TOTAL >> 20} MB or "
                               f"{MAX_ENTRIES:,} files")
        files[str(inside)] = path.read_bytes()
    if not files and not left_out:
        raise ArchiveError("the folder is empty")
    return files, left_out


def _paths(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in sorted(names))


def _reason_against(path: Path, inside: PurePosixPath) -> str:
    """The reason why a file of a folder is not read; empty where it is."""
    if path.is_symlink():
        return "it is a link"
    if not path.is_file():
        return "it is no file"
    if is_heavy(inside):
        return WEIGHTS
    return TOO_LONG if len(inside.parts) > MAX_DEPTH else ""


def _unpacked(files: dict[str, bytes], left_out: list[str], given: Collection[str],
              depth: int = 0) -> tuple[dict[str, bytes], list[str]]:
    """The files, with each zip among them replaced by a folder of its name."""
    found: dict[str, bytes] = {}
    remarks = list(left_out)
    for name, data in files.items():
        if not data.startswith(ZIP) or PurePosixPath(name).suffix.lower() != ".zip":
            found[name] = data
            continue
        try:
            if depth == NESTED:
                raise ArchiveError("too many zips are packed into each other")
            inside, more = _unpacked(*read_archive(io.BytesIO(data), given, True), given, depth + 1)
        except ArchiveError as error:
            found[name] = data
            remarks.append(f"left out what is in {name!r}: {error}")
            continue
        if sum(map(len, found.values())) + sum(map(len, inside.values())) > MAX_TOTAL:
            raise ArchiveError(f"it unpacks to more than {MAX_TOTAL >> 20} MB")
        if len(found) + len(inside) > MAX_ENTRIES:
            raise ArchiveError(f"it holds more than {MAX_ENTRIES:,} files, with the zips in it; "
                               f"{MAX_ENTRIES:,} are allowed")
        folder = PurePosixPath(name).with_suffix("")
        found |= {str(folder / path): contents for path, contents in inside.items()}
        remarks += [f"{name!r} is a zip in the zip, and was opened", *more]
    return found, remarks
