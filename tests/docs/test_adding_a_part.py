"""The page on adding a part: its blocks are an exercise that validates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import REPO, run_cli
from fences import fences, missing

from autograder.course import Exercise
from autograder.exercise.rubric import read_rubrics
from autograder.exercise.source import read_notebook

PAGE = "adding-a-part.md"
LATER = ", at its end"


def write_example(folder: Path) -> None:
    """Write the page's files, as somebody does who follows it to its end."""
    for fence in fences(PAGE):
        if fence.title:
            path = folder / fence.title.removesuffix(LATER)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if fence.title.endswith(LATER) else "x") as file:
                file.write(f"\n{fence.text}" if fence.title.endswith(LATER) else fence.text)
    in_the_end = re.search(r"set `(max_points = \d+)`", (REPO / "docs" / PAGE).read_text())
    assert in_the_end
    toml = folder / "course.toml"
    toml.write_text(re.sub(r"max_points = \d+", in_the_end[1], toml.read_text()))


def test_the_rubric_has_items_of_each_kind() -> None:
    (text,) = [fence.text for fence in fences(PAGE) if 'written="bpe_why"' in fence.text]
    notebook = read_notebook(Exercise("bpe", Path("bpe")), text)
    (rubric,) = read_rubrics(notebook, "bpe").values()
    assert {item.kind for item in rubric.items} == {"adds", "takes", "caps"}
    assert rubric.notes.startswith("Wording") and "good remark" in rubric.notes
    assert rubric.model_answer.startswith("A merged token")


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_the_example_is_an_exercise_that_validates(tmp_path: Path) -> None:
    write_example(tmp_path)
    done = run_cli("validate", "-j", 1, cwd=tmp_path, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    said = [fence.text for fence in fences(PAGE) if fence.text.startswith("misconceptions=")]
    assert not missing(said[-1], done.stdout), done.stdout
