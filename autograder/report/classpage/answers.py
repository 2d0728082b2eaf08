"""What a student wrote in answer to a part, as an example for others to read."""

from __future__ import annotations

import ast
import textwrap

from autograder.cells import marks
from autograder.intake.notebook.cells import parsed
from autograder.judge.work import Work
from autograder.release.parts import Place, written

MOST_LINES, LONGEST_LINE = 60, 200  # of an example


def answer(work: Work, place: Place) -> str:
    """What stands in a place, without its docstring; empty where nothing is there."""
    cells = {str(marks(cell).get("grade_id") or cell.get("id") or number): cell.source
             for number, cell in enumerate(work.notebook.cells)}
    text = written(place, cells, lambda name: work.text(name) or "")
    return _shortened(_without_docstring(textwrap.dedent(text)))


def _without_docstring(text: str) -> str:
    """A function without its docstring; any other text as it is."""
    tree = parsed(text)
    found = tree.body[0] if tree and len(tree.body) == 1 else None
    if (not isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef)
            or ast.get_docstring(found, clean=False) is None
            or found.body[0].lineno == found.lineno):
        return text
    lines, docstring = text.splitlines(), found.body[0]
    return "\n".join([*lines[:docstring.lineno - 1], *lines[docstring.end_lineno:]])


def _shortened(text: str) -> str:
    lines = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..."
             for line in text.splitlines()]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"# ... (cut off here: {len(lines)} lines)"]
    return "\n".join(lines).strip("\n")
