"""Repair a notebook that lost its marks, cells or order on its way, where that is certain.

What grading goes by always comes from the notebook as it was released, never from the student's.
No line that a student wrote is taken out. No cell is moved, but for answers in words whose own cell
is empty (elsewhere.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from autograder.cells import is_locked, is_solution, marks, tags_of
from autograder.intake.align import Alignment, align
from autograder.intake.apart import take_apart
from autograder.intake.cells import listed, name_of, parsed, plain
from autograder.intake.elsewhere import move_answers
from autograder.intake.ids import give_ids, have_ids
from autograder.intake.order import moved, used_too_early
from autograder.intake.read import read_any as read_any
from autograder.release.source import SKIP_TAG

TELLING = ("grade_id", "grade", "locked", "points", "solution", "task")


@dataclass(frozen=True)
class Repaired:
    """A notebook that can be graded. `repaired` says what was done, `unsure` what to look at.

    Where nothing was done, it is the very notebook that came.
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

    def say(self, which: Iterable[int], one: str, many: str) -> None:
        """Say one thing of all cells that it is true of; {} stands for their names."""
        which = list(which)
        if which:
            self.repaired.append((one if len(which) == 1 else many).format(self.names(which)))


def repair(notebook: NotebookNode, released: NotebookNode) -> Repaired:
    """Bring a student's notebook into the form in which it was released, its content kept.

    `released` is the notebook as students received it. Neither is changed.
    """
    if not any(cell.source.strip() for cell in notebook.cells):
        return Repaired(copy.deepcopy(released), (
            "the notebook is empty; graded with the notebook as it was released",))
    cells, parted = take_apart([_copy(cell) for cell in notebook.cells], released.cells)
    mend = _Repair(cells, list(released.cells), align(cells, released.cells))
    mend.say(parted, "{} stood in one cell with something else, and stands by itself again",
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
    """A copy whose outputs, which nothing here changes, are the original's."""
    return NotebookNode({**cell, "metadata": copy.deepcopy(cell.metadata)})


def _join(mend: _Repair) -> None:
    cut = {r: pieces for r, pieces in mend.a.pieces.items() if pieces}
    for r, pieces in cut.items():
        cell = mend.cells[mend.a.found[r]]
        between = "\n" if cell.cell_type == "code" else "\n\n"
        cell.source = between.join([cell.source, *(mend.cells[s].source for s in pieces)])
        if cell.cell_type == "code":
            cell.outputs = [out for s in (mend.a.found[r], *pieces)
                            for out in mend.cells[s].get("outputs", [])]
        mend.dropped |= set(pieces)
    mend.say(cut, "{} had been cut into pieces, which are one cell again",
             "{} had been cut into pieces, which are one cell each again")


def _rivals(mend: _Repair) -> None:
    """Copies of a part's cell: one counts, what holds work of its own stays beside it."""
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
                # Run after the one that counts, it would take its place.
                cell.metadata["tags"] = [*tags_of(cell), SKIP_TAG]
        if r in a.undecided:
            mend.unsure.append(
                f"{mend.names([r])} is there in {len(found) + 1} versions that differ; the one "
                "that was run last, or else comes last, counts. Look whether that is right")
    mend.say(rivals, "{} was there more than once: one of them counts, and others that hold "
             "something of yours stay as cells without a name",
             "{} were there more than once: one of each counts, and others that hold something of "
             "yours stay as cells without a name")


def _answers(mend: _Repair) -> None:
    """Answers in words that were written beside the cell for them."""
    found = {s: r for r, s in mend.a.found.items()}
    found |= {s: r for r, pieces in mend.a.pieces.items() for s in pieces}
    dropped, done = move_answers(mend.cells, found, mend.released)
    mend.dropped |= set(dropped)
    mend.a.taken |= set(dropped)
    mend.repaired += done.values()


def _unmark(mend: _Repair) -> None:
    """Only what was released is graded, whatever a cell calls itself."""
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
    """Code that became text is code again, and the other way round."""
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
    mend.say(turned, "{} had become a cell of another type, and was turned back",
             "{} had become cells of another type, and were turned back")


def _mark(mend: _Repair) -> None:
    """nbgrader's metadata as it was released; points are never taken from a student's file."""
    lost, changed = [], []
    for r, s in sorted(mend.a.found.items()):
        cell, released = mend.cells[s], mend.released[r]
        right = marks(released)
        if right:
            if not marks(cell):
                lost.append(r)
            # Checksum and schema are nbgrader's own business, and change with a release.
            elif any(marks(cell).get(key) != right.get(key) for key in TELLING):
                changed.append(r)
            cell.metadata["nbgrader"] = copy.deepcopy(right)
            for key in ("deletable", "editable"):
                if key in released.metadata:
                    cell.metadata[key] = released.metadata[key]
        elif "nbgrader" in cell.metadata:
            changed.append(r)
            del cell.metadata["nbgrader"]
    mend.say(lost, "the mark that grading goes by was missing from {}, and was put back",
             "the marks that grading goes by were missing from {}, and were put back")
    mend.say(changed, "the mark that grading goes by was changed on {}, and was put back",
             "the marks that grading goes by were changed on {}, and were put back")


def _tags(mend: _Repair) -> None:
    """What grading does not run (it trains, it installs) is told by tags."""
    without = []
    for r, s in sorted(mend.a.found.items()):
        cell, released = mend.cells[s], mend.released[r]
        missing = [tag for tag in tags_of(released) if tag not in tags_of(cell)]
        if missing and cell.cell_type == "code":
            cell.metadata["tags"] = [*tags_of(cell), *missing]
            without.append(r)
    mend.say(without, "the tag of {} was missing, and was put back",
             "the tags of {} were missing, and were put back")


def _restore(mend: _Repair) -> None:
    """Put cells of parts that are missing back as they were released."""
    a = mend.a
    missing = [r for r in a.open() if marks(mend.released[r])]
    for r in missing:
        before = next((i for i in range(r - 1, -1, -1) if i in a.found), None)
        place = 0 if before is None else max([a.found[before], *a.pieces.get(before, [])]) + 1
        # The skeleton must not replace what the student defines under the same name.
        defining = [s for s, names in enumerate(a.names) if names & a.wanted[r]]
        mend.restored.append((min([place, *defining]), r))
    for r, s in a.shared.items():
        others = [i for i, found in a.found.items() if found == s]
        mend.repaired.append(f"{mend.names([r])} is written in one cell with "
                             f"{mend.names(others)}, and judged from there")
    for r, found in a.possible.items():
        cells = listed(name_of(mend.cells[s]) for s in found)
        mend.unsure.append(f"{mend.names([r])} was not found for certain; look at {cells}")
    mend.say((r for r in missing if is_locked(mend.released[r])),
             "{} was missing, and was put back", "{} were missing, and were put back")
    mend.say((r for r in missing if is_solution(mend.released[r]) and r not in a.shared),
             "{} was missing, and was put back as it was released, with nothing filled in",
             "{} were missing, and were put back as they were released, with nothing filled in")


def _edited(mend: _Repair) -> None:
    mend.say((r for r, s in sorted(mend.a.found.items()) if is_locked(mend.released[r])
              and mend.a.texts[s] != plain(mend.released[r].source)),
             "{} is not as it was released; grading takes it as it was",
             "{} are not as they were released; grading takes them as they were")


def _order(mend: _Repair) -> None:
    """The student's order stays: they may have run it so."""
    a = mend.a
    followed = [r for r in sorted(a.found) if mend.released[r].cell_type == "code"
                or marks(mend.released[r])]
    out_of_place = [followed[i] for i in sorted(moved([a.found[r] for r in followed]))]
    mend.say(out_of_place, "{} stands in another place than in the released notebook; your order "
             "was kept", "{} stand in other places than in the released notebook; your order was "
             "kept")
    if out_of_place:
        kept = [cell for s, cell in enumerate(mend.cells) if s not in mend.dropped]
        mend.unsure += [f"{name_of(cell)} uses `{name}`, which only a later cell defines"
                        for cell, name in used_too_early(kept)]


def _missing(mend: _Repair) -> None:
    """What was taken away or cut off is told; its author may have wanted that."""
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
    spec, info = metadata.get("kernelspec", {}), metadata.get("language_info", {})
    language = str(spec.get("language") or info.get("name") or "python")
    if "python" not in language.lower():
        mend.repaired.append(f"the notebook's language was {language[:20]}, and is Python again")
        for key in ("kernelspec", "language_info"):
            metadata.pop(key, None)
            if key in released.metadata:
                metadata[key] = copy.deepcopy(released.metadata[key])


def _placed(mend: _Repair) -> list[tuple[NotebookNode, int | None]]:
    """The cells of the repaired notebook, each with the released one that it is, if it is one."""
    which = {s: r for r, s in mend.a.found.items()}
    placed: list[tuple[NotebookNode, int | None]] = []
    for s in range(len(mend.cells) + 1):
        placed += [(copy.deepcopy(mend.released[r]), r) for place, r in mend.restored if place == s]
        if s < len(mend.cells) and s not in mend.dropped:
            placed.append((mend.cells[s], which.get(s)))
    return placed
