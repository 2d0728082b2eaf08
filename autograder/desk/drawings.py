"""A drawing (SVG) of a student as a page may have it: its shapes and words, written anew.

What runs, fetches, moves or filters is left out. What uses itself again and again, so that a
browser would draw for minutes, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

LARGEST = 2 * 1024 * 1024  # bytes
MOST_WORK = 30_000  # shapes, each as often as it is drawn
DEEPEST = 60
DASHED = 300  # the work of a dashed line: it may be millions of short ones
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
KEPT = frozenset(f"{{{SVG}}}{name}" for name in (
    "svg", "g", "defs", "use", "symbol", "path", "rect", "circle", "ellipse", "line", "polyline",
    "polygon", "text", "tspan", "title", "desc", "style", "clipPath", "linearGradient",
    "radialGradient", "stop", "marker"))
STYLE = f"{{{SVG}}}style"
LINKS = ("href", f"{{{XLINK}}}href")
POINTS_AT = re.compile(r"url\(\s*[\"']?#([^\"')\s]+)")
# Of an attribute or a style: what fetches, moves, filters, or hides such words.
UNWANTED = re.compile(r"url\((?!\s*[\"']?#)|image|filter|mask|animation|transition|[\\@]",
                      re.IGNORECASE)
UNWANTED_FOR_MANY = re.compile(r"url\(|dash|marker", re.IGNORECASE)  # a rule's work is not counted

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


class DrawingError(ValueError):
    """A drawing cannot be shown; the message goes on from "a picture that "."""


def redrawn(data: bytes) -> bytes:
    """The drawing written anew. Raises DrawingError where it is none, or is too much."""
    if len(data) > LARGEST:
        raise DrawingError(f"is a drawing larger than {LARGEST >> 20} MB")
    if b"<!ENTITY" in data or b"\0" in data:
        raise DrawingError("is a drawing with entities of its own, or in UTF-16")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise DrawingError("is said to be a drawing, and is none") from None
    if root.tag != f"{{{SVG}}}svg":
        raise DrawingError("is said to be a drawing, and is none")
    _prune(root, 1)
    try:
        work = _Work({one.get("id", ""): one for one in root.iter()}).of(root)
    except RecursionError:  # a long row of elements, each of which uses the next
        work = float("inf")
    if work > MOST_WORK:
        raise DrawingError("is a drawing with too much in it")
    return ElementTree.tostring(root, encoding="utf-8")


def _prune(element: Element, depth: int) -> None:
    """Leave out, in place, what is not kept. Raises DrawingError where it is nested too deeply."""
    if depth > DEEPEST:
        raise DrawingError("is a drawing that is nested too deeply")
    for name, value in list(element.attrib.items()):
        if (name.lower().startswith("on") or UNWANTED.search(value) or UNWANTED.search(name)
                or (name in LINKS and not value.startswith("#"))):
            del element.attrib[name]
    element[:] = [one for one in element if one.tag in KEPT and not _is_unwanted_style(one)]
    for one in element:
        _prune(one, depth + 1)


def _is_unwanted_style(element: Element) -> bool:
    css = "".join(element.itertext()) if element.tag == STYLE else ""
    return bool(UNWANTED.search(css) or UNWANTED_FOR_MANY.search(css))


@dataclass
class _Work:
    """Counts how often shapes are drawn, those too that others use, by their ids."""

    named: Mapping[str, Element]
    _known: dict[str, float] = field(default_factory=dict)

    def of(self, element: Element) -> float:
        """The work of an element; infinite where it uses itself."""
        attributes = element.attrib
        shape = f"{attributes.get('d', '')}{attributes.get('points', '')}"
        found = 1 + (len(shape) + len(element.text or "")) / 100
        if any("dash" in f"{name}{value}" for name, value in attributes.items()):
            found += DASHED
        for name, marks_points in _uses(attributes):
            found += self._of_named(name) * (1 + len(shape) / 2 * marks_points)
        return found + sum(map(self.of, element))

    def _of_named(self, name: str) -> float:
        if name not in self._known:
            self._known[name] = float("inf")  # as long as it is being counted
            self._known[name] = self.of(self.named[name]) if name in self.named else 0
        return self._known[name]


def _uses(attributes: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """The ids that an element uses, and whether it does so at each of its points."""
    for name, value in attributes.items():
        if name in LINKS:
            yield value.removeprefix("#"), False
        for found in POINTS_AT.finditer(value):
            yield found[1], "marker" in f"{name}{value}"
