"""Versions of what is released: what makes one, what carries it, what a submission gains by it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from conftest import Toy
from damages import (
    DAMAGES,
    NOTEBOOKS,
    as_released,
    cell_of,
    handed_in,
    index_of,
    merge_with_check,
    released,
)
from mending import runs_like_the_solution
from nbformat import NotebookNode

from autograder.cells import is_locked, is_solution, marks
from autograder.course import Course, CourseError
from autograder.exercise.solution import solved_files, split_notebook
from autograder.faults import faults
from autograder.grading.settle import Submissions
from autograder.intake.notebook.read import read_any
from autograder.intake.notebook.repair import Repaired
from autograder.intake.notebook.versions import mend, of_modules, stamp_beside
from autograder.intake.records import IntakeRecord, note_of, write_notes
from autograder.release import build as building
from autograder.release import versions
from autograder.release.build import build, built_version, prepare
from autograder.release.versions import Stamp

OLD, NOW = "0a0a0a0a", "77d0e1b2"


# ---------------------------------------------------------------------------- what makes a version


def built(folder: Path, edit: Callable[[Toy], None] = lambda toy: None) -> str:
    toy = Toy()
    edit(toy)
    course = toy.write(folder)
    build(course, "toy")
    return built_version(course, "toy")


def in_source(name: str, old: str, new: str) -> Callable[[Toy], None]:
    def edit(toy: Toy) -> None:
        assert old in toy.source[name]
        toy.source[name] = toy.source[name].replace(old, new)
    return edit


@pytest.mark.parametrize("edit", [
    in_source("toy.py", "return text.lower().split()", "return [*text.lower().split()]"),
    in_source("vectors.py", "largest = vector.abs().max()", "largest = max(vector.abs())"),
    lambda toy: setattr(toy, "hidden_tests", toy.hidden_tests + "\n# more\n"),
    lambda toy: setattr(toy, "course", toy.course.replace("memory = 2048", "memory = 4096")),
], ids=["solution", "solution in a module", "hidden tests", "limits"])
def test_what_students_do_not_receive_makes_no_other_version(tmp_path: Path, edit: Callable
                                                            ) -> None:
    assert built(tmp_path / "a") == built(tmp_path / "b", edit)


@pytest.mark.parametrize("edit", [
    in_source("toy.py", "as a list.", "as a list of strings."),
    in_source("toy.py", "of one word has one word", "of a word has a word"),
    in_source("toy.py", 'points=4 ', 'points=3 '),
    in_source("given.py", "(1, 2, 3)", "(1, 2, 3,)"),
    in_source("vectors.py", "Divide a vector", "Divide the vector"),
], ids=["text", "check", "points", "given file", "module"])
def test_what_students_receive_makes_another_version(tmp_path: Path, edit: Callable,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_check_points", lambda *args: None)
    assert built(tmp_path / "a") != built(tmp_path / "b", edit)


def test_what_comes_back_carries_the_version(toy: Course) -> None:
    folder, now = toy.build / "source" / "toy", built_version(toy, "toy")
    notebook = nbformat.read(folder / "toy.ipynb", as_version=4)
    assert versions.read_stamp(notebook) == Stamp("toy", now)
    assert (folder / "vectors.py").read_text().startswith(f"# toy, version {now}\n")
    assert "version" not in (folder / "given.py").read_text(), "which nobody hands in"
    assert not list((toy.build / "reference").rglob("*.py")) or all(
        "version" not in path.read_text() for path in (toy.build / "reference").rglob("*.py"))


def test_a_notebook_saved_by_an_editor_keeps_its_version() -> None:
    notebook = stamped(released(), NOW)
    notebook.metadata["colab"] = {"provenance": []}
    again, said = read_any(nbformat.writes(notebook).encode(), "toy.ipynb")
    assert again is not None and not said
    assert versions.read_stamp(again) == Stamp("toy", NOW)


@pytest.mark.parametrize("data", [None, 3, "q2", [], {}, {"assignment": "toy"},
                                  {"assignment": "toy", "version": 3}, {"version": ["a"]}])
def test_what_makes_no_sense_is_no_version(data: object) -> None:
    notebook = nbformat.v4.new_notebook(metadata={versions.KEY: data})
    assert versions.read_stamp(notebook) is None


@pytest.mark.parametrize(("text", "stamp"), [
    ("# q2, version 3fa94c1b\nx = 1\n", Stamp("q2", "3fa94c1b")),
    ("import torch\r\n# q2, version 3fa94c1b\r\n", Stamp("q2", "3fa94c1b")),
    ('x = 1  # q2, version 3fa94c1b', None),
    ("# q2, version 3fa94c1\n", None),
    ("# q2, version ../../secret\n", None),
])
def test_a_module_tells_its_version_on_a_line_of_its_own(text: str, stamp: Stamp | None) -> None:
    assert versions.read_module_stamp(text) == stamp


# --------------------------------------------------------------------------------------- the record


def lay_out(course: Course) -> None:
    (course.root / "toy").mkdir(exist_ok=True)
    nbformat.write(released(), course.root / "toy" / "toy.ipynb")


def test_a_version_keeps_the_first_name_that_it_got(toy: Course) -> None:
    lay_out(toy)
    assert versions.give_out(toy, "toy", OLD).folder.name == OLD
    assert versions.give_out(toy, "toy", OLD, "2026.1").folder.name == f"2026.1-{OLD}"
    assert str(versions.give_out(toy, "toy", OLD, "2026.2")) == f"2026.1 ({OLD})"
    assert [path.name for path in (toy.releases / "toy").iterdir()] == [f"2026.1-{OLD}"]


def test_a_name_is_given_once(toy: Course) -> None:
    lay_out(toy)
    versions.give_out(toy, "toy", OLD, "2026.1")
    versions.check_name(toy, "toy", OLD, "2026.1")
    with pytest.raises(CourseError, match=r"2026\.1 of toy was given out already, as 0a0a0a0a"):
        versions.check_name(toy, "toy", NOW, "2026.1")
    with pytest.raises(CourseError, match="cannot be a name"):
        versions.check_name(toy, "toy", NOW, "../x")


@pytest.mark.parametrize("text", ["../releases", "", "*", "..", "toy.ipynb", OLD[:-1]])
def test_no_other_text_finds_a_record(toy: Course, text: str) -> None:
    lay_out(toy)
    versions.give_out(toy, "toy", OLD, "2026.1")
    assert versions.recorded(toy, "toy", text) is None
    assert versions.recorded(toy, "toy", OLD) is not None


# ------------------------------------------ a submission is compared with what it was made from


def stamped(notebook: NotebookNode, which: str, assignment: str = "toy") -> NotebookNode:
    versions.write_stamp(notebook, Stamp(assignment, which))
    return notebook


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Course]:
    """A course that gave out `OLD`, whose texts, checks and places of cells were other ones."""
    course = Toy().write(tmp_path)
    for name in NOTEBOOKS:
        folder = course.releases / name / f"2026.1-{OLD}"
        folder.mkdir(parents=True)
        nbformat.write(stamped(earlier(released(name)), OLD, name), folder / f"{name}.ipynb")
    yield course


def earlier(notebook: NotebookNode) -> NotebookNode:
    """What the version before was like: handed-in or released, the same cells differ in it."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and not marks(cell):
            cell.source = f"In other words, number {number}: nothing of this is as it is today."
        elif is_locked(cell):
            cell.source = f"assert {number} == {number}, 'an older check'"
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("A cell that is gone.", id="gone"))
    ids = [cell.id for cell in notebook.cells]
    for cell, other in zip(notebook.cells, [ids[-1], *ids[:-1]], strict=True):
        cell.id = other  # as where ids count cells: each is the id of another cell today
    return notebook


