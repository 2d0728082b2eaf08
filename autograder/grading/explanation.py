"""What the judge says, as cells and outputs of a notebook; nothing of it is taken for markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.results.verdict import PartVerdict


def explanation_cell(heading: str, lines: Iterable[str]) -> NotebookNode:
    """A cell that lists these lines below a heading."""
    items = "".join(f"<li>{_code(html.escape(' '.join(line.split())))}</li>" for line in lines)
    return nbformat.v4.new_markdown_cell(f"<div><b>{heading}</b><ul>{items}</ul></div>")


def part_output(part: PartVerdict) -> NotebookNode:
    """The part's points and sentences, as plain text and as escaped HTML."""
    points = f"{part.points:g} of {part.max_points:g} points"
    lines = [*part.says, *part.remarks] or ["Right."]
    items = "".join(f"<li>{_code(html.escape(line))}</li>" for line in lines)
    data: dict[str, Any] = {"text/plain": "\n".join([points, *(f"- {line}" for line in lines)]),
                            "text/html": f"<p><b>{points}</b></p><ul>{items}</ul>"}
    return nbformat.v4.new_output("display_data", data)


def _code(line: str) -> str:
    """`names` in backticks as HTML's code, in text that is escaped already."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", line)
