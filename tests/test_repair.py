"""Notebooks as they really come back: what is certain is repaired, the rest is told."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import time
import warnings
from collections.abc import Callable
from functools import cache

import jupytext
import nbconvert
import nbformat
import pytest
from conftest import REPO, TOY_NOTEBOOK
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import ClearSolutions, ComputeChecksums, LockCells

from autograder.course import EXERCISES, Exercise
from autograder.intake import read
from autograder.intake.cells import is_locked, is_solution, likeness, marks, names, plain
from autograder.intake.order import moved
from autograder.intake.repair import Repaired, read_any, repair
from autograder.judge.work import runnable_cells
from autograder.release import source
from autograder.release.solved import solved_files, split_notebook, without_markers

TOY = TOY_NOTEBOOK.lstrip("\n") + '''
# %% [markdown]
# ## Why are words counted?
# Write two sentences about it, and name a text of your own.

# %% [markdown] written="toy_why" points=2
# ### BEGIN SOLUTION
# Because counts say what a text is about.
# ### END SOLUTION

# %% [markdown]
# ## Hand in
# Save this notebook, and send it.
'''
NOTEBOOKS = ("toy", "q1a", "q1b", "q2", "hw3")


@cache
def _released(name: str) -> NotebookNode:
    """What students receive, by nbgrader's own converters, in memory."""
    exercise = Exercise(name, EXERCISES / name)
    notebook = source.read_notebook(exercise, TOY if name == "toy" else None)
    for converter in (ClearSolutions(), LockCells(), ComputeChecksums()):
        notebook, _ = converter.preprocess(notebook, {})
    return notebook


@cache
def _handed_in(name: str) -> NotebookNode:
    """The released notebook with its solution written in, and run from top to bottom."""
    exercise = Exercise(name, EXERCISES / name)
    solved = (source.read_notebook(exercise, without_markers(TOY)) if name == "toy"
              else split_notebook(exercise, solved_files(exercise))[0])
    notebook = copy.deepcopy(_released(name))
    for number, (cell, right) in enumerate(zip(notebook.cells, solved.cells, strict=True)):
        if is_solution(cell):
            cell.source = right.source.replace("### BEGIN SOLUTION", "").replace(
                "### END SOLUTION", "").strip("\n")
        if cell.cell_type == "code":
            cell.execution_count = number + 1
            cell.outputs = [nbformat.v4.new_output("stream", text=f"cell {number}\n")]
    return notebook


def released(name: str = "toy") -> NotebookNode:
    return copy.deepcopy(_released(name))


def handed_in(name: str = "toy") -> NotebookNode:
    return copy.deepcopy(_handed_in(name))


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    return notebook.cells[index_of(notebook, name)]


def index_of(notebook: NotebookNode, name: str) -> int:
    (index,) = [i for i, cell in enumerate(notebook.cells) if marks(cell).get("grade_id") == name]
    return index


def parts_of(notebook: NotebookNode, solution: bool) -> list[int]:
    return [i for i, cell in enumerate(notebook.cells)
            if (is_solution(cell) if solution else is_locked(cell))]


def code_lines(notebook: NotebookNode) -> set[str]:
    return {line.strip() for cell in notebook.cells if cell.cell_type == "code"
            for line in cell.source.splitlines() if line.strip()}


def all_lines(notebook: NotebookNode) -> set[str]:
    return {line.strip() for cell in notebook.cells for line in cell.source.splitlines()}


def mended(damaged: NotebookNode, name: str = "toy") -> Repaired:
    """Repair, and check whatever must hold after any damage."""
    original, before, given = released(name), copy.deepcopy(damaged), released(name)
    result = repair(damaged, given)
    assert (damaged, given) == (before, original), "what comes in is not changed"
    for one in (*result.repaired, *result.unsure):
        assert one and not one.endswith(".") and "\n" not in one
    notebook = result.notebook
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    for cell in original.cells:
        if marks(cell):
            found = [c for c in notebook.cells
                     if marks(c).get("grade_id") == marks(cell)["grade_id"]]
            assert [marks(c) for c in found] == [marks(cell)]
            assert found[0].cell_type == cell.cell_type
    assert sum(bool(marks(c)) for c in notebook.cells) == sum(
        bool(marks(c)) for c in original.cells)
    lost = code_lines(damaged) - all_lines(notebook) - all_lines(original)
    assert not lost, "no line of code is lost"
    again = repair(notebook, given)
    assert not [one for one in again.repaired if "your order" not in one and "takes" not in one]
    return result


