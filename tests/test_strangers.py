"""What strangers hand in: nothing that somebody did is taken for nothing."""

from __future__ import annotations

import os
import posixpath
import random
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import nbformat
import pytest
from strangers import (
    COPIES,
    PLACES,
    STUDENT,
    ZIP,
    otherwise,
    read,
    released,
    solved,
    strange_course,
    zipped,
)

from autograder.course import Course, CourseError
from autograder.intake import history
from autograder.intake.expected import ExpectedFiles
from autograder.intake.receive import receive
from autograder.intake.records import IntakeRecord, notes
from autograder.results.flag import Kind, kind_of

FILES = ("q1/q1a.ipynb", "q1/q1b.ipynb", "q2/bert.py", "q2/classifier.py")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return strange_course(tmp_path)


def uploads(course: Course, files: Mapping[str, bytes | Mapping[str, bytes]]) -> Path:
    """A folder of uploads, oldest first; of a folder among them, its files."""
    folder = course.root / "uploads"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number, (name, data) in enumerate(files.items()):
        path = folder / name
        if isinstance(data, bytes):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        else:
            path.mkdir()
            for inside, contents in data.items():
                (path / inside).parent.mkdir(parents=True, exist_ok=True)
                (path / inside).write_bytes(contents)
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    return folder


def take_in(course: Course, assignment: str, files: Mapping[str, bytes | Mapping[str, bytes]]
            ) -> dict[str, IntakeRecord]:
    """The rows by owner, else by what was uploaded."""
    return {row.student or row.upload: row
            for row in receive(course, assignment, uploads(course, files))}


def graded(course: Course, name: str, student: str = STUDENT) -> bytes:
    """The file that is graded."""
    return (course.submitted / student / name).read_bytes()


def holds_work(course: Course, name: str, data: bytes, student: str = STUDENT) -> bool:
    """Whether what is graded holds the work of a file."""
    assignment, file = name.split("/")
    written = ExpectedFiles(course, assignment)
    work = written.work_in(file, data, file)
    assert work
    return work == written.work_in(file, graded(course, name, student), file)


def copies(expected: str) -> list[str]:
    """Odd names for a file, in its folder and in others."""
    path = PurePosixPath(expected)
    named = [form.format(path.stem, path.suffix) for form in COPIES]
    found = [str(path.with_name(name)) for name in named]
    found += [posixpath.normpath(f"{path.parent}/{place}{name}") for place in PLACES
              for name in (path.name, named[0], path.name.capitalize())]
    return [name for name in dict.fromkeys(found) if name != expected and ".." not in name]


@pytest.mark.parametrize("there", ["as released", "empty", "missing"])
@pytest.mark.parametrize("expected", FILES)
def test_the_copy_that_holds_work_is_taken(course: Course, expected: str, there: str) -> None:
    whole = {**solved(), **released("q2/sanity_check.safetensors", "q2/utils.py")}
    for name in random.Random(f"{expected} {there}").sample(copies(expected), 8):
        files = {**whole, name: whole[expected], expected: {
            "as released": released(expected)[expected], "empty": b" \n"}.get(there, b"")}
        if there == "missing":
            del files[expected]
        shutil.rmtree(course.submitted, ignore_errors=True)
        row = take_in(course, expected.split("/")[0], {ZIP: zipped(files)})[STUDENT]
        assert holds_work(course, expected, whole[expected]), name
        assert not row.flags and not row.problem and not row.violations, (name, row)
        assert any(PurePosixPath(name).name in remark for remark in row.remarks), (name, row)


@pytest.mark.parametrize("expected", FILES)
def test_of_two_that_hold_different_work_a_person_chooses(course: Course, expected: str) -> None:
    whole = solved()
    other = otherwise(whole[expected])
    for name in random.Random(expected).sample(copies(expected), 4):
        shutil.rmtree(course.submitted, ignore_errors=True)
        files = {**whole, expected: other, name: whole[expected] + b"\n"}
        if expected.endswith(".py"):
            files[name] = whole[expected] + b"\n\nATTEMPT = 3\n"
        else:
            notebook = read(whole[expected])
            notebook.cells.append(nbformat.v4.new_code_cell("attempt = 3"))
            files[name] = nbformat.writes(notebook).encode()
        row = take_in(course, expected.split("/")[0], {ZIP: zipped(files)})[STUDENT]
        assert any("look which one is meant" in flag and kind_of(flag) is Kind.NOTEBOOK
                   for flag in row.flags), (name, row)
        assert holds_work(course, expected, other)


