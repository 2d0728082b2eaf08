"""Repair a notebook that lost metadata, cells or their order, where the repair is certain.

The metadata for grading always comes from the released notebook, never from the student's. No line
of a student's is removed. No cell is moved, except answers in words whose own cell is empty
(misplaced.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.cells import is_locked, is_solution, marks, tags_of
from autograder.exercise.source import SKIP_TAG
from autograder.intake.notebook.cells import give_ids, have_ids, listed, name_of, parsed, plain
from autograder.intake.notebook.match import Alignment, align, split_merged
from autograder.intake.notebook.misplaced import move_answers
from autograder.intake.notebook.order import moved, used_too_early
from autograder.intake.notebook.read import read_any as read_any

TELLING = ("grade_id", "grade", "locked", "points", "solution", "task")


@dataclass(frozen=True)
class Repaired:
    """A notebook that can be graded, what was `repaired`, and what a person should look at.

    Where nothing was repaired, it is the very object that was given.
    """

    notebook: NotebookNode
    repaired: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


@dataclass
class _Repair:
    """A notebook under repair. `cells` are the student's, copied; `restored` go in before one."""

    cells: list[NotebookNode]
    released: list[NotebookNode]
    a: Alignment
    dropped: set[int] = field(default_factory=set)
    restored: list[tuple[int, int]] = field(default_factory=list)  # (position, released cell)
    repaired: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def names(self, which: Iterable[int]) -> str:
        return listed(name_of(self.released[r]) for r in which)

    def report(self, which: Iterable[int], one: str, many: str) -> None:
        """Report one thing of several cells, whose names replace {}."""
        which = list(which)
        if which:
            self.repaired.append((one if len(which) == 1 else many).format(self.names(which)))


def repair(notebook: NotebookNode, released: NotebookNode) -> Repaired:
    """Restore a student's notebook to its released form, with the student's content kept.

    `released` is the notebook as students received it. Neither is changed.
    """
    if not any(cell.source.strip() for cell in notebook.cells):
        return Repaired(copy.deepcopy(released), (
            "the notebook is empty; graded with the notebook as it was released",))
    cells, parted = split_merged([_copy(cell) for cell in notebook.cells], released.cells)
    mend = _Repair(cells, list(released.cells), align(cells, released.cells))
    mend.report(parted, "{} stood in one cell with something else, and stands by itself again",
                "{} stood in cells with something else, and stand by themselves again")
    steps: tuple[Callable[[_Repair], None], ...] = (
        _retype, _join, _rivals, _answers, _unmark, _mark, _tags, _restore, _edited, _order,
        _missing)
    for step in steps:
        step(mend)
    metadata = copy.deepcopy(notebook.metadata)
    _kernel(metadata, released, mend)
    placed = _placed(mend)
    give_ids(placed, mend.released)
    if not mend.repaired:
        if have_ids(notebook):
            return Repaired(notebook, (), tuple(mend.unsure))
        mend.repaired.append("cells that had no id of their own got one")
    whole = nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata})
    whole.cells = [cell for cell, _ in placed]
    return Repaired(whole, tuple(mend.repaired), tuple(mend.unsure))


def _copy(cell: NotebookNode) -> NotebookNode:
    """A copy that shares its outputs, which nothing here changes, with the original."""
    return NotebookNode({**cell, "metadata": copy.deepcopy(cell.metadata)})


def _join(mend: _Repair) -> None:
    """Join the pieces of cells that were cut."""
    cut = {r: pieces for r, pieces in mend.a.pieces.items() if pieces}
    for r, pieces in cut.items():
        cell = mend.cells[mend.a.found[r]]
        between = "\n" if cell.cell_type == "code" else "\n\n"
        cell.source = between.join([cell.source, *(mend.cells[s].source for s in pieces)])
        if cell.cell_type == "code":
            cell.outputs = [out for s in (mend.a.found[r], *pieces)
                            for out in mend.cells[s].get("outputs", [])]
        mend.dropped |= set(pieces)
    mend.report(cut, "{} had been cut into pieces, which are one cell again",
                "{} had been cut into pieces, which are one cell each again")


