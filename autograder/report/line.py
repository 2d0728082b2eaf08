"""One row of the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One row of the report. `parts` and `points` are None where nothing could be graded.

    A part is None where a person has still to grade it. `student` is a group's name in the rows
    of what groups hand in; `group` is that name in the rows of its members. `violations` are the
    instructions for handing in that were not followed, `deduction` what that costs.
    """

    student: str
    upload: str
    parts: dict[str, float | None] | None
    points: float | None
    max_points: float
    happened: tuple[str, ...]
    flags: tuple[str, ...]
    violations: tuple[str, ...] = ()
    deduction: float = 0.0
    group: str = ""
