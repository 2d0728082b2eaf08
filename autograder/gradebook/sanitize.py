"""A student's notebook as a page that runs nothing: the browser of whoever opens it is not theirs.

`clean` is applied to the copy that formgrader and the feedback pages show; what was handed in stays
as it is. Markdown is rendered to HTML by nbconvert and cleaned after that, with nh3.
"""

from __future__ import annotations

import functools
import html
import itertools
import re
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote

import nh3
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
STYLES = {"text-align", "color", "width", "font-weight", "font-style", "text-decoration"}
SCHEMES = {"http", "https", "mailto", "data", "attachment"}
LINKS = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
PASTED = "attachment:"
PICTURES = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+\Z")
INLINE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,([A-Za-z0-9+/=]+)")
MOST_PICTURES = 50  # of a cell, that are taken out of its text
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*\Z")
SHOWN = ("text/plain", "text/html", "text/markdown", "image/png", "image/jpeg")
MOST, MOST_IN_ALL = 20_000, 200_000  # characters of a cell, of all: highlighting takes its time
CUT_OFF = re.compile(r"\n# \.\.\. \(cut off here: ([\d,]{1,15}) characters, \w+\)\Z", re.ASCII)
MARKUP = re.compile(r"</?([A-Za-z][^\s/<>]*)[^<>]*(>?)")
UNFINISHED = re.compile(r"<(?=[^<>]*\Z)")  # a tag that is cut off by the end
LEAVES = ' target="_blank" rel="noopener noreferrer nofollow"'
ADDRESS = '<span style="color:black"> ({})</span>'  # black, whatever colour the link was given
MARKED = re.compile(r"data:image/png;base64,pasted([0-9]{1,9})(?![A-Za-z0-9+/=])")
OFTEN = 5  # times that a pasted picture is shown
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
    # A mark goes through Markdown in the place of a picture, which may be large and shown often.
    marked = {name: {"image/png": f"pasted{number}"} for number, name in enumerate(names)}
    context = {"cell": {"attachments": marked}}
    try:
        page = _exporter().markdown2html(context, source)
    except InvalidNotebook:  # a pasted picture that has been lost on the way
        page = _exporter().markdown2html(context, LOST.sub(_kept_or_missing(names), source))
    ordered = list(names)
    page = MARKED.sub(lambda found: f"{PASTED}{quote(ordered[int(found[1])])}"
                      if int(found[1]) < len(ordered) else found[0], page)
    return clean_html(page, names, ours)


def _kept_or_missing(pasted: Mapping[str, Any]) -> Any:
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
    text = UNFINISHED.sub("&lt;", MARKUP.sub(_without_unknown, text))
    return _Shown(_cleaner(ours).clean(text), pasted or {}, ours).page


def _without_unknown(tag: re.Match[str]) -> str:
    """Take away a tag that pages may not have, and keep what is in it: nh3 drops some with that."""
    if tag[1].lower() in TAGS:
        return tag[0]
    return "<!---->" if tag[2] else "&lt;" + tag[0][1:]


@functools.cache
def _cleaner(ours: bool) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS, clean_content_tags=set(), link_rel=None, url_schemes=SCHEMES,
        attributes={"*": NAMES | {"style"}, "a": {"href"}, "img": {"src"}, "details": {"open"}},
        attribute_filter=functools.partial(_allowed, ours), filter_style_properties=STYLES)