def runs_like_the_solution(notebook: NotebookNode, name: str) -> None:
    """In the order of grading, every solution stands, and stands last under its names."""
    defined: dict[str, str] = {}
    for code in runnable_cells(notebook, _released(name)):
        defined |= dict.fromkeys(names(plain(code)), plain(code))
    for i in parts_of(_handed_in(name), solution=True):
        right = _handed_in(name).cells[i]
        if right.cell_type == "markdown":
            assert plain(right.source) in cell_of(notebook, marks(right)["grade_id"]).source
        for wanted in names(plain(_released(name).cells[i].source)):
            assert "raise NotImplementedError" not in defined[wanted]
    for cell in _released(name).cells:
        if "skip-execution" in cell.metadata.get("tags", []):
            assert plain(cell.source) not in map(plain, runnable_cells(notebook, _released(name)))
    if name == "toy":
        scope: dict[str, object] = {}
        for code in runnable_cells(notebook, _released(name)):
            with contextlib.suppress(Exception):
                exec(code, scope)
        assert scope["count"]("A b a") == {"a": 2, "b": 1}  # type: ignore[operator]


# What happens to notebooks. Each damage changes one, and says what the student must be told.

def strip_all(notebook: NotebookNode, rng: random.Random) -> None:
    for cell in notebook.cells:
        cell.metadata = NotebookNode()


def strip_all_and_ids(notebook: NotebookNode, rng: random.Random) -> None:
    strip_all(notebook, rng)
    drop_ids(notebook, rng)


def strip_some(notebook: NotebookNode, rng: random.Random) -> None:
    for i in rng.sample([i for i, cell in enumerate(notebook.cells) if marks(cell)], 2):
        del notebook.cells[i].metadata["nbgrader"]
        notebook.cells[i].id = f"other{i}"


def drop_ids(notebook: NotebookNode, rng: random.Random) -> None:
    for cell in notebook.cells:
        cell.pop("id", None)
    notebook.nbformat_minor = 4


def repeat_ids(notebook: NotebookNode, rng: random.Random) -> None:
    for cell in rng.sample(notebook.cells, 3):
        cell.id = "same"


def delete_check(notebook: NotebookNode, rng: random.Random) -> None:
    del notebook.cells[rng.choice(parts_of(notebook, solution=False))]


def copy_check(notebook: NotebookNode, rng: random.Random) -> None:
    i = rng.choice(parts_of(notebook, solution=False))
    notebook.cells.insert(rng.randrange(len(notebook.cells)), copy.deepcopy(notebook.cells[i]))


def edit_check(notebook: NotebookNode, rng: random.Random) -> None:
    notebook.cells[rng.choice(parts_of(notebook, solution=False))].source += "\nprint('mine')"


def edit_inside_check(notebook: NotebookNode, rng: random.Random) -> None:
    cell = notebook.cells[rng.choice(parts_of(notebook, solution=False))]
    cell.source = cell.source.replace("assert ", "assert 1 and ", 1)
    cell.source = cell.source if "1 and" in cell.source else cell.source.replace("(", "( ", 1)


def copy_solution(notebook: NotebookNode, rng: random.Random) -> None:
    if places := parts_of(notebook, solution=True):
        i = rng.choice(places)
        notebook.cells.insert(i + 1, copy.deepcopy(notebook.cells[i]))


def copy_skeleton(notebook: NotebookNode, rng: random.Random) -> None:
    for name in NOTEBOOKS:
        for cell in _released(name).cells:
            if is_solution(cell) and any(marks(c) == marks(cell) for c in notebook.cells):
                notebook.cells.append(copy.deepcopy(cell))
                return


def lie_about_points(notebook: NotebookNode, rng: random.Random) -> None:
    for cell in notebook.cells:
        if marks(cell).get("grade"):
            cell.metadata.nbgrader.points = rng.choice(["4", 100, -1, float("nan")])


