"""Uploads that no honest tool writes: each is one row with a reason, and the batch goes on."""

from __future__ import annotations

import copy
import io
import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import Toy

from autograder import batch
from autograder.course import Course
from autograder.exercise import source
from autograder.gradebook.queries import GradebookEntry, entries
from autograder.grading import judge
from autograder.intake.archive import ArchiveError, read_archive
from autograder.intake.receive import receive
from autograder.intake.records import IntakeRecord, note_of
from autograder.judge.work import Work, read_work
from autograder.results.verdict import Verdict, nothing

STUDENT = "2026_00001"
FILES = {"q2/bert.py": b"A = 1\n", "q2/classifier.py": b"B = 2\n", "q2/result.log": b"log\n"}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def own(prepared: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A prepared course for this module's tests to fill."""
    root = tmp_path_factory.mktemp("hostile") / "course"
    shutil.copytree(prepared.root, root)
    return Course.load(root)


def take_in(course: Course, folder: Path, data: bytes, name: str = f"{STUDENT}_coding.zip"
            ) -> IntakeRecord:
    uploads = folder / "uploads"
    uploads.mkdir()
    (uploads / name).write_bytes(data)
    (row,) = receive(course, "q2", uploads)
    return row


# --------------------------------------------------------------------------------------------- zips



@pytest.mark.parametrize("extra", [
    pytest.param({"q2/a": b"1", "q2/a/b": b"2"}, id="a file and a folder of one name"),
    pytest.param({"q2/q2.ipynb/x": b"1"}, id="a folder named like the notebook"),
    pytest.param({"q2/bert.py/x": b"1"}, id="a folder named like a file"),
    pytest.param({"q2/" + "a" * 300: b"1"}, id="a name that is too long"),
    pytest.param({"q2/" + "a/" * 2500 + "b": b"1"}, id="a path that is too long"),
    pytest.param({"q2/.": b"1"}, id="a dot in the folder"),
    pytest.param({".": b"1"}, id="a dot"),
    pytest.param({"./": b"", "//": b""}, id="nameless folders"),
    pytest.param({"q2/q2.ipynb": b"[" * 200_000}, id="a deep notebook"),
    pytest.param({"q2/BERT.py": b"1", "q2/Bert.py": b"2"}, id="names that differ in case"),
    pytest.param({"q2/\u2028.txt": b"1", "q2/\udcff.txt".encode("utf-8", "replace").decode(): b"1"},
                 id="odd letters"),
    pytest.param({"q2/con": b"1", "q2/nul.txt": b"1", "q2/a:b": b"1"}, id="names of devices"),
    pytest.param({"q2/-rf": b"1", "q2/$(id)": b"1", "q2/`id`; rm": b"1"}, id="names for a shell"),
])
def test_an_odd_entry_does_not_end_the_intake(own: Course, tmp_path: Path, extra: dict[str, bytes]
                                              ) -> None:
    files = {name: data for name, data in FILES.items() if not any(
        other.startswith(name) for other in extra)}
    row = take_in(own, tmp_path, zipped({**files, **extra}))
    assert row.student == STUDENT
    assert note_of(own, "q2", STUDENT) == row
    assert (own.submitted / STUDENT / "q2" / "q2.ipynb").is_file()


@pytest.mark.parametrize("method", [
    zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, pytest.param(zipfile.ZIP_LZMA)],
    ids=["deflate", "bzip2", "lzma"])
def test_damaged_compressed_data_is_a_reason(own: Course, tmp_path: Path, method: int) -> None:
    data = bytearray(zipped({"q2/bert.py": random.Random(0).randbytes(5000)}, method))
    for position in range(60, 4000, 50):
        data[position] ^= 0xFF
    assert take_in(own, tmp_path, bytes(data)).problem


def test_a_wrong_checksum_is_told_as_damage(own: Course, tmp_path: Path) -> None:
    data = zipped({"q2/bert.py": b"A" * 100}).replace(b"A" * 100, b"A" * 99 + b"B")
    assert "damaged" in take_in(own, tmp_path, data).problem


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_raises_nothing_but_archive_errors(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    whole = zipped({**FILES, "q2/ü.txt": b"x" * 500}, rng.choice(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path = tmp_path / "upload.zip"
        path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        try:
            files, _ = read_archive(path)
        except ArchiveError as error:
            assert str(error)
        else:
            assert not any(name.startswith("/") or ".." in name.split("/") for name in files)


@pytest.mark.parametrize("name", ["2026_00001_\u2028coding.zip", "2026_00001_\x85coding.zip"])
def test_a_line_break_in_an_uploads_name_is_kept(own: Course, tmp_path: Path, name: str) -> None:
    row = take_in(own, tmp_path, zipped(FILES), name)
    try:
        assert note_of(own, "q2", STUDENT) == row
    finally:
        (own.journal / "q2.intake.jsonl").unlink()


def test_an_uploads_name_that_is_not_utf8_is_kept(own: Course, tmp_path: Path) -> None:
    take_in(own, tmp_path, zipped(FILES), os.fsdecode(b"2026_00001_\xff.zip"))


@pytest.mark.parametrize("name", ["2026_00001_coding.rar", "2026_00001_coding.7z",
                                  "2026_00001_coding.tar.gz", "2026_00001_bert.py"])
def test_an_upload_that_is_not_called_zip_is_a_row(own: Course, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"Rar!\x1a\x07\x00")
    (tmp_path / "2026_00002_coding.zip").write_bytes(zipped(FILES))
    assert STUDENT in [row.student for row in receive(own, "q2", tmp_path)]


# ------------------------------------------------------------------------------------ students' ids


def toy_id(folder: Path, student_id: str, upload: str) -> str:
    """Whose an upload is in a course with this pattern for ids."""
    text = Toy().course.replace("student_id = 's\\d{3}'", student_id)
    course = Toy(course=text).write(folder)
    released = course.build / "release" / "toy"
    released.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), released / "toy.ipynb")
    (folder / "uploads").mkdir()
    (folder / "uploads" / upload).write_bytes(zipped({"toy/vectors.py": b""}))
    (row,) = receive(course, "toy", folder / "uploads")
    return row.student


def test_an_id_may_hold_groups(tmp_path: Path) -> None:
    assert toy_id(tmp_path, r"student_id = '(s|t)(\d{3})'", "t123_toy.zip") == "t123"


def test_an_id_may_be_one_of_two_patterns(tmp_path: Path) -> None:
    assert toy_id(tmp_path, r"student_id = '\d{4}|\d{6}'", "123456_toy.zip") == "123456"


def test_without_a_pattern_the_archives_name_tells_the_id(tmp_path: Path) -> None:
    assert toy_id(tmp_path, "", "ada_toy.zip") == "ada"


# ------------------------------------------------------------------ notebooks that nbgrader refuses

Edit = Callable[[dict[str, Any]], None]


def graded_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"]
            if cell["metadata"].get("nbgrader", {}).get("grade")]


def with_metadata(**changes: Any) -> Edit:
    """Change nbgrader's metadata of the first graded cell."""
    return lambda notebook: graded_cells(notebook)[0]["metadata"]["nbgrader"].update(changes)


def copy_cell(**changes: Any) -> Edit:
    """Copy the first graded cell, as Ctrl-C and Ctrl-V do, and change the copy's metadata."""

    def edit(notebook: dict[str, Any]) -> None:
        cell = copy.deepcopy(graded_cells(notebook)[0])
        cell["id"] = "a-copy"
        cell["metadata"]["nbgrader"].update(changes)
        notebook["cells"].append(cell)

    return edit


def replace_metadata(value: Any) -> Edit:
    return lambda notebook: graded_cells(notebook)[0]["metadata"].update(nbgrader=value)


def drop_cells(notebook: dict[str, Any]) -> None:
    notebook["cells"].clear()


def to_markdown(notebook: dict[str, Any]) -> None:
    cell = graded_cells(notebook)[0]
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]