def mended(course: Course, notebook: NotebookNode, name: str = "toy") -> Repaired:
    present = stamped(released(name), NOW, name)
    return mend(course, name, name, notebook, present, versions.read_stamp(notebook))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_changed_since_is_no_damage(course: Course, name: str) -> None:
    result = mended(course, stamped(earlier(handed_in(name)), OLD, name), name)
    assert result.repaired == (
        f"it was made from version 2026.1 ({OLD}), and was compared with that one",)
    assert result.unsure == ()
    assert versions.read_stamp(result.notebook) == Stamp(name, NOW)
    assert result.notebook.metadata[versions.KEY]["made_from"] == OLD
    runs_like_the_solution(result.notebook, name)
    for cell in as_released(name).cells:
        if is_locked(cell):
            assert cell_of(result.notebook, marks(cell)["grade_id"]).source == cell.source


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_happened_to_it_on_the_way_is_mended_as_ever(course: Course, damage: Callable) -> None:
    notebook = stamped(earlier(handed_in()), OLD)
    damage(notebook, random.Random(7))
    told = DAMAGES[damage]
    if damage is merge_with_check or versions.read_stamp(notebook) is None:
        return  # the damage needs today's check, or took the version away
    result = mended(course, notebook)
    if told:
        assert any(told in one for one in result.repaired), result.repaired
    runs_like_the_solution(result.notebook, "toy")


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("which", [NOW, None])
def test_of_the_present_version_and_of_none_nothing_is_said(course: Course, name: str,
                                                            which: str | None) -> None:
    notebook = handed_in(name) if which is None else stamped(handed_in(name), which, name)
    result = mended(course, notebook, name)
    assert result == Repaired(notebook) and result.notebook is notebook


