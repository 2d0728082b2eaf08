"""A cell by itself: its text, the names that it defines, its own name in a sentence, its id."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher
from itertools import islice
from typing import Any

from nbformat import NotebookNode

from autograder.cells import marks
from autograder.text import on_one_line

COMPARED = 800  # words and signs of a cell that likeness looks at: it takes their square in time
NAMED = 6  # names in one sentence
PARSED = 100_000  # characters
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # as nbformat 4.5 requires it
WORD = re.compile(r"\w{1,100}|[^\w\s]")
MAGIC = re.compile(r"^([ \t]*)[%!].*", re.M)
DEFINED = re.compile(r"(?:async\s+)?(?:def|class)\s+(\w+)")
ASSIGNED = re.compile(r"([A-Za-z_]\w*(?: ?, ?[A-Za-z_]\w*)*)\s*(?::[^=]+)?=(?!=)")


def plain(source: str) -> str:
    """A cell's text without line ends, trailing space and empty lines around, which editors change.
    """
    return "\n".join(line.rstrip() for line in source.splitlines()).strip("\n")


def names(text: str) -> frozenset[str]:
    """The names that code, even code with errors, defines at its top level."""
    if text.startswith("%%"):
        return frozenset()
    found: set[str] = set()
    for line in text.splitlines():
        head = line[:200]
        if match := DEFINED.match(head):
            found.add(match[1])
        elif match := ASSIGNED.match(head):
            found |= {name.strip() for name in match[1].split(",")}
    return frozenset(found)


def functions(text: str) -> set[str]:
    """The functions and classes that code defines at its top level."""
    return {match[1] for line in text.splitlines() if (match := DEFINED.match(line[:200]))}


def parsed(text: str) -> ast.Module | None:
    """The syntax tree of code without IPython's magics; None where it is no code."""
    try:
        return ast.parse(MAGIC.sub(r"\1pass", text[:PARSED]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def likeness(one: str, other: str, least: float = 0.0) -> float:
    """The likeness of two texts, word by word, from 0 to 1; 0 if it is below `least`."""
    matcher = SequenceMatcher(None, _words(one), _words(other), autojunk=False)
    if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= least else 0.0


def _words(text: str) -> list[str]:
    return [found[0] for found in islice(WORD.finditer(text), COMPARED)]


def name_of(cell: NotebookNode) -> str:
    """A cell's name in a sentence: its part's, else the beginning of its text."""
    name = marks(cell).get("grade_id")
    if isinstance(name, str) and name:
        return f"`{on_one_line(name[:60])}`"
    first = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    return f"“{on_one_line(first[:40])}{'…' if len(first) > 40 else ''}”"


def listed(names: Iterable[str]) -> str:
    """The names as `a`, `b` and `c`; of many only the first few."""
    names = list(names)
    if len(names) > NAMED:
        names[NAMED - 1:] = [f"{len(names) - NAMED + 1} more"]
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def squeezed(text: str) -> str:
    """A text without white space, for comparison."""
    return "".join(text.split())


def lines_of(cells: Iterable[NotebookNode]) -> set[str]:
    """All lines of some cells, without white space."""
    return {squeezed(line) for cell in cells for line in cell.source.splitlines()} - {""}


def added(text: str, known: Collection[str]) -> str:
    """The lines of a text that are not among the `known` ones."""
    lines = [line for line in plain(text).splitlines()
             if not line.strip() or squeezed(line) not in known]
    return "\n".join(lines).strip("\n") if any(line.strip() for line in lines) else ""


def is_code(text: str) -> bool:
    """Whether code does more than import, print and show, so that it may be somebody's work."""
    tree = parsed(text)
    if tree is None:
        return bool(re.search(r"\w", text))
    return any(not isinstance(node, ast.Import | ast.ImportFrom | ast.Pass | ast.Expr)
               or is_prose(node) for node in tree.body)


def is_prose(node: ast.AST) -> bool:
    return (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str))


def have_ids(notebook: NotebookNode) -> bool:
    """Whether each cell has an id of its own or, before nbformat 4.5, none has one."""
    ids = [cell.get("id") for cell in notebook.cells]
    if notebook.get("nbformat_minor", 5) < 5:
        return not any(ids)
    return all(isinstance(one, str) and CELL_ID.fullmatch(one) for one in ids) and (
        len(set(ids)) == len(ids))


def give_ids(placed: list[tuple[NotebookNode, int | None]], released: list[NotebookNode]) -> None:
    """Give every cell without an id of its own one.

    No cell keeps the id of another released cell: grading skips some cells by their ids.
    """
    reserved = {cell.get("id") for cell in released}
    seen: set[str] = set()
    for number, (cell, r) in enumerate(placed):
        own = cell.get("id")
        right = released[r].get("id") if r is not None else None
        if (not isinstance(own, str) or not CELL_ID.fullmatch(own) or own in seen
                or (own in reserved and own != right)):
            own = right if right and right not in seen else _fresh(cell, number, {*seen, *reserved})
            cell["id"] = own
        seen.add(own)


def _fresh(cell: NotebookNode, number: int, taken: set[Any]) -> str:
    """An id that is the same in each repair of the same notebook."""
    while True:
        found = hashlib.sha256(f"{number}/{cell.source}".encode(errors="replace")).hexdigest()[:8]
        if found not in taken:
            return found
        number += 1_000_003
