"""One static page of pairs, side by side: similar/NAME.html. Nothing in it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader

from autograder.files import write_page
from autograder.settings import SimilaritySettings
from autograder.similarity.pairs import Pair, SharedPassage
from autograder.similarity.units import TextUnit

Side = dict[TextUnit, list[SharedPassage]]


@dataclass(frozen=True)
class Section:
    """The pairs of one assignment, in a class of so many."""

    assignment: str
    class_size: int
    pairs: list[Pair]


@dataclass(frozen=True)
class Segment:
    """A stretch of a unit's text with the number of its shared passage, or 0."""

    text: str
    number: int


@dataclass(frozen=True)
class Piece:
    """A unit as the page shows it."""

    title: str
    segments: list[Segment]


@dataclass(frozen=True)
class PassageRow:
    """A shared passage in the table: its units, its length, and how many have it."""

    number: int
    one: str
    other: str
    lines: int
    shared_by: int


def write(path: Path, name: str, sections: list[Section], settings: SimilaritySettings) -> None:
    """Write the page."""
    environment = Environment(loader=PackageLoader("autograder.similarity", "."), autoescape=True,
                              trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template("page.html")
    write_page(path, template.render(
        name=name, sections=sections, settings=settings, anchor=anchor, compared=compared,
        title=title))


def anchor(assignment: str, pair: Pair) -> str:
    """The pair's place on the page."""
    return f"{assignment}-{pair.one.owner}-{pair.other.owner}".replace("/", "-").replace(" ", "-")


def title(unit: TextUnit) -> str:
    return f"{unit.file}: {unit.name}"


def compared(pair: Pair) -> tuple[list[PassageRow], list[Piece], list[Piece]]:
    """The shared passages of a pair, and the texts of both with the passages' numbers."""
    numbers, rows = _numbered(pair)
    one, other = ([Piece(title(unit), list(_segments(unit, passages, numbers)))
                   for unit, passages in side.items()]
                  for side in (pair.whole.one, pair.whole.other))
    other.sort(key=lambda piece: min(one.number for one in piece.segments if one.number))
    return rows, one, other


def _numbered(pair: Pair) -> tuple[dict[int, int], list[PassageRow]]:
    """The number of each fingerprint's passage, and a row for each number."""
    numbers: dict[int, int] = {}
    rows: list[PassageRow] = []
    for unit, passages in pair.whole.one.items():
        for passage in passages:
            number = len(rows) + 1
            for print_ in passage.prints:
                numbers.setdefault(print_, number)
            first, end = _characters(unit, passage)
            rows.append(PassageRow(number, title(unit), _place(pair.whole.other, passage),
                            unit.text[first:end].count("\n") + 1, passage.shared_by))
    return numbers, rows


def _place(side: Side, passage: SharedPassage) -> str:
    """The unit of the other side that holds most of a passage."""
    return title(max(side, key=lambda unit: len(
        passage.prints & {one for some in side[unit] for one in some.prints})))


def _segments(unit: TextUnit, passages: list[SharedPassage], numbers: dict[int, int]
              ) -> Iterator[Segment]:
    """A unit's text, cut where shared passages begin and end."""
    end = 0
    for passage in passages:
        first, last = _characters(unit, passage)
        yield Segment(unit.text[end:first], 0)
        count = Counter(numbers[print_] for print_ in passage.prints)
        yield Segment(unit.text[first:last], min(count, key=lambda one: (-count[one], one)))
        end = last
    yield Segment(unit.text[end:], 0)


def _characters(unit: TextUnit, passage: SharedPassage) -> tuple[int, int]:
    spans = unit.prints.spans
    return spans[passage.first][0], spans[passage.end - 1][1]
