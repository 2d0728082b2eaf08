"""Zips that no honest tool writes: odd names and kinds of entries, headers that lie, bombs."""

from __future__ import annotations

import io
import random
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable

from fuzz import odd

Entry = tuple[zipfile.ZipInfo, bytes]

NAMES = [
    "", ".", "..", "/", "//", "\\", "../x", "../../../../x", "/etc/x", "\\\\host\\x", "C:\\x",
    "C:x", "toy/../../x", "toy/./x", "toy//x", "toy/", "toy/toy.ipynb/x", "toy/toy.ipynb/",
    "toy/vectors.py/x", "TOY/toy.ipynb", "toy/TOY.IPYNB", "toy/Vectors.py", "toy/a\0b.py",
    "toy/" + "a" * 300, "toy/" + "a/" * 300 + "b", "a/" * 2500 + "x", "toy/ ", "toy/x.", "toy/con",
    "toy/\n", "toy/\x1b[31mred", "toy/[red]x[/red].ipynb", "toy/é.py", "toy/e\u0301.py", "toy/🙂",
    "toy/\u202egnp.exe", "toy/-rf", "toy/$(id)", "__MACOSX/toy/._toy.ipynb", "toy/.git/config",
    "toy/timestamp.txt", "toy/written.pdf", "toy/given.py", "toy/sitecustomize.py", "toy/x.ipynb",
    "toy/copy of toy.ipynb", "homework/toy/toy.ipynb", "toy/toy/toy.ipynb", "toy.ipynb", "toy.py",
    "toy/toy.py", "toy/toy.folder", "toy/toy.aside", "toy/model.pt", "toy/.ipynb", "toy/x/.ipynb",
    "s002/toy/toy.ipynb", "../s002/toy/toy.ipynb", "journal/toy.intake.jsonl", "=1+1", "@x",
]
KINDS = [stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK,
         stat.S_IFSOCK, 0, 0xF000]
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
# Offsets and sizes of the headers' fields (APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
FIELDS = {
    LOCAL: [(4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
    CENTRAL: [(4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 2), (16, 4), (20, 4), (24, 4), (28, 2),
              (30, 2), (32, 2), (34, 2), (36, 2), (38, 4), (42, 4)],
    END: [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
}
EXTRAS = [b"", b"\1\0", b"\1\0\x20\0" + b"\xff" * 32, struct.pack("<HHQ", 1, 8, 2**63),
          b"\x75\x70\x0a\0\1\0\0\0\0x.ipyn", b"UT\5\0\3" + b"\xff" * 4, b"\0" * 60]


def zipped(entries: Iterable[Entry], comment: bytes = b"") -> bytes:
    """A zip of these entries, in order; names may repeat."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that repeat
        with zipfile.ZipFile(buffer, "w") as archive:
            for entry, data in entries:
                archive.writestr(entry, data)
            archive.comment = comment
    return buffer.getvalue()


def entries_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> list[Entry]:
    entries = []
    for name, data in files.items():
        entry = zipfile.ZipInfo(name)
        entry.compress_type = method
        entry.external_attr = 0o100644 << 16
        entries.append((entry, data))
    return entries


def odd_zip(random: random.Random, files: dict[str, bytes]) -> bytes:
    """A zip of the files with one to three oddities of structure."""
    entries = entries_of(files, random.choice(METHODS))
    for _ in range(random.randint(1, 3)):
        random.choice(ENTRY_EDITS)(random, entries)
    try:
        data = zipped(entries, random.choice((b"", b"", b"PK\5\6", b"x" * 65_535)))
    except (ValueError, UnicodeError, struct.error, zipfile.LargeZipFile, OSError):
        data = zipped(entries_of(files))  # not even this library writes that
    for _ in range(random.choice((0, 0, 1, 2))):
        data = random.choice(HEADER_EDITS)(random, data)
    return data


def _rename(random: random.Random, entries: list[Entry]) -> None:
    entry, _ = random.choice(entries)
    entry.filename = _name(random)


def _add(random: random.Random, entries: list[Entry]) -> None:
    names = {_name(random): random.choice((b"", b"x", b"{}", b"\0" * 99, b"[" * 5000))
             for _ in range(random.choice((1, 1, 3)))}
    place = random.randrange(len(entries) + 1)
    entries[place:place] = entries_of(names, random.choice(METHODS))


def _name(random: random.Random) -> str:
    name = random.choice(NAMES)
    return name + random.choice(odd.LETTERS) if random.random() < 0.2 else name


def _twice(random: random.Random, entries: list[Entry]) -> None:
    entry, _ = random.choice(entries)
    entries += entries_of({entry.filename: random.choice(entries)[1][:500]})


def _kind(random: random.Random, entries: list[Entry]) -> None:
    entry, _ = random.choice(entries)
    entry.external_attr = (random.choice(KINDS) | 0o777) << 16 | random.choice((0, 0x10, 0xFFFF))
    entry.create_system = random.choice((0, 3, 255))


def _extra(random: random.Random, entries: list[Entry]) -> None:
    entry, _ = random.choice(entries)
    entry.extra = random.choice(EXTRAS)


def _many(random: random.Random, entries: list[Entry]) -> None:
    count = random.choice((200, 200, 200, 1990, 2100))
    entries += entries_of({f"toy/{number:x}": b"" for number in range(count)}, zipfile.ZIP_STORED)


def _large(random: random.Random, entries: list[Entry]) -> None:
    """Mostly large for a notebook; now and then larger than an upload may be."""
    size = (62 if random.random() < 0.02 else random.choice((1, 1, 1, 2, 4))) << 20
    letter = random.choice((b"\0", b" ", b"[", b"x\n"))
    name = random.choice(("toy/toy.ipynb", "toy/vectors.py", "toy/data.txt", "toy/vectors.py"))
    entries += entries_of({name: letter * (size // len(letter))})


def _inside(random: random.Random, entries: list[Entry]) -> None:
    # Halves of characters are names that the library cannot write.
    names = (entry.filename.encode("utf-8", "replace").decode() for entry, _ in entries)
    inner = zipped([(zipfile.ZipInfo(name), data) for name, (_, data) in zip(
        names, entries, strict=True) if "\0" not in name])
    if random.random() < 0.5:
        entries.clear()
    entries += entries_of({random.choice(("toy.zip", "toy/toy.zip", "toy/toy.ipynb")): inner})


def _fewer(random: random.Random, entries: list[Entry]) -> None:
    if len(entries) > 1:
        entries.pop(random.randrange(len(entries)))


def _field(random: random.Random, data: bytes) -> bytes:
    """Let one field of one header lie."""
    magic = random.choice((LOCAL, CENTRAL, CENTRAL, END))
    found = [at for at in range(len(data) - 3) if data.startswith(magic, at)]
    if not found:
        return data
    at = random.choice(found)
    offset, size = random.choice(FIELDS[magic])
    most = (1 << 8 * size) - 1
    before = int.from_bytes(data[at + offset:at + offset + size], "little")
    value = random.choice((0, 1, most, most >> 1, before + 1, before - 1, before ^ 1, before * 2,
                           8, 9, 12, 14, 99, 0x800, random.randrange(most + 1))) & most
    return data[:at + offset] + value.to_bytes(size, "little") + data[at + offset + size:]


def _one_place(random: random.Random, data: bytes) -> bytes:
    """All entries of the directory lie in one place of the file, as in a bomb that overlaps."""
    found = [at for at in range(len(data) - 3) if data.startswith(CENTRAL, at)]
    buffer = bytearray(data)
    for at in found:
        buffer[at + 42:at + 46] = bytes(4)
    return bytes(buffer)


def _raw_name(random: random.Random, data: bytes) -> bytes:
    """Bytes in a name that are no text, or other text than the flags say."""
    name = random.choice((b"toy.ipynb", b"vectors.py", b"toy/"))
    return data.replace(name, random.randbytes(len(name)), random.choice((1, 2, 9)))


def _around(random: random.Random, data: bytes) -> bytes:
    junk = random.choice((b"MZ" * 500, data, b"%PDF-1.7", b"\0" * 22, END + bytes(18)))
    return junk + data if random.random() < 0.5 else data + junk


ENTRY_EDITS: list[Callable[[random.Random, list[Entry]], None]] = [
    _rename, _rename, _add, _add, _add, _twice, _kind, _kind, _extra, _many, _large, _inside,
    _fewer]
HEADER_EDITS: list[Callable[[random.Random, bytes], bytes]] = [
    _field, _field, _field, _field, _one_place, _raw_name, _around]
