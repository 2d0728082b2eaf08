#!/bin/sh
# jupytext 1.19.6: percent scripts drop a newline at the end of a cell.
#
# A cell whose source ends in a newline comes back without it, so that nbgrader's checksum of the
# cell is another one: a cell that nobody changed counts as changed.
# Expected: the source that was written. Seen: 'x = 1\n' becomes 'x = 1'.
PACKAGES="jupytext==1.19.6 nbgrader==0.9.6"
set -eu
. "$(dirname "$0")/environment"
"$python" - <<'PYTHON'
import jupytext
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import compute_checksum

mark = {"nbgrader": {"grade_id": "a", "grade": True, "points": 1, "locked": True}}
before = new_notebook(cells=[new_code_cell("x = 1\n", metadata=mark), new_code_cell("y = 2")])
after = jupytext.reads(jupytext.writes(before, fmt="py:percent"), fmt="py:percent")
sums = []
for notebook in (before, after):
    cell = notebook.cells[0]
    cell.metadata.update(mark)
    sums.append(compute_checksum(cell))
print(repr(before.cells[0].source), repr(after.cells[0].source), "same checksum:",
      sums[0] == sums[1])
assert after.cells[0].source == "x = 1" and sums[0] != sums[1], "changed: the newline is kept"
PYTHON
