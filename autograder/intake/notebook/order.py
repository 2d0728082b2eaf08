"""Find cells that were moved, and names that are used before they are defined."""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from nbformat import NotebookNode

from autograder.cells import is_locked
from autograder.intake.notebook.cells import names, parsed, plain

KNOWN = {*dir(builtins), "get_ipython", "display", "__file__", "__name__"}


def moved(places: Sequence[int]) -> set[int]:
    """The moved items: the fewest indices whose removal leaves `places` rising."""
    tails: list[int] = []  # of the best rising sequence of each length, the index of its last
    before: list[int] = []
    for index, place in enumerate(places):
        length = bisect_left([places[tail] for tail in tails], place)
        before.append(tails[length - 1] if length else -1)
        tails[length:length + 1] = [index]
    kept = set()
    index = tails[-1] if tails else -1
    while index >= 0:
        kept.add(index)
        index = before[index]
    return set(range(len(places))) - kept


def used_too_early(cells: Sequence[NotebookNode]) -> Iterator[tuple[NotebookNode, str]]:
    """Yield cells that use a name which only a later cell defines, each with one such name.

    A cell whose execution count is lower, too, failed for its author as it does here, and is left
    out.
    """
    code = [cell for cell in cells if cell.cell_type == "code" and not is_locked(cell)]
    defined = [_binds(cell) for cell in code]
    for place, cell in enumerate(code):
        earlier = KNOWN.union(*defined[:place + 1])
        for name in sorted(_loads(cell) - earlier):
            later = [other for other, found in zip(code[place + 1:], defined[place + 1:],
                                                   strict=True) if name in found]
            if any(_ran_before(other, cell) for other in later):
                yield cell, name
                break


def _ran_before(one: NotebookNode, other: NotebookNode) -> bool:
    first, second = one.get("execution_count"), other.get("execution_count")
    return not (isinstance(first, int) and isinstance(second, int)) or first < second


def _binds(cell: NotebookNode) -> set[str]:
    """The names that a cell defines or imports, at any level."""
    text = plain(cell.source)
    tree = parsed(text)
    found = set(names(text))
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
    return found


def _loads(cell: NotebookNode) -> set[str]:
    """The names that a cell reads as it runs, not those read in its functions."""
    found: set[str] = set()
    tree = parsed(plain(cell.source))
    waiting: list[ast.AST] = [tree] if tree else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    return found