def unlock(notebook: NotebookNode, rng: random.Random) -> None:
    for i in parts_of(notebook, solution=False):
        notebook.cells[i].metadata.nbgrader.locked = False


def rename(notebook: NotebookNode, rng: random.Random) -> None:
    i = rng.choice([i for i, cell in enumerate(notebook.cells) if marks(cell)])
    notebook.cells[i].metadata.nbgrader.grade_id = "cell-1a2b3c"


def swap_names(notebook: NotebookNode, rng: random.Random) -> None:
    i, j = rng.sample(parts_of(notebook, solution=False), 2)
    one, other = notebook.cells[i].metadata, notebook.cells[j].metadata
    notebook.cells[i].metadata, notebook.cells[j].metadata = other, one


def break_marks(notebook: NotebookNode, rng: random.Random) -> None:
    for cell in notebook.cells:
        if marks(cell):
            cell.metadata.nbgrader = rng.choice(["lost", None, 3])


def forge(notebook: NotebookNode, rng: random.Random) -> None:
    cell = nbformat.v4.new_code_cell("bonus = 'mine'")
    cell.metadata.nbgrader = {"grade": True, "grade_id": "my_bonus", "points": 100, "locked": True,
                              "solution": False, "schema_version": 3, "task": False}
    notebook.cells.insert(rng.randrange(len(notebook.cells)), cell)


def turn_to_raw(notebook: NotebookNode, rng: random.Random) -> None:
    places = [i for i, cell in enumerate(notebook.cells) if marks(cell) and
              cell.cell_type == "code"]
    turn(notebook.cells[rng.choice(places)], "raw")


def turn_to_text(notebook: NotebookNode, rng: random.Random) -> None:
    for i in parts_of(notebook, solution=True):
        if notebook.cells[i].cell_type == "code":
            turn(notebook.cells[i], "markdown")


def turn(cell: NotebookNode, kind: str) -> None:
    cell.cell_type = kind
    del cell["outputs"], cell["execution_count"]


def shuffle(notebook: NotebookNode, rng: random.Random) -> None:
    places = [i for i, cell in enumerate(notebook.cells) if marks(cell)]
    i, j = rng.sample(places, 2)
    notebook.cells.insert(j, notebook.cells.pop(i))


def add_cells(notebook: NotebookNode, rng: random.Random) -> None:
    for number in range(4):
        notebook.cells.insert(rng.randrange(len(notebook.cells)), nbformat.v4.new_code_cell(
            f"scratch_{number} = {number}\nprint(scratch_{number})", id=f"extra-{number}"))


def other_language(notebook: NotebookNode, rng: random.Random) -> None:
    notebook.metadata.kernelspec = {"name": "ir", "language": "R", "display_name": "R"}
    notebook.metadata.language_info = {"name": "R"}


def merge_with_check(notebook: NotebookNode, rng: random.Random) -> None:
    for i in parts_of(notebook, solution=True)[:1]:
        check = next(j for j in parts_of(notebook, solution=False) if j > i)
        notebook.cells[i].source += "\n\n" + notebook.cells.pop(check).source


def split_solution(notebook: NotebookNode, rng: random.Random) -> None:
    for i in parts_of(notebook, solution=True):
        cell = notebook.cells[i]
        lines = cell.source.splitlines()
        if cell.cell_type == "code" and len(lines) > 2:
            cell.source = "\n".join(lines[:-1])
            notebook.cells.insert(i + 1, nbformat.v4.new_code_cell(lines[-1], id="cut"))
            return


def colab(notebook: NotebookNode, rng: random.Random) -> None:
    for number, cell in enumerate(notebook.cells):
        cell.metadata["id"] = f"Qx{number}aZ"
        cell.metadata["colab"] = {"base_uri": "https://localhost:8080/"}
    drop_ids(notebook, rng)
    notebook.nbformat_minor = 0
    notebook.metadata["colab"] = {"provenance": [], "toc_visible": True}


