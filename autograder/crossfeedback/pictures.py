"""Pictures without what cameras and programs write into them: author, place, date, comments.

Nothing is decoded: a PNG's chunks and a JPEG's segments are copied one by one, those that only
describe left out, so that every pixel stays as it is.
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
    """The segments that make the picture (ITU T.81, annex B); APPn and COM only describe it.

    Adobe's APP14 of the usual length stays: it tells how colours are coded.
    """
    at = len(JPEG)
    while True:
        marker, kind = data[at], data[at + 1]
        if marker != 0xFF:
            raise IndexError("no marker")
        if kind == 0xD9:  # the end; whatever follows is no picture
            yield data[at:at + 2]
            return
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if kind == 0xDA:  # a scan: its coded data goes on up to the next marker
            found = NEXT_MARKER.search(data, end)
            if found is None:
                raise IndexError("cut off")
            end = found.start()
        if end > len(data):
            raise IndexError("cut off")
        describes = 0xE0 <= kind <= 0xEF or kind == 0xFE
        if not describes or (kind == 0xEE and end - at == 16):
            yield data[at:end]
        at = end
