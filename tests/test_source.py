"""The grammar of an exercise's source where somebody mistypes it: a sentence, never a traceback."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from conftest import TOY_MISCONCEPTIONS, TOY_MODULE, TOY_NOTEBOOK, Toy

from autograder.course import CourseError, Exercise
from autograder.exercise import source
from autograder.exercise.edits import Change, Edit, Misconceptions, apply
from autograder.exercise.solution import solved_files
from autograder.release import check
from autograder.release.build import build, fingerprint


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


# ------------------------------------------------------------------- notebooks that travel alone


def test_a_module_of_the_kit_is_written_by_a_cell(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "helper.py").write_text("def help():\n    return 1\n")
    (cell,) = source.read_notebook(Exercise("toy", tmp_path), '# %% include="helper.py"\n').cells
    assert cell.source == "%%writefile helper.py\ndef help():\n    return 1\n"


def test_a_picture_is_put_into_the_notebook(tmp_path: Path) -> None:
    (tmp_path / "source" / "figures").mkdir(parents=True)
    (tmp_path / "source" / "figures" / "span.svg").write_text("<svg/>")
    (cell,) = source.read_notebook(
        Exercise("toy", tmp_path), "# %% [markdown]\n# ![A span](figures/span.svg)\n").cells
    assert cell.source == "![A span](data:image/svg+xml;base64,PHN2Zy8+)"


@pytest.mark.parametrize("text", ['# %% include="nowhere.py"\n',
                                  "# %% [markdown]\n# ![A](figures/nowhere.svg)\n"])
def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(CourseError, match=r"there is no .*nowhere"):
        read(text, tmp_path)


def test_a_cell_can_have_a_name(tmp_path: Path) -> None:
    (cell,) = source.read_notebook(Exercise("toy", tmp_path), '# %% name="training"\n1\n').cells
    assert (cell.id, "name" in cell.metadata) == ("training", False)


def test_a_bonus_comes_on_top(tmp_path: Path) -> None:
    toy = Toy()
    toy.course = toy.course.replace("max_points = 10", 'max_points = 7\nbonus = ["toy_scale"]')
    build(toy.write(tmp_path), "toy")


@pytest.mark.parametrize(("repository", "badge"), [
    ("", "# Toys"), ("someone/toys", "# Toys\n\n[![Open in Colab]("
                     "https://colab.research.google.com/assets/colab-badge.svg)]("
                     "https://colab.research.google.com/github/someone/toys/blob/main/toy/toy.ipynb"
                     ")")])
def test_the_badge_of_colab_comes_from_the_course(tmp_path: Path, repository: str, badge: str
                                                  ) -> None:
    toy = Toy()
    toy.source["toy.py"] = "# %% [markdown]\n# # Toys\n#\n# {colab}\n\n" + TOY_NOTEBOOK
    toy.course = toy.course.replace('title = "A course', f'repository = "{repository}"\n'
                                                         'title = "A course')
    built = build(toy.write(tmp_path), "toy")
    assert nbformat.read(built / "toy.ipynb", as_version=4).cells[0].source == badge


@pytest.mark.parametrize(("line", "secret"), [
    ("from collections.abc import Callable, Iterator", False),
    ("import matplotlib.pyplot as plt_of_a_test", False),
    ("from autograder.exercises.toy import probes", True),
    ("import autograder.exercises.toy.probes as p", True),
])
def test_only_imports_of_our_own_are_secret(tmp_path: Path, line: str, secret: bool) -> None:
    toy = Toy()
    toy.hidden_tests = f"{line}\n{toy.hidden_tests}"
    assert (line in dict(check._secrets(toy.write(tmp_path).exercise("toy")))) is secret


def test_a_rubric_is_a_secret_as_it_would_stand_in_a_notebook(tmp_path: Path) -> None:
    toy = Toy()
    toy.source["toy.py"] += ('\n# %% [markdown] written="toy_why" points=2\n# ### BEGIN SOLUTION\n'
                             "# One point for each reason that is given.\n# ### END SOLUTION\n")
    secrets = dict(check._secrets(toy.write(tmp_path).exercise("toy")))
    assert secrets["One point for each reason that is given."] == "a rubric"


def test_without_a_course_there_is_no_badge(tmp_path: Path) -> None:
    (cell,) = source.read_notebook(Exercise("toy", tmp_path), "# %% [markdown]\n# # A\n#\n# {colab}"
                                   ).cells
    assert cell.source == "# A"


def test_what_a_notebook_includes_makes_another_build(tmp_path: Path) -> None:
    toy = Toy()
    toy.source["toy.py"] += '\n# %% include="given.py"\n'
    toy.source["toy.py"] += "\n# %% [markdown]\n# ![A](figures/a.svg)\n"
    toy.source["figures/a.svg"] = "<svg/>"
    course = toy.write(tmp_path)
    before = fingerprint(course, "toy")
    (course.exercise("toy").source / "figures" / "a.svg").write_text("<svg>another</svg>")
    assert fingerprint(course, "toy") != before


# ------------------------------------------------------------------ a notebook in several files


def in_two_files() -> Toy:
    """The toy's notebook, its second part in a file of its own."""
    toy = Toy()
    first, second, rest = toy.source.pop("toy.py").partition('# %% solution="toy_count"')
    toy.source |= {"0_words.py": first, "1_counts.py": second + rest}
    toy.misconceptions = TOY_MISCONCEPTIONS.replace("toy.py", "0_words.py")
    toy.variants = toy.variants.replace("toy.py", "0_words.py")
    return toy


def test_a_notebook_in_several_files_is_the_same_notebook(tmp_path: Path) -> None:
    whole, parted = Toy().write(tmp_path / "a"), in_two_files().write(tmp_path / "b")
    exercise = parted.exercise("toy")
    assert [path.name for path in exercise.notebook_files] == ["0_words.py", "1_counts.py"]
    assert [path.name for path in exercise.files] == ["given.py", "vectors.py"]
    assert source.read_notebook(exercise) == source.read_notebook(whole.exercise("toy"))
    assert (build(parted, "toy") / "toy.ipynb").read_bytes() == (
        build(whole, "toy") / "toy.ipynb").read_bytes()


@pytest.mark.parametrize("other", ["# %% [markdown]\n# vector = text.lower()\n",
                                   "# %%\nprint('text.lower()')\n"], ids=["text", "code"])
def test_an_edit_is_made_in_its_own_file(tmp_path: Path, other: str) -> None:
    toy = in_two_files()
    toy.source["1_counts.py"] += f"\n{other}"
    exercise = toy.write(tmp_path).exercise("toy")
    edit = Edit(file="0_words.py", replace="text.lower()", by="text.upper()")
    change = Change(name="one", edits=[edit])
    folder = Misconceptions(exercise, tmp_path / "written").written(change)
    cells = nbformat.read(folder / "toy.ipynb", as_version=4).cells
    (found,) = [cell.id for cell in cells if "text.upper()" in cell.source]
    assert found == "toy_words-solution"
    assert "text.lower()" in cells[-1].source
    wrong = change.model_copy(update={"edits": [edit.model_copy(update={"file": "2_more.py"})]})
    with pytest.raises(CourseError, match=r"there is no file 2_more\.py"):
        apply(wrong, solved_files(exercise))