class _Shown(HTMLParser):
    """Clean HTML, with a cell's pasted pictures in their places, and with links that tell.

    It copies what nh3 wrote. A link says where it leads, leads there in a page of its own, and
    does not tell where it was followed, so that it cannot look like one of the page around it.
    """

    def __init__(self, text: str, pasted: Mapping[str, Any], ours: bool) -> None:
        super().__init__(convert_charrefs=False)
        self._pasted, self._ours = pasted, ours
        self._written: list[str] = []
        self._leads = ""  # the address of the link that is open
        self._shown: list[str] = []  # its text
        self._times: Counter[str] = Counter()  # that each picture was shown
        self.feed(text)
        self.close()

    @property
    def page(self) -> str:
        return "".join(self._written)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values, written = dict(attrs), self.get_starttag_text() or ""
        source = values.get("src") or ""
        if source.startswith(PASTED):
            self._write_pasted(unquote(source.removeprefix(PASTED)), values)
            return
        if tag == "a" and not self._ours:
            href = values.get("href") or ""
            self._leads, self._shown = "" if href.startswith("#") else href, []
            written = written.removesuffix(">") + (LEAVES if self._leads else "") + ">"
        self._written.append(written)

    def _write_pasted(self, name: str, values: dict[str, str | None]) -> None:
        forms = self._pasted.get(name, {})
        pictures = [f"data:{kind};base64,{data}" for kind, data in sorted(forms.items())]
        picture = next(filter(PICTURES.match, pictures), "")
        if not picture:
            self._written.append(html.escape(f"(the picture {name} is missing)"))
            return
        self._times[name] += 1
        if self._times[name] > OFTEN:
            self._written.append("(the same picture again)")
            return
        attributes = "".join(f' {key}="{html.escape(value or "")}"'
                             for key, value in {**values, "src": picture}.items())
        self._written.append(f"<img{attributes}>")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            if self._leads and "".join(self._shown).strip() != self._leads:
                self._written.append(ADDRESS.format(html.escape(self._leads)))
            self._leads = ""
        self._written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._write_text(data, data)

    def handle_entityref(self, name: str) -> None:
        self._write_text(f"&{name};", html.unescape(f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self._write_text(f"&#{name};", html.unescape(f"&#{name};"))

    def _write_text(self, written: str, shown: str) -> None:
        self._written.append(written)
        if self._leads:
            self._shown.append(shown)


def clean(notebook: NotebookNode) -> None:
    """Make a student's notebook safe to look at, in place."""
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(name="python3", display_name="Python 3", language="python"),
        language_info=NotebookNode(name="python"))
    room = MOST_IN_ALL
    for cell in notebook.cells:
        if "attachments" in cell:
            cell.attachments = NotebookNode(_clean_attachments(cell.attachments))
        if cell.cell_type == "markdown":
            _attach_pictures(cell)
        if len(cell.source) > (most := min(MOST, max(room, 0))):
            cell.source = _cut(cell.source, most)
        cell.source = printable(cell.source)
        room -= len(cell.source)
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


def _cut(text: str, most: int) -> str:
    """The beginning of a text, and a remark on the rest: other texts have other remarks."""
    digest = sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{text[:most]}\n# ... (cut off here: {len(text):,} characters, {digest})"


def without_remark(text: str) -> tuple[str, int]:
    """A text without the remark that it was cut off, and how many characters are missing."""
    found = CUT_OFF.search(text)
    if found is None:
        return text, 0
    return text[:found.start()], int(found[1].replace(",", "")) - found.start()


def _attach_pictures(cell: NotebookNode) -> None:
    """Make attachments of pictures in a text, where Colab pastes them: nobody reads their bytes."""
    pasted = dict(cell.get("attachments", {}))
    names = (f"pasted-{number}" for number in itertools.count(1))

    def attached(found: re.Match[str]) -> str:
        kind, data = found.groups()
        ending = kind.removesuffix("+xml")
        name = next(name for one in names if (name := f"{one}.{ending}") not in pasted)
        pasted[name] = NotebookNode({f"image/{kind}": data})
        return f"{PASTED}{name}"

    cell.source, count = INLINE.subn(attached, cell.source, MOST_PICTURES)
    if count:
        cell.attachments = NotebookNode(pasted)


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


def _allowed(ours: bool, tag: str, name: str, value: str) -> str | None:
    """The value of an attribute as a page may have it; None where it may not."""
    if name == "class" and not ours:
        return " ".join(one for one in value.split() if one in CLASSES) or None
    if name == "href":
        return value if LINKS.match(value) else None
    if name == "src":
        return value if value.startswith(PASTED) or PICTURES.match(value) else None
    return value
