"""A student's notebook as a page that runs nothing: the browser of whoever opens it is not theirs.

`clean` is applied to the copy that formgrader and the feedback pages show; what was handed in stays
as it is. Markdown is rendered to HTML by nbconvert and cleaned after that, with bleach.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from bleach.css_sanitizer import CSSSanitizer
from bleach.html5lib_shim import Filter
from bleach.sanitizer import Cleaner
from cachetools import cached
from jinja2 import pass_context
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import InvalidNotebook
from nbformat import NotebookNode
from pygments.token import STANDARD_TYPES

from autograder.cells import OURS
from autograder.gradebook.fast_nbgrader import html_cache, html_key
from autograder.text import printable

TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "ol",
    "p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "tt", "u", "ul"})
NAMES = frozenset({"class", "title", "alt", "width", "height", "align", "colspan", "rowspan",
                   "scope", "start"})
# Classes that rendering gives: highlighted code, a table of pandas, a heading's link to itself. Any
# other one would dress what a student wrote as a part of the page that shows it, and so would a
# background.
CLASSES = frozenset({"highlight", "dataframe", "anchor-link", *STANDARD_TYPES.values()})
STYLES = CSSSanitizer(allowed_css_properties=["text-align", "color", "width", "font-weight",
                                              "font-style", "text-decoration"])
LINKS = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
PASTED = "attachment:"
PICTURES = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+\Z")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*\Z")
SHOWN = ("text/plain", "text/html", "text/markdown", "image/png", "image/jpeg")
MOST, MOST_IN_ALL = 20_000, 200_000  # characters of a cell, of all: highlighting takes its time
LOST = re.compile(r"!\[[^\]]*\]\(attachment:([^)]*)\)")
TAG = re.compile(r"[\w-]{1,64}\Z")


@pass_context
def markdown2html(context: Mapping[str, Any], source: str) -> str:
    """Markdown rendered as nbconvert does, of which only what shows something is kept.

    `context` is the template's, where nbconvert finds the cell and with it pasted pictures. Without
    these the text alone decides, and the same text is rendered once.
    """
    cell = context.get("cell", {})
    if pasted := cell.get("attachments"):
        return _render(source, pasted, is_ours(cell))
    return _render_alone(source, is_ours(cell))


def is_ours(cell: Mapping[str, Any]) -> bool:
    """Whether the grader wrote a cell; `clean` takes the mark from a student's."""
    tags = cell.get("metadata", {}).get("tags", [])
    return any(tag.startswith(OURS) for tag in tags)


@cached(html_cache(), key=lambda source, ours: html_key(source, str(ours)))
def _render_alone(source: str, ours: bool) -> str:
    return _render(source, {}, ours)


def _render(source: str, pasted: Mapping[str, Any], ours: bool) -> str:
    # JupyterLab writes a name with a space as `%20`, and keeps the picture under the name.
    names = {form: forms for name, forms in pasted.items() for form in (name, quote(name))}
    context = {"cell": {"attachments": names}}
    try:
        page = _exporter().markdown2html(context, source)
    except InvalidNotebook:  # a pasted picture that has been lost on the way
        page = _exporter().markdown2html(context, LOST.sub(_kept_or_told(names), source))
    return clean_html(page, names, ours)


def _kept_or_told(pasted: Mapping[str, Any]) -> Any:
    """What replaces a pasted picture in Markdown: itself, or a word that it is missing."""
    return lambda found: (found[0] if found[1] in pasted
                          else f"(the picture {found[1]} is missing)")


@functools.cache
def _exporter() -> HTMLExporter:
    return HTMLExporter()


def clean_html(text: str, pasted: Mapping[str, Any] | None = None, ours: bool = False) -> str:
    """HTML without scripts, forms, frames, handlers, and without pictures from elsewhere.

    `pasted` are a cell's attachments. What is `ours` keeps its classes and its links as they are.
    """
    filters = [functools.partial(_Pasted, pasted=pasted or {}), *([] if ours else [_Plain])]
    return str(Cleaner(TAGS, _allowed, ("http", "https", "mailto", "data", "attachment"),
                       strip=True, css_sanitizer=STYLES, filters=filters).clean(text))


class _Pasted(Filter):
    """Puts a cell's pasted pictures where its HTML names them, or a word where one is missing."""

    def __init__(self, source: Any, pasted: Mapping[str, Any]) -> None:
        super().__init__(source)
        self._pasted = pasted

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for token in super().__iter__():
            place = (token.get("data") or {}).get((None, "src"), "") if token.get(
                "name") == "img" else ""
            if place.startswith(PASTED):
                name = unquote(place.removeprefix(PASTED))
                picture = self._picture(name)
                if not picture:
                    yield {"type": "Characters", "data": f"(the picture {name} is missing)"}
                    continue
                token["data"][None, "src"] = picture
            yield token

    def _picture(self, name: str) -> str:
        forms = self._pasted.get(name, {})
        pictures = [f"data:{kind};base64,{data}" for kind, data in sorted(forms.items())]
        return next(filter(PICTURES.match, pictures), "")


