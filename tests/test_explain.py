"""Which misconceptions a part's wrong answers are explained by, and when none is named."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import nbformat
import pytest
from conftest import Toy

from autograder.exercise.edits import Change, Misconceptions, apply, joined
from autograder.exercise.solution import solved_files, split_notebook, write_version
from autograder.judge import reference_process
from autograder.judge.answer import Answer, unpack
from autograder.judge.explain import Asked, Explainer, Trial
from autograder.judge.reference import ReferenceClient
from autograder.judge.work import runnable_cells
from autograder.kernel import agent, serialization

SOURCE = '''
# %%
TABLE = "/dev/null"

# %% solution="toy_mean"
def mean(numbers, weights):
    """The weighted mean of the numbers that are not None, in tenths."""
    ### BEGIN SOLUTION
    open(TABLE).close()
    pairs = [(n, w) for n, w in zip(numbers, weights) if n is not None]
    total = sum(n * w for n, w in pairs)
    size = sum(w for _, w in pairs)
    return round(10 * total / size, 6)
    ### END SOLUTION

# %% tests="toy_mean" points=10
assert mean([1.0], [1.0]) == 10
'''
EDITS = {
    "none-is-zero": ("[(n, w) for n, w in zip(numbers, weights) if n is not None]",
                     "[(n or 0, w) for n, w in zip(numbers, weights)]"),
    "unweighted": ("sum(n * w for", "sum(n for"),
    "counted": ("sum(w for _, w in pairs)", "len(pairs)"),
    "whole": ("10 * total", "total"),
    "squared": ("n * w for n", "n * w * w for n"),
    "negative": ("return round(", "return -round("),
    "as-text": ("return round(10 * total / size, 6)", "return str(round(10 * total / size, 6))"),
    "crash": ("total / size", "total / (size - size)"),
    "none-kept": ("if n is not None]", "]"),
    "no-file": ("size = sum(w", "open('t5-base')\n    size = sum(w"),
}
ELSEWHERE = {"another-table": ("/dev/null", "t5-base")}  # what it does is seen at a given line
MISCONCEPTIONS = "".join(f"""
[[misconception]]
name = "{name}"
part = "toy_mean"
file = "toy.py"
replace = {replace!r}
by = {by!r}
says = "This is {name}."
""" if "\n" not in by else f"""
[[misconception]]
name = "{name}"
part = "toy_mean"
file = "toy.py"
replace = {replace!r}
by = '''{by}'''
says = "This is {name}."
""" for name, (replace, by) in {**EDITS, **ELSEWHERE}.items())


class Here:
    """In the place of the trusted process: versions run in this one."""

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, version: Path, request: bytes) -> Answer:
        self.asked += 1
        return answered(version, request)


@functools.cache
def answered(version: Path, request: bytes) -> Answer:
    """What the notebook in a folder answers."""
    loaded = reference_process._Version(version)
    loaded._run_notebook()
    return unpack(agent.answer(request, agent.NotebookCode(loaded.names, version)))


class Lab:
    """The toy with its misconceptions, and students who hand in some text."""

    def __init__(self, folder: Path) -> None:
        self.course = Toy(source={"toy.py": SOURCE}, misconceptions=MISCONCEPTIONS,
                          variants="").write(folder)
        self.exercise = self.course.exercise("toy")
        self.solved = solved_files(self.exercise)
        self.misconceptions = Misconceptions(self.exercise, folder / "written")
        self.known = {one.name: one for one in self.misconceptions.of("toy_mean")}
        self.folder, self.count, self.trusted = folder, itertools.count(), Here()
        self.reference = self.version(self.solved)

    def version(self, files: dict[str, bytes]) -> Path:
        folder = self.folder / f"version{next(self.count)}"
        write_version(self.exercise, *split_notebook(self.exercise, files), folder)
        return folder

    def student(self, edit: Callable[[str], str]) -> dict[str, bytes]:
        files = {**self.solved, "toy.py": edit(self.solved["toy.py"].decode()).encode()}
        assert files != self.solved
        return files

    def explained(self, files: dict[str, bytes], tests: list[list[tuple]]) -> list[str]:
        """The names given to a submission whose tests ask for the mean of these numbers."""
        version = self.version(files)
        trials = []
        for calls in tests:
            requests = [serialization.pack({"probes": "", "function": "call", "inputs": {
                "name": "mean", "args": list(args), "kwargs": {}}}) for args in calls]
            asked = tuple(Asked(one, answered(version, one)) for one in requests)
            passed = all(a.answer == answered(self.reference, a.request) for a in asked)
            trials.append(Trial(asked, passed))
        cells = nbformat.read(version / "toy.ipynb", as_version=4)
        explainer = Explainer(cast(ReferenceClient, self.trusted), self.reference,
                              self.misconceptions, "\n".join(runnable_cells(cells, cells)))
        return [change.name for change in explainer.explain("toy_mean", trials)]

    def changed(self, *names: str) -> dict[str, bytes] | None:
        changes = [self.known[name] for name in names]
        change: Change = joined(changes)
        return apply(change, self.solved) if self.misconceptions.fits(change) else None


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


def drawn(seed: int) -> list[list[tuple]]:
    """Two tests: one without gaps in the numbers, one with some."""
    draw = random.Random(seed)

    def numbers() -> list[float]:
        return [round(draw.uniform(1, 9), 3) for _ in range(4)]

    return [[(numbers(), numbers())], [([*numbers(), None], [*numbers(), 2.5])]]


@pytest.mark.parametrize("name", EDITS)
def test_each_is_known_by_its_answers(lab: Lab, name: str) -> None:
    files = lab.changed(name)
    assert files is not None and lab.explained(files, drawn(1)) == [name]


@pytest.mark.parametrize("seed", range(12))
def test_of_two_drawn_at_random_none_is_named_that_is_not_there(lab: Lab, seed: int) -> None:
    pairs = [pair for pair in itertools.combinations(EDITS, 2) if lab.changed(*pair)]
    pair = random.Random(seed).choice(pairs)
    files = lab.changed(*pair)
    assert files is not None
    named = lab.explained(files, drawn(seed))
    assert set(named) <= set(pair)
    loud = {"crash", "no-file", "none-kept"}  # what stops hides what else is wrong
    assert named and (loud & set(pair) or set(named) == set(pair))


@pytest.mark.parametrize("name", ["unweighted", "counted", "whole", "squared", "negative"])
def test_one_that_explains_only_some_of_the_failed_tests_is_not_named(lab: Lab, name: str) -> None:
    files = lab.changed(name)
    assert files is not None
    also = files["toy.py"].decode().replace(
        "    pairs =", "    if None in numbers:\n        return 0.125\n    pairs =")
    assert lab.explained({"toy.py": also.encode()}, drawn(2)) == []


@pytest.mark.parametrize("name", ["unweighted", "counted", "whole", "squared", "negative"])
def test_a_test_that_passed_speaks_against_one_that_would_fail_it(lab: Lab, name: str) -> None:
    files = lab.changed(name)
    assert files is not None
    right = lab.solved["toy.py"].decode().partition('tenths."""\n')[2].partition("\n\n# %%")[0]
    wrong = files["toy.py"].decode().partition('tenths."""\n')[2].partition("\n\n# %%")[0]
    body = "\n".join(["    if None in numbers:", *("    " + line for line in right.splitlines()),
                      *wrong.splitlines()])
    assert lab.explained(lab.student(lambda text: text.replace(right, body)), drawn(3)) == []


