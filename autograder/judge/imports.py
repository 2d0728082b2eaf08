"""A cell whose imports fail loses the names that are gone, not all that the cell does.

`from datasets import load_dataset, load_metric` fails as a whole where one of both has left the
library. Such a cell is run again with each import for itself.
"""

from __future__ import annotations

import ast

from autograder.kernel.session import Outcome

FAILED = ("ImportError", "ModuleNotFoundError")


def is_failed_import(outcome: Outcome) -> bool:
    """Whether a cell stopped because something could not be imported."""
    return outcome.kind == "error" and outcome.says.startswith(FAILED)


def one_by_one(cell: str) -> str | None:
    """The cell with each import for itself, at the same line; None where there is none to split.

    Lines for the notebook's shell (%pip, !ls) have run by then, and are left out.
    """
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in cell.splitlines()]
    try:
        statements = ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = False
    for number, statement in enumerate(statements):
        neighbours = statements[max(0, number - 1):number] + statements[number + 1:number + 2]
        if isinstance(statement, ast.Import | ast.ImportFrom) and not _shares_a_line(
                statement, neighbours):
            end = statement.end_lineno or statement.lineno
            lines[statement.lineno - 1:end] = [
                f"exec({each(statement)!r})", *[""] * (end - statement.lineno)]
            found = True
    return "\n".join(lines) if found else None


def each(statement: ast.Import | ast.ImportFrom) -> str:
    """A program that imports name after name, and goes on where one is missing."""
    tries = []
    for alias in statement.names:
        one: ast.stmt = (ast.Import([alias]) if isinstance(statement, ast.Import) else
                         ast.ImportFrom(statement.module, [alias], statement.level))
        tries.append(f"try:\n    {ast.unparse(one)}\nexcept ImportError:\n    pass")
    return "\n".join(tries)


def _shares_a_line(statement: ast.stmt, others: list[ast.stmt]) -> bool:
    end = statement.end_lineno or statement.lineno
    return any(other.lineno <= end
               and (other.end_lineno or other.lineno) >= statement.lineno for other in others)
