"""Notebooks as they really come back: what is certain is repaired, the rest is told."""

from __future__ import annotations

import contextlib
import copy
import random
import time
from collections.abc import Callable

import nbformat
import pytest
from conftest import REPO
from damages import (
    DAMAGES,
    NOTEBOOKS,
    as_released,
    cell_of,
    forge,
    handed_in,
    index_of,
    merge_with_check,
    released,
    split_solution,
    strip_all_and_ids,
)
from mending import mended, runs_like_the_solution

from autograder.cells import marks
from autograder.intake.notebook.cells import likeness
from autograder.intake.notebook.order import moved
from autograder.intake.notebook.repair import Repaired, repair
from autograder.judge.work import runnable_cells


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damage_is_repaired_and_told(name: str, damage: Callable) -> None:
    damaged = handed_in(name)
    damage(damaged, random.Random(7))
    if damaged == handed_in(name):
        assert name == "q2", "q2 has no solution cells"
        return
    result = mended(damaged, name)
    assert result.unsure == ()
    told = DAMAGES[damage]
    if (damage, name) == (merge_with_check, "hw3"):
        told = "was put back"  # its solution is cleared whole: there is nothing to cut at
    if told:
        assert any(told in one for one in result.repaired), result.repaired
    else:
        assert result.repaired == () and result.notebook is damaged
    runs_like_the_solution(result.notebook, name)


@pytest.mark.parametrize("seed", range(40))
def test_damages_come_together(seed: int) -> None:
    """Whatever happens, a notebook can be graded afterwards, and no code is lost."""
    rng = random.Random(seed)
    name = NOTEBOOKS[seed % 4]
    damaged = handed_in(name)
    for damage in rng.sample(list(DAMAGES), 4):
        # The one before may have left no such cell.
        with contextlib.suppress(ValueError, IndexError, KeyError, StopIteration):
            damage(damaged, rng)
    mended(damaged, name)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_right_notebook_comes_back_as_it_is_and_soon(name: str) -> None:
    for notebook in (handed_in(name), released(name)):
        start = time.process_time()
        result = repair(notebook, as_released(name))
        assert time.process_time() - start < 0.2  # 0.05 where nothing else runs
        assert result == Repaired(notebook)
        assert result.notebook is notebook


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_an_empty_notebook_is_graded_as_released(name: str) -> None:
    result = mended(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("  ")]), name)
    assert "is empty" in result.repaired[0]
    assert result.notebook == released(name)


def test_points_come_from_the_release_alone() -> None:
    damaged = handed_in()
    cell_of(damaged, "toy_words").metadata.nbgrader.points = 100
    assert cell_of(mended(damaged).notebook, "toy_words").metadata.nbgrader.points == 4


def test_a_deleted_solution_is_put_back_and_earns_nothing() -> None:
    damaged = handed_in()
    del damaged.cells[index_of(damaged, "toy_words-solution")]
    result = mended(damaged)
    assert "with nothing filled in" in result.repaired[0]
    place = index_of(result.notebook, "toy_words-solution")
    assert "raise NotImplementedError" in result.notebook.cells[place].source
    assert index_of(result.notebook, "toy_words") == place + 1


def test_two_solutions_in_one_cell_are_both_judged() -> None:
    damaged = handed_in()
    second = index_of(damaged, "toy_count-solution")
    cell_of(damaged, "toy_words-solution").source += "\n\n" + damaged.cells.pop(second).source
    result = mended(damaged)
    assert any("one cell with `toy_words-solution`" in one for one in result.repaired)
    runs_like_the_solution(result.notebook, "toy")


def test_work_in_a_new_cell_beside_the_untouched_one_counts() -> None:
    damaged = handed_in()
    place = index_of(damaged, "toy_words-solution")
    own = nbformat.v4.new_code_cell(damaged.cells[place].source)
    damaged.cells[place] = released().cells[place]
    damaged.cells.insert(place, own)
    runs_like_the_solution(mended(damaged).notebook, "toy")


