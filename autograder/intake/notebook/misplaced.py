"""Find misplaced work: parts that are not filled in, though their answer may be elsewhere.

An answer in words in a cell of its own beside the empty one is moved; anything less certain is for
a person.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from autograder.cells import is_locked, is_solution, marks
from autograder.intake.notebook.cells import (
    added,
    is_code,
    lines_of,
    listed,
    name_of,
    parsed,
    plain,
    squeezed,
)
from autograder.results.flag import Flag, Kind
from autograder.settings import MEMBERS

SHOWN = 4  # places in one sentence


@dataclass(frozen=True)
class _Place:
    """A cell with lines that were not released."""

    index: int
    name: str
    text: str
    is_code: bool


def elsewhere(notebook: NotebookNode, released: Sequence[NotebookNode], beside: Iterable[str] = (),
              members: str = MEMBERS) -> dict[str, str]:
    """The places that may hold the work of a part whose own cell is as it was released, by part.

    released: the versions of the notebook that students received, today's first
    beside: files that came with it
    members: the words above the names of a group's members
    Such a part may get points all the same: code in a cell of its own is run.
    """
    skeletons = {marks(cell)["grade_id"]: plain(cell.source) for version in released
                 for cell in version.cells if is_solution(cell)}
    places = list(_places(notebook, released, members))
    found: dict[str, str] = {}
    for cell, parts in _solutions(notebook):
        name = marks(cell)["grade_id"]
        if not _is_empty(cell, skeletons.get(name, "")):
            continue
        prose = cell.cell_type == "markdown"
        where = [place.name for place in places if prose or place.is_code]
        where += [f"the answer to `{other}`" for other in _shares(notebook, cell)]
        where += list(beside)
        if where:
            shown = where if len(where) <= SHOWN else [*where[:SHOWN - 1], "others"]
            found |= dict.fromkeys(parts, listed(shown))
    return found


def flags(found: Iterable[tuple[str, str]], nothing: Collection[str]) -> list[str]:
    """A flag for each place that may hold the work of parts without points (`nothing`)."""
    parts: dict[str, list[str]] = {}
    for part, where in found:
        if part in nothing:
            parts.setdefault(where, []).append(f"`{part}`")
    return [Flag(f"nothing is filled in for {listed(some)}, and there is work in {where}: look "
                 "whether that is the answer", Kind.NOTEBOOK) for where, some in parts.items()]


def move_answers(cells: list[NotebookNode], found: Mapping[int, int],
                 released: Sequence[NotebookNode]) -> tuple[list[int], dict[str, str]]:
    """Move answers in words from cells beside their own, or copy them from the question's cell.

    cells: changed in place; found: the released cell of each, by position
    Nothing is moved where the cell before or after the answer is missing. Returns the positions of
    cells that were merged into another one, and a sentence on each part.
    """
    lines = lines_of(released)
    known = {s: released[r] for s, r in found.items()}
    here = set(found.values()) | {-1, len(released)}
    dropped: list[int] = []
    done: dict[str, str] = {}
    empty = [s for s, cell in known.items() if is_solution(cell) and cell.cell_type == "markdown"
             and cells[s].cell_type == "markdown" and {found[s] - 1, found[s] + 1} <= here
             and _is_empty(cells[s], plain(cell.source))]
    for s in sorted(empty):
        own = [t for t in _run(cells, known, s + 1, 1) if t not in dropped]
        edge = _edge(known, s)
        if not own and (edge is None or not is_solution(known[edge])):
            own = [t for t in reversed(list(_run(cells, known, s - 1, -1))) if t not in dropped]
        name = marks(known[s])["grade_id"]
        if own:
            _fill(cells, s, own)
            dropped += own
            done[name] = (f"the answer to `{name}` was in a cell beside the one for it, and was "
                          "moved there")
        elif (question := _question(known, s, empty)) is not None:
            text = added(cells[question].source, lines)
            if text:
                cells[s].source = text
                _attach(cells[s], cells[question])
                done[name] = (f"the answer to `{name}` was in the cell of its question, and was "
                              "copied to the one for it")
    return dropped, done


def _is_empty(cell: NotebookNode, skeleton: str) -> bool:
    text = plain(cell.source)
    return not text.strip() or squeezed(text) == squeezed(skeleton)


def _run(cells: Sequence[NotebookNode], known: Mapping[int, NotebookNode], start: int, step: int
         ) -> Iterator[int]:
    """The cells of words from a position on, up to the next released cell or to code."""
    s = start
    while 0 <= s < len(cells) and s not in known:
        if not _is_words(cells[s]):
            return
        if cells[s].source.strip():
            yield s
        s += step


def _is_words(cell: NotebookNode) -> bool:
    """Whether a cell holds words: a code cell of nothing but comments or prose does, too."""
    if cell.cell_type != "code" or not cell.source.strip():
        return True
    if cell.source.lstrip().startswith(("%", "!")):
        return False
    tree = parsed(cell.source)
    return not tree.body if tree is not None else not _looks_like_code(cell.source)


def _looks_like_code(text: str) -> bool:
    """Whether most lines of a text that does not parse are code all the same."""
    lines = [line for line in text.splitlines() if line.strip()]
    code = [line for line in lines if re.search(
        r"^\s*(?:def|class|for|while|if|return|import|from|with|@)\b.*|[=(\[{:]\s*$|\w\(.*\)\s*$"
        r"|^\s*\w+\s*=", line)]
    return 2 * len(code) >= len(lines)


def _edge(known: Mapping[int, NotebookNode], s: int) -> int | None:
    """The position of the nearest released cell before a cell."""
    return max((t for t in known if t < s), default=None)


def _question(known: Mapping[int, NotebookNode], s: int, empty: Sequence[int]) -> int | None:
    """The position of the question's cell, if this is the only empty answer to it."""
    before = [t for t in sorted(known) if t < s]
    group = [s]
    while before and is_solution(known[before[-1]]):
        group.append(before.pop())
    if not before or known[before[-1]].cell_type != "markdown" or marks(known[before[-1]]):
        return None
    for t in sorted(t for t in known if t > s):
        if not is_solution(known[t]):
            break
        group.append(t)
    return before[-1] if [t for t in group if t in empty] == [s] else None