def _rivals(mend: _Repair) -> None:
    """Leave one of several copies of a part's cell its name; others with work stay, unnamed."""
    a = mend.a
    rivals = {r: found for r, found in a.rivals.items() if found}
    for r, found in rivals.items():
        released = plain(mend.released[r].source)
        kept = a.found[r]
        for s in found:
            cell = mend.cells[s]
            cell.metadata.pop("nbgrader", None)
            if a.texts[s] == released and (a.texts[kept] != released or is_locked(
                    mend.released[r])):
                mend.dropped.add(s)
            elif r in a.undecided and s > kept and cell.cell_type == "code":
                # Run after the one that counts, it would replace that one's definitions.
                cell.metadata["tags"] = [*tags_of(cell), SKIP_TAG]
        if r in a.undecided:
            mend.unsure.append(
                f"{mend.names([r])} is there in {len(found) + 1} versions that differ; the one "
                "that was run last, or else comes last, counts. Look whether that is right")
    mend.report(rivals, "{} was there more than once: one of them counts, and others that hold "
                "something of yours stay as cells without a name",
                "{} were there more than once: one of each counts, and others that hold "
                "something of yours stay as cells without a name")


def _answers(mend: _Repair) -> None:
    """Move answers in words that were written beside the cell for them."""
    found = {s: r for r, s in mend.a.found.items()}
    found |= {s: r for r, pieces in mend.a.pieces.items() for s in pieces}
    dropped, done = move_answers(mend.cells, found, mend.released)
    mend.dropped |= set(dropped)
    mend.a.taken |= set(dropped)
    mend.repaired += done.values()


def _unmark(mend: _Repair) -> None:
    """Remove nbgrader's metadata from cells that are no part of the assignment."""
    parts = {marks(cell)["grade_id"] for cell in mend.released if marks(cell)}
    found = set(mend.a.found.values()) | mend.dropped
    strange = []
    for s, cell in enumerate(mend.cells):
        if s in found or "nbgrader" not in cell.metadata:
            continue
        strange.append(name_of(cell))
        if marks(cell).get("grade_id") in parts:
            mend.unsure.append(f"a cell calls itself {name_of(cell)} but holds something else; it "
                               "stays as a cell without a name")
        del cell.metadata["nbgrader"]
    if strange:
        mend.repaired.append(f"{listed(dict.fromkeys(strange))}: marks for grading on cells that "
                             "are no part of the assignment were taken away")


def _retype(mend: _Repair) -> None:
    """Restore the type of cells: code that became text, or text that became code."""
    turned = []
    for r, s in mend.a.found.items():
        cell, released = mend.cells[s], mend.released[r]
        own = bool(marks(released)) or (mend.a.texts[s] == plain(released.source)
                                        and SKIP_TAG not in tags_of(released))
        if cell.cell_type == released.cell_type or not own:
            continue
        turned.append(r)
        cell.cell_type = released.cell_type
        for key in ("outputs", "execution_count", "attachments"):
            cell.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    mend.report(turned, "{} had become a cell of another type, and was turned back",
                "{} had become cells of another type, and were turned back")


def _mark(mend: _Repair) -> None:
    """Restore nbgrader's metadata; points never come from a student's file."""
    lost, changed = [], []
    for r, s in sorted(mend.a.found.items()):
        cell, right = mend.cells[s], marks(mend.released[r])
        if right and not marks(cell):
            lost.append(r)
        elif _is_marked_otherwise(cell, right):
            changed.append(r)
        _set_marks(cell, mend.released[r])
    mend.report(lost, "the mark that grading goes by was missing from {}, and was put back",
                "the marks that grading goes by were missing from {}, and were put back")
    mend.report(changed, "the mark that grading goes by was changed on {}, and was put back",
                "the marks that grading goes by were changed on {}, and were put back")


def _is_marked_otherwise(cell: NotebookNode, right: dict[str, Any]) -> bool:
    """Whether marks differ from the released ones in what matters.

    Checksum and schema are nbgrader's own business, and change with a release.
    """
    if not right:
        return "nbgrader" in cell.metadata
    return any(marks(cell).get(key) != right.get(key) for key in TELLING)


def _set_marks(cell: NotebookNode, released: NotebookNode) -> None:
    if not marks(released):
        cell.metadata.pop("nbgrader", None)
        return
    cell.metadata["nbgrader"] = copy.deepcopy(marks(released))
    for key in ("deletable", "editable"):
        if key in released.metadata:
            cell.metadata[key] = released.metadata[key]


def _tags(mend: _Repair) -> None:
    """Restore the tags that keep grading from running a cell (it trains, it installs)."""
    without = []
    for r, s in sorted(mend.a.found.items()):
        cell, released = mend.cells[s], mend.released[r]
        missing = [tag for tag in tags_of(released) if tag not in tags_of(cell)]
        if missing and cell.cell_type == "code":
            cell.metadata["tags"] = [*tags_of(cell), *missing]
            without.append(r)
    mend.report(without, "the tag of {} was missing, and was put back",
                "the tags of {} were missing, and were put back")