def test_a_piece_far_from_its_cell_is_flagged() -> None:
    damaged = handed_in()
    split_solution(damaged, random.Random(0))
    damaged.cells.append(damaged.cells.pop(index_of(damaged, "toy_words-solution") + 1))
    assert any("looks like a piece of another" in one for one in mended(damaged).unsure)


def test_an_answer_that_was_moved_and_stripped_is_flagged() -> None:
    damaged = handed_in()
    damaged.cells.insert(2, damaged.cells.pop(index_of(damaged, "toy_why")))
    strip_all_and_ids(damaged, random.Random(0))
    assert any("`toy_why` was not found for certain; look at “Because" in one
               for one in mended(damaged).unsure)


@pytest.mark.parametrize("stripped", [False, True])
def test_a_question_merged_with_its_answer_is_taken_apart(stripped: bool) -> None:
    damaged = handed_in()
    place = index_of(damaged, "toy_why")
    damaged.cells[place - 1].source += "\n\n" + damaged.cells.pop(place).source
    if stripped:
        strip_all_and_ids(damaged, random.Random(0))
    answer = cell_of(mended(damaged).notebook, "toy_why")
    assert answer.source.strip() == "Because counts say what a text is about."


def test_an_answer_in_two_cells_is_joined_where_no_mark_says_which() -> None:
    damaged = handed_in()
    strip_all_and_ids(damaged, random.Random(0))
    place = next(i for i, cell in enumerate(damaged.cells) if "Because" in cell.source)
    damaged.cells.insert(place + 1, nbformat.v4.new_markdown_cell("And a second paragraph."))
    result = mended(damaged)
    answer = cell_of(result.notebook, "toy_why").source
    assert answer.startswith("Because") and answer.endswith("And a second paragraph.")


def test_an_answer_whose_question_is_gone_is_not_guessed() -> None:
    damaged = handed_in()
    strip_all_and_ids(damaged, random.Random(0))
    place = next(i for i, cell in enumerate(damaged.cells) if "Because" in cell.source)
    del damaged.cells[place - 1]
    result = mended(damaged)
    assert any("`toy_why` was not found for certain" in one for one in result.unsure)
    assert any("Because" in cell.source for cell in result.notebook.cells)


def two_versions(first: int | None, second: int | None) -> Repaired:
    """The solution, and after it a copy that was changed, with their execution counts."""
    damaged = handed_in()
    place = index_of(damaged, "toy_words-solution")
    other = copy.deepcopy(damaged.cells[place])
    other.source = other.source.replace("text.lower().split()", "['other']")
    damaged.cells[place].execution_count, other.execution_count = first, second
    damaged.cells.insert(place + 1, other)
    return mended(damaged)


@pytest.mark.parametrize(("first", "second", "other_counts"), [
    (None, None, True), (3, 9, True), (9, 3, False)])
def test_of_two_versions_the_last_run_counts(first: int | None, second: int | None,
                                             other_counts: bool) -> None:
    result = two_versions(first, second)
    assert any("2 versions that differ" in one for one in result.unsure)
    kept = cell_of(result.notebook, "toy_words-solution").source
    assert ("['other']" in kept) == other_counts
    code = runnable_cells(result.notebook, as_released("toy"))
    last = [text for text in code if text.startswith("def words")][-1]
    assert last == kept, "what counts is also what is run last"


def test_of_two_equal_checks_the_one_in_its_place_counts() -> None:
    damaged = handed_in()
    damaged.cells.insert(0, copy.deepcopy(cell_of(damaged, "toy_count")))
    assert mended(damaged).repaired == (
        "`toy_count` was there more than once: one of them counts, and others that hold something "
        "of yours stay as cells without a name",)


def test_a_copy_used_for_something_else_is_no_rival() -> None:
    damaged = handed_in()
    place = index_of(damaged, "toy_words-solution")
    other = copy.deepcopy(damaged.cells[place])
    other.source = "def helper(text):\n    return text"
    damaged.cells.insert(place, other)
    result = mended(damaged)
    assert result.unsure == ()
    assert "def words" in cell_of(result.notebook, "toy_words-solution").source


