"""What is compared: this year's folder of submissions, and whatever other years left."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import nbformat
import pytest
from conftest import EXERCISES, TOY_COURSE, Toy, status_of, toy_work
from nbformat import NotebookNode

from autograder.course import Course, CourseError
from autograder.faults import Faults
from autograder.report.read import CourseResults
from autograder.report.todo.items import review_items
from autograder.similarity import journal, read
from autograder.similarity.identical import RunPattern
from similarity.classes import OWN, renamed


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """The toy as it was released, by hand, and eight students who have nothing in common."""
    course = Toy(course=TOY_COURSE.replace(
        "[course]", '[course]\nexercises = "../exercises"', 1)).write(tmp_path)
    patterns = [(EXERCISES / name / "similarity.toml").read_text() for name in ("q1b", "q2")]
    (course.exercise("toy").folder / "similarity.toml").write_text("\n".join(patterns))
    released = course.build / "release" / "toy"
    released.mkdir(parents=True)
    given = toy_work(course).notebook
    nbformat.write(given, released / "toy.ipynb")
    (released / "vectors.py").write_text("def scale(vector):\n    raise NotImplementedError\n")
    for number in range(8):
        hand_in(course, f"s00{number}", "\n".join(
            f"value_{line} = other({number}, {number * line}, [{line}])" for line in range(20)))
    return course


def hand_in(course: Course, student: str, vectors: str, *cells: str) -> None:
    folder = course.submitted / student / "toy"
    folder.mkdir(parents=True)
    (folder / "vectors.py").write_text(vectors)
    nbformat.write(toy_work(course, cells=cells).notebook, folder / "toy.ipynb")


def notebook(*cells: NotebookNode) -> str:
    return nbformat.writes(nbformat.v4.new_notebook(cells=list(cells)))


def similar(course: Course, monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    return status_of(monkeypatch, "similar", "toy", "--course", course.root, *args)


def test_a_copy_is_in_the_page_and_in_the_list(
        course: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
        ) -> None:
    hand_in(course, "s101", OWN)
    hand_in(course, "s102", "", renamed(OWN))  # in a cell of the notebook, under other names
    assert similar(course, monkeypatch) == 1
    assert "autograder todo toy" in capsys.readouterr().out
    assert "s101 and s102" in (course.grading / "similar" / "toy.html").read_text()
    (item,) = review_items(CourseResults(course), "toy")
    assert item.student == "s101 and s102"
    assert item.where == ("grading/similar/toy.html#toy-s101-s102",)
    assert not course.feedback.exists() and not course.grades.exists()  # nothing reaches students


def test_where_nobody_copied_nothing_is_said(
        course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    assert similar(course, monkeypatch) == 0
    assert journal.read(course, "toy") == review_items(CourseResults(course), "toy") == []


@pytest.mark.parametrize("groups", [True, False])
def test_members_of_a_group_are_compared_where_each_works_alone(
        course: Course, monkeypatch: pytest.MonkeyPatch, groups: bool) -> None:
    text = (course.root / "course.toml").read_text()
    (course.root / "course.toml").write_text(text.replace(
        "[course]", '[course]\nroster = "roster.csv"', 1).replace(
        "[assignments.toy]", f"[assignments.toy]\ngroups = {str(groups).lower()}"))
    (course.root / "roster.csv").write_text("id,name,group\ns101,A,1\ns102,B,1\ns103,C,2\n")
    for student in ("s101", "s102", "s103"):
        hand_in(course, student, OWN)
    assert similar(course, monkeypatch) == 1
    pairs = {(pair.one, pair.other) for pair in journal.read(course, "toy")}
    assert pairs == {("s101", "s103"), ("s102", "s103")} | (
        set() if groups else {("s101", "s102")})


# -------------------------------------------------------------------------- byte for byte the same

KINDS = {"result.log": b"epoch 1, dev acc :: 0.402\n", "written.pdf": b"%PDF-1.7 mine",
         "vectors.py": b"SCALE = 3\n", "toy.ipynb": b"{ no notebook", "losses.png": b"\x89PNG\0",
         "help.PY": b"x = 1\r\n", "deep/below/notes.txt": "für mich".encode()}


@pytest.mark.parametrize("name", KINDS)
def test_the_same_file_is_shown_however_short_it_is(
        course: Course, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for student in ("s101", "s102"):
        hand_in(course, student, f"own_of = '{student}'")
        path = course.submitted / student / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(KINDS[name])
    assert similar(course, monkeypatch) == 1
    (pair,) = journal.read(course, "toy")
    assert (pair.one, pair.other) == ("s101", "s102")
    assert pair.reason == f"both have the same {name}, byte for byte"
    page = (course.grading / "similar" / "toy.html").read_text()
    assert f"Byte for byte the same: {name}" in page


@pytest.mark.parametrize("name", KINDS)
def test_the_same_file_of_another_year_is_shown(
        course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    hand_in(course, "s101", "own = 1")
    for path in (course.submitted / "s101" / "toy" / name,
                 tmp_path / "2025" / "s901" / "toy" / name):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(KINDS[name])
    assert similar(course, monkeypatch, "--also", tmp_path / "2025") == 1
    assert [(pair.one, pair.other) for pair in journal.read(course, "toy")] == [
        ("s101", "2025/s901")]


@pytest.mark.parametrize(("second", "pairs"), [("11", 1), ("12", 0)])
def test_a_run_is_one_persons(course: Course, monkeypatch: pytest.MonkeyPatch, second: str,
                              pairs: int) -> None:
    """Two runs may give the same losses; they do not begin in the same second and go on alike."""
    for student, seconds in (("s101", "11"), ("s102", second)):
        hand_in(course, student, f"own_of = '{student}'")
        path = course.submitted / student / "toy" / "toy.ipynb"
        book = nbformat.read(path, as_version=4)
        book.cells.append(nbformat.v4.new_code_cell("train()", outputs=[nbformat.v4.new_output(
            "stream", text="epoch 1: training loss 3.1000\nrun of 2026-11-02 12:30:"
            f"{seconds} on cuda: weights 5a31c0e7; first 1 of 9 batches 91bb 6.6301\n")]))
        nbformat.write(book, path)
    assert similar(course, monkeypatch) == (1 if pairs else 0)
    assert [pair.reason for pair in journal.read(course, "toy")] == pairs * [
        "both have the same printed run in toy.ipynb, byte for byte"]


LOG = """seed: {seed}
epoch  train loss  train acc  dev acc  seconds  saved
    1      1.2633     0.5858   0.5575    {first}  saved
    2      0.9527     0.7283   0.6085    379.4