@pytest.mark.parametrize("expected", FILES)
def test_copies_that_hold_no_more_need_nobody(course: Course, expected: str) -> None:
    whole = solved()
    files = {**whole, **{name: data for number, name in enumerate(copies(expected))
                         for data in [(whole[expected], released(expected)[expected])[number % 2]]}}
    row = take_in(course, expected.split("/")[0], {ZIP: zipped(files)})[STUDENT]
    assert not row.flags and not row.violations


def test_nothing_at_all_is_certain(course: Course) -> None:
    files = released("q1/q1a.ipynb", "q1/q1b.ipynb", "q2/q2.ipynb", "q2/bert.py",
                     "q2/classifier.py", "q2/sanity_check.safetensors")
    for assignment in ("q1", "q2"):
        row = take_in(course, assignment, {ZIP: zipped(files)})[STUDENT]
        assert not row.flags and not row.elsewhere


@pytest.mark.parametrize("name", ["q1/answers.docx", "notes.txt", "q1a.html", "q1/final.rar",
                                  "src/solution.py", "q1/q1a.pdf", "essay.md"])
def test_other_files_are_looked_at_where_nothing_is_filled_in(course: Course, name: str) -> None:
    files = {**released("q1/q1a.ipynb"), **solved("q1/q1b.ipynb"), name: b"def tokenize(): ..."}
    row = take_in(course, "q1", {ZIP: zipped(files)})[STUDENT]
    assert any(name in flag and "q1a.ipynb" in flag for flag in row.flags), row
    kept = course.journal / "originals" / "q1" / STUDENT / "beside" / name
    assert kept.read_bytes() == files[name]
    shutil.rmtree(course.submitted)
    whole = {**solved("q1/q1a.ipynb", "q1/q1b.ipynb"), name: files[name]}
    assert not take_in(course, "q1", {ZIP: zipped(whole)})[STUDENT].flags


# ------------------------------------------------------------------------ more than one upload

def test_what_the_newer_zip_lacks_is_taken_from_the_older(course: Course) -> None:
    q2 = {name: data for name, data in solved().items() if name.startswith("q2")}
    newer = f"{STUDENT}_coding (1).zip"
    files = {ZIP: zipped(solved()), newer: zipped(q2)}
    row = take_in(course, "q1", files)[STUDENT]
    assert holds_work(course, "q1/q1a.ipynb", solved()["q1/q1a.ipynb"])
    assert not row.violations and not row.problem
    assert [f"q1a.ipynb is missing in {newer}, and was taken from {ZIP}" in one
            for one in row.flags].count(True) == 1
    assert not any("the files lie in" in remark for remark in row.remarks)
    row = take_in(course, "q2", files)[STUDENT]
    assert not row.flags and not row.violations


def test_without_an_older_one_nothing_untrue_is_said(course: Course) -> None:
    q2 = {name: data for name, data in solved().items() if name.startswith("q2")}
    row = take_in(course, "q1", {ZIP: zipped(q2)})[STUDENT]
    assert row.problem.startswith("the zip holds none of q1a.ipynb, q1b.ipynb; it holds q2/")
    assert not row.violations and not any("lie in" in remark for remark in row.remarks)


def test_single_files_are_put_together(course: Course) -> None:
    single = {f"{STUDENT}_{name.split('/')[1]}": data for name, data in solved().items()}
    for assignment in ("q1", "q2"):
        (row,) = take_in(course, assignment, single).values()
        assert not row.violations and not row.flags and not row.problem
        assert any("handed in one by one" in remark for remark in row.remarks)
        assert all(name in row.upload for name in single)
    for name, data in solved().items():
        if name != "q2/q2.ipynb":
            assert holds_work(course, name, data)


def test_a_single_file_beside_the_zip_fills_a_gap(course: Course) -> None:
    lacking = {name: data for name, data in solved().items() if name != "q2/bert.py"}
    name = f"{STUDENT}_bert.py"
    rows = take_in(course, "q2", {ZIP: zipped(lacking), name: solved()["q2/bert.py"]})
    assert holds_work(course, "q2/bert.py", solved()["q2/bert.py"])
    assert any("bert.py is missing" in flag for flag in rows[STUDENT].flags)
    assert "was taken from this one" in rows[name].problem


