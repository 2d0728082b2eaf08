"""Answers in words that are not in the cell for them: found, moved where certain, never a zero."""

from __future__ import annotations

import random
from collections.abc import Callable

import nbformat
import pytest
from nbformat import NotebookNode
from strangers import part, read, released

from autograder.cells import is_solution, marks
from autograder.intake.notebook.misplaced import elsewhere, flags
from autograder.intake.notebook.repair import repair

HW3, Q1B = "hw3/hw3.ipynb", "q1/q1b.ipynb"
TEXT = "The **qwertys** are compared with the query:\n\n1. it scales, and\n2. it adds up to 1."


def answers(name: str) -> list[str]:
    """The parts that are answered in words."""
    return [marks(cell)["grade_id"] for cell in read(released(name)[name]).cells
            if is_solution(cell) and cell.cell_type == "markdown"]


PARTS = [(HW3, one) for one in answers(HW3)] + [(Q1B, one) for one in answers(Q1B)]
Way = Callable[[list[NotebookNode], int], None]


def below(cells: list[NotebookNode], at: int) -> None:
    cells.insert(at + 1, nbformat.v4.new_markdown_cell(TEXT))


def in_two_cells_below(cells: list[NotebookNode], at: int) -> None:
    first, second = TEXT.split("\n\n")
    cells[at + 1:at + 1] = [nbformat.v4.new_markdown_cell(first),
                            nbformat.v4.new_markdown_cell(second)]


def raw_below(cells: list[NotebookNode], at: int) -> None:
    cells.insert(at + 1, nbformat.v4.new_raw_cell(TEXT))


def prose_in_code(cells: list[NotebookNode], at: int) -> None:
    cells.insert(at + 1, nbformat.v4.new_code_cell(TEXT))


def comments_in_code(cells: list[NotebookNode], at: int) -> None:
    cells.insert(at + 1, nbformat.v4.new_code_cell(
        "".join(f"# {line}\n" for line in TEXT.splitlines())))


def cleared_and_below(cells: list[NotebookNode], at: int) -> None:
    cells[at].source = ""
    below(cells, at)


WAYS: list[Way] = [below, in_two_cells_below, raw_below, prose_in_code, comments_in_code,
                   cleared_and_below]


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(("name", "answer"), PARTS)
def test_an_answer_beside_its_cell_is_moved_there(name: str, answer: str, way: Way) -> None:
    given = read(released(name)[name])
    notebook = read(released(name)[name])
    way(notebook.cells, notebook.cells.index(part(notebook, answer)))
    result = repair(notebook, given)
    assert words(part(result.notebook, answer).source) == words(TEXT)
    assert any(f"the answer to `{answer}`" in one for one in result.repaired)
    assert sum("qwertys" in cell.source for cell in result.notebook.cells) == 1
    assert not repair(result.notebook, given).repaired, "once is enough"
    assert answer not in elsewhere(result.notebook, [given])


@pytest.mark.parametrize(("name", "answer"), PARTS)
def test_an_answer_in_its_question_is_found(name: str, answer: str) -> None:
    given = read(released(name)[name])
    notebook = read(released(name)[name])
    at = notebook.cells.index(part(notebook, answer))
    question = next(cell for cell in reversed(notebook.cells[:at]) if not marks(cell))
    question.source += f"\n\n{TEXT}"
    result = repair(notebook, given)
    found = elsewhere(result.notebook, [given])
    moved = words(part(result.notebook, answer).source) == words(TEXT)
    assert moved != (answer in found), "moved, or for a person"
    assert any(TEXT in cell.source for cell in result.notebook.cells), "and nothing is lost"


@pytest.mark.parametrize("seed", range(12))
def test_no_empty_answer_is_certain_while_other_text_is_there(seed: int) -> None:
    chance = random.Random(seed)
    name, answer = chance.choice(PARTS)
    given = read(released(name)[name])
    notebook = read(released(name)[name])
    for cell in notebook.cells:
        if is_solution(cell) and cell.cell_type == "markdown":
            cell.source = "An answer." if marks(cell)["grade_id"] != answer else cell.source
    text = f"My reasons are {seed}: it depends."
    place = chance.choice(["a cell", "a given cell", "the end", "an output's cell"])
    if place == "a given cell":
        chance.choice([cell for cell in notebook.cells if cell.cell_type == "markdown"
                       and not marks(cell)]).source += f"\n{text}"
    else:
        at = len(notebook.cells) if place == "the end" else chance.randrange(len(notebook.cells))
        notebook.cells.insert(at, nbformat.v4.new_markdown_cell(text))
    result = repair(notebook, given)
    found = elsewhere(result.notebook, [given])
    filled = part(result.notebook, answer).source.strip() not in ("", "YOUR ANSWER HERE")
    assert filled or answer in found
    assert filled or flags(found.items(), {answer})
    assert not flags(found.items(), set()), "what got points needs nobody"


def test_an_answer_in_the_cell_of_another_one() -> None:
    given, notebook = read(released(HW3)[HW3]), read(released(HW3)[HW3])
    part(notebook, "hw3_1_2a").source = "(a) It is the keys.\n\n(b) It is the values."
    found = elsewhere(repair(notebook, given).notebook, [given])
    assert "the answer to `hw3_1_2a`" in found["hw3_1_2b"]


def test_as_released_nothing_is_elsewhere() -> None:
    for name in (HW3, Q1B, "q1/q1a.ipynb", "q2/q2.ipynb"):
        given, notebook = read(released(name)[name]), read(released(name)[name])
        notebook.cells += [nbformat.v4.new_code_cell(text) for text in (
            "!nvidia-smi", "import torch", "print('20/20')", "%pip install x", "")]
        assert not elsewhere(repair(notebook, given).notebook, [given])


@pytest.mark.parametrize("name", ["q1/q1a.ipynb", "q1/q1b.ipynb", HW3])
def test_code_in_a_cell_of_its_own_is_told_of_where_its_part_got_nothing(name: str) -> None:
    given, notebook = read(released(name)[name]), read(released(name)[name])
    notebook.cells.append(nbformat.v4.new_code_cell("def my_solution(x):\n    return x + 1"))
    found = elsewhere(repair(notebook, given).notebook, [given], ["notes.txt"])
    graded = {marks(cell)["grade_id"] for cell in given.cells
              if marks(cell).get("grade") and cell.cell_type == "code"}
    code = {one: where for one, where in found.items() if one in graded}
    assert code and all("my_solution" in where and "notes.txt" in where for where in code.values())