def old_format(notebook: dict[str, Any]) -> None:
    code = {"cell_type": "code", "collapsed": False, "input": ["1"], "language": "python",
            "metadata": {}, "outputs": []}
    notebook.clear()
    notebook.update({"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0,
                     "worksheets": [{"metadata": {}, "cells": [code]}]})


def without_ids(notebook: dict[str, Any]) -> None:
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        del cell["id"]


def lone_surrogate(notebook: dict[str, Any]) -> None:
    notebook["cells"][1]["source"] = "'\ud800'"


Grading = Callable[[], GradebookEntry]


@pytest.fixture
def grade_only(own: Course, monkeypatch: pytest.MonkeyPatch) -> Iterator[Grading]:
    """Grade what was taken in, with a judge that is quick and gives nothing."""
    points = source.parts(source.read_notebook(own.exercise("q2")))

    def judge_all(course: Course, assignment: str, seed: int,
                  works: Iterable[tuple[tuple[str, str], Work]], processes: int
                  ) -> Iterator[tuple[tuple[str, str], Verdict]]:
        for key, _ in works:
            yield key, nothing("q2", points, "not judged here")

    monkeypatch.setattr(judge, "judge_all", judge_all)

    def grade() -> GradebookEntry:
        batch.grade(own, "q2", [STUDENT], 1)
        (row,) = (row for row in entries(own, "q2") if row.student == STUDENT)
        return row

    return grade


