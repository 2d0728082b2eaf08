"""Notebooks as they are handed in, and what happens to them on the way."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from functools import cache

import nbformat
from conftest import EXERCISES, TOY_NOTEBOOK
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions, ComputeChecksums, LockCells

from autograder.cells import is_locked, is_solution, marks
from autograder.course import Exercise
from autograder.exercise import source
from autograder.exercise.solution import solved_files, split_notebook, without_markers

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
Damage = Callable[[NotebookNode, random.Random], None]


@cache
def as_released(name: str) -> NotebookNode:
    """What students receive, by nbgrader's own converters, in memory. Read it only."""
    exercise = Exercise(name, EXERCISES / name)
    notebook = source.read_notebook(exercise, TOY if name == "toy" else None)
    for converter in (ClearSolutions(), LockCells(), ComputeChecksums()):
        notebook, _ = converter.preprocess(notebook, {})
    return notebook


@cache
def as_handed_in(name: str) -> NotebookNode:
    """The same with its solution written in, and run from top to bottom. Read it only."""
    exercise = Exercise(name, EXERCISES / name)
    solved = (source.read_notebook(exercise, without_markers(TOY)) if name == "toy"
              else split_notebook(exercise, solved_files(exercise))[0])
    notebook = copy.deepcopy(as_released(name))
    for number, (cell, right) in enumerate(zip(notebook.cells, solved.cells, strict=True)):
        if is_solution(cell):
            cell.source = right.source.replace("### BEGIN SOLUTION", "").replace(
                "### END SOLUTION", "").strip("\n")
        if cell.cell_type == "code":
            cell.execution_count = number + 1
            cell.outputs = [nbformat.v4.new_output("stream", text=f"cell {number}\n")]
    return notebook


def released(name: str = "toy") -> NotebookNode:
    """A copy of what students receive, to be changed."""
    return copy.deepcopy(as_released(name))


def handed_in(name: str = "toy") -> NotebookNode:
    """A copy of what comes back from somebody who did all of it, to be changed."""
    return copy.deepcopy(as_handed_in(name))


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    return notebook.cells[index_of(notebook, name)]


def index_of(notebook: NotebookNode, name: str) -> int:
    (index,) = [i for i, cell in enumerate(notebook.cells) if marks(cell).get("grade_id") == name]
    return index


def parts_of(notebook: NotebookNode, solution: bool) -> list[int]:
    return [i for i, cell in enumerate(notebook.cells)
            if (is_solution(cell) if solution else is_locked(cell))]


# What happens to notebooks: each damage changes one in place.

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
        for cell in as_released(name).cells:
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


# What the student must be told of each: a piece of the sentence, or nothing.
DAMAGES: dict[Damage, str] = {
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
