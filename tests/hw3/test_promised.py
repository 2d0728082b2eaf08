"""Each part of hw3 stands alone: its function finds every name that the notebook promises.

The names are read from the source. Parts are drawn; the others are as they were given.
"""

from __future__ import annotations

import ast
import random

import nbformat
import pytest
from nbformat import NotebookNode
from versions import EXERCISE

from autograder.course import Course
from autograder.exercise.solution import clear_solutions
from autograder.exercise.source import judged_parts, read_notebook
from autograder.judge.grading import Grader
from autograder.judge.work import Work
from autograder.release.build import prepare

# Names that a check needs for itself, and that change from cell to cell: nobody is promised these.
SCRATCH = {
    "Opinion", "pattern", "returned", "seen",
    "answer", "backbone", "backbones", "batch", "batches", "both", "collate", "collator",
    "column", "context", "encoded", "examples", "features", "few", "first", "first_rows",
    "five", "folder", "found", "four", "fresh", "handler", "ids", "key", "length", "lengths",
    "library", "loaded", "loader", "longest", "mask", "missing", "name", "once", "one_step",
    "output", "per_step", "printed",
    "question", "row", "rows", "saved", "second", "settings", "share", "shown", "small",
    "special", "split", "texts", "tiny", "value", "wanted",
}
# What somebody writes for a part of its own, and what no other part is promised.
OWN = {"shared", "seconds", "cls_id", "mask_id", "attention_dropout"}
# A part in which something of another part must be written: a class of which a model is made, or
# arguments that are to be the same.
BUILDS_ON = {"hw3_2_3_backbone": {"hw3_2_3_network"}, "hw3_2_3_trainer": {"hw3_2_2_arguments"},
             "hw3_2_3_loss": {"hw3_2_3_network"}}


def cells() -> list[NotebookNode]:
    return read_notebook(EXERCISE).cells


def kind(cell: NotebookNode) -> str:
    marks = cell.metadata.get("nbgrader", {})
    if marks.get("solution"):
        return "solution"
    skipped = marks.get("locked") or "skip-execution" in cell.metadata.get("tags", [])
    return "left out" if skipped else "run"


def bound(source: str) -> set[str]:
    """The names that a cell gives a value at its top level."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    names = set()
    for statement in ast.parse("\n".join(lines)).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.add(statement.name)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            if isinstance(node, ast.alias):
                names.add((node.asname or node.name).partition(".")[0])
    comprehensions = [node for node in ast.walk(ast.parse("\n".join(lines)))
                      if isinstance(node, ast.comprehension)]
    inside = {node.id for one in comprehensions for node in ast.walk(one.target)
              if isinstance(node, ast.Name)}
    return {name for name in names - inside if not name.startswith("_")}


def task(cell: NotebookNode, before: str) -> str:
    return cell.source.split(":")[0] if cell.source.startswith("# Task ") else before


def promised() -> dict[str, set[str]]:
    """For each solution cell, the names that its functions may use: all given ones of its task."""
    now, found, names = "", {}, {"": set()}
    for cell in cells():
        now = task(cell, now)
        names.setdefault(now, set(names[""]))
        if cell.cell_type != "code":
            continue
        if kind(cell) == "solution":
            found[cell.id] = names[now] - SCRATCH
        names[now] |= bound(cell.source)
    return found


def using(source: str, names: set[str]) -> str:
    """The cell with a line in each of its functions that uses all of these names."""
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source))
                 if isinstance(node, ast.FunctionDef) and node.name != "__init__"]
    for function in sorted(functions, key=lambda one: -one.body[0].lineno):
        first = function.body[0]
        at = first.end_lineno if isinstance(first, ast.Expr) else first.lineno - 1
        own = {node.id for node in ast.walk(function)
               if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        used = ", ".join(sorted(names - own))
        lines.insert(at or 0, " " * first.col_offset + f"_ = ({used},)")
    return "\n".join(lines)


def handed_in(written: set[str], *unused: str) -> Work:
    """The notebook with the solutions of some parts, which use all that is promised."""
    names = promised()
    notebook = nbformat.from_dict(read_notebook(EXERCISE))
    for cell in notebook.cells:
        if kind(cell) != "solution":
            continue
        if cell.cell_type == "code" and cell.id in written:
            cell.source = using(cell.source, names[cell.id] - {*unused})
        else:
            cell.source = clear_solutions(cell.source)
    return Work(EXERCISE.name, notebook)


def solutions_of() -> dict[str, set[str]]:
    """For each judged part its solution cells: those between its check and the one before."""
    found, waiting = {}, set()
    for cell in cells():
        marks = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and kind(cell) == "solution":
            waiting.add(cell.id)
        elif cell.cell_type == "code" and marks.get("grade"):
            found[cell.id], waiting = waiting, set()
    return found


@pytest.fixture(scope="module")
def grader() -> Grader:
    course = Course.load(EXERCISE.folder.parents[2])
    prepare(course, "hw3")
    with Grader(course, "hw3", seed=random.randrange(10**6)) as made:
        yield made


def test_names_are_read_from_the_source() -> None:
    names = promised()
    assert {"device", "DISTILBERT", "swag"} <= names["hw3_2_1_explain-solution"]
    assert {"tokenizer", "encoded_swag"} <= names["hw3_2_1_collator-solution"]
    assert {"squad", "t5_tokenizer", "T5"} <= names["hw3_3_1_eos-solution"]
    assert "tokenizer" not in names["hw3_2_1_explain-solution"] | names["hw3_3_1_eos-solution"]
    assert {"t5_model", "t5_train_data", "t5_args"} <= names["hw3_3_2_trainer-solution"]


@pytest.mark.sandbox
def test_functions_may_use_every_name_that_is_promised(grader: Grader) -> None:
    """All is written, and every function uses all that the notebook defines before it."""
    every = {cell for cells in solutions_of().values() for cell in cells}
    assert_whole(grader, handed_in(every), set(solutions_of()))


@pytest.mark.sandbox
@pytest.mark.parametrize("seed", range(3))
def test_each_part_stands_alone(grader: Grader, seed: int) -> None:
    """A drawn half of the parts is written, and uses names that the rest does not define."""
    parts = solutions_of()
    chosen = set(random.Random(seed).sample(sorted(parts), len(parts) // 2))
    for part in list(chosen):
        chosen |= BUILDS_ON.get(part, set())
    written = {cell for part in chosen for cell in parts[part]}
    assert_whole(grader, handed_in(written, *OWN), {
        part for part in chosen if parts[part]})


def assert_whole(grader: Grader, work: Work, parts: set[str]) -> None:
    points = judged_parts(read_notebook(EXERCISE))
    verdict = grader.grade(work)
    lost = {one.part: one.says for one in verdict.parts
            if one.part in parts and one.points < points[one.part]}
    assert not lost
