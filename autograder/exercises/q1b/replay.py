"""Whether a recorded training began as the handed-in notebook's does: its first steps are repeated.

On the creatures and the stand-in everything that decides about them is at hand: weights, data,
seeds. The real Pix2Struct is not; a run that began with weights of another hash is not judged.

What is compared is what devices share. The order of the data is drawn on the CPU wherever one
trains, and labels are whole numbers: they must be equal. The loss of the first batch without
dropout is the same up to rounding. Dropout is not: a GPU draws other numbers than a CPU. So losses
in training may differ as much as with other draws, unless the first one shows that the draws are
the same.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbformat import NotebookNode

from autograder.course import Exercise
from autograder.exercise import source
from autograder.testing import Answer

from . import recorded
from .recorded import Run, Training

FEW = 3  # batches that are repeated: the third is the first that depends on a state of AdamW
SECONDS = 3.0  # of the person's code; the stand-in with the given settings takes one, or two on a
# busy machine, where processors share their caches: see probes_replay.SECONDS, which is under it
NEEDED = ("data", "split", "model", "sets")  # cells before the one that trains, by their ids
# Shares of a loss. Measured with the stand-in on a CPU (a GPU was not at hand): one thread or two
# give the same four decimals in ten batches; weights rounded to bfloat16, or a forward pass in it,
# 0.0005 without dropout; four other draws of dropout up to 0.05 in three batches, 0.07 in ten, and
# never less than 0.004 in the first.
ROUNDING = 0.005
SAME_DRAWS = 0.0001  # of the first loss in training: then dropout drew the same numbers
ALIKE = 0.002  # of the losses after it, there
OTHER_DRAWS = 0.15


@functools.cache
def released() -> Mapping[str, str]:
    """The cells of the notebook as it is given out, by their ids."""
    exercise = Exercise("q1b", Path(__file__).parent)
    return {cell.id: cell.source for cell in source.read_notebook(exercise).cells}


def given_cells() -> list[str]:
    """What the reference runs: no student's cell ever comes near it."""
    return [released()[name] for name in (*NEEDED, "training")]


def own_cells(notebook: NotebookNode, training: Training) -> list[str]:
    """What the person's side runs: the notebook's cells that make the data, load the model and
    train, and what somebody put between them. Where an editor took their ids away, those that are
    given, and the cell that trained."""
    place = {cell.get("id"): number for number, cell in enumerate(notebook.cells)}
    if not place.keys() >= {*NEEDED}:
        return [*given_cells()[:-1], notebook.cells[training.cell].source]
    needed = [place[name] for name in NEEDED]
    between = [number for number in range(min(needed), training.cell)
               if notebook.cells[number].get("id") not in released()]
    return [notebook.cells[number].source
            for number in sorted({*needed, *between, training.cell})
            if notebook.cells[number].cell_type == "code"]


def cannot(probe: str, answer: Answer) -> str:
    """Why no losses can come of the handed-in code, as a probe has seen it; empty where they can.

    What the grader lacked is nobody's doing.
    """
    name = {"training": "train_epoch", "validation": "valid_epoch", "splits": "load_splits"}[probe]
    ask = "ask how the recorded losses came about"
    if answer.failure is not None:
        known = answer.failure.fatal or answer.failure.untried
        return "" if known else (
            f"`{name}`, as handed in, gives nothing ({answer.failure.says}): {ask}")
    if isinstance(answer.value, dict) and answer.value.get("moved") is False:
        return f"`{name}`, as handed in, moves no weight: {ask}"
    return ""


def oddity(told: Run, again: Answer) -> str:
    """What a person should look at in a recorded run whose first steps the person's own code has
    taken again; empty where they are the same, or the grader lacked something."""
    if again.failure is not None and (again.failure.fatal or again.failure.untried):
        return ""
    here = run_of(again)
    if here is None:
        why = again.failure.says if again.failure is not None else "no batch came"
        return ("the first steps of the recorded training cannot be repeated with the notebook's "
                f"own code ({why}): ask which code it was made with")
    if here.weights != told.weights:
        return ""
    found = next(differences(told, here), "")
    return found and (
        "the first steps of the recorded training were repeated with the notebook's own code, from "
        f"the same weights: {found}. Were cells changed after the training? Else ask how the line "
        "`run of ...` came about")


def run_of(answer: Answer) -> Run | None:
    """The run that the probe `first_steps` has told of."""
    return recorded.run(answer.value) if isinstance(answer.value, str) else None


def differences(told: Run, here: Run) -> Iterator[str]:
    """How a recorded run began otherwise than the one that was repeated here, from equal weights.

    Losses follow from what came before, so that the first difference is told alone.
    """
    pairs = list(zip(told.batches, here.batches, strict=False))
    unlike = [number for number, ((theirs, _), (ours, _)) in enumerate(pairs, start=1)
              if theirs != ours]
    if unlike:
        yield f"batch {unlike[0]} holds other examples than recorded"
        return
    if _apart(told.without_dropout, here.without_dropout) > ROUNDING:
        yield (f"the loss of the first batch without dropout is recorded as "
               f"{told.without_dropout:.4f}, and is {here.without_dropout:.4f}")
        return
    apart = [_apart(theirs, ours) for (_, theirs), (_, ours) in pairs]
    allowed = ALIKE if apart and apart[0] <= SAME_DRAWS else OTHER_DRAWS
    for number, distance in enumerate(apart, start=1):
        if distance > allowed:
            (_, theirs), (_, ours) = pairs[number - 1]
            yield f"the loss of batch {number} is recorded as {theirs:.4f}, and is {ours:.4f}"
            return


def _apart(one: float, other: float) -> float:
    """How far two losses lie apart, as a share of the second."""
    distance = abs(one - other) / max(abs(other), 1e-9)
    return distance if math.isfinite(distance) else math.inf

