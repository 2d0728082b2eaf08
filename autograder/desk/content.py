"""What students wrote, as the desk shows it: HTML that runs nothing, fetches nothing, has no looks.

The kit's sanitiser makes the HTML (gradebook/sanitize.py). Here it loses its style attributes,
which the desk's policy forbids, and its pictures get addresses of the desk's own (pictures.py).
What is longer than somebody would read is cut off, and says so.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.desk.pictures import SVG, TYPES, Pasted
from autograder.gradebook import sanitize
from autograder.text import printable

MOST = 20_000  # characters of an answer that are rendered
MOST_PICTURES = 24
# A tag as nh3 and the sanitiser write it: quoted attributes, no `<` in text.
TAG = re.compile(r"<[a-zA-Z](?:[^\"'<>]|\"[^\"]*\")*>")
STYLE = re.compile(r' style="([^"]*)"')
ALIGN = re.compile(r"text-align:\s*(left|right|center)")
SOURCE = re.compile(r' src="data:(image/[a-z+]+);base64,([^"]*)"')


@dataclass(frozen=True)
class Shown:
    """A text as HTML, in which `{pictures}N` is the address of the nth picture."""

    html: str
    pictures: tuple[Pasted, ...] = ()
    cut: int = 0  # characters that are left out


PLACE = "{pictures}"
NOT_SHOWN = "<em>(a picture that {})</em>"


def show(text: str, pasted: Mapping[str, Any] | None = None) -> Shown:
    """Markdown as the desk shows it; `pasted` are the cell's attachments."""
    cut = max(0, len(text) - MOST)
    text = printable(text[:MOST])
    known = _known(pasted or {})
    # A name goes through Markdown in the place of a picture, which may be large and shown often.
    names = {name: NotebookNode({one.kind: _name(number)})
             for number, (name, one) in enumerate(known.items())}
    cell = NotebookNode(attachments=NotebookNode(names), metadata=NotebookNode())
    try:
        page = sanitize.markdown2html({"cell": cell}, text)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        page = f"<pre>{html.escape(text)}</pre>"  # what Markdown stumbles over is read as it is
    return Shown(*_with_own_pictures(page, list(known.values())), cut)


def addressed(shown: Shown, address: str) -> str:
    """The HTML, its pictures below `address`."""
    return shown.html.replace(PLACE, address)


def _known(pasted: Mapping[str, Any]) -> dict[str, Pasted]:
    """The attachments that are said to be pictures, by name."""
    found: dict[str, Pasted] = {}
    for name, forms in pasted.items():
        forms = forms if isinstance(forms, dict) else {}
        kind = next((kind for kind in (*TYPES, SVG) if isinstance(forms.get(kind), str)), "")
        if kind and len(found) < MOST_PICTURES:
            found[name] = Pasted(kind, forms[kind])
    return found


def _name(number: int) -> str:
    return base64.b64encode(b"picture %d" % number).decode()


def _with_own_pictures(page: str, known: list[Pasted]) -> tuple[str, tuple[Pasted, ...]]:
    """HTML without styles and data, and the pictures that were in it."""
    page = page.replace(PLACE, "{&#112;ictures}")
    numbers = {_name(number): number for number in range(len(known))}
    pictures = list(known)

    def plain(found: re.Match[str]) -> str:
        tag = STYLE.sub(_aligned, found[0])
        if not tag.startswith("<img"):
            return tag
        data = SOURCE.search(tag)
        if data is None:
            return NOT_SHOWN.format("cannot be decoded")
        number = numbers.get(data[2])
        picture = Pasted(data[1], data[2]) if number is None else pictures[number]
        if picture.problem:
            return NOT_SHOWN.format(html.escape(picture.problem))
        if number is None and len(pictures) == MOST_PICTURES:
            return NOT_SHOWN.format("is one of too many")
        if number is None:
            number = len(pictures)
            pictures.append(picture)
        return SOURCE.sub(f' src="{PLACE}{number}" loading="lazy"', tag)

    return TAG.sub(plain, page), tuple(pictures)


def _aligned(style: re.Match[str]) -> str:
    """What stays of a style: how a table's cell is aligned."""
    found = ALIGN.search(style[1])
    return f' align="{found[1]}"' if found else ""
