"""What the kit's own code does with a text of a submission takes time that grows with the text.

Four times the text takes about four times as long; what is quadratic takes sixteen times.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import nbformat
import pytest

from autograder.crossfeedback import anonymise
from autograder.crossfeedback.redaction import Names
from autograder.exercise import parts
from autograder.gradebook import sanitize
from autograder.intake import owners, written
from autograder.intake.notebook import cells, order
from autograder.intake.notebook.read import MOST_CELLS, read_any
from autograder.roster import Member
from autograder.similarity import fingerprints

SHORT, MUCH, LEAST = 20_000, 4, 0.4  # seconds below which nobody waits
PEOPLE = Names("g", [Member("2026_00001", "Ada Lovelace")])
SHAPES = ("\n", " ", "(", "<p ", "![", "a.", "__a", "%41", "*\n", "\x1b]", "import os\n", "'''a\n",
          "# %%\n", "a,", "<!--", "@a\n", "&", "x = 1; ", "f'{a}'", "`", "1. ", "a&amp;")
READERS: dict[str, Callable[[str], object]] = {
    "parsed": cells.parsed, "names": cells.names, "functions": parts.functions.__wrapped__,
    "likeness": lambda text: cells.likeness(text, text),
    "prints": fingerprints.prints.__wrapped__,
    "answers": lambda text: written.UNSEEN.sub("", text),
    "people's names": lambda text: [owners.BETWEEN.split(owners.MARKUP.sub("", line))
                                    for line in text.split("\n\n")],
    "heads": anonymise.members_heading, "colours": lambda text: anonymise.ANSI.sub("", text),
    "anonymous": lambda text: PEOPLE.clean(text, "code"),
    "anonymous words": PEOPLE.clean, "script": lambda text: read_any(text.encode(), "a.py"),
    "page": lambda text: sanitize.clean(nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell(text)])),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("shape", SHAPES, ids=ascii)
def test_time_grows_with_the_text(reader: str, shape: str) -> None:
    size = SHORT
    for _ in range(3):  # a loaded machine may be slow once, not thrice
        once = taken(reader, shape * (size // len(shape)))
        more = taken(reader, shape * (MUCH * size // len(shape)))
        if more < LEAST or more < 2.5 * MUCH * max(once, 0.02):
            return
    pytest.fail(f"{once:.2f} s for {size} characters, {more:.2f} s for {MUCH} times as many")


def taken(reader: str, text: str) -> float:
    begin = time.process_time()
    READERS[reader](text)
    return time.process_time() - begin


def test_many_cells_are_looked_through_in_time() -> None:
    def took(count: int) -> float:
        begin = time.process_time()
        list(order.used_too_early(nbformat.v4.new_notebook(cells=[
            nbformat.v4.new_code_cell(f"x{n} = y{n}") for n in range(count)]).cells))
        return time.process_time() - begin

    assert took(800) < 12 * max(took(200), 0.1)


@pytest.mark.parametrize("kind", ["notebook", "script"])
def test_more_cells_than_anybody_writes_are_not_read(kind: str) -> None:
    many = MOST_CELLS + 1
    data = (nbformat.writes(nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("1")] * many)) if kind == "notebook" else "# %%\n1\n" * many)
    notebook, said = read_any(data.encode(), "a.ipynb" if kind == "notebook" else "a.py")
    assert notebook is None and "2,001 cells" in said[0]