"""


@pytest.mark.parametrize(("first", "pairs"), [("85.6", 1), ("85.7", 0)])
def test_epochs_that_took_as_long_are_one_persons(
        course: Course, monkeypatch: pytest.MonkeyPatch, first: str, pairs: int) -> None:
    """With one seed the figures may be the same, on a like machine; how long it took is not."""
    for student, seconds, ends in (("s101", "85.6", "\n"), ("s102", first, "\r\n")):
        hand_in(course, student, f"own_of = '{student}'")
        (course.submitted / student / "toy" / "result.log").write_text(
            LOG.format(seed=student, first=seconds), newline=ends)
    assert similar(course, monkeypatch) == (1 if pairs else 0)
    assert [pair.reason for pair in journal.read(course, "toy")] == pairs * [
        "both have the same table of epochs in result.log, byte for byte"]


def test_what_was_given_out_or_is_nothing_of_ones_own_is_no_sign(
        course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """The released files, as they are or as an editor of another system saves them."""
    released = course.build / "release" / "toy"
    (released / "given.log").write_text("as\nit came\n")
    (course.root / "setup.md").write_text("# Setting up\n")
    older = course.journal / "releases" / "toy" / "77d0e1b2"
    older.mkdir(parents=True)
    (older / "toy.ipynb").write_text(notebook(nbformat.v4.new_markdown_cell("An older task")))
    skeleton = nbformat.read(released / "toy.ipynb", 4)
    skeleton.cells.append(nbformat.v4.new_code_cell(""))
    skeleton.metadata["saved_by"] = "another editor"
    for number, student in enumerate(("s101", "s102")):
        folder = course.submitted / student / "toy"
        folder.mkdir(parents=True)
        (folder / "vectors.py").write_bytes(
            b"# version of today\r\n\r\n" + (released / "vectors.py").read_bytes())
        (folder / "given.log").write_bytes(b"\xef\xbb\xbfas\r\nit came")
        (folder / "setup.md").write_text("# Setting up\n")
        (folder / "toy.ipynb").write_text(nbformat.writes(skeleton))
        (folder / "toy (1).ipynb").write_bytes((older / "toy.ipynb").read_bytes())
        (folder / "empty.log").write_text(" \n")
        (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
        (folder / ".DS_Store").write_bytes(b"the same")
        (folder / "own.txt").write_text(f"mine {number}")
    assert similar(course, monkeypatch) == 0


def test_a_file_that_many_hold_is_shown_of_each_and_not_of_each_pair(
        course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        folder = course.submitted / f"s1{number:02}" / "toy"
        folder.mkdir(parents=True)
        (folder / "result.log").write_bytes(KINDS["result.log"])
    assert similar(course, monkeypatch) == 1
    pairs = journal.read(course, "toy")
    assert len(pairs) == 39
    assert {name for pair in pairs for name in (pair.one, pair.other)} == {
        f"s1{number:02}" for number in range(40)}


def test_other_years_come_as_zips_folders_and_notebooks(
        course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(course, "s101", OWN)
    old = tmp_path / "2025"
    (old / "s901").mkdir(parents=True)
    (old / "s901" / "vectors.py").write_text(OWN)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("hw/toy/vectors.py", OWN)
        file.writestr("hw/another/vectors.py", "pass")
    (old / "s902_toy.zip").write_bytes(buffer.getvalue())
    (old / "s101_toy.zip").write_bytes(buffer.getvalue())  # their own work of last year
    (old / "s903.ipynb").write_text(notebook(nbformat.v4.new_code_cell(OWN)))
    (old / "broken.zip").write_bytes(b"PK no zip")
    (old / "notes.txt").write_text("not handed in")
    assert similar(course, monkeypatch, "--also", old) == 1
    assert [(pair.one, pair.other) for pair in journal.read(course, "toy")] == [
        ("s101", "2025/s901"), ("s101", "2025/s902_toy.zip"), ("s101", "2025/s903.ipynb")]
    assert "broken.zip" in capsys.readouterr().out
    with pytest.raises(CourseError, match="There is no folder"):
        read.earlier(course, "toy", old / "none", read.released(course, "toy"))


def test_what_was_given_and_hidden_files_are_left_out(course: Course) -> None:
    hand_in(course, "s101", (course.build / "release" / "toy" / "vectors.py").read_text())
    folder = course.submitted / "s101" / "toy"
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "vectors.py").write_text(OWN)
    (folder / "broken.ipynb").write_text("{")
    (folder / "link.py").symlink_to("/etc/passwd")
    released = read.released(course, "toy")
    mine = next(one for one in read.submissions(
        course, "toy", released, Faults(course, "toy")) if one.owner == "s101")
    assert {unit.file for unit in mine.units} == {"toy.ipynb"}
    assert not any("assert words" in unit.text for unit in mine.units)  # the checks are locked


def test_a_second_look_takes_the_place_of_the_first(course: Course) -> None:
    alike = journal.SimilarPair("a", "b", "why", "where", "seen")
    journal.write(course, "toy", [alike])
    assert journal.read(course, "toy") == [alike]
    journal.write(course, "toy", [])
    assert json.loads((course.journal / "toy.similar.json").read_text()) == []


@pytest.mark.parametrize("text", [
    "[[run]]\nname = 'a run'\nwhere = 'logs'\npattern = '('\n", "run = 3\n",
    "[[runs]]\nname = 'a run'\nwhere = 'logs'\npattern = 'x'\n", "[[run]]\nname = 'a run'\n",
    "run ="])
def test_a_pattern_that_is_none_is_named(course: Course, text: str) -> None:
    (course.exercise("toy").folder / "similarity.toml").write_text(text)
    with pytest.raises(CourseError, match=r"similarity\.toml of toy"):
        read.released(course, "toy")


def test_a_pattern_is_of_text_and_finds_what_is_none_as_well() -> None:
    pattern = RunPattern.model_validate({"name": "x", "where": "logs", "pattern": r"caf\w .+"})
    assert list(pattern.find("café  one\nno".encode())) == ["café one".encode()]
    assert list(pattern.find(b"caf\xc3\xa9 \xff\n")) == [b"caf\xc3\xa9 \xff"]