@pytest.mark.nbgrader
@pytest.mark.parametrize("edit", [
    pytest.param(with_metadata(points=1000), id="more points"),
    pytest.param(drop_cells, id="no cells"),
    pytest.param(to_markdown, id="another cell type"),
    pytest.param(without_ids, id="no cell ids"),
    pytest.param(old_format, id="nbformat 3"),
    pytest.param(lambda notebook: notebook["metadata"].clear(), id="no metadata"),
    pytest.param(lambda notebook: notebook["metadata"].update(kernelspec={
        "name": "julia", "display_name": "Julia", "language": "julia"}), id="another language"),
    pytest.param(copy_cell(), id="a copied cell"),
    pytest.param(copy_cell(grade_id="bonus", points=100), id="a graded cell of their own"),
    pytest.param(with_metadata(schema_version=2), id="an old schema"),
    pytest.param(with_metadata(schema_version=99), id="a future schema"),
    pytest.param(with_metadata(schema_version="x"), id="no schema"),
    pytest.param(with_metadata(grade_id=5), id="a number for a name"),
    pytest.param(with_metadata(solution=True), id="another role"),
    pytest.param(replace_metadata("x"), id="text for metadata"),
    pytest.param(replace_metadata({}), id="empty metadata"),
    pytest.param(lone_surrogate, id="half a letter"),
])
def test_an_odd_notebook_is_a_row_in_the_gradebook(own: Course, tmp_path: Path, edit: Edit,
                                                   grade_only: Grading) -> None:
    notebook = json.loads(nbformat.writes(source.read_notebook(own.exercise("q2"))))
    edit(notebook)
    take_in(own, tmp_path, zipped({**FILES, "q2/q2.ipynb": json.dumps(notebook).encode()}))
    row = grade_only()
    assert (len(row.parts), row.points, row.max_points) == (6, 0, 50)


@pytest.mark.nbgrader
def test_an_odd_notebook_is_judged_by_its_own_cells_when_it_is_graded_again(
        own: Course, tmp_path: Path, grade_only: Grading) -> None:
    notebook = json.loads(nbformat.writes(source.read_notebook(own.exercise("q2"))))
    copy_cell()(notebook)
    notebook["cells"][0]["source"] = "What the student wrote"
    take_in(own, tmp_path, zipped({**FILES, "q2/q2.ipynb": json.dumps(notebook).encode()}))
    grade_only()
    again = read_work(own, "q2", STUDENT, "q2")
    assert again.notebook.cells[0].source == "What the student wrote"


@pytest.mark.nbgrader
@pytest.mark.parametrize(("name", "data"), [
    ("q2/scratch.ipynb", b"no notebook"),
    ("q2/more/q2.ipynb", b"no notebook"),
    pytest.param("q2/timestamp.txt", b"yesterday, I think"),
])
def test_an_odd_file_beside_the_notebook_does_no_harm(
        own: Course, tmp_path: Path, name: str, data: bytes, grade_only: Grading) -> None:
    notebook = nbformat.writes(source.read_notebook(own.exercise("q2"))).encode()
    take_in(own, tmp_path, zipped({**FILES, "q2/q2.ipynb": notebook, name: data}))
    assert len(grade_only().parts) == 6


@pytest.mark.nbgrader
def test_a_folder_without_a_notebook_is_a_row(own: Course, grade_only: Grading) -> None:
    shutil.rmtree(own.submitted / STUDENT, ignore_errors=True)
    (own.submitted / STUDENT / "q2").mkdir(parents=True)
    assert grade_only().points == 0
