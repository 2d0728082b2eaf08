"""The grade table on the terminal: a line for each student, and the class at the end."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from autograder.report.grades import number, parts_of
from autograder.report.totals import GradeRow
from autograder.terminal import Grid

WAITS = "+?"  # what a person has still to grade comes on top
NOBODY = "?"  # in the place of an id, beside the name of an upload that is nobody's
SHORTEST_NAME, LONGEST_NAME, SHORTEST_ID, LONGEST_ID = 8, 28, 7, 20
GAP = 2  # between two columns
OF_THE_CLASS: tuple[tuple[str, Callable[[list[float]], float]], ...] = (
    ("mean", statistics.mean), ("median", statistics.median), ("highest", max))


def table(name: str, found: list[GradeRow], names: Mapping[str, str], width: int) -> Grid:
    """The table that `autograder grade` ends with, no wider than `width`.

    Each part has a column if there is room, else those whose names begin alike share one: a task's,
    an exercise's. `names` are people's names by their ids, or by their groups.
    """
    named = any(names.get(row.student) for row in found)
    columns = _fitting(name, found, named, width - (SHORTEST_NAME + GAP) * named)
    if named:
        left = width - sum(column.width + GAP for column in columns)
        columns.insert(1, _names(found, names, left))
    most = f", of {max(row.max_points for row in found):g} points" if found else ""
    grid = Grid(title=f"{name}: grades{most}", box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0),
                show_edge=False, pad_edge=False)
    for column in columns:
        grid.add_column(column.heading, width=column.width, no_wrap=True, overflow="ellipsis",
                        justify="left" if column.is_text else "right")
    for cells in zip(*(column.cells for column in columns), strict=True):
        grid.add_row(*cells[:-1], Text(cells[-1], "yellow"))
    grid.add_section()
    for heading, of in OF_THE_CLASS:
        grid.add_row(heading, *(column.of_class(of) for column in columns[1:]), style="dim")
    return grid


def _names(found: list[GradeRow], names: Mapping[str, str], room: int) -> Column:
    """People's names, cut to the room that is left; an upload's name where it is nobody's."""
    cells = [names.get(row.student, "") if row.student else row.upload for row in found]
    width = max(min(max(map(cell_len, cells)), LONGEST_NAME, room), 4)
    return Column("name", cells, least=width, longest=width)


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


def _fitting(name: str, found: list[GradeRow], named: bool, width: int) -> list[Column]:
    """The columns, with as many for the parts as there is room for; none where there is too little.
    """
    who = Column("who", [row.student or (NOBODY if named else row.upload) for row in found],
                 least=SHORTEST_ID, longest=LONGEST_ID)
    last = _last_columns(found)
    for grouped in _groupings(name, parts_of(found)):
        columns = [who, *(_of_parts(heading, found, some) for heading, some in grouped.items()),
                   *last]
        if _fit(columns, width):
            return columns
    return [who, *last] if _fit([who, *last], width) else [who, *last[-2:]]


def _last_columns(found: list[GradeRow]) -> list[Column]:
    """What is taken off, where anything is; the total; the marks."""
    taken_off = (("deduction", [-row.deduction for row in found]),
                 ("late", [-row.late_penalty for row in found]))
    return [*(Column(heading, [number(one) if one else "" for one in values], [])
              for heading, values in taken_off if any(values)),
            Column("total", list(map(_total, found)), [row.points for row in found],
                   any(_waits(row.parts) for row in found)),
            Column("marks", list(map(_mark, found)))]


def _groupings(name: str, parts: list[str]) -> Iterator[dict[str, list[str]]]:
    """The parts by a heading of their own, then by ever shorter beginnings of their names."""
    for words in range(max((part.count("_") for part in parts), default=0) + 1, 0, -1):
        grouped: dict[str, list[str]] = {}
        for part in parts:
            beginning = "_".join(part.split("_")[:words]).removeprefix(f"{name}_")
            grouped.setdefault(beginning.replace("_", " "), []).append(part)
        yield grouped


def _fit(columns: list[Column], width: int) -> bool:
    return sum(column.width + GAP for column in columns) - GAP <= width


def _of_parts(heading: str, found: list[GradeRow], parts: list[str]) -> Column:
    """Some parts together."""
    theirs = [{part: row.parts[part] for part in parts if part in row.parts}
              if row.parts is not None else None for row in found]
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


def _total(row: GradeRow) -> str:
    return number(row.points) + WAITS * (_waits(row.parts) and row.points is not None)


def _mark(row: GradeRow) -> str:
    """What is unusual about a row, in a word."""
    graded = row.points is not None
    marks = {"not graded": not graded, "unread": graded and row.unread,
             "late": row.is_late and not row.late_penalty, "person": graded and row.flags}
    return ", ".join(mark for mark, applies in marks.items() if applies)


def legend(found: list[GradeRow]) -> str:
    """What the marks in the table mean, as far as they are in it."""
    meanings = [f"{WAITS} a person has still to grade some of it"] if any(
        _waits(row.parts) for row in found) else []
    meanings += ["person: look at it"] if any(row.flags for row in found) else []
    return "; ".join(meanings)


def why(row: GradeRow, names: Mapping[str, str]) -> Group:
    """What happened to one student's work, a paragraph for each thing."""
    who = " ".join(filter(None, [row.who, names.get(row.student, "")]))
    points = "no points" if row.points is None else f"{row.points:g} of {row.max_points:g}"
    lines: list[RenderableType] = [Text(f"{who}: {points}", "bold")]
    lines += [Padding(Text(text), (0, 0, 0, 2)) for text in row.happened or ("graded",)]
    lines += [Padding(Text(f"for a person: {flag}", "yellow"), (0, 0, 0, 2)) for flag in row.flags]
    return Group(*lines)
