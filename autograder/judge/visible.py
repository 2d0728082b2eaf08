"""The visible checks of an exercise, run as students run them, beside its hidden tests.

Both must promise the same: whoever passes all hidden tests of a part passes its visible check.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Mapping

from nbformat import NotebookNode

from autograder.exercise.run import run_cells
from autograder.judge.grading import Grader
from autograder.judge.work import Work
from autograder.kernel.scratch import Scratch
from autograder.kernel.session import KernelSession
from autograder.results.verdict import Verdict

PROGRAM = re.compile(r"!python (?P<file>\w+\.py)")  # a check in a file of its own
RUN = """import runpy, sys
sys.argv = [{file!r}]
try:
    runpy.run_path({file!r}, run_name="__main__")
except SystemExit as end:
    assert not end.code, "{file} says that something is not right yet"
"""
Checks = Mapping[str, str]  # what did not run through, a part's check or a cell; and why


def grade_and_check(grader: Grader, work: Work) -> tuple[Verdict, Checks]:
    """What a work earns, and which of its visible checks fail."""
    return grader.grade(work), failed_checks(grader, work)


def failed_checks(grader: Grader, work: Work) -> Checks:
    """Run the notebook with its visible checks; return those that fail, each with its message."""
    limits, failed = grader.course.toml.limits, {}
    with Scratch() as folder:
        grader.write(work, folder)
        with KernelSession(folder, limits.sandbox(), grader.surroundings()) as session:
            for number, cell, outcome in run_cells(session, _with_programs(work.notebook),
                                                   limits.cell):
                marks = cell.metadata.get("nbgrader", {})
                if outcome.kind != "done":
                    failed[marks["grade_id"] if marks.get("grade") else f"cell {number}"] = (
                        outcome.says)
                if outcome.fatal:
                    break
    return failed


def disagreement(verdict: Verdict, failed: Checks) -> str:
    """Which visible checks fail although the hidden tests refuse nothing; empty if none does.

    A check may call what an earlier part wrote, so it may also fail where that one loses points. A
    cell that belongs to no part may fail where any part does.
    """
    lost = {part.part: part.points < part.max_points for part in verdict.parts}
    earlier = dict(zip(lost, itertools.accumulate(lost.values(), operator.or_), strict=True))
    return "; ".join(f"the hidden tests take no points, but the visible check `{name}` fails: "
                     f"{says}" for name, says in failed.items()
                     if not earlier.get(name, any(lost.values())))


def _with_programs(notebook: NotebookNode) -> NotebookNode:
    """The notebook with the programs that its cells start, which no shell can do in the sandbox."""
    cells = []
    for cell in notebook.cells:
        program = PROGRAM.fullmatch(cell.source.strip())
        cells.append(NotebookNode({**cell, "source": RUN.format(file=program["file"])})
                     if program and cell.cell_type == "code" else cell)
    return NotebookNode({**notebook, "cells": cells})