@pytest.mark.parametrize(("assignment", "which"), [
    ("toy", "deadbeef"), ("q2", OLD), ("other", OLD), ("toy", "../../toy"), ("toy", ""),
    ("toy", "x" * 10_000), ("toy", "\x1b[2J\n")])
def test_an_unknown_version_is_flagged_and_nothing_else(course: Course, assignment: str, which: str
                                                        ) -> None:
    result = mended(course, stamped(handed_in(), which, assignment))
    assert result.repaired == () and len(result.unsure) == 1
    assert "of which there is no record" in result.unsure[0]
    assert len(result.unsure[0]) < 250 and result.unsure[0].isprintable()
    assert versions.read_stamp(result.notebook) == Stamp("toy", NOW), "it is asked about once"
    assert result.notebook.cells == handed_in().cells


def test_it_is_asked_about_once(course: Course) -> None:
    once = mended(course, stamped(earlier(handed_in()), OLD))
    assert mended(course, once.notebook) == Repaired(once.notebook)


def test_where_it_is_from_is_said_once(course: Course) -> None:
    """A release between two gradings: what was brought up to date before is so again."""
    once = mended(course, stamped(earlier(handed_in()), OLD)).notebook
    folder = course.releases / "toy" / f"2026.2-{NOW}"
    (course.releases / "toy" / f"2026.1-{OLD}").rename(folder)
    nbformat.write(stamped(released(), NOW), folder / "toy.ipynb")
    latest = stamped(earlier(released()), "0c0c0c0c")
    result = mend(course, "toy", "toy", once, latest, versions.read_stamp(once))
    assert (result.repaired, result.unsure) == ((), ())
    assert versions.read_stamp(result.notebook) == Stamp("toy", "0c0c0c0c")
    assert versions.made_from(result.notebook) == OLD


def older(course: Course, change: Callable[[NotebookNode], None]) -> Repaired:
    """What is made of a submission from a version that was like today's but for a change."""
    before, submission = released(), handed_in()
    change(before)
    change(submission)
    folder = course.releases / "toy" / "2026.0-0b0b0b0b"
    folder.mkdir()
    nbformat.write(stamped(before, "0b0b0b0b"), folder / "toy.ipynb")
    return mended(course, stamped(submission, "0b0b0b0b"))


def test_a_part_that_was_added_since_is_for_a_person(course: Course) -> None:
    def without_count(notebook: NotebookNode) -> None:
        for name in ("toy_count-solution", "toy_count"):
            del notebook.cells[index_of(notebook, name)]
    result = older(course, without_count)
    assert len(result.repaired) == 1 and len(result.unsure) == 1
    assert "lacks `toy_count` (3 points)" in result.unsure[0]
    assert "NotImplementedError" in cell_of(result.notebook, "toy_count-solution").source


def test_a_part_that_is_no_more_is_for_a_person_and_its_check_goes(course: Course) -> None:
    def with_more(notebook: NotebookNode) -> None:
        more = copy.deepcopy([cell_of(notebook, "toy_words-solution"),
                              cell_of(notebook, "toy_words")])
        for cell in more:
            cell.id = cell.metadata.nbgrader.grade_id = marks(cell)["grade_id"].replace(
                "words", "more")
            cell.source = cell.source.replace("words", "more")
        notebook.cells += more
    result = older(course, with_more)
    assert [one for one in result.unsure if "graded no more" in one] == list(result.unsure)
    assert not any("more" in marks(cell).get("grade_id", "") for cell in result.notebook.cells)
    assert not any("assert more(" in cell.source for cell in result.notebook.cells)
    assert any("def more(" in cell.source for cell in result.notebook.cells), "which is theirs"


def test_points_are_todays(course: Course) -> None:
    def for_much(notebook: NotebookNode) -> None:
        cell_of(notebook, "toy_words").metadata.nbgrader.points = 1000
    result = older(course, for_much)
    assert result.unsure == ("`toy_words` gave 1000 points in version 2026.0 (0b0b0b0b), and gives "
                             "4 now",)
    assert [marks(cell)["points"] for cell in result.notebook.cells
            if is_locked(cell)] == [4, 3, 3]