TOLD: dict[Callable[[NotebookNode, random.Random], None], str] = {
    strip_all: "missing from", strip_all_and_ids: "missing from", strip_some: "missing from",
    repeat_ids: "no id of their own", delete_check: "missing, and", copy_check: "more than once",
    edit_check: "stands by itself again", edit_inside_check: "grading takes it as it was",
    copy_solution: "more than once", copy_skeleton: "more than once",
    lie_about_points: "changed on", unlock: "changed on", rename: "changed on",
    swap_names: "changed on", break_marks: "missing from", forge: "`my_bonus`",
    turn_to_raw: "turned back", turn_to_text: "turned back", shuffle: "your order was kept",
    other_language: "is Python again", merge_with_check: "stands by itself again",
    split_solution: "one cell again", drop_ids: "", colab: "", add_cells: "",
}


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("damage", TOLD, ids=lambda damage: damage.__name__)
def test_a_damage_is_repaired_and_told(name: str, damage: Callable) -> None:
    damaged = handed_in(name)
    damage(damaged, random.Random(7))
    if damaged == handed_in(name):
        assert name == "q2", "q2 has no solution cells"
        return
    result = mended(damaged, name)
    assert result.unsure == ()
    told = TOLD[damage]
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
    for damage in rng.sample(list(TOLD), 4):
        # The one before may have left no such cell.
        with contextlib.suppress(ValueError, IndexError, KeyError, StopIteration):
            damage(damaged, rng)
    mended(damaged, name)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_right_notebook_comes_back_as_it_is_and_soon(name: str) -> None:
    for notebook in (handed_in(name), released(name)):
        start = time.process_time()
        result = repair(notebook, _released(name))
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
    code = runnable_cells(result.notebook, _released("toy"))
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
    assert any("my_helper" in text for text in runnable_cells(result.notebook, _released("toy")))


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
    code = runnable_cells(mended(damaged).notebook, _released("toy"))
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


# Reading what is no notebook, or not quite.

def dumped(notebook: NotebookNode) -> bytes:
    return json.dumps(notebook).encode()


def test_a_right_file_is_read_without_a_word() -> None:
    notebook, said = read_any(nbformat.writes(handed_in()).encode(), "toy.ipynb")
    assert (notebook, said) == (handed_in(), [])


@pytest.mark.parametrize(("data", "told"), [
    (lambda nb: b"\xef\xbb\xbf" + dumped(nb), "byte order mark"),
    (lambda nb: json.dumps(nb).encode("utf-16"), "byte order mark"),
    (lambda nb: dumped(nb) + b"\0\0\0", "after the end"),
    (lambda nb: dumped(nb) + b"\n}<html>", "followed the end"),
    (lambda nb: dumped({**nb, "nbformat_minor": 99}), "version of its format"),
    (lambda nb: dumped({**nb, "nbformat_minor": 3}), "version of its format"),
    (lambda nb: dumped({**nb, "nbformat": "4"}), "version of its format"),
    (lambda nb: dumped({**nb, "metadata": None}), "does not allow"),
    (lambda nb: dumped({**nb, "metadata": {"widgets": {"x": 1}}}), "widgets"),
    (lambda nb: nbformat.writes(nbformat.convert(nb, 3), version=3).encode(), "old format"),
    (lambda nb: dumped(nb).replace(b'"outputs": [', b'"outputs": [3, {}, ', 1), "does not allow"),
    (lambda nb: dumped(nb).replace(b"cell 1", b"\\ud800", 1), "no file can hold"),
    (lambda nb: dumped(nb).replace(b"cell 1", b"\xff\xfe", 1), "no UTF-8"),
], ids=range(13))
def test_what_is_nearly_a_notebook_is_read(data: Callable[[NotebookNode], bytes], told: str
                                           ) -> None:
    whole = data(handed_in())
    notebook, said = read_any(whole, "toy.ipynb")
    assert notebook is not None
    assert any(told in one for one in said)
    assert "\n".join(said).isprintable() or len(said) > 1
    nbformat.writes(notebook).encode()
    assert read_any(whole, "toy.ipynb") == (notebook, said), "the same each time"
    runs_like_the_solution(mended(notebook).notebook, "toy")


@pytest.mark.parametrize("data", [
    b"", b"this is not JSON", b"[1, 2]", b'{"cells": 3}', b"\xff\xfe\x00", b'{"cells": [3]}',
    b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "odd"}]}',
    b'{"a": ' * 100_000, b'{"nbformat": 3, "worksheets": 7}', b"\0" * 100, b'{"cells": [',
])
def test_what_is_no_notebook_gives_one_reason(data: bytes) -> None:
    notebook, said = read_any(data, "toy.ipynb")
    assert notebook is None
    assert len(said) == 1 and said[0]