@pytest.mark.parametrize(("replace", "by"), [
    ("    total = sum(n * w for n, w in pairs)",
     "    total = 1 / 0"),
    ("    size = sum(w for _, w in pairs)", "    size = sum(w for _, w in pairs) / (1.0 - 1)"),
    ("zip(numbers, weights) if n is not None]", "zip([None], weights)]"),
    ("    size = sum", "    open('t5-large')\n    size = sum"),
    ("    size = sum", "    name = 't5-base'\n    open(name)\n    size = sum"),
    ('TABLE = "/dev/null"', 'TABLE = "t5-" + "base"'),
    ("    return round(10 * total / size, 6)", "    raise NotImplementedError"),
    ("    return round(10 * total / size, 6)", "    return undefined"),
])
def test_an_error_in_the_same_words_is_not_enough(lab: Lab, replace: str, by: str) -> None:
    assert lab.explained(lab.student(lambda text: text.replace(replace, by)), drawn(4)) == []


def test_nothing_is_named_where_all_is_right_or_the_tests_asked_nothing(lab: Lab) -> None:
    explainer = Explainer(cast(ReferenceClient, lab.trusted), lab.reference, lab.misconceptions, "")
    before = lab.trusted.asked
    assert explainer.explain("toy_mean", [Trial((), True)]) == []
    assert explainer.explain("toy_mean", [Trial((), False)]) == []
    assert lab.trusted.asked == before  # right answers cost no question


def test_of_those_that_answer_alike_the_text_decides(lab: Lab) -> None:
    """Without weights that differ, two misconceptions have the same values."""
    tests: list[list[tuple[Any, ...]]] = [[([1.0, 2.0, 5.0], [2.0, 2.0, 2.0])]]
    for name in ("unweighted", "counted", "squared"):
        files = lab.changed(name)
        assert files is not None and lab.explained(files, tests) == [name]
