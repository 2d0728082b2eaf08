"""From one source to what students receive: the grammar, the build, and the check for leaks."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from conftest import REPO, TOY_NOTEBOOK, Toy

from autograder.course import Course, CourseError, Exercise
from autograder.exercise import source
from autograder.exercise.solution import clear_solutions, without_markers
from autograder.gradebook.nbgrader_api import has_assignment
from autograder.release import build as building
from autograder.release import check
from autograder.release.build import build, prepare, release


def notebook(tmp_path: Path, text: str) -> nbformat.NotebookNode:
    return source.read_notebook(Exercise("toy", tmp_path), text)


def test_short_keys_become_nbgraders_metadata(tmp_path: Path) -> None:
    cells = notebook(tmp_path, '# %% solution="a"\nx = 1\n\n# %% tests="a" points=4\nassert x\n\n'
                               '# %% [markdown] written="b" points=2\n# Why?\n').cells
    roles = [(cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.grade,
              cell.metadata.nbgrader.solution, cell.metadata.nbgrader.locked,
              cell.metadata.nbgrader.get("points")) for cell in cells]
    assert roles == [("a-solution", False, True, False, None), ("a", True, False, True, 4),
                     ("b", True, True, False, 2)]
    assert source.parts(nbformat.from_dict({"cells": cells})) == {"a": 4.0, "b": 2.0}


@pytest.mark.parametrize(("text", "sentence"), [
    ('# %% tests="a"\n1', "needs points="),
    ('# %% solution="a" points=3\n1', "cannot have points="),
    ("# %% points=3\n1", "neither tests= nor written="),
    ('# %% tests="a" written="a" points=1\n1', "has both"),
    ('# %% tests="a" points=1\n1\n\n# %% tests="a" points=1\n1', "`a` is used twice"),
])
def test_a_fault_in_the_source_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        notebook(tmp_path, text)


def test_cells_keep_their_ids_from_one_release_to_the_next(tmp_path: Path) -> None:
    once, again = notebook(tmp_path, TOY_NOTEBOOK), notebook(tmp_path, TOY_NOTEBOOK)
    assert [cell.id for cell in once.cells] == [cell.id for cell in again.cells]


def test_a_python_file_is_cleared_as_a_cell_is() -> None:
    text = "def f():\n    ### BEGIN SOLUTION\n    return 42\n    ### END SOLUTION\n\n\nx = f\n"
    cleared = clear_solutions(text)
    assert cleared == ("def f():\n    # YOUR CODE HERE\n    raise NotImplementedError()\n\n\n"
                       "x = f\n")


def test_a_solved_file_shows_no_markers() -> None:
    assert without_markers("a\n    ### BEGIN SOLUTION\nb\n### END SOLUTION\nc\n") == "a\nb\nc\n"


def test_points_that_do_not_add_up_stop_the_build(tmp_path: Path) -> None:
    toy = Toy(course=Toy().course.replace("max_points = 10", "max_points = 11"))
    with pytest.raises(CourseError, match=r"give 10 points together, bonus left out"):
        build(toy.write(tmp_path), "toy")


@pytest.mark.nbgrader
def test_a_release_holds_no_solution_and_fills_the_gradebook(toy: Course) -> None:
    folder = release(toy, "toy")
    cells = nbformat.read(folder / "toy.ipynb", as_version=4).cells
    text = (folder / "vectors.py").read_text() + "".join(cell.source for cell in cells)
    assert "return" not in "".join(c.source for c in cells if "solution" in c.get("id", ""))
    assert "largest" not in text.replace("largest absolute", "")
    assert text.count("raise NotImplementedError()") == 3
    assert has_assignment(toy, "toy")


@pytest.mark.nbgrader
def test_preparing_twice_builds_once(toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    monkeypatch.setattr(building, "release", lambda *args: built.append(args))
    monkeypatch.setattr(building, "has_assignment", lambda *args: True)
    prepare(toy, "toy")
    prepare(toy, "toy")
    assert len(built) == 1
    (notebook,) = toy.exercise("toy").notebook_files
    notebook.write_text(notebook.read_text() + "\n# %% [markdown]\n# One more line\n")
    prepare(toy, "toy")
    assert len(built) == 2


# ---------------------------------------------------------------------------------------- the check


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy course that nbgrader has released."""
    folder = tmp_path_factory.mktemp("fresh")
    release(Toy().write(folder), "toy")
    return folder