def test_large_outputs_are_dropped_and_small_ones_stay() -> None:
    damaged = handed_in()
    code = [cell for cell in damaged.cells if cell.cell_type == "code"]
    code[0].outputs.append(nbformat.v4.new_output("stream", text="x" * 20_000_000))
    code[1].outputs.append(nbformat.v4.new_output("display_data", {
        "image/png": "A" * 30_000_000, "text/plain": "a picture"}))
    notebook, said = read_any(dumped(damaged), "toy.ipynb")
    assert notebook == handed_in(), "what was printed beside them is still there"
    assert said == ["its outputs were 50.0 MB; the largest were left out, 2 in all"]


def test_no_more_outputs_are_dropped_than_need_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_OUTPUTS", 3000)
    damaged = handed_in()
    sizes = (1000, 2500, 900)
    damaged.cells[1].outputs = [nbformat.v4.new_output("stream", text="x" * size)
                                for size in sizes]
    notebook, _ = read_any(dumped(damaged), "toy.ipynb")
    assert notebook is not None
    assert [len(out.text) for out in notebook.cells[1].outputs] == [1000, 900]


def as_percent(notebook: NotebookNode) -> str:
    bare = copy.deepcopy(notebook)
    strip_all_and_ids(bare, random.Random(0))
    return str(jupytext.writes(bare, fmt="py:percent"))


def as_jupyter(notebook: NotebookNode) -> str:
    return str(nbconvert.PythonExporter().from_notebook_node(notebook)[0])


def as_vs_code(notebook: NotebookNode) -> str:
    return as_percent(notebook).replace("# %%", "#%%").replace("\n", "\r\n")


def as_colab(notebook: NotebookNode) -> str:
    """As Colab exports it: text as strings, and nothing between two cells of code."""
    out = io.StringIO()
    out.write('# -*- coding: utf-8 -*-\n"""toy.ipynb\n\nAutomatically generated by Colab.\n"""\n\n')
    for cell in notebook.cells:
        text = cell.source
        if cell.cell_type == "markdown":
            text = f'"""{text}\n"""'
        elif text.startswith(("%", "!")):
            commented = "\n".join(f"# {line}" for line in text.splitlines())
            text = f"# Commented out IPython magic to ensure Python compatibility.\n{commented}"
        out.write(text + "\n\n")
    return out.getvalue()


@pytest.mark.parametrize("name", ["toy", "q1a", "q1b"])
@pytest.mark.parametrize("convert", [as_percent, as_jupyter, as_vs_code, as_colab])
def test_a_script_becomes_a_notebook_again(convert: Callable[[NotebookNode], str], name: str
                                           ) -> None:
    notebook, said = read_any(convert(handed_in(name)).encode(), f"{name}.py")
    assert notebook is not None and "it is a script" in said[0]
    result = mended(notebook, name)
    assert not any("with nothing filled in" in one for one in result.repaired)
    runs_like_the_solution(result.notebook, name)


def test_a_script_keeps_the_marks_that_it_carries() -> None:
    text = jupytext.writes(handed_in(), fmt="py:percent")
    notebook, _ = read_any(text.encode(), "toy.py")
    assert notebook is not None
    assert not any("missing from" in one for one in mended(notebook).repaired)


def test_a_file_of_python_that_is_no_notebooks_is_one_cell() -> None:
    notebook, _ = read_any(b"A = 1\n", "vectors.py")
    assert notebook is not None
    assert [cell.source for cell in notebook.cells] == ["A = 1"]


@pytest.mark.parametrize("path", ["q1/q1a", "q1/q1b", "q2/q2"])
def test_what_is_released_comes_back_as_it_is(path: str) -> None:
    """The notebooks of these tests are marked as those that `autograder release` wrote."""
    notebook = nbformat.read(REPO / f"{path}.ipynb", as_version=4)
    assert [sorted(marks(cell)) for cell in notebook.cells if marks(cell)] == [
        sorted(marks(cell)) for cell in released(path[3:]).cells if marks(cell)]
    assert repair(notebook, notebook) == Repaired(notebook)
