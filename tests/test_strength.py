"""`autograder validate --strength`: weak tests have holes, and strong ones have none."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import nbformat
import pytest
from conftest import REPO, TOY_COURSE, TOY_NOTEBOOK, Toy, run_cli

from autograder.course import Course, CourseError
from autograder.strength.code import Solution, Unit
from autograder.strength.explained import CONSTANT, Explained
from autograder.strength.measure import Narrow, Plan, Wronged, summary
from autograder.strength.mutants import mutants, types_of_names
from autograder.strength.recording import expressions, noting, with_constant

COURSE = TOY_COURSE.replace("[course]", '[course]\nexercises = "../exercises"')
# Tests of the toy that draw all that may vary, but for those of `count`, which know one text.
TESTS = '''
from autograder.judge.domain import Domain, Whole
from autograder.judge.testing import assert_close, part

SIZES = Domain(words=Whole(0, 6), entries=Whole(1, 7))
WORDS = ["The", "cat", "saw", "other", "CAT", "the", "Saw"]


@part("toy_words", weight=4)
def test_words(both, draw):
    for words in (0, SIZES.draw(draw).words, 6):
        text = "  ".join(draw.among(WORDS) for _ in range(words))
        student, reference = both.call("words", text)
        assert student == reference, "the words of a text differ"


@part("toy_count")
def test_count(both):
    student, reference = both.call("count", "the cat saw the other cat")
    assert student == reference, "the counts differ"


@part("toy_scale")
def test_scale(both, draw):
    for entries in (1, SIZES.draw(draw).entries, 7):
        student, reference = both.call("scaled", draw(entries))
        assert_close(student, reference, "the scaled vector differs")
'''


def unit(code: str) -> Unit:
    return Unit("f.py", 10, f"def f(x, y):\n    ### BEGIN SOLUTION\n{code}    ### END SOLUTION\n")


def changes(code: str) -> set[str]:
    one = unit(code)
    found = expressions([one])
    types = types_of_names(found, {number: {"Tensor[2]"} for number in range(len(found))})
    return {mutant.becomes for mutant in mutants(one, types, found)}


@pytest.mark.parametrize(("code", "expected"), [
    ("    return x.sum(dim=-1)\n", {"return x.mean(dim=-1)", "return x.sum(dim=+1)",
                                    "return x.sum(dim=-2)", "return"}),
    ("    return x - y\n", {"return x", "return y - x", "return x + y", "return x - x"}),
    ("    a = x[1:2]\n    b = y\n    return a @ b\n", {
        "a = x[:2]", "a = x[1:]", "a = y[1:2]", "b = y a = x[1:2]", "return b", "return b @ b"}),
    ("    if x > y:\n        x = y\n    return x\n", {
        "if True:", "if False:", "if x >= y:", "pass"}),
    ("    return g(x, y)\n", {"return g(y, x)", "return g(x, )", "return g(x, None)"}),
])
def test_small_changes_of_all_kinds_are_made(code: str, expected: set[str]) -> None:
    assert expected <= changes(code)


def test_mutants_are_all_different_and_say_where_they_are() -> None:
    one = unit("    x = x + 1\n    return x\n")
    made = mutants(one, types_of_names([], {}), expressions([one]))
    assert len({mutant.text for mutant in made}) == len(made) > 5
    assert {mutant.line for mutant in made} <= {10, 12, 13}


def test_only_what_students_write_and_what_is_computed_is_noted() -> None:
    given = "def given(x):\n    return x + 1\n\n\n"
    code = "    x, (a, b) = y\n    return f(x.size(0), dim=-1)[a : b + 2, None]\n"
    one = Unit("f.py", 1, given + unit(code).text)
    texts = [found.text for found in expressions([one])]
    assert texts == ["y", "f(x.size(0), dim=-1)[a : b + 2, None]", "f(x.size(0), dim=-1)",
                     "x.size(0)", "a", "b + 2", "b"]
    noted: dict[str, object] = {}
    exec(noting(one, expressions([one])), noted)
    assert "__noted__(0, y)" in noting(one, expressions([one])) and "f" in noted


def test_tuples_keep_together_when_they_are_noted_or_shaped() -> None:
    one = unit("    a, b = y, x\n    return a\n")
    found = expressions([one])
    assert "__noted__(0, (__noted__(1, y), __noted__(2, x)))" in noting(one, found)
    assert "a, b = __constant__(0)\n" in with_constant(found[0], 0, of_shape=False)
    assert "a, b = __shaped__(0, (y, x))\n" in with_constant(found[0], 0, of_shape=True)


def test_a_plan_takes_every_nth_and_in_the_end_all() -> None:
    answers = list(range(10))
    sampled = [Plan(range(seed, seed + 2), every=3).drawn(answers, str) for seed in range(3)]
    assert sorted(itertools.chain(*sampled)) == answers and all(sampled)
    assert Plan(range(2), only="7").drawn(answers, str) == [7]


def test_weak_tests_have_holes_strong_ones_have_none_and_what_is_explained_is_none(
        tmp_path: Path) -> None:
    toy = Toy(course=COURSE, hidden_tests=TESTS).write(tmp_path)
    (tmp_path / "exercises" / "toy" / "equivalent.toml").write_text(
        f'[[equivalent]]\nfile = "toy.py"\nwas = "words(text)"\nbecomes = ["{CONSTANT}"]\n'
        'why = "it is only a toy"\n')
    ended = run_cli("validate", "--strength", "--batches", 2, "--seed", 1, "--every", 3, "--course",
                    toy.root, cwd=tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    holes = [line for line in ended.stdout.splitlines() if line.startswith("constant ")]
    assert f"constant toy.py:22: `found` -> `{CONSTANT}`: OPEN" in holes
    assert {line.split(":")[1] for line in holes} <= {"21", "22"}, ended.stdout
    assert re.search(rf"\nseeds=2 right=full\nconstants={len(holes)} open \(1 explained\) "
                     r"specialised=(\d+)/\1 lose \(0 explained\) mutants=(\d+)/\2 killed \(0 "
                     r"explained\)\n$", ended.stdout), ended.stdout


def test_what_is_neither_caught_nor_explained_is_a_problem() -> None:
    caught = Narrow("mutant", "a.py", 3, "x", "y", caught=True)
    explained = Narrow("mutant", "a.py", 4, "x", "z", caught=False, why="the same")
    survivor = Narrow("mutant", "a.py", 5, "x", "w", caught=False)
    right, wronged = Wronged("loop", 1, ""), Wronged("loop", 2, "loses {'a': 1.0}")
    assert summary([caught, explained, right]) == (
        "seeds=1 right=full\nconstants=0 open (0 explained) specialised=0/0 lose (0 explained) "
        "mutants=1/1 killed (1 explained)")
    assert "mutants=1/2 killed" in summary([caught, survivor]) and "a.py:5" in survivor.problem
    assert summary([right, wronged]).startswith("seeds=2 right=1 lose")
    assert not caught.problem and not explained.problem and wronged.problem


@pytest.mark.parametrize("text", ["[[equivalent]]\nfile = 'a'\n", "equivalent = 3\n", "a = [\n"])
def test_a_list_of_explanations_that_cannot_be_read_is_told(text: str, tmp_path: Path) -> None:
    course = Toy().write(tmp_path)
    (tmp_path / "exercises" / "toy" / "equivalent.toml").write_text(text)
    with pytest.raises(CourseError, match=r"equivalent\.toml of toy"):
        Explained(Course.load(course.root, tmp_path / "exercises").exercise("toy"))


def test_a_version_has_the_names_of_cells_that_grading_leaves_out(tmp_path: Path) -> None:
    notebook = TOY_NOTEBOOK + '\n# %% tags=["skip-execution"]\nLIMIT = 3\nprint(LIMIT)\n'
    exercise = Toy(source={**Toy().source, "toy.py": notebook}).write(tmp_path).exercise("toy")
    solution = Solution(exercise)
    solution.write(solution.work, tmp_path / "version")
    names, *_ = nbformat.read(tmp_path / "version" / "toy.ipynb", as_version=4).cells
    assert names.source == "LIMIT = 3"


@pytest.mark.parametrize(("name", "every"), [("q1", 90), ("q2", 25), ("hw3", 120)])
def test_a_sample_of_narrow_answers_loses(name: str, every: int, tmp_path: Path) -> None:
    ended = run_cli("validate", name, "--strength", "--batches", 2, "--seed", 1, "--every", every,
                    "--course", REPO, cwd=tmp_path, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "right=full\nconstants=0 open" in ended.stdout
    assert not list(tmp_path.iterdir()), "what notebooks write goes to a folder of its own"
