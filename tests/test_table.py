"""The grade table and the list for a person fit any terminal: a line a student, whole addresses."""

from __future__ import annotations

import io

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from autograder.report.table import LONGEST_ID, legend, table, why
from autograder.report.todo import show
from autograder.report.todo.items import ReviewItem
from autograder.report.todo.marks import ReviewMark
from autograder.report.totals import GradeRow
from autograder.results.flag import Flag, Kind, as_reason
from autograder.terminal import Grid

WIDTHS = st.integers(60, 200)
quick = settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
# Names as people have them, and as they break tables: brackets, wide letters, tabs, no end.
TEXT = st.characters(exclude_categories=["C", "Zl", "Zp"])
NAMES = st.sampled_from([
    "Ada Lovelace", "김민수", "[course]", "[red]Eve[/red]", "[/]", "[link=x]y", ":smile:", "",
    "\\[x]", "Wolfeschlegelsteinhausenbergerdorff " * 4, "Ó Súilleabháin, Muiris", "a\u0301" * 40,
    "[" * 50,
]) | st.text(TEXT, max_size=60)
PARTS = ["q1a_init", "q1a_answer", "q1b_plot", "q1b_discussion", "q2_layer", "q2_result",
         *(f"hw3_{task}_{part}" for task in range(1, 4) for part in "abcdefgh")]


def drawn(width: int, *pieces: object, **options: bool) -> list[str]:
    """What a terminal of so many columns shows, line by line."""
    console = Console(width=width, file=io.StringIO(), markup=False, emoji=False)
    for piece in pieces:
        console.print(piece, **options)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@st.composite
def rows(draw: st.DrawFn) -> list[GradeRow]:
    """A class of students, or of groups; some are late, flagged, wait for a person or lack points.
    """
    parts = draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=24, unique=True))
    long = draw(st.sampled_from(["2026_{:05}", "g{}", "a-very-long-identifier-of-a-student-{}"]))
    found = []
    for number in range(draw(st.integers(1, 40))):
        kind = draw(st.sampled_from(["graded", "graded", "graded", "waits", "lost", "late"]))
        points = {part: draw(st.sampled_from([0.0, 0.25, 12.75, 4.0])) for part in parts}
        found.append(GradeRow(
            "" if kind == "lost" else long.format(number), draw(NAMES) + ".zip",
            None if kind == "lost" else {**points, parts[0]: None} if kind == "waits" else points,
            None if kind == "lost" else sum(points.values()), 100, ("[b]happened[/b]",),
            draw(st.sampled_from([(), ("[look] at it",)])),
            deduction=draw(st.sampled_from([0.0, 0.0, 4.0])),
            late_penalty=2.5 if kind == "late" else 0.0))
    return found


@quick
@given(found=rows(), width=WIDTHS, data=st.data())
def test_a_student_is_a_line_and_no_line_is_longer_than_the_terminal(
        found: list[GradeRow], width: int, data: st.DataObject) -> None:
    names = {line.student: data.draw(NAMES) for line in found if line.student}
    lines = drawn(width, table("hw4", found, names, width))
    assert max(map(cell_len, lines)) <= width
    assert len(lines) == 3 + len(found) + 1 + 3, "title, heading, rule; a blank line; the class"
    for line, row in zip(found, lines[3:], strict=False):
        if line.student:
            assert row.startswith(line.student[:min(LONGEST_ID - 1, width // 4)])
        else:
            assert row.split()[-2:] == ["not", "graded"] or row.endswith("not graded")


@quick
@given(width=WIDTHS, count=st.integers(1, 60))
def test_the_class_has_its_lines(width: int, count: int) -> None:
    found = [GradeRow(f"s{n:03}", "a.zip", {"q2_a": float(n % 5)}, float(n % 5), 5, (), ())
             for n in range(count)]
    *_, mean, median, highest = drawn(width, table("q2", found, {}, width))
    assert mean.split()[0] == "mean" and median.split()[0] == "median"
    assert highest.split() == ["highest", str(min(count - 1, 4)), str(min(count - 1, 4))]


def test_a_figure_of_the_class_says_that_some_of_it_is_still_to_come() -> None:
    found = [GradeRow("s1", "a.zip", {"a": 2.0, "b": None}, 2, 5, (), ()),
             GradeRow("s2", "a.zip", {"a": 4.0, "b": 1.0}, 5, 5, (), ())]
    *_, mean, _, _ = drawn(100, table("q2", found, {}, 100))
    assert mean.split() == ["mean", "3", "0.5+?", "3.5+?"]
    assert legend(found) == "+? a person has still to grade some of it"


@quick
@given(name=NAMES, says=NAMES, width=WIDTHS)
def test_why_is_told_as_it_was_said(name: str, says: str, width: int) -> None:
    line = GradeRow("s1", "a.zip", {"a": 0.0}, 0, 5, (f"a: {says}",), (f"look {says}",))
    lines = drawn(width, why(line, {"s1": name}))
    assert max(map(cell_len, lines)) <= width
    squeezed = "".join("".join(lines).split())
    assert "".join(f"a:{says}".split()) in squeezed and squeezed.startswith(
        "".join(f"s1{name}".split()))


URLS = st.sampled_from(["http://localhost:8888/formgrader/submissions/{}/",
                        "https://jupyter.a-long-name-of-a-university.example/user/grader/formgrader/"
                        "submissions/{}/"]).map(lambda url: url.format("4bd9f40e8b314012" * 2))


@quick
@given(width=st.integers(50, 200), who=NAMES, reason=NAMES, url=URLS, note=NAMES)
def test_an_address_is_whole_and_all_else_fits(width: int, who: str, reason: str, url: str,
                                               note: str) -> None:
    item = ReviewItem(Kind.LOG, who, "q2", "q2", (as_reason(reason),), ("submitted/x/q2", url))
    mark = ReviewMark(item.id, item.state, note, "2026-01-01T00:00:00")
    pieces = list(show.listed("hw4", [(item, mark), (item, None)], {who: "Ada [x]"}))
    lines = drawn(width, *pieces, crop=False)
    assert [line.strip() for line in lines].count(url) == 2
    assert all(cell_len(line.rstrip()) <= width for line in lines if line.strip() != url)


@quick
@given(cell=NAMES, title=NAMES)
def test_no_table_takes_text_for_markup(cell: str, title: str) -> None:
    """Whichever console draws it: the one that reads markup, too."""
    grid = Grid(f"h{cell}", title=f"t{title}")
    grid.add_row(f"c{cell}")
    console = Console(width=500, file=io.StringIO())
    console.print(grid)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for text in (f"h{cell}", f"c{cell}", f"t{title}"):
        assert "".join(text.split()) in "".join(shown.split())


@pytest.mark.parametrize("flag", [(), (Flag("look", Kind.LOG),)])
def test_what_is_not_graded_is_marked(flag: tuple[str, ...]) -> None:
    found = [GradeRow("", "[who].rar", None, None, 5, ("no id",), flag),
             GradeRow("s1", "a.zip", {"a": 0.0}, 0, 5, (), flag, unread=True)]
    lines = drawn(80, table("q2", found, {}, 80))
    assert lines[3].split() == ["[who].rar", "not", "graded"]
    assert lines[4].split() == ["s1", "0", "0", "unread" + ("," if flag else ""),
                                *(["person"] if flag else [])]
