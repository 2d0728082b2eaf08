"""Match the cells of a student's notebook to the released ones; before, split merged cells.

Evidence counts in this order: the text of a cell that students do not write, the name in a cell's
metadata, its id, likeness, the names that a solution defines, and last the place between two
matched cells. A cell that none of these decides stays open.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograder.cells import is_locked, is_solution, marks
from autograder.intake.notebook.cells import functions, likeness, names, parsed, plain

ALIKE = 0.8  # likeness from which one text is the other, edited, ...
AHEAD = 0.1  # ... if no other cell comes within this of it
RELATED = 0.3  # likeness below which a cell's name is not believed
SAME_SOLUTION = 0.6  # a skeleton that was filled in keeps its signature and its docstring
CROWD = 300  # candidates; likeness decides nothing among more
SHORT = 30  # characters: a shorter text is split off only between empty lines, ...
SHORTEST = 10  # ... and one shorter than this never


@dataclass
class Alignment:
    """The match: by a cell's position in `released`, its positions in the student's `cells`."""

    cells: Sequence[NotebookNode]
    released: Sequence[NotebookNode]
    found: dict[int, int] = field(default_factory=dict)
    pieces: dict[int, list[int]] = field(default_factory=dict)  # further parts of it
    rivals: dict[int, list[int]] = field(default_factory=dict)  # other cells of the same name
    undecided: set[int] = field(default_factory=set)  # released cells whose rivals differ
    shared: dict[int, int] = field(default_factory=dict)  # its code is in another's cell
    possible: dict[int, list[int]] = field(default_factory=dict)  # any of these might be it

    def __post_init__(self) -> None:
        self.texts = [plain(cell.source) for cell in self.cells]
        self.names = [names(text) for text in self.texts]
        self.wanted = [_wanted(cell) for cell in self.released]
        self.taken: set[int] = set()
        self._parse: dict[tuple[int, ...], bool] = {}

    def parses(self, run: Sequence[int], text: str) -> bool:
        """Whether the cells of a run, whose `text` this is, are Python together; parsed once."""
        if tuple(run) not in self._parse:
            self._parse[tuple(run)] = parsed(text) is not None
        return self._parse[tuple(run)]

    def open(self) -> list[int]:
        """The released cells that are not matched yet."""
        return [r for r in range(len(self.released)) if r not in self.found]

    def free(self, where: Iterable[int] | None = None, cell_type: str = "") -> list[int]:
        """The student's cells (of a type) that are not matched yet, empty ones left out."""
        where = range(len(self.cells)) if where is None else where
        return [s for s in where if s not in self.taken and self.texts[s]
                and cell_type in ("", self.cells[s].cell_type)]

    def gap(self, r: int) -> range:
        """The student's cells between the nearest matched ones before and after a released cell."""
        before = [self.found[i] for i in range(r) if i in self.found]
        after = [self.found[i] for i in range(r + 1, len(self.released)) if i in self.found]
        return range(before[-1] + 1 if before else 0, after[0] if after else len(self.cells))

    def settle(self, r: int, s: int, rivals: Iterable[int] = ()) -> None:
        self.found[r] = s
        others = [rival for rival in rivals if rival != s]
        if others:
            self.rivals[r] = sorted({*self.rivals.get(r, []), *others})
        self.taken |= {s, *others}

    def choose(self, r: int, candidates: list[int]) -> None:
        """Match one of several cells to a part: the one with work in it, else the last one run."""
        skeleton = plain(self.released[r].source)
        if is_solution(self.released[r]):
            candidates = sorted({*candidates, *self._unmarked(r, candidates, skeleton)})
            best = [s for s in candidates if self.texts[s] != skeleton] or candidates[:1]
            best = [s for s in best if self.wanted[r] <= self.names[s]] or best
            if len({self.texts[s] for s in best}) > 1:
                self.undecided.add(r)
                self.settle(r, max(best, key=lambda s: (_count(self.cells[s]), s)), candidates)
                return
        else:
            best = [max(candidates, key=lambda s: likeness(self.texts[s], skeleton))]
        inside = [s for s in best if s in self.gap(r)]
        self.settle(r, (inside or best)[0], candidates)

    def _unmarked(self, r: int, candidates: list[int], skeleton: str) -> list[int]:
        """Further candidates for a solution: cells without its name.

        A copy of the skeleton, run last, would replace the solution. And if the marked cell is not
        filled in, the work may be in another one.
        """
        if not self.wanted[r]:
            return []
        copies = [s for s in self.free() if self.texts[s] == skeleton]
        if any(self.texts[s] != skeleton for s in candidates) or not functions(skeleton):
            return copies
        return copies + [s for s in self.free(cell_type="code")
                         if self.wanted[r] <= self.names[s]]