@pytest.mark.nbgrader
def test_a_release_after_the_intake_makes_it_an_older_version(tmp_path: Path) -> None:
    course = Toy().write(tmp_path)
    prepare(course, "toy")
    first, folder = built_version(course, "toy"), course.submitted / "s001" / "toy"
    folder.mkdir(parents=True)
    upload = stamped(handed_in_of(course), first)
    nbformat.write(upload, folder / "toy.ipynb")
    taken_in = IntakeRecord("s001_toy.zip", "s001", remarks=("complete",),
                            handed_in="2026-11-02T12:00")
    write_notes(course, "toy", [taken_in])
    Submissions(course, "toy").read("s001")
    assert note_of(course, "toy", "s001") == taken_in

    (path,) = course.exercise("toy").notebook_files
    path.write_text(path.read_text().replace("of one word has one", "of one has one").replace(
        "# # Words and vectors", "# # Words, and vectors"))
    prepare(course, "toy")
    assert built_version(course, "toy") != first
    for _ in range(2):
        Submissions(course, "toy").read("s001")
        assert note_of(course, "toy", "s001") == replace(taken_in, remarks=(
            "complete", f"toy.ipynb: it was made from version {first}, and was compared with that "
            "one"))
    kept = course.journal / "originals" / "toy" / "s001" / "toy.ipynb"
    assert nbformat.read(kept, as_version=4) == upload


def handed_in_of(course: Course) -> NotebookNode:
    """What students received, as nbgrader released it, filled in."""
    notebook = nbformat.read(course.build / "release" / "toy" / "toy.ipynb", as_version=4)
    solved = split_notebook(course.exercise("toy"), solved_files(course.exercise("toy")))[0]
    for cell, right in zip(notebook.cells, solved.cells, strict=True):
        if is_solution(cell):
            cell.source = right.source
    return notebook


def test_a_record_that_cannot_be_read_is_a_sentence(course: Course) -> None:
    (course.releases / "toy" / f"2026.1-{OLD}" / "toy.ipynb").write_text("<<<<<<< HEAD\n")
    with pytest.raises(CourseError, match="the record of a version, cannot be read"):
        mended(course, stamped(handed_in(), OLD))


@pytest.mark.parametrize("data", [[], "x", {"made_from": []}, {"version": {}, "made_from": [{}]}])
def test_a_strange_notebook_beside_a_module_harms_nobody(course: Course, tmp_path: Path,
                                                         data: object) -> None:
    notebook = nbformat.v4.new_notebook(metadata={versions.KEY: data})
    nbformat.write(notebook, tmp_path / "toy.ipynb")
    (tmp_path / "vectors.py").write_text(Stamp("toy", OLD).line)
    assert len(of_modules(course, "toy", tmp_path)) == 1


@pytest.mark.parametrize(("notebook", "module", "remarks"), [
    (OLD, OLD, 0), (None, OLD, 1), (NOW, NOW, 0), (NOW, OLD, 1), (NOW, None, 0),
    (NOW, "deadbeef", 0)])
def test_a_module_of_another_version_than_the_notebook_is_told(
        course: Course, tmp_path: Path, notebook: str | None, module: str | None, remarks: int
        ) -> None:
    mine = stamped(handed_in(), notebook) if notebook else handed_in()
    nbformat.write(mine, tmp_path / "toy.ipynb")
    line = Stamp("toy", module).line if module else ""
    (tmp_path / "vectors.py").write_text(f"import torch\n{line}")
    found = of_modules(course, "toy", tmp_path)
    assert found == [f"vectors.py: it was made from version 2026.1 ({OLD})"] * remarks
    assert stamp_beside(tmp_path, ["vectors.py"]) == (Stamp("toy", module) if module else None)


@pytest.mark.nbgrader
@pytest.mark.parametrize("known", [False, True], ids=["new", "noted"])
def test_what_a_failed_settling_has_changed_is_what_is_judged(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    course = Toy().write(tmp_path)
    prepare(course, "toy")
    folder = course.submitted / "s001" / "toy"
    folder.mkdir(parents=True)
    nbformat.write(handed_in_of(course), folder / "toy.ipynb")
    if known:
        write_notes(course, "toy", [IntakeRecord("s001_toy.zip", "s001")])

    def half(*given: object) -> None:
        (folder / "vectors.py").write_text("mended = True\n")
        raise ValueError("the other half")

    monkeypatch.setattr("autograder.grading.settle.settle", half)
    monkeypatch.setattr("autograder.grading.settle.is_settled", lambda *given: False)
    found = Submissions(course, "toy").read("s001")
    assert found.files["vectors.py"] == b"mended = True\n"
    assert [fault.student for fault in faults(course, "toy")] == ["s001"]