def _fill(cells: Sequence[NotebookNode], s: int, own: Sequence[int]) -> None:
    cells[s].source = "\n\n".join(_words(cells[t]) for t in own)
    for t in own:
        _attach(cells[s], cells[t])


def _words(cell: NotebookNode) -> str:
    """A cell's text, without the marks of comments."""
    if cell.cell_type != "code" or parsed(cell.source) is None:
        return str(cell.source)
    return "\n".join(re.sub(r"^\s*# ?", "", line) for line in cell.source.splitlines())


def _attach(cell: NotebookNode, other: NotebookNode) -> None:
    """Copy pasted pictures from another cell."""
    if other.get("attachments"):
        cell["attachments"] = {**cell.get("attachments", {}), **other["attachments"]}


def _solutions(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, list[str]]]:
    """Yield each cell that students fill in, with the parts that it is graded for."""
    waiting: tuple[NotebookNode, list[str]] | None = None
    for cell in notebook.cells:
        if is_solution(cell):
            if waiting:
                yield waiting
            graded = marks(cell).get("grade")
            waiting = (cell, [marks(cell)["grade_id"]] if graded else [])
        elif is_locked(cell) and marks(cell).get("grade") and waiting:
            waiting[1].append(marks(cell)["grade_id"])
    if waiting:
        yield waiting


def _places(notebook: NotebookNode, released: Sequence[NotebookNode], members: str
            ) -> Iterator[_Place]:
    """Cells outside of the solutions with text that was not released."""
    known = lines_of(cell for version in released for cell in version.cells)
    wanted = {id(cell) for cell, _ in _solutions(notebook)}
    for index, cell in enumerate(notebook.cells):
        text = "" if id(cell) in wanted else added(cell.source, known)
        if not re.search(r"\w", text) or members.casefold() in cell.source[:200].casefold():
            continue
        code = cell.cell_type == "code"
        if not code or is_code(text):
            yield _Place(index, f"the cell {name_of(cell)}", text, code)


def _shares(notebook: NotebookNode, cell: NotebookNode) -> Iterator[str]:
    """Yield answers near an empty one that have its letter at the start of a line."""
    name = str(marks(cell)["grade_id"])
    found = re.search(r"[a-z0-9]{1,2}$", name)
    label = name[-1] if found else ""
    if cell.cell_type != "markdown" or not label:
        return
    answers = [other for other in notebook.cells if is_solution(other)
               and other.cell_type == "markdown"]
    at = next(i for i, other in enumerate(answers) if other is cell)
    for other in answers[max(at - 3, 0):at] + answers[at + 1:at + 2]:
        if re.search(rf"(?im)^\W*{re.escape(label)}\W*[).:]", other.source):
            yield str(marks(other)["grade_id"])
