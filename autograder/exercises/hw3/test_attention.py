"""Hidden test of hw3, Task 1: the one number in it. It runs in the judge."""

from __future__ import annotations

import math

from autograder.testing import Wrong, part

from . import probes_attention as probes


@part("hw3_1_4c")
def test_seconds(both, draw):
    student, reference = both(probes.number, name="seconds", times=draw.whole(1, 9999))
    if not isinstance(student, float) or not math.isfinite(student):
        raise Wrong("`seconds` should be a plain number, without its unit")
    assert math.isclose(student, reference, rel_tol=0.02), (
        "`seconds` is not the time that N layers take: count the operations of one layer, then of "
        "all, and see how many of them are done in a second")