@pytest.fixture
def released(fresh: Path, tmp_path: Path) -> Course:
    """A copy of it, free to be spoilt."""
    shutil.copytree(fresh, tmp_path, dirs_exist_ok=True)
    return Course.load(tmp_path / "course", tmp_path / "exercises")


def faults(course: Course) -> list[str]:
    return [*check.stale(course, "toy", course.root / "toy"),
            *check.leaks(course, "toy", course.root / "toy")]


@pytest.mark.nbgrader
def test_a_fresh_release_has_no_fault(released: Course) -> None:
    assert faults(released) == []


@pytest.mark.nbgrader
@pytest.mark.parametrize(("line", "fault"), [
    ("# largest = vector.abs().max()", "a line of a solution"),
    ('#   student, reference = both.call("words", TEXT)', "a line of a hidden test or probe"),
    ("Your words keep their capitals, so that one word counts as two.",
     "a line of a misconception"),
    ("see autograder/exercises/toy for more", "names a staff path"),
    ("the answer is in test_hidden.py", "names a staff path"),
])
@pytest.mark.parametrize("where", ["toy/vectors.py", "setup.md"])
def test_a_leak_is_found(released: Course, line: str, fault: str, where: str) -> None:
    path = released.root / where
    path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")
    assert any(fault in found for found in check.leaks(released, "toy", released.root / "toy"))


@pytest.mark.nbgrader
def test_a_leak_in_a_notebooks_cell_is_found(released: Course) -> None:
    path = released.root / "toy" / "toy.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\nHint: `return text.lower().split()`"
    nbformat.write(notebook, path)
    assert any("a line of a solution" in fault for fault in faults(released))


@pytest.mark.nbgrader
@pytest.mark.parametrize(("spoil", "fault"), [
    (lambda folder: (folder / "given.py").write_text("NUMBERS = ()\n"), "is not what the sources"),
    (lambda folder: (folder / "given.py").unlink(), "is missing"),
    (lambda folder: (folder / "more.py").write_text("1\n"), "does not come from the sources"),
])
def test_a_stale_release_is_found(released: Course, spoil: object, fault: str) -> None:
    spoil(released.root / "toy")  # type: ignore[operator]
    assert any(fault in found for found in faults(released))


@pytest.mark.nbgrader
def test_what_running_leaves_behind_is_no_fault(released: Course) -> None:
    for name in ("result.log", "dev-output.txt", "best.pt", "__pycache__/given.cpython-311.pyc"):
        path = released.root / "toy" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert faults(released) == []


@pytest.mark.sandbox
@pytest.mark.nbgrader
@pytest.mark.parametrize(("name", "text", "fault"), [
    ("given.py", "import nowhere\nNUMBERS = (1, 2, 3)\n", "given.py cannot be imported"),
    ("given.py", "NUMBERS = (1, 2)\n", "the solved toy.ipynb, cell"),
    ("given.py", "OTHER = 1\n", "does not run"),
    ("given.py", "import sys\n\n\nclass Numbers(tuple):\n    def __eq__(self, other):\n"
     "        return bool(sys.stderr.write('hm'))\n\n\nNUMBERS = Numbers()\n", "writes to stderr"),
])
def test_what_does_not_run_is_found(tmp_path: Path, name: str, text: str, fault: str) -> None:
    toy = Toy()
    toy.source[name] = text
    course = toy.write(tmp_path)
    folder = release(course, "toy")
    assert any(fault in found for found in check.broken(course, "toy", folder))


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_q2_is_released_as_its_sources_give_it(course: Course) -> None:
    shutil.copytree(REPO / "q2", course.root / "q2",
                    ignore=shutil.ignore_patterns(*(
                        name.partition("/")[0]
                        for name in (*check.CACHES, *course.toml.release.leftovers))))
    for name in Course.load(REPO).handout:
        if not (course.root / name).exists():  # the course has links to some
            (course.root / name).parent.mkdir(exist_ok=True)
            shutil.copy(REPO / name, course.root / name)
    assert check.problems(course, "q2") == []