def align(cells: Sequence[NotebookNode], released: Sequence[NotebookNode]) -> Alignment:
    """Match the released cells to a student's. Neither is changed."""
    alignment = Alignment(cells, released)
    steps: tuple[Callable[[Alignment], None], ...] = (
        _by_text, _by_claim, _by_id, _by_likeness, _by_names, _by_pieces, _by_skeleton, _by_place)
    for step in steps:
        step(alignment)
    return alignment


def split_merged(cells: list[NotebookNode], released: Sequence[NotebookNode]
               ) -> tuple[list[NotebookNode], list[int]]:
    """Split released texts that are word for word inside other cells off into cells of their own.

    Returns the cells, and the positions in `released` of the texts that were split off.
    """
    texts = [plain(cell.source) for cell in cells]
    parted = []
    for r in _to_look_for(cells, released):
        text, kind = plain(released[r].source), released[r].cell_type
        if len(text) < SHORTEST or text in texts:
            continue
        around = "\n" if len(text) >= SHORT else "\n\n"
        inside = [s for s, other in enumerate(texts) if cells[s].cell_type == kind
                  and f"{around}{text}{around}" in f"{around}{other}{around}"]
        if len(inside) == 1:
            s = inside[0]
            cells[s:s + 1] = _part(cells[s], texts[s], text, marks(released[r]).get("grade_id"))
            texts = [plain(cell.source) for cell in cells]
            parted.append(r)
    return cells, parted


def _to_look_for(cells: list[NotebookNode], released: Sequence[NotebookNode]) -> list[int]:
    """The released cells to look for: checks, code not to be run, and questions without answers.

    Where no cell has nbgrader's metadata, as in a script, also other code that is given.
    """
    named = {marks(cell).get("grade_id") for cell in cells} - {None}
    claimed = named | {cell.get("id") for cell in cells}
    wanted = []
    for r, cell in enumerate(released):
        beside = [other for other in (*released[max(r - 1, 0):r], *released[r + 1:r + 2])
                  if is_solution(other) and other.cell_type == "markdown"
                  and marks(other).get("grade_id") not in claimed]
        given = not marks(cell) and (beside if cell.cell_type == "markdown" else (
            cell.metadata.get("tags") or not named))
        if is_locked(cell) or given:
            wanted.append(r)
    return wanted


def _part(cell: NotebookNode, whole: str, text: str, name: str | None) -> list[NotebookNode]:
    """Split a cell in up to three: before the text, the text, and after it.

    The outputs stay with the last. The marks go to the text if they are its own, else to the first
    of the others.
    """
    before, after = f"\n{whole}\n".split(f"\n{text}\n", 1)
    pieces = [piece for piece in (before.strip("\n"), text, after.strip("\n")) if piece]
    own = [piece == text for piece in pieces]
    its_own = bool(name) and marks(cell).get("grade_id") == name
    marked = own.index(its_own) if its_own in own else 0
    parts = []
    for number, piece in enumerate(pieces):
        part = NotebookNode({**cell, "metadata": copy.deepcopy(cell.metadata), "source": piece})
        if number != marked:
            part.pop("id", None)
            part.metadata = NotebookNode()
        if "outputs" in part and number != len(pieces) - 1:
            part.outputs = []
        parts.append(part)
    return parts


