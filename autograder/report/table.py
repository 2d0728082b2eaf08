"""The grade table on the terminal: a line for each student, and the class at the end."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autograder.report.grades import number, parts_of
from autograder.report.line import Line
from autograder.terminal import Grid

WAITS = "+?"  # what a person has still to grade comes on top
NOBODY = "?"  # in the place of an id, beside the name of an upload that is nobody's
SHORTEST_NAME, LONGEST_NAME, SHORTEST_ID, LONGEST_ID = 8, 28, 7, 20
GAP = 2  # between two columns
OF_THE_CLASS: tuple[tuple[str, Callable[[list[float]], float]], ...] = (
    ("mean", statistics.mean), ("median", statistics.median), ("highest", max))


def table(name: str, found: list[Line], names: Mapping[str, str], width: int) -> Grid:
    """The table that `autograder grade` ends with, no wider than `width`.

    A column a part where there is room for them, else one for those whose names begin alike: a
    task's, an exercise's. `names` are people's names by their ids, or by their groups.
    """
    shown = [names.get(line.student, "") if line.student else line.upload for line in found]
    named = any(names.get(line.student) for line in found)
    columns = _fitting(name, found, named, width - (SHORTEST_NAME + GAP) * named)
    most = f", of {max(line.max_points for line in found):g} points" if found else ""
    grid = Grid(title=f"{name}: grades{most}", box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0),
                show_edge=False, pad_edge=False)
    left = width - sum(column.width + GAP for column in columns)
    for column in columns:
        grid.add_column(column.heading, width=column.width, no_wrap=True, overflow="ellipsis",
                        justify="left" if column.is_text else "right")
        if column is columns[0] and named:
            longest = max(map(cell_len, shown))
            grid.add_column("name", width=max(min(longest, LONGEST_NAME, left), 4), no_wrap=True,
                            overflow="ellipsis")
    for row, who in enumerate(shown):
        cells: list[str | Text] = [column.cells[row] for column in columns]
        cells[-1] = Text(str(cells[-1]), "yellow")
        grid.add_row(*cells[:1], *[who] * named, *cells[1:])
    grid.add_section()
    for heading, of in OF_THE_CLASS:
        figures = [column.of_class(of) for column in columns]
        grid.add_row(heading, *[""] * named, *figures[1:], style="dim")
    return grid


@dataclass(frozen=True)
class Column:
    """A column: its cells in words and, where it has points, in numbers.

    A number is None where there are no points at all; `waits` where some of them are still to come.
    """

    heading: str
    cells: list[str]
    points: list[float | None] | None = None
    waits: bool = False
    least: int = 0
    longest: int = 1000

    @property
    def is_text(self) -> bool:
        return self.points is None

    @property
    def width(self) -> int:
        figures = [self.of_class(of) for _, of in OF_THE_CLASS]
        widest = max(map(cell_len, [self.heading, *self.cells, *figures]))
        return min(max(widest, self.least), self.longest)

    def of_class(self, of: Callable[[list[float]], float]) -> str:
        """A figure of all who have points; a mark where some of these are still to come."""
        known = [one for one in self.points or () if one is not None]
        return number(round(of(known), 1)) + WAITS * self.waits if known else ""


def _fitting(name: str, found: list[Line], named: bool, width: int) -> list[Column]:
    """The columns, with as many for the parts as there is room for; none where there is too little.
    """
    who = Column("who", [line.student or (NOBODY if named else line.upload) for line in found],
                 least=SHORTEST_ID, longest=LONGEST_ID)
    last = [Column(heading, [number(one) if one else "" for one in values])
            for heading, values in (("deduction", [-line.deduction for line in found]),
                                    ("late", [_late(line) for line in found])) if any(values)]
    last = [replace(one, points=[]) for one in last]
    last += [Column("total", list(map(_total, found)), [line.points for line in found],
                    any(_waits(line.parts) for line in found)),
             Column("marks", list(map(_mark, found)))]
    parts = parts_of(found)
    for words in range(max((part.count("_") for part in parts), default=0) + 1, 0, -1):
        grouped: dict[str, list[str]] = {}
        for part in parts:
            beginning = "_".join(part.split("_")[:words]).removeprefix(f"{name}_")
            grouped.setdefault(beginning.replace("_", " "), []).append(part)
        columns = [who, *(_of_parts(heading, found, some) for heading, some in grouped.items()),
                   *last]
        if _fit(columns, width):
            return columns
    return [who, *last] if _fit([who, *last], width) else [who, *last[-2:]]


def _fit(columns: list[Column], width: int) -> bool:
    return sum(column.width + GAP for column in columns) - GAP <= width


def _of_parts(heading: str, found: list[Line], parts: list[str]) -> Column:
    """Some parts together."""
    theirs = [{part: line.parts[part] for part in parts if part in line.parts}
              if line.parts is not None else None for line in found]
    points = [sum(one for one in some.values() if one is not None) if some else None
              for some in theirs]
    cells = [_so_far(some) if some else "" for some in theirs]
    return Column(heading, cells, points, any(map(_waits, theirs)))


def _so_far(parts: Mapping[str, float | None]) -> str:
    known = [one for one in parts.values() if one is not None]
    return (number(sum(known)) if known else "") + WAITS * _waits(parts)


def _waits(parts: Mapping[str, float | None] | None) -> bool:
    """Whether a person has still to grade one of the parts."""
    return None in (parts or {}).values()


def _late(line: Line) -> float:
    return -line.late_penalty


def _total(line: Line) -> str:
    return number(line.points) + WAITS * (_waits(line.parts) and line.points is not None)


def _mark(line: Line) -> str:
    """What is unusual about a row, in a word."""
    said = ["not graded"] if line.points is None else []
    said += ["unread"] if line.unread and line.points is not None else []
    said += ["late"] if line.is_late and not line.late_penalty else []
    said += ["person"] if line.flags and line.points is not None else []
    return ", ".join(said)


def legend(found: list[Line]) -> str:
    """What the marks in the table mean, as far as they are in it."""
    said = [f"{WAITS} a person has still to grade some of it"] if any(
        _waits(line.parts) for line in found) else []
    said += ["person: look at it"] if any(line.flags for line in found) else []
    return "; ".join(said)


def why(line: Line, names: Mapping[str, str]) -> Group:
    """What happened to one student's work, a paragraph for each thing."""
    who = " ".join(filter(None, [line.student or line.upload, names.get(line.student, "")]))
    points = "no points" if line.points is None else f"{line.points:g} of {line.max_points:g}"
    told: list[RenderableType] = [Text(f"{who}: {points}", "bold")]
    told += [Padding(Text(text), (0, 0, 0, 2)) for text in line.happened or ("graded",)]
    told += [Padding(Text(f"for a person: {flag}", "yellow"), (0, 0, 0, 2)) for flag in line.flags]
    return Group(*told)
