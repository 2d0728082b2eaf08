"""The report of a round: a row for each group of the roster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from autograder.course import Course
from autograder.crossfeedback import rounds
from autograder.crossfeedback.collect import Return, returns
from autograder.crossfeedback.comment_cells import commented_exercise
from autograder.files import write_table
from autograder.roster import Roster
from autograder.terminal import Grid

CSV = "report.csv"
HEADER = ("group", "members", "reviews", "letter", "came_back", "file", "subtasks", "of",
          "characters", "took_part", "remarks")


@dataclass(frozen=True)
class Participation:
    """A group's part in it. `reviews` and `letter` are empty if it got no notebook to review."""

    group: str
    members: tuple[str, ...]
    reviews: str
    letter: str
    came: Return | None
    subtasks: int
    of: int

    @property
    def took_part(self) -> bool:
        return self.subtasks > 0

    @property
    def characters(self) -> int:
        return sum(map(len, (self.came.comments or {}).values())) if self.came else 0

    @property
    def happened(self) -> str:
        """The reason why a group took no part, or what was unusual."""
        if not self.reviews:
            return "handed in nothing, so it got nothing to comment on"
        if self.came is None:
            return "nothing came back"
        empty = [] if self.took_part else ["came back without comments"]
        return "; ".join([*empty, *self.came.remarks])


def rows(course: Course, assignment: str, roster: Roster) -> list[Participation]:
    """A row for each group of the roster, and each that took part and has left the roster."""
    drawn = rounds.load(course, assignment)
    came = returns(course, assignment)
    subtasks = commented_exercise(course, assignment).subtasks
    found = []
    for group in dict.fromkeys([*roster.groups, *drawn.reviews]):
        reviewed = drawn.reviews.get(group, "")
        back = came.get(group)
        members = tuple(member.id for member in roster.groups.get(group, []))
        found.append(Participation(group, members, reviewed, drawn.letters.get(reviewed, ""), back,
                         len(back.comments or {}) if back else 0, len(subtasks)))
    return found


def missing(found: list[Participation]) -> list[str]:
    """The groups that have not taken part."""
    return [row.group for row in found if not row.took_part]


def table(assignment: str, found: list[Participation]) -> Grid:
    grid = Grid(title=f"{assignment}: cross-feedback")
    for column in ("group", "reviews", "as", "came back (UTC)"):
        grid.add_column(column, no_wrap=True)
    for column in ("subtasks", "characters"):
        grid.add_column(column, justify="right")
    grid.add_column("what happened", ratio=1)
    for row in found:
        time = row.came.time[:16].replace("T", " ") if row.came else ""
        grid.add_row(row.group, row.reviews, row.letter, time,
                     f"{row.subtasks} of {row.of}" if row.reviews else "",
                     str(row.characters) if row.came else "",
                     Text(row.happened, "" if row.took_part else "red"))
    return grid


def write_csv(path: Path, found: list[Participation]) -> None:
    """Write the report as a table; cells that a spreadsheet would take for formulas are quoted."""
    write_table(path, HEADER, (
        (row.group, " ".join(row.members), row.reviews, row.letter,
         row.came.time if row.came else "", row.came.file if row.came else "",
         row.subtasks, row.of, row.characters, "yes" if row.took_part else "no", row.happened)
        for row in found))
