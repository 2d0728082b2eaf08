"""The pages for those who change the kit name files, tests and packages that are there."""

from __future__ import annotations

import re

import draw_packages
import pytest
from conftest import REPO

DOCS = REPO / "docs"
NEW = {"autograder/intake/platforms/campus.py", "autograder/grading/log.py"}  # examples


@pytest.mark.parametrize("page", ["architecture.md", "changing-the-kit.md"])
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (DOCS / page).read_text()
    named = set(re.findall(r'[`" ]((?:[\w-]+/)+[\w-]+\.(?:py|toml|po|jinja|txt))\b', text)) - NEW
    missing = [name for name in named
               if not any((folder / name).is_file() for folder in (REPO, REPO / "autograder"))]
    assert len(named) > 20 and not missing


def test_every_command_of_changing_the_kit_finds_a_test() -> None:
    text = (DOCS / "changing-the-kit.md").read_text()
    commands = re.findall(r"^python -m pytest (.+?)(?: -k (\w+|\".+\"))?$", text, re.M)
    for files, words in commands:
        tests = "".join((REPO / file).read_text() for file in files.split())
        for word in words.strip('"').split(" or "):
            assert word.split(" and ")[0] in tests, (files, word)
    assert len(commands) > 10


def test_the_picture_has_every_package() -> None:
    picture = (DOCS / "packages.svg").read_text()
    there = set(re.findall(r"<text [^>]*>(\w+)</text>", picture))
    assert there == {name for names in draw_packages.layers() for name in names}, (
        "run `python docs/draw_packages.py`")