# ----------------------------------------------------------------------- every upload is a row

ODD = {
    "final.rar": b"Rar!\x1a\x07\x00", "x.7z": b"7z\xbc\xaf", "x_hw3.ipynb.json": b"{}",
    "homework.docx": b"PK\x03\x04", "photo.jpg": b"\xff\xd8", "notes": b"x",
    "a.tar.gz": b"\x1f\x8b", "essay.pdf": b"%PDF-1.7", "empty.zip": b"", "q1a.ipynb": b"{}",
    "my homework": {"q1/x.py": b"1"}, "nothing inside": {},
}


@pytest.mark.parametrize("assignment", ["q1", "q2"])
def test_every_upload_is_a_row_or_named_in_one(course: Course, assignment: str) -> None:
    hidden = {".DS_Store": b"x", "Thumbs.db": b"x", "._x.zip": b"x", "desktop.ini": b"x"}
    rows = take_in(course, assignment, {ZIP: zipped(solved()), **ODD, **hidden})
    assert set(rows) == {STUDENT, *ODD}
    for name in ODD:
        assert "holds no student id" in rows[name].problem, rows[name]
    assert "the folder is empty" in rows["nothing inside"].problem
    assert not rows[STUDENT].flags and not rows[STUDENT].remarks[1:], rows[STUDENT]


def test_what_an_owner_sent_besides_is_named(course: Course) -> None:
    rows = take_in(course, "q1", {ZIP: zipped(solved()), f"{STUDENT}.rar": b"Rar!",
                                  f"{STUDENT}_photo.jpg": b"x"})
    assert any(f"{STUDENT}.rar" in flag for flag in rows[STUDENT].flags)
    assert any("photo.jpg" in remark for remark in rows[STUDENT].remarks)


@pytest.mark.parametrize("name", ["{}_written.pdf", "{}_written-1.pdf", "{}_written (2).pdf",
                                  "Copy of {}_written.pdf",
                                  "exampleada_901_7002_{}_written-1.pdf"])
@pytest.mark.parametrize("assignment", ["q1", "q2"])
def test_the_written_part_breaks_no_rule(course: Course, assignment: str, name: str) -> None:
    rows = take_in(course, assignment, {ZIP: zipped(solved()), name.format(STUDENT): b"%PDF-1.7"})
    assert list(rows) == [STUDENT]
    assert not (rows[STUDENT].flags or rows[STUDENT].remarks), rows


def test_a_folder_counts_as_its_zip(course: Course) -> None:
    for assignment in ("q1", "q2"):
        row = take_in(course, assignment, {f"{STUDENT}_coding": solved()})[STUDENT]
        assert not row.violations and not row.flags and not row.problem, row
    assert holds_work(course, "q2/bert.py", solved()["q2/bert.py"])


def test_a_platforms_zip_among_uploads_says_what_to_do(course: Course) -> None:
    inside = zipped({f"{student}_coding.zip": zipped(solved())
                     for student in ("2026_00002", "2026_00003")})
    rows = take_in(course, "q1", {ZIP: zipped(solved()), "CS101-HW4.zip": inside})
    assert "it holds uploads of 2026_00002 and 2026_00003" in rows["CS101-HW4.zip"].problem
    assert "autograder intake q1" in rows["CS101-HW4.zip"].problem


def test_zips_in_the_zip_are_opened(course: Course) -> None:
    packed = {f"{name}.zip": zipped({file: data for file, data in solved().items()
                                     if file.startswith(name)}) for name in ("q1", "q2")}
    for assignment in ("q1", "q2"):
        row = take_in(course, assignment, {ZIP: zipped(packed)})[STUDENT]
        assert not row.problem and not row.flags, row
    assert holds_work(course, "q1/q1b.ipynb", solved()["q1/q1b.ipynb"])


# -------------------------------------------------------------- nothing is overwritten with less

GROUPS = ("g1", "g2")


def groups(course: Course) -> dict[str, bytes]:
    return {f"{group}_hw3.ipynb": solved("hw3/hw3.ipynb")["hw3/hw3.ipynb"] for group in GROUPS}


def state(course: Course) -> dict[str, bytes]:
    return {str(path.relative_to(course.root)): path.read_bytes()
            for path in sorted(course.submitted.rglob("*")) if path.is_file()}


