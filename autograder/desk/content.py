"""What students wrote, as the desk shows it: HTML that runs nothing, fetches nothing, has no looks.

The kit's sanitiser makes the HTML (gradebook/sanitize.py). Here it loses its style attributes,
which the desk's policy forbids, and its pictures get addresses of the desk's own, with a fixed
type. What is longer than somebody would read is cut off, and says so.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode
from PIL import Image

from autograder.gradebook import sanitize
from autograder.text import printable

MOST = 20_000  # characters of an answer that are rendered
MOST_PICTURES = 24
LARGEST_PICTURE = 8 * 1024 * 1024  # bytes
MOST_PIXELS = 40_000_000
# A tag as nh3 and the sanitiser write it: quoted attributes, no `<` in text.
TAG = re.compile(r"<[a-zA-Z](?:[^\"'<>]|\"[^\"]*\")*>")
STYLE = re.compile(r' style="([^"]*)"')
ALIGN = re.compile(r"text-align:\s*(left|right|center)")
SOURCE = re.compile(r' src="data:(image/[a-z+]+);base64,([^"]*)"')
TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
SVG = "image/svg+xml"


@dataclass(frozen=True)
class Picture:
    """A picture and the one type that it is served with."""

    kind: str
    data: bytes


@dataclass(frozen=True)
class Shown:
    """A text as HTML, in which `{pictures}N` is the address of the nth picture."""

    html: str
    pictures: tuple[Picture, ...] = ()
    cut: int = 0  # characters that are left out


PLACE = "{pictures}"


def show(text: str, pasted: Mapping[str, Any] | None = None) -> Shown:
    """Markdown as the desk shows it; `pasted` are the cell's attachments."""
    cut = max(0, len(text) - MOST)
    text = printable(text[:MOST])
    cell = NotebookNode(attachments=NotebookNode(pasted or {}), metadata=NotebookNode())
    try:
        page = sanitize.markdown2html({"cell": cell}, text)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        page = f"<pre>{html.escape(text)}</pre>"  # what Markdown stumbles over is read as it is
    return Shown(*_with_own_pictures(page), cut)


def addressed(shown: Shown, address: str) -> str:
    """The HTML, its pictures below `address`."""
    return shown.html.replace(PLACE, address)


def _with_own_pictures(page: str) -> tuple[str, tuple[Picture, ...]]:
    """HTML without styles and data, and the pictures that were in it."""
    page = page.replace(PLACE, "{&#112;ictures}")
    pictures: list[Picture] = []

    def plain(found: re.Match[str]) -> str:
        tag = STYLE.sub(_aligned, found[0])
        if not tag.startswith("<img"):
            return tag
        picture = _picture(tag) if len(pictures) < MOST_PICTURES else None
        if picture is None:
            return "<em>(a picture that cannot be shown)</em>"
        pictures.append(picture)
        return SOURCE.sub(f' src="{PLACE}{len(pictures) - 1}" loading="lazy"', tag)

    return TAG.sub(plain, page), tuple(pictures)


def _aligned(style: re.Match[str]) -> str:
    """What stays of a style: how a table's cell is aligned."""
    found = ALIGN.search(style[1])
    return f' align="{found[1]}"' if found else ""


def _picture(tag: str) -> Picture | None:
    """The picture in a tag; None where it is none that a browser could draw."""
    found = SOURCE.search(tag)
    if found is None:
        return None
    try:
        data = base64.b64decode(found[2], validate=False)
    except (binascii.Error, ValueError):
        return None
    return checked(found[1], data)


def checked(kind: str, data: bytes) -> Picture | None:
    """A picture whose data are what its type says, and not too large; else None."""
    if len(data) > LARGEST_PICTURE:
        return None
    if kind == SVG:
        return Picture(SVG, data) if b"<svg" in data[:4096].lower() else None
    if kind not in TYPES:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=[TYPES[kind]]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.verify()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return Picture(kind, data)
