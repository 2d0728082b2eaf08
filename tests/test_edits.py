"""Misconceptions and variants as edits of the source."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import nbformat
import pytest
from conftest import REPO

from autograder.course import Course, CourseError, Exercise
from autograder.exercise.edits import (
    Change,
    Edit,
    Misconceptions,
    apply,
    in_cells,
    read_changes,
)
from autograder.exercise.solution import solved_files, split_notebook

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


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "misconceptions").mkdir()
    return tmp_path / "misconceptions"


def test_a_misconception_is_written_when_it_is_asked_for(toy: Course, place: Path) -> None:
    exercise = toy.exercise("toy")
    one, other = (Misconceptions(exercise, place) for _ in range(2))
    assert not list(place.iterdir())
    changes = one.of("toy_words")
    assert changes and all(change.part == "toy_words" for change in changes)
    folder = one.written(changes[0])
    assert [folder] == list(place.iterdir()) == [other.written(changes[0])]
    (edit,) = changes[0].edits
    (notebook,) = folder.glob("*.ipynb")
    assert edit.by in "".join(cell.source for cell in nbformat.read(notebook, 4).cells)


def test_who_writes_one_at_the_same_time_finds_it_whole(toy: Course, place: Path) -> None:
    each = [Misconceptions(toy.exercise("toy"), place) for _ in range(2)]
    (change, *_) = each[0].of("toy_words")
    (place / f"{change.name}.other").mkdir()
    (place / f"{change.name}.other" / "file").write_text("whole")
    rename = Path.rename

    def late(path: Path, target: Path) -> Path:
        rename(place / f"{change.name}.other", target)  # the other one was faster
        return rename(path, target)

    with mock.patch.object(Path, "rename", late):
        folder = each[0].written(change)
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert list(place.iterdir()) == [folder]


def test_one_that_does_not_fit_is_told_before_anything_is_judged(toy: Course, place: Path
                                                                ) -> None:
    file = toy.exercise("toy").folder / "misconceptions.toml"
    file.write_text(ONE + 'file = "toy.py"\nreplace = "stands nowhere"\nby = ""\n')
    with pytest.raises(CourseError, match="stands 0 times"):
        Misconceptions(toy.exercise("toy"), place)


@pytest.mark.parametrize("name", ["q1a", "q1b", "q2", "hw3"])
def test_an_edit_within_a_cell_gives_what_the_whole_source_gives(name: str, place: Path) -> None:
    exercise = Course.load(REPO).exercise(name)
    files = solved_files(exercise)
    for change in read_changes(exercise, "misconception")[::12]:
        if not all(edit.file in files for edit in change.edits):
            continue
        notebook, rest = split_notebook(exercise, apply(change, files))
        folder = Misconceptions(exercise, place).written(change)
        written = nbformat.read(folder / f"{name}.ipynb", 4)
        assert [(cell.cell_type, cell.source, cell.metadata) for cell in written.cells] == [
            (cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells], change.name
        assert {path.name: path.read_bytes() for path in folder.iterdir()
                if path.suffix != ".ipynb"} == rest


@pytest.mark.parametrize(("replace", "by"), [
    ("two", "2"), ("one", "1"), ("x = 1", "x = 1\n# %%\ny = 2"), ("x = 1", "%timeit x"),
    ("x = 1\n", "\n"), ("nowhere", "")], ids=["text", "twice", "a cell", "magic", "empty", "gone"])
def test_an_edit_beyond_a_cells_code_is_left_to_the_source(replace: str, by: str) -> None:
    code = nbformat.v4.new_code_cell
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell("two"), code("x = 1\none = 3"), code("one")])
    assert in_cells(notebook, [Edit(file="toy.py", replace=replace, by=by)]) is None


def test_edits_within_cells_leave_the_notebook_they_came_from(place: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1\ny = 2")])
    edits = [Edit(file="toy.py", replace="x = 1", by="x = 3"),
             Edit(file="toy.py", replace="x = 3", by="x = 4")]
    edited = in_cells(notebook, edits)
    assert edited is not None and edited.cells[0].source == "x = 4\ny = 2"
    assert notebook.cells[0].source == "x = 1\ny = 2"