class _Plain(Filter):
    """Keeps what a student wrote from looking like the page around it.

    Only the classes of rendered notebooks stay. A link says where it leads, leads there in a page
    of its own, and does not tell where it was followed.
    """

    def __iter__(self) -> Iterator[dict[str, Any]]:
        leads, shown = "", ""  # of the link that is open
        for token in super().__iter__():
            kind, is_link = token["type"], token.get("name") == "a"
            if kind in ("StartTag", "EmptyTag"):
                self._without_classes(token["data"])
                if is_link:
                    leads, shown = html.unescape(token["data"].get((None, "href"), "")), ""
                    if leads and not leads.startswith("#"):
                        token["data"] |= {(None, "target"): "_blank",
                                          (None, "rel"): "noopener noreferrer nofollow"}
            elif kind in ("Characters", "SpaceCharacters"):
                shown += token["data"]
            elif kind == "Entity":
                shown += html.unescape(f"&{token['name']};")
            elif kind == "EndTag" and is_link:
                if leads and not leads.startswith("#") and shown.strip() != leads:
                    yield from self._address(leads)
                leads = ""
            yield token

    def _address(self, leads: str) -> Iterator[dict[str, Any]]:
        """Where a link leads, in black whatever colour the link was given."""
        tag = {"namespace": None, "name": "span"}
        yield {"type": "StartTag", **tag, "data": {(None, "style"): "color:black"}}
        yield {"type": "Characters", "data": f" ({leads})"}
        yield {"type": "EndTag", **tag, "data": {}}

    def _without_classes(self, attributes: dict[tuple[None, str], str]) -> None:
        given = attributes.pop((None, "class"), "").split()
        if kept := [one for one in given if one in CLASSES]:
            attributes[None, "class"] = " ".join(kept)


def clean(notebook: NotebookNode) -> None:
    """Make a student's notebook safe to look at, in place."""
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(name="python3", display_name="Python 3", language="python"),
        language_info=NotebookNode(name="python"))
    room = MOST_IN_ALL
    for cell in notebook.cells:
        if len(cell.source) > (most := min(MOST, max(room, 0))):
            cell.source = (f"{cell.source[:most]}\n"
                           f"# ... (cut off here: {len(cell.source):,} characters)")
        cell.source = printable(cell.source)
        room -= len(cell.source)
        if "attachments" in cell:
            cell.attachments = NotebookNode(_clean_attachments(cell.attachments))
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode({key: value for key, value in cell.metadata.items()
                                      if key in ("nbgrader", "deletable", "editable")})
        cell.metadata.tags = [tag for tag in tags if isinstance(tag, str) and TAG.match(tag)
                              and not tag.startswith(OURS)]
        if cell.cell_type == "raw":
            cell.source = html.escape(cell.source)
        for output in cell.get("outputs", []):
            if "text" in output:
                output.text = printable("".join(output.text))
            if "data" in output:
                output.data = NotebookNode(_clean_data(output.data))
                output.metadata = NotebookNode()


def _clean_attachments(attachments: Any) -> dict[str, dict[str, str]]:
    """A cell's pasted pictures, those that are text which a page can hold."""
    return {name: kept for name, forms in (
        attachments.items() if isinstance(attachments, dict) else ())
        if printable(name) == name and isinstance(forms, dict) and (kept := {
            kind: data for kind, data in forms.items()
            if printable(kind) == kind and isinstance(data, str) and printable(data) == data})}


def _clean_data(data: dict[str, Any]) -> dict[str, Any]:
    """Of an output's forms, those that show something and run nothing."""
    shown: dict[str, Any] = {}
    for kind in SHOWN:
        value = data.get(kind)
        text = "".join(value) if isinstance(value, list) else value
        if not isinstance(text, str):
            continue
        text = printable(text)
        if kind == "text/html":
            shown[kind] = clean_html(text)
        elif not kind.startswith("image/") or BASE64.match(text):
            shown[kind] = text
    return shown or {"text/plain": "(an output that is not shown here)"}


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return bool(LINKS.match(value))
    if name == "src":
        return tag == "img" and (value.startswith(PASTED) or bool(PICTURES.match(value)))
    if name == "open":
        return tag == "details"
    return name in NAMES or name == "style"