def _wanted(cell: NotebookNode) -> frozenset[str]:
    """The names that a solution must define: its skeleton's functions and classes, else all."""
    if not is_solution(cell) or cell.cell_type != "code":
        return frozenset()
    text = plain(cell.source)
    return frozenset(functions(text)) or names(text)


def _count(cell: NotebookNode) -> int:
    count = cell.get("execution_count")
    return count if isinstance(count, int) else 0


def _ids(cell: NotebookNode) -> set[str]:
    """A cell's ids, nbformat's and Colab's."""
    return {value for value in (cell.get("id"), cell.metadata.get("id")) if isinstance(value, str)}


def _by_text(a: Alignment) -> None:
    """Find cells that students do not write by their text."""
    where: dict[str, list[int]] = {}
    for s in a.free():
        where.setdefault(a.texts[s], []).append(s)
    texts = [plain(cell.source) for cell in a.released]
    count = Counter(texts)
    known = [r for r, cell in enumerate(a.released)
             if texts[r] in where and count[texts[r]] == 1 and not is_solution(cell)]
    for r in sorted(known, key=lambda r: len(where[texts[r]])):  # copies last: by their place
        same, cell, gap = where[texts[r]], a.released[r], a.gap(r)
        name = marks(cell).get("grade_id", "")
        best = max(same, key=lambda s: (marks(a.cells[s]).get("grade_id") == name, s in gap,
                                        cell.get("id") in _ids(a.cells[s]), -s))
        a.settle(r, best, same if marks(cell) else ())


def _by_claim(a: Alignment) -> None:
    """Find cells by the name in their metadata, unless their text contradicts it."""
    for r, cell in enumerate(a.released):
        name = marks(cell).get("grade_id")
        claimers = [s for s in range(len(a.cells)) if s not in a.taken and name
                    and marks(a.cells[s]).get("grade_id") == name]
        claimers = [s for s in claimers if _believable(a, r, s)]
        if r in a.found:
            a.settle(r, a.found[r], claimers)
        elif claimers:
            a.choose(r, claimers)


def _by_id(a: Alignment) -> None:
    """Find cells by their ids, which an editor may leave where it drops metadata."""
    for r in a.open():
        own = a.released[r].get("id")
        same = [s for s in a.free() if own in _ids(a.cells[s]) and _believable(a, r, s)]
        if same and marks(a.released[r]):
            a.choose(r, same)
        elif same:
            a.settle(r, same[0])


def _believable(a: Alignment, r: int, s: int) -> bool:
    """Whether a student's cell can be the released cell that it claims to be."""
    released, text = a.released[r], a.texts[s]
    if is_locked(released):
        given = plain(released.source)
        return (functions(text) <= functions(given)
                and (not text or likeness(text, given, RELATED) > 0))
    if a.wanted[r] and not a.wanted[r] & a.names[s]:
        return not any(wanted and wanted <= a.names[s] for wanted in a.wanted)
    return True


def _by_likeness(a: Alignment) -> None:
    """Find cells that students do not write, but that somebody edited a little."""
    _most_alike(a, [r for r in a.open() if not is_solution(a.released[r])], ALIKE)


def _by_skeleton(a: Alignment) -> None:
    """Find solutions by their likeness to the skeleton: only the marked lines were filled in."""
    _most_alike(a, [r for r in a.open() if is_solution(a.released[r]) and r not in a.shared
                    and a.released[r].cell_type == "code"], SAME_SOLUTION)


def _most_alike(a: Alignment, wanted: list[int], least: float) -> None:
    for r in wanted:
        text = plain(a.released[r].source)
        free = a.free(cell_type=a.released[r].cell_type)
        scores = sorted(((likeness(a.texts[s], text, least - AHEAD), s) for s in free), reverse=True
                        ) if len(free) <= CROWD and text else []
        if scores and scores[0][0] >= least and all(score < scores[0][0] - AHEAD
                                                    for score, _ in scores[1:]):
            a.settle(r, scores[0][1])


