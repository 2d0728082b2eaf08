"""The grammar of an exercise's source where somebody mistypes it: a sentence, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import TOY_MISCONCEPTIONS, TOY_MODULE, TOY_NOTEBOOK, Toy

from autograder.course import CourseError, Exercise
from autograder.release import check, source
from autograder.release.build import build


def read(text: str, folder: Path) -> None:
    source.read_notebook(Exercise("toy", folder), text)


@pytest.mark.parametrize("key", [
    "solution='a b'", "solution=''", "tests='a/b' points=1", "tests=3 points=1",
    "tests='a' points='six'", "tests='a' points=-1", "tests='a' points=true",
    "written='a' points=[1]",
])
def test_a_name_or_points_of_the_wrong_kind_is_a_sentence(tmp_path: Path, key: str) -> None:
    with pytest.raises(CourseError):
        read(f"# %% {key}\n1\n", tmp_path)


@pytest.mark.parametrize("key", ["solution", "tests"])
def test_a_mistyped_key_is_a_sentence(tmp_path: Path, key: str) -> None:
    with pytest.raises(CourseError):
        read(f"# %% {key}s='a'\n1\n", tmp_path)


@pytest.mark.parametrize("where", ["toy.py", "vectors.py"])
@pytest.mark.parametrize(("marker", "other"), [
    ("### END SOLUTION", ""), ("### BEGIN SOLUTION", ""), ("### BEGIN SOLUTION", "### BEGN"),
    ("### END SOLUTION", "### BEGIN SOLUTION")], ids=["no end", "no begin", "typo", "two begins"])
def test_a_solution_that_does_not_begin_or_end_stops_the_build(
        tmp_path: Path, where: str, marker: str, other: str) -> None:
    toy = Toy()
    toy.source[where] = toy.source[where].replace(marker, other, 1)
    course = toy.write(tmp_path)
    with pytest.raises(CourseError, match=where):
        build(course, "toy")


def test_no_misspelt_marker_releases_a_solution(tmp_path: Path) -> None:
    toy = Toy()
    toy.source["vectors.py"] = TOY_MODULE.replace("### BEGIN SOLUTION", "### BEGIN SOLUTON")
    course = toy.write(tmp_path)
    try:
        built = build(course, "toy")
    except CourseError:
        return
    assert "vector.abs().max()" not in (built / "vectors.py").read_text()


@pytest.mark.parametrize("text", [TOY_NOTEBOOK, TOY_NOTEBOOK + "\n# %% [raw]\n# raw\n"])
def test_the_points_do_not_depend_on_other_cells(tmp_path: Path, text: str) -> None:
    assert source.parts(source.read_notebook(Exercise("toy", tmp_path), text)) == {
        "toy_words": 4.0, "toy_count": 3.0, "toy_scale": 3.0}


def test_every_line_that_tells_an_answer_is_a_secret(tmp_path: Path) -> None:
    secrets = dict(check._secrets(Toy().write(tmp_path).exercise("toy")))
    assert secrets["return text.lower().split()"] == "a solution"
    assert secrets["largest = vector.abs().max()"] == "a solution"
    assert secrets['student, reference = both.call("words", TEXT)'] == "a hidden test or probe"
    assert any(kind == "a misconception" for kind in secrets.values())


def test_what_is_given_is_no_secret(tmp_path: Path) -> None:
    secrets = dict(check._secrets(Toy().write(tmp_path).exercise("toy")))
    assert not {line.strip() for line in (TOY_MODULE + TOY_NOTEBOOK).splitlines()
                if "def " in line or '"""' in line} & secrets.keys()


def test_a_misconception_without_a_sentence_is_a_sentence_of_ours(tmp_path: Path) -> None:
    toy = Toy(misconceptions=TOY_MISCONCEPTIONS.partition("says")[0])
    with pytest.raises(CourseError):
        dict(check._secrets(toy.write(tmp_path).exercise("toy")))