def _restore(mend: _Repair) -> None:
    """Put missing cells of parts back as they were released."""
    a = mend.a
    missing = [r for r in a.open() if marks(mend.released[r])]
    for r in missing:
        before = next((i for i in range(r - 1, -1, -1) if i in a.found), None)
        place = 0 if before is None else max([a.found[before], *a.pieces.get(before, [])]) + 1
        # The skeleton must not replace the student's definitions of the same names.
        defining = [s for s, names in enumerate(a.names) if names & a.wanted[r]]
        mend.restored.append((min([place, *defining]), r))
    for r, s in a.shared.items():
        others = [i for i, found in a.found.items() if found == s]
        mend.repaired.append(f"{mend.names([r])} is written in one cell with "
                             f"{mend.names(others)}, and judged from there")
    for r, found in a.possible.items():
        cells = listed(name_of(mend.cells[s]) for s in found)
        mend.unsure.append(f"{mend.names([r])} was not found for certain; look at {cells}")
    mend.report((r for r in missing if is_locked(mend.released[r])),
                "{} was missing, and was put back", "{} were missing, and were put back")
    mend.report((r for r in missing if is_solution(mend.released[r]) and r not in a.shared),
                "{} was missing, and was put back as it was released, with nothing filled in",
                "{} were missing, and were put back as they were released, with nothing filled in")


def _edited(mend: _Repair) -> None:
    """Report given cells that were edited."""
    mend.report((r for r, s in sorted(mend.a.found.items()) if is_locked(mend.released[r])
                 and mend.a.texts[s] != plain(mend.released[r].source)),
                "{} is not as it was released; grading takes it as it was",
                "{} are not as they were released; grading takes them as they were")


def _order(mend: _Repair) -> None:
    """Report cells in another order than the released one, which they keep: it may have run so."""
    a = mend.a
    followed = [r for r in sorted(a.found) if mend.released[r].cell_type == "code"
                or marks(mend.released[r])]
    out_of_place = [followed[i] for i in sorted(moved([a.found[r] for r in followed]))]
    mend.report(out_of_place,
                "{} stands in another place than in the released notebook; your order was kept",
                "{} stand in other places than in the released notebook; your order was kept")
    if out_of_place:
        kept = [cell for s, cell in enumerate(mend.cells) if s not in mend.dropped]
        mend.unsure += [f"{name_of(cell)} uses `{name}`, which only a later cell defines"
                        for cell, name in used_too_early(kept)]


def _missing(mend: _Repair) -> None:
    """Report what was removed or cut off; its author may have wanted that."""
    lines = {line.strip() for text in mend.a.texts for line in text.splitlines()}
    for r in mend.a.open():
        cell = mend.released[r]
        if cell.cell_type == "code" and not marks(cell) and SKIP_TAG not in tags_of(cell):
            own = [line.strip() for line in cell.source.splitlines() if line.strip()]
            if sum(line in lines for line in own) < len(own) / 2:
                mend.unsure.append(f"the given cell {name_of(cell)} is missing")
    for s in mend.a.free():
        text = mend.a.texts[s]
        if mend.cells[s].cell_type == "code" and text[0].isspace() and parsed(text) is None:
            mend.unsure.append(f"the cell {name_of(mend.cells[s])} looks like a piece of another")


def _kernel(metadata: NotebookNode, released: NotebookNode, mend: _Repair) -> None:
    """Make Python the notebook's language."""
    spec, info = metadata.get("kernelspec", {}), metadata.get("language_info", {})
    language = str(spec.get("language") or info.get("name") or "python")
    if "python" not in language.lower():
        mend.repaired.append(f"the notebook's language was {language[:20]}, and is Python again")
        for key in ("kernelspec", "language_info"):
            metadata.pop(key, None)
            if key in released.metadata:
                metadata[key] = copy.deepcopy(released.metadata[key])


def _placed(mend: _Repair) -> list[tuple[NotebookNode, int | None]]:
    """The cells of the repaired notebook, each with the position of its released one, if any."""
    which = {s: r for r, s in mend.a.found.items()}
    placed: list[tuple[NotebookNode, int | None]] = []
    for s in range(len(mend.cells) + 1):
        placed += [(copy.deepcopy(mend.released[r]), r) for place, r in mend.restored if place == s]
        if s < len(mend.cells) and s not in mend.dropped:
            placed.append((mend.cells[s], which.get(s)))
    return placed
