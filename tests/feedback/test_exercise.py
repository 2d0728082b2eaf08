"""What pages take from an exercise: titles, what to reread, where a part's code stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import REPO, Toy
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import Course, CourseError
from autograder.release import reread, source
from autograder.release.places import Place, functions
from autograder.release.titles import titles
from autograder.report.feedback.code import MOST_LINES, Submission
from autograder.report.feedback.exercise import ExerciseTexts, texts

KIT = Course.load(REPO)
EXERCISES = [name for one in KIT.toml.assignments.values() for name in one.exercises]
REREAD = """
[sources.a]
title = "A"
url = "https://example.org/"
[parts]
toy_words = [{ source = "a", section = "1" }]
"""


@pytest.fixture(scope="module", params=EXERCISES)
def own(request: pytest.FixtureRequest) -> ExerciseTexts:
    """What pages say of an exercise of the kit."""
    return texts(KIT.exercise(request.param), "en")


def test_every_part_of_the_kit_has_a_title_of_its_own(own: ExerciseTexts) -> None:
    assert list(own.titles) == list(own.most)
    assert len(set(own.titles.values())) == len(own.titles) and all(own.titles.values())
    assert not any("point" in title for title in own.titles.values())


def test_every_part_of_the_kit_has_something_to_reread(own: ExerciseTexts) -> None:
    assert [part for part in own.most if not own.reread.get(part)] == []
    for reading in (one for some in own.reread.values() for one in some):
        assert reading.url.startswith("https://") and " " not in reading.url
        assert reading.passage.section or reading.passage.name or reading.on, reading


def test_every_part_of_the_kit_knows_its_code(own: ExerciseTexts) -> None:
    assert [part for part in own.most if not own.places.get(part)] == []


def labelled(*cells: str | tuple[str, float]) -> dict[str, str]:
    """The titles of parts named by number, from markdown and the parts' points."""
    notebook = new_notebook()
    for cell in cells:
        if isinstance(cell, str):
            notebook.cells.append(new_markdown_cell(cell))
        else:
            data = {"grade": True, "grade_id": cell[0], "points": cell[1]}
            notebook.cells.append(new_code_cell(metadata={"nbgrader": data}))
    return titles(notebook)


def test_a_title_is_the_label_with_the_parts_points() -> None:
    assert labelled("# All (9 points)", "## (a) One (4 points)\n\n## (b) Two (5 points)",
                    ("one", 4), ("two", 5)) == {"one": "(a) One", "two": "(b) Two"}
    assert labelled("## 1 All (3 points)", "**(a)** Why? (1 point)", ("a", 1),
                    "**(b)** And\n\n**(c)** so? Both 2 points.", ("bc", 2)) == {
        "a": "1 All · (a)", "bc": "1 All · (b), (c)"}
    for heading, title in (("Load", "The model"), ("3.2 Load", "3.2 Load · The model")):
        assert labelled(f"## {heading}", "**The model (0.25 points)** is **not** small.",
                        ("m", 0.25)) == {"m": title}


def test_where_no_label_fits_the_heading_above_is_the_title() -> None:
    assert labelled("# All (9 points)\n\n## Some", ("one", 4), ("two", 5)) == {
        "one": "Some", "two": "Some"}
    assert labelled(("one", 4)) == {"one": ""}


def with_reread(folder: Path, text: str) -> Course:
    course = Toy().write(folder)
    (course.exercise("toy").folder / reread.FILE).write_text(text)
    return course


def test_an_exercise_may_have_nothing_to_reread(toy: Course) -> None:
    assert reread.read(toy.exercise("toy")).of("toy_words") == []


@pytest.mark.parametrize(("replace", "by", "complaint"), [
    ("toy_words", "toy_word", r"toy_word is no part; it has toy_words, toy_count"),
    ('source = "a"', 'source = "b"', r"there is no \[sources\.b\]"),
    ('section = "1"', "section = 1", r"parts\.toy_words\.0\.section: .*string"),
    ("https://", "javascript:", r"sources\.a\.url: "),
    ("[parts]", "[parts", "is not valid TOML"),
])
def test_what_is_wrong_with_a_reread_file_is_a_sentence(
        tmp_path: Path, replace: str, by: str, complaint: str) -> None:
    assert REREAD.count(replace) == 1
    course = with_reread(tmp_path, REREAD.replace(replace, by))
    with pytest.raises(CourseError, match=complaint):
        reread.read(course.exercise("toy"))


def test_validate_reads_it(tmp_path: Path) -> None:
    from autograder.validate import cases

    with pytest.raises(CourseError, match="is no part"):
        cases(with_reread(tmp_path, REREAD.replace("toy_words", "x")), "toy")


def test_code_is_where_misconceptions_edit_it(toy: Course) -> None:
    found = texts(toy.exercise("toy"), "en").places
    assert found == {"toy_words": (Place(cell="toy_words-solution", name="words"),),
                     "toy_count": (Place(cell="toy_count-solution"),),
                     "toy_scale": (Place("vectors.py", name="scale"),)}


def test_functions_are_found_by_name_whatever_surrounds_them() -> None:
    text = "%pip install x\nclass A:\n    @staticmethod\n    def f():\n        return 1\n\nx = 2\n"
    assert functions(text) == {"A.f": (3, 5)}
    assert functions("def f(:") == {} and functions("\0") == {}


def submission(folder: Path, cells: list[str], **files: str) -> Submission:
    import json

    (folder / "toy.ipynb").write_text(json.dumps({"cells": [
        {"source": cell, "id": f"c{number}", "metadata": {}} for number, cell in enumerate(cells)]}))
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return Submission(folder, "toy")


def test_a_students_own_code_is_cut_out(tmp_path: Path) -> None:
    own = submission(tmp_path, ["import x", "class A:\n    def words(text):\n        return 1\n\nprint(2)"],
                     vectors="def scale(v):\n    return v\n")
    code = own.code({"a": (Place(cell="c9", name="A.words"),),
                     "b": (Place("vectors.py", name="scale"),),
                     "c": (Place(cell="c0"),), "d": (Place("vectors.py"),),
                     "e": (Place("nowhere.py", name="f"), Place(cell="c9", name="gone"))})
    assert [[(one.where, one.text) for one in some] for some in code.values()] == [
        [("A.words", "def words(text):\n    return 1")],
        [("vectors.py, scale", "def scale(v):\n    return v")], [("", "import x")],
        [("vectors.py", "def scale(v):\n    return v")], []]


def test_long_code_is_cut_short(tmp_path: Path) -> None:
    own = submission(tmp_path, ["x = 1\n" * 1000])
    (code,) = own.code({"a": (Place(cell="c0"),)})["a"]
    assert code.cut and code.text.count("\n") == MOST_LINES - 1


def test_what_is_no_notebook_or_leads_elsewhere_has_no_code(tmp_path: Path) -> None:
    (tmp_path / "toy.ipynb").write_text('{"cells": [1, {"source": 3}]}')
    (tmp_path / "secret.txt").write_text("def f():\n    pass")
    (tmp_path / "vectors.py").symlink_to(tmp_path / "secret.txt")
    own = Submission(tmp_path, "toy")
    assert own.code({"a": (Place(cell="c9", name="f"), Place("vectors.py", name="f"))}) == {"a": ()}


def test_sources_are_told_by_hand_from_judged(own: ExerciseTexts) -> None:
    notebook = source.read_notebook(KIT.exercise(own.name))
    assert own.by_hand == set(own.most) - set(source.judged_parts(notebook))