def test_a_split_that_keeps_both_marks_is_joined() -> None:
    damaged = handed_in()
    place = index_of(damaged, "toy_count-solution")
    first, second = damaged.cells[place], copy.deepcopy(damaged.cells[place])
    lines = first.source.splitlines()
    first.source, second.source = "\n".join(lines[:2]), "\n".join(lines[2:])
    damaged.cells.insert(place + 1, second)
    result = mended(damaged)
    assert result.unsure == ()
    assert cell_of(result.notebook, "toy_count-solution").source == "\n".join(lines)


def test_a_solution_written_over_a_check_is_not_overwritten() -> None:
    damaged = handed_in()
    check = cell_of(damaged, "toy_words")
    check.source = "def words(text):\n    return text.lower().split()"
    del damaged.cells[index_of(damaged, "toy_words-solution")]
    result = mended(damaged)
    runs_like_the_solution(result.notebook, "toy")
    assert "lower" in cell_of(result.notebook, "toy_words-solution").source


def test_a_check_that_holds_something_else_is_flagged_and_kept() -> None:
    damaged = handed_in()
    cell_of(damaged, "toy_words").source = "def my_helper():\n    return 'something else'"
    result = mended(damaged)
    assert any("holds something else" in one for one in result.unsure)
    assert any("my_helper" in text for text in runnable_cells(result.notebook, as_released("toy")))


def test_a_name_used_before_it_is_defined_is_flagged_not_moved() -> None:
    damaged = handed_in()
    place = index_of(damaged, "toy_words-solution")
    damaged.cells.append(damaged.cells.pop(place))
    damaged.cells.insert(2, nbformat.v4.new_code_cell("print(words('a b'))", execution_count=99))
    result = mended(damaged)
    assert any("uses `words`, which only a later cell defines" in one for one in result.unsure)
    assert result.notebook.cells[-1].source.startswith("def words")


def test_a_given_cell_that_is_gone_is_flagged() -> None:
    damaged = handed_in()
    del damaged.cells[1]
    assert mended(damaged).unsure == ("the given cell “from given import NUMBERS” is missing",)


def test_a_training_cell_without_tags_is_not_run() -> None:
    damaged = handed_in()
    strip_all_and_ids(damaged, random.Random(0))
    code = runnable_cells(mended(damaged).notebook, as_released("toy"))
    assert not any("trains for hours" in text for text in code)


def test_a_cell_of_ones_own_does_not_take_the_id_of_one_that_is_passed_over() -> None:
    damaged = handed_in()
    cell_of(damaged, "toy_words").source = "def my_helper():\n    return 'something else'"
    ids = [cell.id for cell in mended(damaged).notebook.cells if "my_helper" in cell.source]
    assert ids != ["toy_words"]


def test_ids_where_the_format_knows_none_are_told() -> None:
    damaged = handed_in()
    damaged.nbformat_minor = 2
    assert mended(damaged).repaired == ("cells that had no id of their own got one",)


def test_moved_names_the_fewest() -> None:
    assert moved([0, 1, 2, 3]) == set()
    assert moved([3, 0, 1, 2]) == {0}
    assert moved([0, 2, 1, 3]) in ({1}, {2})
    assert moved([]) == set()


def test_sentences_stay_one_line_and_short() -> None:
    damaged = handed_in("q1b")
    for number in range(50):
        forge(damaged, random.Random(number))
        damaged.cells[number].metadata.nbgrader = {"grade_id": f"x\n\x1b{number}" * 100}
    result = mended(damaged, "q1b")
    assert all(one.isprintable() and len(one) < 500 for one in result.repaired)


def test_likeness_is_bounded_in_time() -> None:
    start = time.process_time()
    likeness("a b " * 500_000, "b a " * 500_000)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("path", ["q1/q1a", "q1/q1b", "q2/q2"])
def test_what_is_released_comes_back_as_it_is(path: str) -> None:
    """The notebooks of these tests are marked as those that `autograder release` wrote."""
    notebook = nbformat.read(REPO / f"{path}.ipynb", as_version=4)
    assert [sorted(marks(cell)) for cell in notebook.cells if marks(cell)] == [
        sorted(marks(cell)) for cell in released(path[3:]).cells if marks(cell)]
    assert repair(notebook, notebook) == Repaired(notebook)
