"""One row of the report."""

from __future__ import annotations

from dataclasses import dataclass

from autograder import flag, text
from autograder.late import Applied


@dataclass(frozen=True)
class Line:
    """One row of the report. `parts` and `points` are None where nothing could be graded.

    A part is None where a person has still to grade it. `student` is a group's name in the rows
    of what groups hand in; `group` is that name in the rows of its members. `violations` are the
    instructions for handing in that were not followed, `deduction` what that costs. `late` is what
    the rules for being late make of it, None without a due date; `late_penalty` is taken off
    `points` already, in those of a homework before the deduction and before the cap. `unread` is
    whether what was handed in could not be read.
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
    late: Applied | None = None
    late_penalty: float = 0.0
    unread: bool = False

    def __post_init__(self) -> None:
        for name in ("happened", "flags", "violations"):
            object.__setattr__(self, name, flag.all_told(getattr(self, name)))
        object.__setattr__(self, "upload", text.sentence(self.upload))

    @property
    def is_late(self) -> bool:
        """Whether it came late, by the course's rules or, without any, by nbgrader's own."""
        return bool(self.late_penalty or (self.late and self.late.late_by))
