"""Tell which cell of a notebook is which of the released ones, by what stands in it.

Evidence is taken in the order of its strength: the text of a cell that students do not write, the
name that a cell's metadata or its id claims, likeness, the names that a solution defines, and last
the place between two cells that are known. What any of these leaves open stays open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

from autograder.cells import is_locked, is_solution, marks
from autograder.intake.cells import functions, likeness, names, parsed, plain

ALIKE = 0.8  # two texts from here on are one text, edited, ...
AHEAD = 0.1  # ... where no other cell comes so close
RELATED = 0.3  # below this a cell does not hold what its name says
SAME_SOLUTION = 0.6  # a skeleton that was filled in keeps its signature and its docstring
CROWD = 300  # in a notebook with more cells than these to choose from, likeness tells nothing


@dataclass
class Alignment:
    """Positions in `released` and, for each, positions in `cells`, which are the student's."""

    cells: Sequence[NotebookNode]
    released: Sequence[NotebookNode]
    found: dict[int, int] = field(default_factory=dict)
    pieces: dict[int, list[int]] = field(default_factory=dict)  # what follows the one found
    rivals: dict[int, list[int]] = field(default_factory=dict)  # other cells of the same name
    undecided: set[int] = field(default_factory=set)  # released cells whose rivals differ
    shared: dict[int, int] = field(default_factory=dict)  # its code stands in another's cell
    possible: dict[int, list[int]] = field(default_factory=dict)  # any of these might be it

    def __post_init__(self) -> None:
        self.texts = [plain(cell.source) for cell in self.cells]
        self.names = [names(text) for text in self.texts]
        self.wanted = [_wanted(cell) for cell in self.released]
        self.taken: set[int] = set()
        self._parse: dict[tuple[int, ...], bool] = {}

    def parses(self, run: Sequence[int], text: str) -> bool:
        """Whether some cells together, whose `text` this is, are Python; parsed once."""
        if tuple(run) not in self._parse:
            self._parse[tuple(run)] = parsed(text) is not None
        return self._parse[tuple(run)]

    def open(self) -> list[int]:
        """The released cells that have not been found yet."""
        return [r for r in range(len(self.released)) if r not in self.found]

    def free(self, where: Iterable[int] | None = None) -> list[int]:
        """The student's cells that have not been assigned, empty ones left out."""
        where = range(len(self.cells)) if where is None else where
        return [s for s in where if s not in self.taken and self.texts[s]]

    def gap(self, r: int) -> range:
        """The student's cells between the nearest ones found before and after a released cell."""
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
        """Settle on one of several cells for a part: the one that holds work, else the last run."""
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
        """Cells without marks that matter beside a solution's candidates.

        Run last, a copy of the skeleton would take the solution's place. And where nobody filled in
        what is marked, the work may stand in a cell beside it.
        """
        if not self.wanted[r]:
            return []
        copies = [s for s in self.free() if self.texts[s] == skeleton]
        if any(self.texts[s] != skeleton for s in candidates) or not functions(skeleton):
            return copies
        return copies + [s for s in self.free() if self.cells[s].cell_type == "code"
                         and self.wanted[r] <= self.names[s]]


def align(cells: Sequence[NotebookNode], released: Sequence[NotebookNode]) -> Alignment:
    """Find the released cells among a student's. Neither is changed."""
    alignment = Alignment(cells, released)
    steps: tuple[Callable[[Alignment], None], ...] = (
        _by_text, _by_claim, _by_id, _by_likeness, _by_names, _by_pieces, _by_skeleton, _by_place)
    for step in steps:
        step(alignment)
    return alignment


def _wanted(cell: NotebookNode) -> frozenset[str]:
    """What a solution must define: its skeleton's functions and classes or, without, its names."""
    if not is_solution(cell) or cell.cell_type != "code":
        return frozenset()
    text = plain(cell.source)
    return frozenset(functions(text)) or names(text)


def _count(cell: NotebookNode) -> int:
    count = cell.get("execution_count")
    return count if isinstance(count, int) else 0


def _ids(cell: NotebookNode) -> set[str]:
    """A cell's id, where nbformat and where Colab keep it."""
    return {value for value in (cell.get("id"), cell.metadata.get("id")) if isinstance(value, str)}


def _by_text(a: Alignment) -> None:
    """What students do not write is known by its text."""
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
    """A cell of a part is known by its name, where what stands in it does not speak against it."""
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
    """An editor that takes metadata away may leave the ids."""
    for r in a.open():
        own = a.released[r].get("id")
        same = [s for s in a.free() if own in _ids(a.cells[s]) and _believable(a, r, s)]
        if same and marks(a.released[r]):
            a.choose(r, same)
        elif same:
            a.settle(r, same[0])


def _believable(a: Alignment, r: int, s: int) -> bool:
    """Whether a student's cell can be the released cell that it says it is."""
    released, text = a.released[r], a.texts[s]
    if is_locked(released):
        given = plain(released.source)
        return (functions(text) <= functions(given)
                and (not text or likeness(text, given, RELATED) > 0))
    if a.wanted[r] and not a.wanted[r] & a.names[s]:
        return not any(wanted and wanted <= a.names[s] for wanted in a.wanted)
    return True


def _by_likeness(a: Alignment) -> None:
    """What students do not write, and some edit a little."""
    _most_alike(a, [r for r in a.open() if not is_solution(a.released[r])], ALIKE)


def _by_skeleton(a: Alignment) -> None:
    """A solution is like its skeleton where only the marked lines were filled in."""
    _most_alike(a, [r for r in a.open() if is_solution(a.released[r]) and r not in a.shared
                    and a.released[r].cell_type == "code"], SAME_SOLUTION)


def _most_alike(a: Alignment, wanted: list[int], least: float) -> None:
    for r in wanted:
        text = plain(a.released[r].source)
        free = [s for s in a.free() if a.cells[s].cell_type == a.released[r].cell_type]
        scores = sorted(((likeness(a.texts[s], text, least - AHEAD), s) for s in free), reverse=True
                        ) if len(free) <= CROWD and text else []
        if scores and scores[0][0] >= least and all(score < scores[0][0] - AHEAD
                                                    for score, _ in scores[1:]):
            a.settle(r, scores[0][1])


def _by_names(a: Alignment) -> None:
    """A solution is known by what it defines; two of them may stand in one cell."""
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
    """A solution that was cut in two: its pieces stand together and make sense together only."""
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
    """Two or three cells of code in a row that are nobody else's."""
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
    """Whether cells are whole together, and not one without the other."""
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
    """An answer is known by its neighbours, where nothing else can stand between them."""
    for r in [r for r in a.open() if is_solution(a.released[r]) and r not in a.shared]:
        gap = a.gap(r)
        kind = a.released[r].cell_type
        free = [s for s in a.free(gap) if a.cells[s].cell_type == kind and not a.wanted[r]]
        alone = not any(a.released[i].cell_type == kind and i != r and a.gap(i) == gap
                        for i in a.open())
        if alone and free and (len(free) == 1 or (kind == "markdown" and _in_a_row(free))):
            _join(a, r, free)
        elif kind == "markdown" and not free:
            free = [s for s in a.free() if a.cells[s].cell_type == kind]
        if free and r not in a.found:
            a.possible[r] = free


def _in_a_row(run: list[int]) -> bool:
    return run == list(range(run[0], run[-1] + 1))
