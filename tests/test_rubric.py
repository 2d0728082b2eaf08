"""Rubrics: what is read of them, what an answer earns by them, and what no rubric can be."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import EXERCISES, Toy
from hypothesis import given
from hypothesis import strategies as st

from autograder.course import Course, CourseError
from autograder.exercise import source
from autograder.exercise.rubric import (
    FORMS,
    Rubric,
    RubricItem,
    points_of,
    read_rubric,
    read_rubrics,
)
from autograder.release.build import build
from autograder.release.check import problems

FRONT = {"adds": "", "takes": "-", "caps": "at most "}
WORDS = st.text(st.characters(categories=("L", "P", "S"), exclude_characters="-*+<>`#"), min_size=1,
                max_size=12)
LINE = st.lists(WORDS, min_size=1, max_size=5).map(" ".join).filter(
    lambda line: ":" not in line and not line.casefold().startswith("at most"))
TEXT = st.lists(LINE, min_size=1, max_size=3).map("\n".join)
QUARTERS = st.integers(1, 12).map(lambda number: number / 4)


def cell(inside: str) -> str:
    return f"### BEGIN SOLUTION\n{inside}\n### END SOLUTION"


def written(item: RubricItem) -> str:
    return f"- {FRONT[item.kind]}{item.points:g}: " + item.text.replace("\n", "\n  ")


@st.composite
def rubrics(draw: st.DrawFn) -> tuple[Rubric, float]:
    """A rubric, and the points of its cell."""
    adds = draw(st.lists(QUARTERS, min_size=1, max_size=4))
    most = sum(adds)
    takes = draw(st.lists(QUARTERS.filter(lambda points: points <= most), max_size=2))
    caps = draw(st.lists(QUARTERS.filter(lambda points: points < most), max_size=2))
    kinds = [("adds", one) for one in adds] + [("takes", one) for one in takes] + [
        ("caps", one) for one in caps]
    texts = draw(st.lists(TEXT, min_size=len(kinds), max_size=len(kinds),
                          unique_by=lambda text: tuple(text.split())))
    items = tuple(RubricItem(points, kind, text)
                  for (kind, points), text in zip(draw(st.permutations(kinds)), texts, strict=True))
    notes = draw(st.lists(TEXT, max_size=2).map("\n\n".join))
    return Rubric(items, notes, draw(TEXT | st.just(""))), most


@given(rubrics(), st.integers(0, 8))
def test_what_was_written_is_read(drawn: tuple[Rubric, float], place: int) -> None:
    rubric, most = drawn
    blocks = [written(item) for item in rubric.items]
    if rubric.notes:
        blocks.insert(min(place, len(blocks)), rubric.notes)
    text = f"**What to look for ({most:g} points).**\n\n" + "\n\n".join(blocks)
    if rubric.model_answer:
        text += f"\n\n**An answer with full marks.** {rubric.model_answer}"
    assert read_rubric(cell(text), most) == rubric


@given(rubrics())
def test_an_answer_earns_what_its_items_say(drawn: tuple[Rubric, float]) -> None:
    rubric, most = drawn
    adds, takes, caps = ([one for one in rubric.items if one.kind == kind] for kind in FRONT)
    assert points_of([], most) == 0
    assert points_of(adds, most) == most
    assert points_of(adds + takes, most) == max(0, most - sum(one.points for one in takes))
    for cap in caps:
        assert points_of([*adds, cap], most) == cap.points
        assert points_of([cap], most) == 0, "a wrong form gives nothing by itself"


@given(rubrics(), st.data(), st.floats(-20, 20))
def test_points_are_in_range_and_in_no_order(drawn: tuple[Rubric, float], data: st.DataObject,
                                             adjustment: float) -> None:
    rubric, most = drawn
    held = [item for item in rubric.items if data.draw(st.booleans())]
    points = points_of(held, most, adjustment)
    assert 0 <= points <= most
    assert points == points_of(reversed(held), most, adjustment) == round(points, 9)
    assert points_of(held, most, most + 20) == most and points_of(held, most, -20 - most) == 0


def test_an_adjustment_is_on_top_of_a_cap() -> None:
    items = [RubricItem(2, "adds", "all"), RubricItem(1, "caps", "alone")]
    assert points_of(items, 2, 0.25) == 1.25
    assert points_of([RubricItem(0.1, "adds", "one"), RubricItem(0.2, "adds", "two")], 1) == 0.3


@given(rubrics())
def test_an_item_is_another_one_with_other_words(drawn: tuple[Rubric, float]) -> None:
    item = drawn[0].items[0]
    assert RubricItem(item.points + 1, item.kind, item.text.replace("\n", " \n")).key == item.key
    assert RubricItem(item.points, item.kind, f"{item.text} too").key != item.key
    other = "takes" if item.kind == "adds" else "adds"
    assert RubricItem(item.points, other, item.text).key != item.key


ONE = "- 2: a reason."
MALFORMED = {
    "no points": (f"{ONE}\n- a reason.", f"'- a reason.' does not begin with points as an item "
                                         f"does; write {FORMS}."),
    "points with a word": ("- 2 points: a reason.", "'- 2 points: a reason.' does not begin with"),
    "a decimal comma": ("- 1,5: a reason.", "'- 1,5: a reason.' does not begin with points"),
    "a long minus": (f"{ONE}\n- −1: a sign.", "'- −1: a sign.' does not begin with points"),
    "a plus": ("- +2: a reason.", "'- +2: a reason.' does not begin with points"),
    "another digit": ("- ٢: a reason.", "'- ٢: a reason.' does not begin with points"),
    "another bullet": ("* 2: a reason.", "'* 2: a reason.' does not begin with points"),
    "no bullet": (f"{ONE}\n\n-1: a sign.", "'-1: a sign.' does not begin with points"),
    "no bullet at a cap": (f"{ONE}\n\nat most 1: so.", "'at most 1: so.' does not begin with"),
    "moved by a space": (" - 2: a reason.", "' - 2: a reason.' does not begin with points"),
    "indented": (f"{ONE}\n  - 1: another.", "'- 1: another.' is indented, and thus a part of the "
                                            "item above it"),
    "no words": ("- 2:", "'- 2:' has points and no words."),
    "only a bullet": (f"{ONE}\n-", "'-' does not begin with points"),
    "right below an item": (f"{ONE}\nA note.", "'A note.' stands right below an item. Indent it"),
    "too little": ("- 1.5: a reason.", "its items add 1.5 points together, and its cell says "
                                       "points=2."),
    "too much": ("- 1.5: a reason.\n- 1: another.", "its items add 2.5 points together"),
    "no items": ("Two reasons.", "its items add 0 points together"),
    "only what takes off": ("- -1: a sign.", "its items add 0 points together"),
    "without end": (f"- {'9' * 400}: a reason.", "its items add inf points together"),
    "twice the same": ("- 1: a reason.\n- 1: a\n  reason.", "two items say 'a\\nreason.'"),
    "nothing added": (f"{ONE}\n- 0: a remark.", "an item of 0 points, 'a remark.'"),
    "more than all taken": (f"{ONE}\n- -3: a sign.", "an item of 3 points, 'a sign.'"),
    "a cap at the maximum": (f"{ONE}\n- at most 2: so.", "`at most 2`, 'so.', takes nothing off"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_rubric_is_a_sentence(name: str) -> None:
    inside, says = MALFORMED[name]
    with pytest.raises(CourseError) as error:
        read_rubric(cell(f"**What to look for (2 points).**\n\n{inside}"), 2, "toy, its rubric")
    assert str(error.value).startswith(f"toy, its rubric: {says}")


@pytest.mark.parametrize("first", [
    "**What to look for.**", "What to look for (2 points).", "**what to look for (2 points)**",
    "### What to look for (2 points)", "**What to look for (two points).**",
    "Some words.\n\n**What to look for (2 points).**"])
def test_a_first_line_in_another_form_is_a_sentence(first: str) -> None:
    with pytest.raises(CourseError, match=r"must begin with a line such as `\*\*What to look for"):
        read_rubric(cell(f"{first}\n\n{ONE}"), 2)


def test_items_without_a_first_line_are_a_sentence() -> None:
    with pytest.raises(CourseError, match="has points, but no line such as"):
        read_rubric(cell(f"Look for this:\n\n{ONE}"), 2)


def test_other_points_than_the_cells_are_a_sentence() -> None:
    with pytest.raises(CourseError, match=r"says `What to look for \(2 points\)`, and its cell "
                                          "says points=4"):
        read_rubric(cell(f"**What to look for (2 points).**\n\n{ONE}"), 4)


@given(st.text(st.sampled_from("-*+ \t\n0123456789.:,atmos`$\u2212\\")))
def test_whatever_stands_there_is_read_or_is_a_sentence(inside: str) -> None:
    try:
        read_rubric(cell(f"**What to look for (2 points).**{inside}"), 2)
    except CourseError as error:
        assert str(error).startswith("The rubric: ")


@pytest.mark.parametrize("text", ["Why?", cell("Two points for a reason."), cell(""),
                                  cell("Points for\n\n- a reason\n- another one")])
def test_a_cell_without_items_has_notes(text: str) -> None:
    found = read_rubric(text, 2)
    assert not found.items and found.notes in text and not found.model_answer


def test_words_behind_the_first_line_are_a_note() -> None:
    found = read_rubric(cell(f"**What to look for (2 points).** Be kind.\n\n{ONE}\n\nAnd just."), 2)
    assert found == Rubric((RubricItem(2, "adds", "a reason."),), "Be kind.\n\nAnd just.")


def test_an_item_may_have_paragraphs_and_a_list() -> None:
    inside = "- 2: a reason:\n\n  - one\n  - or another\n\n  $$x\n    y$$\n\nA note."
    found = read_rubric(cell(f"**What to look for (2 points).**\n\n{inside}"), 2)
    (item,) = found.items
    assert item.text == "a reason:\n\n- one\n- or another\n\n$$x\n  y$$"
    assert found.notes == "A note."


WRITTEN = '''
# %% [markdown] written="toy_why" points=2
# ### BEGIN SOLUTION
# **What to look for (2 points).**
#
# - 1: a reason.
# - {}: another one.
# ### END SOLUTION
'''


def toy(folder: Path, points: str) -> Course:
    toy = Toy()
    toy.course = toy.course.replace("max_points = 10", "max_points = 12")
    toy.source["toy.py"] += WRITTEN.format(points)
    return toy.write(folder)


def test_no_release_is_built_with_a_rubric_that_does_not_add_up(tmp_path: Path) -> None:
    build(toy(tmp_path / "right", "1"), "toy")
    wrong = toy(tmp_path / "wrong", "0.5")
    says = ("toy, the rubric of toy_why: its items add 1.5 points together, and its cell says "
            "points=2.")
    with pytest.raises(CourseError) as error:
        build(wrong, "toy")
    assert str(error.value) == says
    (wrong.root / "toy").mkdir()  # as if released before
    with pytest.raises(CourseError) as error:
        problems(wrong, "toy")
    assert str(error.value) == says


@pytest.mark.parametrize("exercise", sorted(path.name for path in EXERCISES.glob("*/source/..")))
def test_every_written_answer_of_the_course_has_items_and_a_model_answer(exercise: str) -> None:
    notebook = source.read_notebook(Course.load(EXERCISES.parents[1]).exercise(exercise))
    for name, rubric in read_rubrics(notebook, exercise).items():
        assert len(rubric.items) > 1 and rubric.model_answer, name
