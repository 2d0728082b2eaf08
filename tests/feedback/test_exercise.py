"""What pages take from an exercise: titles, what to reread, where a part's code stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import REPO, Toy

from autograder.course import Course, CourseError, Exercise
from autograder.exercise import reading, source
from autograder.exercise.parts import Place, functions
from autograder.report.feedback.code import MOST_LINES, SubmittedCode
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
    for one in (one for some in own.reread.values() for one in some):
        assert one.url.startswith("https://") and " " not in one.url
        assert one.passage.section or one.passage.name or one.on, one


def test_every_part_of_the_kit_knows_its_code(own: ExerciseTexts) -> None:
    assert [part for part in own.most if not own.places.get(part)] == []


def titles(text: str) -> dict[str, str]:
    return source.read(Exercise("toy", Path("toy")), text).titles


def test_a_part_has_a_title_of_its_own_or_the_heading_above() -> None:
    text = ("# %% [markdown]\n# # All (9 points)\n#\n# ## Some (6 points)\n\n"
            '# %% tests="one" points=4\n\n# %% tests="two" points=1 title="(b) Two"\n\n'
            '# %% [markdown] written="three" points=1 title="· (c)"\n# ## Not a heading\n\n'
            '# %% tests="four" points=3\n')
    assert titles(text) == {
        "one": "Some", "two": "(b) Two", "three": "Some · (c)", "four": "Some"}
    assert titles('# %% tests="one" points=4\n') == {"one": ""}


def test_titles_and_code_stay_in_the_source(toy: Course) -> None:
    notebook = source.read_notebook(toy.exercise("toy"))
    assert not {"title", "code"} & {key for cell in notebook.cells for key in cell.metadata}


@pytest.mark.parametrize(("keys", "complaint"), [
    ('title="A"', "belong to a cell with tests="), ('solution="a" code="f"', "belong to a cell"),
    ('tests="a" points=1 title=3', "must be a text"), ('tests="a" points=1 code=[1]', "a list of"),
])
def test_a_title_or_code_in_the_wrong_place_is_a_sentence(keys: str, complaint: str) -> None:
    with pytest.raises(CourseError, match=complaint):
        titles(f"# %% {keys}\n1\n")


def with_reread(folder: Path, text: str) -> Course:
    course = Toy().write(folder)
    (course.exercise("toy").folder / reading.FILE).write_text(text)
    return course


def test_an_exercise_may_have_nothing_to_reread(toy: Course) -> None:
    assert reading.read(toy.exercise("toy")).of("toy_words") == []


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
        reading.read(course.exercise("toy"))


def test_validate_reads_it(tmp_path: Path) -> None:
    from autograder.validate import cases

    with pytest.raises(CourseError, match="is no part"):
        cases(with_reread(tmp_path, REREAD.replace("toy_words", "x")), "toy")


def test_code_is_where_the_parts_cell_says_or_above_it(toy: Course) -> None:
    found = texts(toy.exercise("toy"), "en").places
    assert found == {"toy_words": (Place(cell="toy_words-solution", name="words"),),
                     "toy_count": (Place(cell="toy_count-solution"),),
                     "toy_scale": (Place("vectors.py", name="scale"),)}


@pytest.mark.parametrize("code", ["wrods", "vectors.py:scaled", "nowhere.py", "given.py:"])
def test_code_that_is_nowhere_is_a_sentence(tmp_path: Path, code: str) -> None:
    from autograder.validate import cases

    toy = Toy()
    toy.source["toy.py"] = toy.source["toy.py"].replace('code="words"', f'code="{code}"')
    with pytest.raises(CourseError, match=f"code='{code}' is no function"):
        cases(toy.write(tmp_path), "toy")


def test_functions_are_found_by_name_whatever_surrounds_them() -> None:
    text = "%pip install x\nclass A:\n    @staticmethod\n    def f():\n        return 1\n\nx = 2\n"
    assert functions(text) == {"A.f": (3, 5)}
    assert functions("def f(:") == {} and functions("\0") == {}


def submission(folder: Path, cells: list[str], **files: str) -> SubmittedCode:
    import json

    (folder / "toy.ipynb").write_text(json.dumps({"cells": [
        {"source": cell, "id": f"c{number}", "metadata": {}}
        for number, cell in enumerate(cells)]}))
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return SubmittedCode(folder, "toy")


def test_a_students_own_code_is_cut_out(tmp_path: Path) -> None:
    words = "class A:\n    def words(text):\n        return 1\n\nprint(2)"
    own = submission(tmp_path, ["import x", words],
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
    own = SubmittedCode(tmp_path, "toy")
    assert own.code({"a": (Place(cell="c9", name="f"), Place("vectors.py", name="f"))}) == {"a": ()}


def test_sources_are_told_by_hand_from_judged(own: ExerciseTexts) -> None:
    notebook = source.read_notebook(KIT.exercise(own.name))
    assert own.by_hand == set(own.most) - set(source.judged_parts(notebook))
