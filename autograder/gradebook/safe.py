"""A student's notebook as a page that runs nothing: the browser of whoever opens it is not theirs.

`clean` is applied to the copy that formgrader and the feedback pages show; what was handed in stays
as it is. Markdown is rendered to HTML by nbconvert and cleaned after that, with bleach.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Mapping
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from cachetools import cached
from jinja2 import pass_context
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import InvalidNotebook
from nbformat import NotebookNode

from autograder.gradebook.memory import key_of, texts

TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "ol",
    "p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "tt", "u", "ul"})
NAMES = frozenset({"class", "title", "alt", "width", "height", "align", "colspan", "rowspan",
                   "scope", "start"})
STYLES = CSSSanitizer(allowed_css_properties=["text-align", "color", "background-color", "width",
                                              "font-weight", "font-style", "text-decoration"])
LINKS = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
PICTURES = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+\Z")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*\Z")
SHOWN = ("text/plain", "text/html", "text/markdown", "image/png", "image/jpeg")
MOST, MOST_IN_ALL = 20_000, 200_000  # characters of a cell, of all: highlighting takes its time
PASTED = re.compile(r"!\[[^\]]*\]\(attachment:([^)]*)\)")
TAG = re.compile(r"[\w-]{1,64}\Z")


@pass_context
def markdown2html(context: Mapping[str, Any], source: str) -> str:
    """Render Markdown as nbconvert does, and keep of it what only shows something.

    `context` is the template's, where nbconvert finds the cell and with it pasted pictures. Without
    these the text alone decides, and the same text is rendered once.
    """
    if context.get("cell", {}).get("attachments"):
        return _render(context, source)
    return _render_alone(source)


@cached(texts(), key=key_of)
def _render_alone(source: str) -> str:
    return _render({}, source)


def _render(context: Mapping[str, Any], source: str) -> str:
    try:
        return clean_html(_exporter().markdown2html(context, source))
    except InvalidNotebook:  # a pasted picture that has been lost on the way
        return clean_html(_exporter().markdown2html(context, PASTED.sub(
            r"(the picture \1 is missing)", source)))


@functools.cache
def _exporter() -> HTMLExporter:
    return HTMLExporter()


def clean_html(text: str) -> str:
    """HTML without scripts, forms, frames, handlers, and without pictures from elsewhere."""
    return bleach.clean(text, tags=TAGS, attributes=_allowed, protocols=("http", "https", "mailto",
                                                                        "data"),
                        css_sanitizer=STYLES, strip=True)


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
        room -= len(cell.source)
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode({key: value for key, value in cell.metadata.items()
                                      if key in ("nbgrader", "deletable", "editable")})
        cell.metadata.tags = [tag for tag in tags if isinstance(tag, str) and TAG.match(tag)]
        if cell.cell_type == "raw":
            cell.source = html.escape(cell.source)
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data = NotebookNode(_clean_data(output.data))
                output.metadata = NotebookNode()


def _clean_data(data: dict[str, Any]) -> dict[str, Any]:
    """Of an output's forms, those that show something and run nothing."""
    shown: dict[str, Any] = {}
    for kind in SHOWN:
        value = data.get(kind)
        text = "".join(value) if isinstance(value, list) else value
        if not isinstance(text, str):
            continue
        if kind == "text/html":
            shown[kind] = clean_html(text)
        elif not kind.startswith("image/") or BASE64.match(text):
            shown[kind] = text
    return shown or {"text/plain": "(an output that is not shown here)"}


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return bool(LINKS.match(value))
    if name == "src":
        return tag == "img" and bool(PICTURES.match(value))
    if name == "open":
        return tag == "details"
    return name in NAMES or name == "style"
