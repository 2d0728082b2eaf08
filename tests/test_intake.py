"""Intake: whatever is uploaded becomes a row with a reason, and nothing else is harmed."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import nbformat
import pytest

from autograder.course import Course, CourseError
from autograder.intake import archive
from autograder.intake.receive import receive
from autograder.intake.records import IntakeRecord, notes

STUDENT = "2026_00001"
NAME = f"{STUDENT}_coding.zip"
NOTEBOOK = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]))
WHOLE = {"q2/q2.ipynb": NOTEBOOK.encode(), "q2/bert.py": b"A = 1\n", "q2/classifier.py": b"B = 2\n",
         "q2/result.log": b"minBERT\n"}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def ready(course: Course) -> Course:
    """A course whose released notebook stands where intake looks for it."""
    released = course.build / "release" / "q2"
    released.mkdir(parents=True)
    (released / "q2.ipynb").write_text(NOTEBOOK)
    return course


def take_in(course: Course, uploads: dict[str, bytes]) -> list[IntakeRecord]:
    folder = course.root / "uploads"
    folder.mkdir()
    for number, (name, data) in enumerate(uploads.items()):
        (folder / name).write_bytes(data)
        os.utime(folder / name, (1_700_000_000 + number, 1_700_000_000 + number))
    return receive(course, "q2", folder)


def take_in_one(course: Course, data: bytes, name: str = NAME) -> IntakeRecord:
    (row,) = take_in(course, {name: data})
    return row


def submitted(course: Course) -> dict[str, bytes]:
    folder = course.submitted / STUDENT / "q2"
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}


def test_a_whole_submission_is_laid_out_as_it_is(ready: Course) -> None:
    assert take_in_one(ready, zipped(WHOLE)) == IntakeRecord(NAME, STUDENT)
    assert submitted(ready) == {name.removeprefix("q2/"): data for name, data in WHOLE.items()}


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "the file is empty"),
    (b"my homework", "not a zip file"),
    (b"Rar!\x1a\x07\x00 and more", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c and more", "a 7-Zip archive"),
    (b"%PDF-1.7 and more", "a PDF"),
    (b"\x1f\x8b\x08\x00 and more", "a gzip file"),
    (zipped(WHOLE)[:-40], "not a zip file, or its end was cut off"),
    (zipped({}), "the zip is empty"),
    (zipped({"__MACOSX/._q2": b"x", "q2/.DS_Store": b"x"}), "the zip holds none of"),
    (zipped({"hw5/essay.txt": b"x"}), "the zip holds none of"),
])
def test_what_cannot_be_read_is_a_row_with_a_reason(ready: Course, data: bytes, reason: str
                                                     ) -> None:
    row = take_in_one(ready, data)
    assert row.student == STUDENT
    assert reason in row.problem
    assert set(submitted(ready)) == {"q2.ipynb"}, "the student still stands in the gradebook"


def test_a_damaged_entry_is_told(ready: Course) -> None:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as file:
        file.writestr("q2/bert.py", b"A" * 100)
    broken = stored.getvalue().replace(b"A" * 100, b"A" * 99 + b"B")
    assert take_in_one(ready, broken).problem


def test_a_password_is_told(ready: Course) -> None:
    data = bytearray(zipped({"q2/bert.py": b"x"}))
    data[6] |= 1  # the flag of encryption, in the entry's own header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in take_in_one(ready, bytes(data)).problem


@pytest.mark.parametrize(("folder", "remark"), [
    ("", "the files lie in '.', expected 'q2'"),
    ("hw4/q2/", "the files lie in 'hw4/q2', expected 'q2'"),
    ("my homework (final)/", "the files lie in 'my homework (final)', expected 'q2'"),
    ("숙제/제출/q2/", "the files lie in '숙제/제출/q2', expected 'q2'"),
])
def test_a_wrong_folder_is_found_and_remarked(ready: Course, folder: str, remark: str) -> None:
    moved = {folder + name.removeprefix("q2/"): data for name, data in WHOLE.items()}
    row = take_in_one(ready, zipped(moved))
    assert (row.problem, row.remarks) == ("", (remark,))
    assert submitted(ready)["bert.py"] == b"A = 1\n"


@pytest.mark.parametrize(("content", "reason"), [
    (b"this is not JSON", "not a readable notebook"),
    (b"[1, 2]", "not a readable notebook"),
    (b'{"cells": 3}', "not a readable notebook"),
    (b"\xff\xfe\x00", "not a readable notebook"),
    (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "odd"}]}',
     "not a readable notebook"),
])
def test_a_broken_notebook_leaves_the_other_files_graded(ready: Course, content: bytes, reason: str
                                                          ) -> None:
    row = take_in_one(ready, zipped({**WHOLE, "q2/q2.ipynb": content}))
    assert not row.problem
    assert reason in row.remarks[0]
    assert submitted(ready)["q2.ipynb"] == NOTEBOOK.encode()
    kept = ready.journal / "originals" / "q2" / STUDENT / "q2.ipynb"
    assert kept.read_bytes() == content, "nothing is lost"


@pytest.mark.parametrize("missing", ["bert.py", "classifier.py", "result.log", "q2.ipynb"])
def test_a_missing_file_is_remarked(ready: Course, missing: str) -> None:
    row = take_in_one(ready, zipped({k: v for k, v in WHOLE.items() if not k.endswith(missing)}))
    assert not row.problem
    assert row.remarks[0].startswith(f"{missing} is missing")


@pytest.mark.parametrize("name", ["../../escaped.py", "/tmp/escaped.py", "q2/../../escaped.py",
                                  "C:/escaped.py", "..\\escaped.py", "C:\\escaped.py"])
def test_no_path_leads_out_of_the_submission(ready: Course, name: str) -> None:
    before = {path for path in ready.root.rglob("*")}
    row = take_in_one(ready, zipped({**WHOLE, name: b"x"}))
    assert "leads out of the zip" in row.remarks[0]
    new = {path for path in ready.root.rglob("*") if path.is_file()} - before
    allowed = (ready.submitted / STUDENT, ready.journal, ready.root / "uploads")
    assert all(any(path.is_relative_to(folder) for folder in allowed) for path in new)
    assert not [path for path in new if path.name == "escaped.py"]


def test_a_link_is_left_out(ready: Course) -> None:
    buffer = io.BytesIO(zipped(WHOLE))
    with zipfile.ZipFile(buffer, "a") as file:
        link = zipfile.ZipInfo("q2/tests")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    row = take_in_one(ready, buffer.getvalue())
    assert row.remarks == ("left out 'q2/tests': it is a link",)
    assert "tests" not in submitted(ready)


def test_model_weights_are_left_out(ready: Course) -> None:
    row = take_in_one(ready, zipped({**WHOLE, "q2/finetune-10-1e-05.pt": b"x"}))
    assert row.remarks == ("left out 'q2/finetune-10-1e-05.pt': model weights are not handed in",)


def test_litter_of_editors_is_passed_over(ready: Course) -> None:
    litter = {"__MACOSX/q2/._bert.py": b"x", "q2/.ipynb_checkpoints/q2-checkpoint.ipynb": b"x",
              "q2/__pycache__/bert.cpython-311.pyc": b"x"}
    assert take_in_one(ready, zipped({**WHOLE, **litter})).remarks == ()
    assert len(submitted(ready)) == len(WHOLE)


def test_a_zip_bomb_is_not_unpacked(ready: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILE", 1_000_000)
    row = take_in_one(ready, zipped({**WHOLE, "q2/bomb.txt": bytes(5_000_000)}))
    assert "larger than" in row.problem


def test_many_large_files_are_not_unpacked(ready: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL", 1_000_000)
    files = {f"q2/{number}.txt": bytes(300_000) for number in range(5)}
    assert "unpacks to more than" in take_in_one(ready, zipped(files)).problem


def test_thousands_of_files_are_refused(ready: Course) -> None:
    files = {f"q2/{number}.txt": b"" for number in range(archive.MAX_ENTRIES + 1)}
    assert "are allowed" in take_in_one(ready, zipped(files)).problem


def test_a_size_that_lies_is_read_no_further(ready: Course, monkeypatch: pytest.MonkeyPatch
                                              ) -> None:
    monkeypatch.setattr(archive, "MAX_FILE", 1_000)
    data = bytearray(zipped({"q2/bert.py": b"x" * 100_000}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (10).to_bytes(4, "little")  # claims ten bytes
    assert take_in_one(ready, bytes(data)).problem


def test_the_newer_of_two_uploads_counts(ready: Course) -> None:
    again = f"{STUDENT}_coding (1).zip"
    rows = take_in(ready, {NAME: zipped({**WHOLE, "q2/bert.py": b"old"}),
                           again: zipped({**WHOLE, "q2/bert.py": b"new"})})
    assert {(row.upload, row.student) for row in rows} == {(NAME, ""), (again, STUDENT)}
    assert "replaced by" in next(row.problem for row in rows if not row.student)
    assert submitted(ready)["bert.py"] == b"new"


def test_a_name_without_an_id_is_nobodys(ready: Course) -> None:
    row = take_in_one(ready, zipped(WHOLE), name="homework.zip")
    assert row.student == ""
    assert "holds no student id" in row.problem
    assert not ready.submitted.exists()


@pytest.mark.parametrize("name", ["2026_00001.zip", "2026_00001_coding (2).zip",
                                  "Kim_2026_00001_coding.ZIP", "2026_00001_Coding.zip"])
def test_a_wrong_name_with_an_id_is_remarked(ready: Course, name: str) -> None:
    row = take_in_one(ready, zipped(WHOLE), name=name)
    assert (row.student, row.problem) == (STUDENT, "")
    assert row.remarks == (f"handed in as {name}, expected {NAME}",)


@pytest.mark.parametrize("name", ["12026_00001_coding.zip", "2026_000011_coding.zip"])
def test_an_id_is_not_found_inside_longer_numbers(ready: Course, name: str) -> None:
    assert take_in_one(ready, zipped(WHOLE), name=name).student == ""


def test_one_bad_upload_leaves_the_others(ready: Course) -> None:
    rows = take_in(ready, {"2026_00002_coding.zip": b"no zip", NAME: zipped(WHOLE)})
    assert [(row.student, bool(row.problem)) for row in rows] == [
        (STUDENT, False), ("2026_00002", True)]


def test_a_second_intake_replaces_the_first(ready: Course) -> None:
    take_in_one(ready, zipped({**WHOLE, "q2/helper.py": b"x"}))
    (ready.root / "uploads" / NAME).write_bytes(zipped(WHOLE))
    receive(ready, "q2", ready.root / "uploads")
    assert "helper.py" not in submitted(ready)


def test_notes_of_other_students_are_kept(ready: Course) -> None:
    take_in_one(ready, b"no zip")
    (ready.root / "uploads" / NAME).unlink()
    (ready.root / "uploads" / "2026_00002_coding.zip").write_bytes(zipped(WHOLE))
    receive(ready, "q2", ready.root / "uploads")
    assert {row.student for row in notes(ready, "q2")} == {STUDENT, "2026_00002"}


def test_a_folder_that_is_not_there_is_a_sentence(ready: Course) -> None:
    with pytest.raises(CourseError, match="There is no folder"):
        receive(ready, "q2", ready.root / "nowhere")


def test_a_folder_without_zips_is_a_sentence(ready: Course, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match=r"There is no \.zip"):
        receive(ready, "q2", tmp_path / "empty")


def with_cells(*sources: str) -> bytes:
    cells = [nbformat.v4.new_code_cell(source, id=f"cell{n}") for n, source in enumerate(sources)]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


@pytest.fixture
def longer(ready: Course) -> Course:
    """A course whose released notebook has cells enough to be known by."""
    released = ready.build / "release" / "q2" / "q2.ipynb"
    released.write_bytes(with_cells("import torch", "x = 1", "y = 2", "# YOUR CODE HERE"))
    return ready


MINE = with_cells("import torch", "x = 1", "y = 2", "answer = 42")


@pytest.mark.parametrize("name", ["q2/q2 (1).ipynb", "q2/Kopie von q2.ipynb", "q2/숙제.ipynb",
                                  "q2/deeper/mine.ipynb"])
def test_a_renamed_notebook_is_found_by_what_it_holds(longer: Course, name: str) -> None:
    files = {key: data for key, data in WHOLE.items() if not key.endswith(".ipynb")}
    row = take_in_one(longer, zipped({**files, name: MINE, "q2/other.ipynb": with_cells("z = 3")}))
    assert f"q2.ipynb was handed in as {name.removeprefix('q2/')}" in row.remarks
    assert b"answer = 42" in submitted(longer)["q2.ipynb"] and not row.flags


def test_of_two_that_fit_a_person_chooses(longer: Course) -> None:
    files = {key: data for key, data in WHOLE.items() if not key.endswith(".ipynb")}
    other = with_cells("import torch", "x = 1", "y = 2", "answer = 43")
    row = take_in_one(longer, zipped({**files, "q2/a.ipynb": MINE, "q2/b.ipynb": other}))
    assert "'a.ipynb' and 'b.ipynb' hold different work of it: choose one" in row.flags[0]
    assert b"answer = 42" not in submitted(longer)["q2.ipynb"]


def test_of_two_copies_of_one_work_either_is_taken(longer: Course) -> None:
    files = {key: data for key, data in WHOLE.items() if not key.endswith(".ipynb")}
    row = take_in_one(longer, zipped({**files, "q2/a.ipynb": MINE, "q2/b.ipynb": MINE}))
    assert b"answer = 42" in submitted(longer)["q2.ipynb"] and not row.flags


def test_a_notebook_of_something_else_is_not_taken_for_it(longer: Course) -> None:
    files = {key: data for key, data in WHOLE.items() if not key.endswith(".ipynb")}
    row = take_in_one(longer, zipped({**files, "q2/a.ipynb": with_cells("z = 3", "w = 4")}))
    assert any("q2.ipynb is missing" in remark for remark in row.remarks)
