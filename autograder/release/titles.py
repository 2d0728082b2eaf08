"""The titles of an exercise's parts, as its own notebook words them.

A part takes the first label before its cell that names as many points as it has: a heading,

    ## (b) Self-attention (8 points)

or, below a heading, words in bold that open with a letter in brackets or name points themselves:

    **(a)** Why can it be read as a distribution? (1 point)
    **The tokenizer (0.5 points).** Load that of the checkpoint ...

Where none fits, it takes the heading above it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbformat import NotebookNode

POINTS = re.compile(r"(\d+(?:\.\d+)?) points?\b")
IN_BRACKETS = re.compile(r"\s*\([^()]*\d points?\b[^()]*\)")
MARK = re.compile(r"^(?P<hashes>#{1,6}) (?P<heading>.+)$|\*\*(?P<bold>[^*\n]+)\*\*", re.M)
LETTER = re.compile(r"\([a-z]\)")


@dataclass(frozen=True)
class _Label:
    """A heading or words in bold, and the points that are named with it."""

    title: str
    points: float | None
    is_heading: bool


def titles(notebook: NotebookNode) -> dict[str, str]:
    """The title of each part of a source notebook, by the part's name."""
    found: dict[str, str] = {}
    labels: list[_Label] = []  # those since the last one that was taken
    heading = ""
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and not data:
            labels += _labels(cell.source, heading)
            heading = next((one.title for one in reversed(labels) if one.is_heading), heading)
        elif data.get("grade"):
            taken = next((number for number, label in enumerate(labels)
                          if label.points == float(data.points)), None)
            found[data.grade_id] = heading if taken is None else labels[taken].title
            labels = labels if taken is None else labels[taken + 1:]
    return found


def _labels(text: str, heading: str) -> list[_Label]:
    """The labels of a markdown cell; a letter without points goes with the one after it."""
    labels: list[_Label] = []
    letters = ""
    marks = [mark for mark in MARK.finditer(text) if mark["hashes"] or _is_label(mark["bold"])]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=False):
        if mark["hashes"]:
            heading, letters = IN_BRACKETS.sub("", mark["heading"]).strip(), ""
            labels.append(_Label(heading, _points(mark["heading"]), True))
            continue
        points = _points(mark["bold"]) or _points(text[mark.end():end])
        letters += IN_BRACKETS.sub("", mark["bold"]).strip(" .:")
        if points is None:
            letters += ", "
            continue
        # A letter alone says nothing; a number says where in the notebook.
        alone = LETTER.sub("", letters).strip(", ") and not heading[:1].isdigit()
        labels.append(_Label(letters if alone or not heading else f"{heading} · {letters}",
                             points, False))
        letters = ""
    return labels


def _is_label(bold: str) -> bool:
    return bool(LETTER.match(bold) or POINTS.search(bold))


def _points(text: str) -> float | None:
    found = POINTS.search(text)
    return float(found[1]) if found else None
