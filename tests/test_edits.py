"""Misconceptions and variants as edits of the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import CourseError, Exercise
from autograder.release.edits import Change, Edit, apply, read_changes

FILES = {"bert.py": b"scores = q @ k / root\nreturn scores\n", "utils.py": b"pass\n"}


def change(**edit: str) -> Change:
    return Change(name="one", edits=[Edit(**edit)])


def test_an_edit_replaces_its_text_and_nothing_else() -> None:
    edited = apply(change(file="bert.py", replace=" / root", by=""), FILES)
    assert edited["bert.py"] == b"scores = q @ k\nreturn scores\n"
    assert edited["utils.py"] == FILES["utils.py"]
    assert b"/ root" in FILES["bert.py"], "the files handed in are left alone"


@pytest.mark.parametrize(("edit", "sentence"), [
    ({"file": "bert.py", "replace": "nowhere", "by": ""}, "stands 0 times in bert.py"),
    ({"file": "bert.py", "replace": "scores", "by": ""}, "stands 2 times in bert.py"),
    ({"file": "brt.py", "replace": "x", "by": ""}, "there is no file brt.py"),
])
def test_an_edit_that_does_not_fit_is_a_sentence(edit: dict[str, str], sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        apply(change(**edit), FILES)


def read(tmp_path: Path, text: str) -> list[Change]:
    (tmp_path / "misconceptions.toml").write_text(text)
    return read_changes(Exercise("toy", tmp_path), "misconception")


ONE = '[[misconception]]\nname = "one"\npart = "a"\nsays = "No."\n'


def test_one_edit_is_written_without_a_list(tmp_path: Path) -> None:
    (found,) = read(tmp_path, ONE + 'file = "bert.py"\nreplace = "x"\nby = "y"\n')
    assert found.edits == [Edit(file="bert.py", replace="x", by="y")]


def test_several_edits_are_a_list(tmp_path: Path) -> None:
    edits = '{ file = "a.py", replace = "x", by = "y" }, { file = "b.py", replace = "x", by = "" }'
    (found,) = read(tmp_path, ONE + f"edits = [{edits}]\n")
    assert [edit.file for edit in found.edits] == ["a.py", "b.py"]


@pytest.mark.parametrize(("text", "sentence"), [
    (ONE + 'file = "a"\nreplace = "x"\nbye = "y"\n', "bye"),
    ("[[misconception]\n", "misconceptions.toml of toy"),
    (2 * (ONE + 'file = "a"\nreplace = "x"\nby = "y"\n'), "used twice: one"),
])
def test_a_fault_in_the_file_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        read(tmp_path, text)


def test_an_exercise_without_the_file_has_none(tmp_path: Path) -> None:
    assert read_changes(Exercise("toy", tmp_path), "variant") == []