def test_another_homeworks_uploads_are_refused(course: Course) -> None:
    take_in(course, "hw3", groups(course))
    before = state(course)
    folder = uploads(course, {ZIP: zipped(solved()), "2026_00002_coding.zip": zipped(solved())})
    with pytest.raises(CourseError) as refused:
        receive(course, "hw3", folder)
    said = str(refused.value)
    assert ZIP in said and "hw3.ipynb" in said and f"autograder intake hw4 {folder}" in said
    assert state(course) == before
    with pytest.raises(CourseError, match="Did you mean: autograder intake hw3"):
        receive(course, "q1", uploads(course, groups(course)))
    with pytest.raises(CourseError, match="Nothing in"):
        receive(course, "q1", uploads(course, {"holiday.jpg": b"x", "song.mp3": b"y"}))


@pytest.mark.parametrize("name", ["g1_hw3.ipynb.json", "g1_hw3.ipynb.txt", "g1_hw3 (1).ipynb",
                                  "g1_hw3.zip", "g1_hw3", "G1_HW3.ipynb", "Copy of g1_hw3.ipynb"])
def test_a_groups_notebook_in_another_wrapping(course: Course, name: str) -> None:
    data = groups(course)["g1_hw3.ipynb"]
    wrapped = {"g1_hw3.zip": zipped({"hw3.ipynb": data}), "g1_hw3": {"hw3.ipynb": data}}
    rows = take_in(course, "hw3", {name: wrapped.get(name, data)})
    assert list(rows) == ["g1"] and not rows["g1"].problem
    assert holds_work(course, "hw3/hw3.ipynb", data, "g1")


def test_less_does_not_replace_more(course: Course) -> None:
    take_in(course, "q2", {ZIP: zipped(solved())})
    for less in (b"no zip", zipped({"essay.txt": b"x"}), zipped(released("q2/bert.py"))):
        row = take_in(course, "q2", {ZIP: less})[STUDENT]
        assert holds_work(course, "q2/bert.py", solved()["q2/bert.py"])
        assert any("taken from what was taken in before" in flag for flag in row.flags), row


def test_what_an_intake_replaced_comes_back(course: Course) -> None:
    take_in(course, "q2", {ZIP: zipped(solved())})
    first, noted = state(course), notes(course, "q2")
    take_in(course, "q2", {ZIP: zipped(solved())})
    assert not history.replaced(course, "q2"), "the same again replaces nothing"
    other = {**solved(), "q2/bert.py": otherwise(solved()["q2/bert.py"])}
    take_in(course, "q2", {f"{STUDENT}_coding (1).zip": zipped(other)})
    second = state(course)
    assert first != second
    (one,) = history.replaced(course, "q2")
    history.restore(course, one, [STUDENT])
    assert state(course) == first and notes(course, "q2") == noted
    (back,) = history.replaced(course, "q2")
    history.restore(course, back, [STUDENT])
    assert state(course) == second


@pytest.mark.parametrize("note", [None, "", "{", "[1]", '{"of": "another kind"}', "\ud800"],
                         ids=["gone", "empty", "cut off", "a list", "other fields", "no text"])
def test_it_comes_back_whatever_has_become_of_the_note(course: Course, note: str | None) -> None:
    take_in(course, "q2", {ZIP: zipped(solved())})
    first = state(course)
    other = {**solved(), "q2/bert.py": otherwise(solved()["q2/bert.py"])}
    take_in(course, "q2", {ZIP: zipped(other)})
    (one,) = history.replaced(course, "q2")
    (path,) = course.journal.glob(f"replaced/q2/*/{STUDENT}/{history.NOTE}")
    path.unlink()
    if note is not None:
        path.write_bytes(note.encode("utf-8", "surrogatepass"))
    history.restore(course, one, [STUDENT])
    assert state(course) == first


@pytest.mark.parametrize("place, name", [(history, "write_json"), (Path, "rename")])
def test_who_is_killed_before_a_submission_is_moved_has_replaced_nothing(
        course: Course, monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> None:
    take_in(course, "q2", {ZIP: zipped(solved())})
    first = state(course)

    class Killed(BaseException):
        """As SIGKILL: nothing tidies up."""

    def killed(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(place, name, killed)
        history.set_aside(course, "q2", STUDENT, history.now())
    assert state(course) == first and not history.replaced(course, "q2")