def _by_names(a: Alignment) -> None:
    """Find solutions by the names they define; two of them may share a cell."""
    for r in [r for r in a.open() if a.wanted[r]]:
        defining = [s for s, defined in enumerate(a.names) if a.wanted[r] <= defined]
        free = [s for s in a.free(defining)
                if a.cells[s].cell_type == "code" or parsed(a.texts[s]) is not None]
        inside = [s for s in free if s in a.gap(r)]
        if free:
            a.choose(r, inside or free)
            continue
        others = {a.found[i] for i in a.found if not is_locked(a.released[i])}
        shared = [s for s in defining if s in others]
        if shared:
            a.shared[r] = shared[-1]


def _by_pieces(a: Alignment) -> None:
    """Find solutions that were cut: adjacent cells that are valid Python only together."""
    for r, wanted in enumerate(a.wanted):
        if not is_solution(a.released[r]) or a.released[r].cell_type != "code" or r in a.shared:
            continue
        starts = [a.found[r]] if r in a.found else a.free(a.gap(r)) if wanted else []
        while r in a.found and starts[0] - 1 in a.rivals.get(r, []):
            starts = [starts[0] - 1]
        runs = [run for start in starts for run in _runs(a, r, start) if _is_cut(a, wanted, run)]
        if runs and (r in a.found or len(runs) == 1):
            _join(a, r, runs[0])


def _runs(a: Alignment, r: int, start: int) -> Iterator[list[int]]:
    """Yield runs of two or three code cells that are matched to nothing else."""
    own = {a.found.get(r), *a.rivals.get(r, [])}
    run: list[int] = []
    for s in range(start, min(start + 3, len(a.cells))):
        free = s not in a.taken and a.cells[s].cell_type == "code"
        if not a.texts[s] or not (free or s in own):
            return
        run = [*run, s]
        if len(run) > 1:
            yield run


def _is_cut(a: Alignment, wanted: frozenset[str], run: list[int]) -> bool:
    """Whether the cells are complete together, and incomplete if one is missing."""
    return _is_whole(a, wanted, run) and (
        not _is_whole(a, wanted, run[:-1])
        or any(not _is_whole(a, frozenset(), [s]) for s in run[1:]))


def _is_whole(a: Alignment, wanted: frozenset[str], run: list[int]) -> bool:
    text = "\n".join(a.cells[s].source for s in run)
    return wanted <= names(plain(text)) and a.parses(run, text)


def _join(a: Alignment, r: int, run: list[int]) -> None:
    a.rivals[r] = [s for s in a.rivals.get(r, []) if s not in run]
    a.undecided.discard(r)
    a.settle(r, run[0])
    a.pieces[r] = run[1:]
    a.taken |= set(run)


def _by_place(a: Alignment) -> None:
    """Find answers by their neighbours, where nothing else can be between these."""
    for r in a.open():
        if is_solution(a.released[r]) and r not in a.shared:
            _place(a, r)


def _place(a: Alignment, r: int) -> None:
    """Take the free cells between an answer's neighbours, or note those that might be it."""
    cell_type = a.released[r].cell_type
    free = [] if a.wanted[r] else a.free(a.gap(r), cell_type)
    if free and _is_alone(a, r) and (
            len(free) == 1 or (cell_type == "markdown" and _in_a_row(free))):
        _join(a, r, free)
        return
    if not free and cell_type == "markdown":
        free = a.free(cell_type=cell_type)
    if free:
        a.possible[r] = free


def _is_alone(a: Alignment, r: int) -> bool:
    """Whether no other released cell of the same type is missing between the same neighbours."""
    return not any(a.released[i].cell_type == a.released[r].cell_type and i != r
                   and a.gap(i) == a.gap(r) for i in a.open())


def _in_a_row(run: list[int]) -> bool:
    return run == list(range(run[0], run[-1] + 1))
