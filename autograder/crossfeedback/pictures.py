"""Remove what cameras and programs write into pictures: author, place, date, comments.

Nothing is decoded: a PNG's chunks and a JPEG's segments are copied, except those that only
describe. Every pixel stays as it is, and no picture of a student's reaches a decoder here.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator

PNG = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs"}
JPEG = b"\xff\xd8"
END, SCAN, COMMENT, ADOBE, APPLICATION = 0xD9, 0xDA, 0xFE, 0xEE, range(0xE0, 0xF0)
NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.S)
TYPES = ("image/png", "image/jpeg")


def stripped(data: bytes) -> bytes | None:
    """A PNG or JPEG without its metadata; None where it is neither, or is damaged."""
    try:
        if data.startswith(PNG):
            return PNG + b"".join(_png(data))
        if data.startswith(JPEG):
            return JPEG + b"".join(_jpeg(data))
    except (struct.error, IndexError):
        pass
    return None


def stripped_base64(text: str) -> str | None:
    """The same for a picture in base64, as notebooks hold it."""
    try:
        data = stripped(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return None
    return None if data is None else base64.b64encode(data).decode()


def _png(data: bytes) -> Iterator[bytes]:
    """The chunks that make the picture (PNG specification, section 5)."""
    at = len(PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise IndexError("cut off")
        if kind in PNG_KEPT:
            yield data[at:end]
        if kind == b"IEND":
            return
        at = end


def _jpeg(data: bytes) -> Iterator[bytes]:
    """The segments that make the picture (ITU T.81, annex B); APPn and COM only describe it."""
    at = len(JPEG)
    while (marker := _marker(data, at)) != END:
        end = _segment_end(data, at, marker)
        if not _describes(marker, end - at):
            yield data[at:end]
        at = end
    yield data[at:at + 2]  # what follows the end is no picture


def _marker(data: bytes, at: int) -> int:
    if data[at] != 0xFF:
        raise IndexError("no marker")
    return data[at + 1]


def _segment_end(data: bytes, at: int, marker: int) -> int:
    end: int = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
    if marker == SCAN:  # its coded data goes on up to the next marker
        found = NEXT_MARKER.search(data, end)
        end = found.start() if found else len(data) + 1
    if end > len(data):
        raise IndexError("cut off")
    return end


def _describes(marker: int, length: int) -> bool:
    """Whether a segment only describes the picture; Adobe's APP14 says how colours are coded."""
    return marker == COMMENT or (marker in APPLICATION and not (marker == ADOBE and length == 16))
