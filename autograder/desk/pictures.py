"""Pictures of students as a page may have them: decoded, and written anew by Pillow.

Nothing but pixels reaches the browser of a grader, upright and no larger than is read. A drawing
(SVG) is written anew from its shapes (drawings.py): by the policy of its route, too, it runs and
fetches nothing.
"""

from __future__ import annotations

import base64
import binascii
import functools
import html
import io
from dataclasses import dataclass, field

from PIL import Image, ImageOps

from autograder.desk import drawings
from autograder.desk.drawings import DrawingError
from autograder.faults import of_the_machine

TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
SVG = "image/svg+xml"
LARGEST = 8 * 1024 * 1024  # bytes
MOST_PIXELS = 40_000_000  # a phone takes 12 million
SHOWN = (1600, 3200)  # pixels
QUALITY = {"JPEG": {"quality": 88}, "PNG": {"compress_level": 1}}
INSTEAD = ('<svg xmlns="http://www.w3.org/2000/svg" width="560" height="40"><text y="25" '
           'font-family="sans-serif" font-size="15" fill="#a33">(a picture that {})</text></svg>')


class PictureError(ValueError):
    """A picture cannot be shown; the message goes on from "a picture that "."""


@dataclass(frozen=True)
class Picture:
    """A picture and the one type that it is served with."""

    kind: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Pasted:
    """A picture as a notebook has it: its type as the notebook says, and its bytes in base64."""

    kind: str
    text: str = field(repr=False)

    @functools.cached_property
    def problem(self) -> str:
        """Why it cannot be shown, as far as its first bytes tell; empty where it may be."""
        try:
            data = self._data()
            if self.kind == SVG:
                drawings.redrawn(data)
            else:
                _open(data, self.kind).close()
        except (PictureError, DrawingError) as error:
            return str(error)
        return ""

    def redrawn(self) -> Picture:
        """The picture written anew; a drawing of what is wrong where it cannot be decoded."""
        try:
            data = self._data()
            return (Picture(SVG, drawings.redrawn(data)) if self.kind == SVG
                    else _redrawn(data, self.kind))
        except (PictureError, DrawingError) as error:
            return Picture(SVG, INSTEAD.format(html.escape(str(error))).encode())

    def _data(self) -> bytes:
        if self.kind not in TYPES and self.kind != SVG:
            raise PictureError(f"is none, but {self.kind[:40]}")
        if len(self.text) > LARGEST * 4 // 3 + 4:
            raise PictureError(f"is larger than {LARGEST >> 20} MB")
        try:
            data = base64.b64decode(self.text)
        except (binascii.Error, ValueError):
            raise PictureError("cannot be decoded") from None
        return data


def _open(data: bytes, kind: str) -> Image.Image:
    """A picture of which only the first bytes are read."""
    try:
        found = Image.open(io.BytesIO(data), formats=[TYPES[kind]])
    except Exception as error:  # whatever a decoder stumbles over
        raise _undecodable(error) from None
    if found.width * found.height > MOST_PIXELS:
        raise PictureError(f"has {found.width:,} x {found.height:,} pixels, which is too many")
    return found


@functools.lru_cache(maxsize=32)
def _redrawn(data: bytes, kind: str) -> Picture:
    to = "JPEG" if kind == "image/jpeg" else "PNG"
    buffer = io.BytesIO()
    try:
        with _open(data, kind) as found:
            found.thumbnail(SHOWN)  # decodes it, a large photo in the smaller size at once
            picture = ImageOps.exif_transpose(found)
            mode = "RGBA" if picture.has_transparency_data and to == "PNG" else "RGB"
            plain = picture.convert(mode)
            plain.info = {}  # what else a file may say stays out of the new one
            plain.save(buffer, to, **QUALITY[to])
    except PictureError:
        raise
    except Exception as error:
        raise _undecodable(error) from None
    return Picture(f"image/{to.lower()}", buffer.getvalue())


def _undecodable(error: Exception) -> PictureError:
    if of_the_machine(error):
        raise error
    return PictureError("cannot be decoded")
