"""What the fenced blocks of a page say: shell to be run, what it prints, files by their titles."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conftest import REPO

FENCE = re.compile(r'^```(\w+)(?: title="([^"\n]*)")?\n(.*?)^```$', re.M | re.S)
FRAMES = re.compile("[┏┓┗┛┡┩├┤┌┐└┘┃│━─╇┳┻┴┬┼╈]")


@dataclass(frozen=True)
class Fence:
    """One fenced block."""

    language: str
    title: str
    text: str


def fences(page: str) -> list[Fence]:
    """The blocks of docs/`page`, in their order."""
    return [Fence(*found) for found in FENCE.findall((REPO / "docs" / page).read_text())]


def missing(expected: str, printed: str) -> list[str]:
    """Lines that should have been printed, in this order, and were not.

    White space and the frames of tables do not count; `...` stands for anything.
    """
    there = iter(_lines(printed))
    return [line for line in _lines(expected)
            if not any(_pattern(line).fullmatch(other) for other in there)]


def _lines(text: str) -> list[str]:
    lines = (" ".join(FRAMES.sub(" ", line).split()) for line in text.splitlines())
    return [line for line in lines if line]


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, line.split("..."))))
