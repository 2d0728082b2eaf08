"""The scripts of findings/: their form. They are run by `make findings`, with the network."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest
from conftest import REPO

FOLDER = REPO / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))


def test_there_are_some_and_the_readme_names_each() -> None:
    named = re.findall(r"^\| `([\w-]+)` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert len(SCRIPTS) >= 8
    assert sorted(named) == [script.stem for script in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_has_its_form(script: Path) -> None:
    text = script.read_text()
    assert text.startswith("#!/bin/sh\n# ") and os.access(script, os.X_OK)
    packages = re.findall(r'^PACKAGES="(.+)"$', text, re.MULTILINE)
    assert len(packages) == 1
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+", one) for one in packages[0].split())
    for words in ("# Expected: ", " Seen: ", "\nset -eu\n", '/environment"\n'):
        assert words in text, words
    assert any(one.replace("==", " ") in text.splitlines()[1] for one in packages[0].split())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_imports_nothing_of_the_kit_and_asserts(script: Path) -> None:
    programs = re.findall(r"<<'PYTHON'\n(.*?)\nPYTHON$", script.read_text(),
                          re.DOTALL | re.MULTILINE)
    assert programs
    trees = [ast.parse(program) for program in programs]
    imported = {name for tree in trees for node in ast.walk(tree)
                for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                             else [node.module or ""] if isinstance(node, ast.ImportFrom) else [])}
    assert not [name for name in imported if name.split(".")[0] == "autograder"]
    assert any(isinstance(node, ast.Assert) for tree in trees for node in ast.walk(tree))
    assert "autograder" not in script.read_text()
