"""A student in JupyterLab and in Notebook 7: opens a skeleton, fills it, runs it, validates it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Toy

from autograder.release.build import release
from browser.conftest import Server, Window
from browser.notebook_page import FRONT_ENDS, NotebookPage

pytestmark = pytest.mark.browser

WORDS = "def words(text):\n    return text.lower().split()"
COUNT = """def count(text):
    found = words(text)
    return {word: found.count(word) for word in found}"""


@pytest.fixture(scope="package")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy as students receive it."""
    folder = tmp_path_factory.mktemp("released")
    return release(Toy().write(folder), "toy")


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], Server]) -> Server:
    """A student's folder, served."""
    return serve(tmp_path_factory.mktemp("desk"))


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_student_fills_runs_and_validates(
        front_end: str, released: Path, desk: Server, window: Window, tmp_path: Path) -> None:
    shutil.copytree(released, desk.folder / front_end)
    notebook = NotebookPage.open(window.page, desk, front_end, f"{front_end}/toy.ipynb")

    def photograph(name: str) -> None:
        window.page.screenshot(path=tmp_path / f"{name}.png")

    before = notebook.validate(lambda: photograph("failed"))
    assert not before.passed
    assert before.text.count("The following cell failed") == 2
    assert "NotImplementedError" in before.text

    notebook.run(notebook.cell("from given import"))
    for source in (WORDS, COUNT):
        cell = notebook.cell(source.partition("\n")[0])
        notebook.fill(cell, source)
        assert notebook.run(cell) == ""
    assert notebook.run(notebook.cell("assert words")) == ""
    after = notebook.validate(lambda: photograph("passed"))
    assert after.passed, after.text
    assert "passes all the tests" in after.text

    saved = json.loads((desk.folder / front_end / "toy.ipynb").read_text())
    assert COUNT in ["".join(cell["source"]) for cell in saved["cells"]]
    assert window.elsewhere == []
