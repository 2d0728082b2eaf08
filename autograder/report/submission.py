"""One graded submission: all that is known of it, as its sources have it.

The table, grades.csv, feedback pages, the todo list, the class report and exports are views of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a record only names the types of what it holds
    from autograder.faults import Fault
    from autograder.gradebook.queries import GradebookEntry
    from autograder.intake.records import IntakeRecord
    from autograder.journal import Entry
    from autograder.late import Applied
    from autograder.results.flag import Flag
    from autograder.results.verdict import PartVerdict


@dataclass(frozen=True)
class GradedSubmission:
    """One submission to one assignment, or an upload of which nobody knows the owner.

    owner: a student's id, or a group's name where groups hand in; empty for nobody's upload
    received: what intake noted of the upload; an empty note where it came by another way
    gradebook: its points, those of people included; None where it is not in the gradebook
    judged: the last journal entry on each exercise, in the course's order
    late: what the late rules apply; None without a due date
    time_doubt: a flag where its timestamp.txt cannot be read for certain
    faults: the steps that failed for it
    """

    assignment: str
    owner: str
    max_points: float
    received: IntakeRecord
    gradebook: GradebookEntry | None = None
    judged: Mapping[str, Entry] = field(default_factory=dict)
    late: Applied | None = None
    time_doubt: Flag | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def part_verdicts(self) -> Iterator[PartVerdict]:
        """The judge's verdicts on all parts, in the order of the exercises."""
        return (part for entry in self.judged.values() for part in entry.verdict.parts)

    @property
    def events(self) -> Iterator[str]:
        """What happened to the student's process in any of the exercises."""
        return (event for entry in self.judged.values() for event in entry.verdict.events)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was unusual about the upload: why it cannot be read, or else remarks."""
        problem = self.received.problem
        return (problem,) if problem else self.received.remarks

    @property
    def waiting(self) -> list[str]:
        """The parts that a person has still to grade."""
        parts = self.gradebook.parts if self.gradebook else {}
        return [part for part, points in parts.items() if points is None]

    @property
    def again(self) -> dict[str, float]:
        """The parts that were graded by hand before another answer came, with their points."""
        notebooks = self.gradebook.notebooks if self.gradebook else ()
        return {part: points for one in notebooks for part, points in one.again.items()}
