"""Courses to test on: the repo's own, copied, and a toy that the engine has never heard of."""

from __future__ import annotations

import csv
import functools
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, settings
from nbgrader import api

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests share the processors, their children too

import torch

from autograder import cli
from autograder.course import Course
from autograder.exercise.solution import solved_files, split_notebook
from autograder.judge import pool
from autograder.judge.grading import Grader
from autograder.judge.work import Work
from autograder.release.build import build
from autograder.results.verdict import Verdict

# A busy machine is slow: that is no failure of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

REPO = Path(__file__).parents[1]
DATA = REPO / "data"
EXERCISES = REPO / "autograder" / "exercises"
COURSE_FILES = ("course.toml", "nbgrader_config.py")
# Files whose works one judge judges, which takes half a minute to start.
OF_Q2 = ("test_forgery_q2.py", "q2/test_divisions.py", "q2/test_questions_q2.py",
         "q2/test_older_classifier.py", "q2/test_shadowed_modules.py")
# What another worker may do than the rest of its file does.
APART = ("test_grading_q2.py::"
         "test_nbgrader_autograde_gives_the_same_scores_and_keeps_those_given_by_hand",)
# What takes longest, in the order in which it is started.
LONGEST = ("test_grading_q2.py", "test_grading_hw3.py", *OF_Q2, *APART,
           "faults/test_killed_conversion.py", "test_grading_hw4.py", "q1/test_q1b_reported.py",
           "faults/test_machine.py", "test_batch.py", "hw3/test_promised.py",
           "desk/test_browser.py", "browser/test_formgrader.py")

TOY_COURSE = """
[course]
id = "toys"
title = "A course about nothing"
student_id = 's\\d{3}'

[limits]
memory = 2048
processes = 64
file_size = 32
scratch = 64
output = 1
cpu = 60
cell = 2
probe = 2
submission = 60

[assignments.toy]
title = "A toy"
exercises = ["toy"]
max_points = 10
student_files = ["vectors.py"]
archive = "{id}_toy.zip"
hidden = { sklearn = "sklearn cannot be imported in this toy." }
"""

WARM_TOY_COURSE = TOY_COURSE + 'preload = ["torch", "numpy"]\n'  # kernels need not import torch

TOY_NOTEBOOK = '''
# %% [markdown]
# # Words and vectors (10 points)

# %%
from given import NUMBERS

# %% solution="toy_words"
def words(text):
    """The words of a text in small letters, as a list."""
    ### BEGIN SOLUTION
    return text.lower().split()
    ### END SOLUTION

# %% tests="toy_words" points=4 code="words"
assert words("one") == ["one"], "a text of one word has one word"

# %% solution="toy_count"
def count(text):
    """How often each word of a text stands in it."""
    ### BEGIN SOLUTION
    found = words(text)
    return {word: found.count(word) for word in found}
    ### END SOLUTION

# %% tests="toy_count" points=3
assert count("") == {}, "an empty text has no words"

# %%
def scaled(vector):
    import vectors
    return vectors.scale(vector)

# %% tests="toy_scale" points=3 code="vectors.py:scale"
assert NUMBERS == (1, 2, 3)

# %% tags=["skip-execution"]
raise SystemExit("this cell trains for hours")
'''

TOY_MODULE = '''
"""Vectors. You write `scale`."""


def scale(vector):
    """Divide a vector by its largest absolute value."""
    ### BEGIN SOLUTION
    largest = vector.abs().max()
    return vector / largest
    ### END SOLUTION
'''

TOY_HIDDEN_TESTS = '''
import pytest

from autograder.testing import assert_close, part

TEXT = "The cat saw the other cat"


@part("toy_words", weight=3)
def test_words(both):
    student, reference = both.call("words", TEXT)
    assert student == reference, "the words of a text differ"


@part("toy_words", weight=1)
def test_no_words(both):
    student, reference = both.call("words", "")
    assert student == reference, "an empty text has no words"


@part("toy_words", together="`words` must return a list; yours is right only with your own `count`")
def test_words_together(both):
    student, reference = both.call("count", TEXT)
    assert student == reference, "the counts differ"


@part("toy_count")
def test_count(both):
    student, reference = both.call("count", TEXT)
    assert student == reference, "the counts differ"


@part("toy_scale")
def test_scale(both, draw):
    student, reference = both.call("scaled", draw(5))
    assert_close(student, reference, "the scaled vector differs")
'''

TOY_MISCONCEPTIONS = '''
[[misconception]]
name = "capitals-kept"
part = "toy_words"
file = "toy.py"
replace = "text.lower().split()"
by = "text.split()"
says = "Your words keep their capitals, so that one word counts as two."

[[misconception]]
name = "scaled-by-the-sum"
part = "toy_scale"
file = "vectors.py"
replace = "vector.abs().max()"
by = "vector.abs().sum()"
says = "You divide by the sum, which makes every vector's entries sum to one instead."
'''

TOY_VARIANTS = '''
[[variant]]
name = "with-a-loop"
file = "toy.py"
replace = "return text.lower().split()"
by = "return [word.lower() for word in text.split()]"
'''


@dataclass
class Toy:
    """The files of the toy exercise; a test changes some of them before it writes them."""

    course: str = TOY_COURSE
    source: dict[str, str] = field(default_factory=lambda: {
        "toy.py": TOY_NOTEBOOK, "vectors.py": TOY_MODULE, "given.py": "NUMBERS = (1, 2, 3)\n"})
    hidden_tests: str = TOY_HIDDEN_TESTS
    misconceptions: str = TOY_MISCONCEPTIONS
    variants: str = TOY_VARIANTS

    def write(self, folder: Path) -> Course:
        """Write course and exercise below `folder` and load the course."""
        exercise = folder / "exercises" / "toy"
        files = {f"source/{name}": text for name, text in self.source.items()} | {
            "test_hidden.py": self.hidden_tests, "misconceptions.toml": self.misconceptions,
            "variants.toml": self.variants}
        for name, text in files.items():
            (exercise / name).parent.mkdir(parents=True, exist_ok=True)
            (exercise / name).write_text(text.lstrip("\n"))
        root = folder / "course"
        root.mkdir(exist_ok=True)
        (root / "course.toml").write_text(self.course)
        if not (root / "exercises").exists():
            (root / "exercises").symlink_to(folder.resolve() / "exercises")
        return Course.load(root)


def toy_work(course: Course, replace: str = "", by: str = "", cells: tuple[str, ...] = (),
             files: dict[str, bytes] | None = None) -> Work:
    """The solved toy as a student hands it in, with one edit, more cells, or more files."""
    exercise = course.exercise("toy")
    solved = {name: data.decode() for name, data in solved_files(exercise).items()}
    if replace:
        assert sum(text.count(replace) for text in solved.values()) == 1, replace
        solved = {name: text.replace(replace, by) for name, text in solved.items()}
    notebook, rest = split_notebook(exercise, {n: t.encode() for n, t in solved.items()})
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in cells]
    return Work("toy", notebook, {**rest, **(files or {})})


def judge_once(course: Course, seed: int, work: Work) -> Verdict:
    """Judge one work with a grader of its own. Runs in the process of `judging`."""
    for name in [name for name in sys.modules if name.endswith("test_hidden")]:
        del sys.modules[name]  # of another toy
    with Grader(course, work.exercise, seed) as grader:
        return grader.grade(work)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start real things come first: quick ones fill the time that is left at the end."""
    slow = {item.path for item in items
            if any(item.get_closest_marker(name) for name in ("sandbox", "nbgrader", "browser"))}
    items.sort(key=lambda item: (_rank(item.nodeid), item.path not in slow))


def _rank(nodeid: str) -> int:
    """The place of a test or its file among what takes longest, for which the others wait."""
    test = nodeid.removeprefix("tests/")
    name = test if test in APART else test.partition("::")[0]
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist loadfile workers take whole files; files of one judge go to one worker."""
    if config.option.dist != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class FilesOfOneJudge(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            test = nodeid.removeprefix("tests/")
            file = test.partition("::")[0]
            return test if test in APART else "q2" if file in OF_Q2 else file

    return FilesOfOneJudge(config, log)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Workers share the processors: torch in each keeps to one."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def one_look_at_migrations() -> None:
    """nbgrader asks alembic, in a process of its own, at each new gradebook."""
    api.get_alembic_version = functools.cache(api.get_alembic_version)


@pytest.fixture(scope="module", autouse=True)
def environment_as_before_the_module() -> Iterator[None]:
    """A judge in this process, and what a module shares, change the environment."""
    with same_environment():
        yield


@pytest.fixture(autouse=True)
def environment_as_before() -> Iterator[None]:
    """Likewise for each test."""
    with same_environment():
        yield


@contextmanager
def same_environment() -> Iterator[None]:
    """Put the environment back at the end."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@pytest.fixture
def toy(tmp_path: Path) -> Course:
    """The toy course, built, and free to be changed."""
    course = Toy().write(tmp_path)
    build(course, "toy")
    return course


def spawned(**options: Any) -> ProcessPoolExecutor:
    """One process of its own, as in a batch: pytest's rewriting of asserts does not reach it."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), **options)


@pytest.fixture(scope="session")
def judging() -> Iterator[ProcessPoolExecutor]:
    """A process for `judge_once`."""
    with spawned() as executor:
        yield executor


@contextmanager
def toy_grader(folder: Path, course: str) -> Iterator[Callable[..., Verdict]]:
    """Judge the toy as handed in with `toy_work`'s edits; one grader for all of them."""
    toy = Toy(course=course).write(folder)
    build(toy, "toy")
    with spawned(initializer=pool._start, initargs=(toy, "toy", 7, str(folder))) as executor:
        yield lambda *args, **kwargs: executor.submit(
            pool._ask, pool._grade, toy_work(toy, *args, **kwargs)).result()


@pytest.fixture(scope="module")
def grade_toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Verdict]]:
    """Judge works on the toy in warm kernels."""
    with toy_grader(tmp_path_factory.mktemp("toy"), WARM_TOY_COURSE) as grade:
        yield grade


@pytest.fixture(scope="module")
def grade_toy_cold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Verdict]]:
    """Judge works on the toy in kernels that import everything themselves."""
    with toy_grader(tmp_path_factory.mktemp("cold"), TOY_COURSE) as grade:
        yield grade


def copy_course(folder: Path, patient: bool = False) -> Course:
    """A course of its own with the repo's settings and none of its state; in a hurry, as a rule."""
    for name in COURSE_FILES:
        shutil.copy(REPO / name, folder)
    settings = (folder / "course.toml").read_text()
    limits = () if patient else (("cell", 10), ("probe", 6), ("submission", 120))
    for name, seconds in limits:
        settings, count = re.subn(rf"(?m)^{name} = \d+", f"{name} = {seconds}", settings)
        assert count == 1, f"course.toml sets no {name}"
    (folder / "course.toml").write_text(settings)
    (folder / "data").mkdir(exist_ok=True)
    for name in ("hf", "creatures.py"):  # what exercises include is the course's own
        (folder / "data" / name).symlink_to(DATA / name)
    (folder / "exercises").symlink_to(EXERCISES)
    return Course.load(folder)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return copy_course(tmp_path)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The repo's course with q2 built and entered in a gradebook. Read it, do not write to it."""
    from autograder.release.build import prepare

    course = copy_course(tmp_path_factory.mktemp("prepared"))
    prepare(course, "q2")
    return course


@pytest.fixture(scope="session")
def judge_q2(prepared: Course, tmp_path_factory: pytest.TempPathFactory
             ) -> Iterator[Callable[[Work], Verdict]]:
    """Judge works on q2; one grader for all."""
    scratch = str(tmp_path_factory.mktemp("q2"))
    with spawned(initializer=pool._start, initargs=(prepared, "q2", 7, scratch)) as executor:
        yield lambda work: executor.submit(pool._ask, pool._grade, work).result()


@pytest.fixture(scope="session")
def grade_q2(prepared: Course, judge_q2: Callable[[Work], Verdict]
             ) -> Callable[[dict[str, bytes]], Verdict]:
    """Judge the solved q2 with further files, or others in the place of its own."""
    from autograder.validate import work

    def judge(files: dict[str, bytes]) -> Verdict:
        solved = work(prepared.exercise("q2"), "reference", "reference")
        return judge_q2(Work("q2", solved.notebook, {**solved.files, **files}))

    return judge


def grades_of(course: Course) -> dict[str, dict[str, str]]:
    """The rows of grades.csv, by student or else by upload."""
    with open(course.grades, newline="") as file:
        return {row["student"] or row["upload"]: row for row in csv.DictReader(file)}


def run_cli(*args: object, cwd: Path, timeout: float = 120, **environment: str
            ) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, as a person does."""
    script = Path(sys.executable).with_name("autograder")
    return subprocess.run([script, *map(str, args)], cwd=cwd, timeout=timeout, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment})


def status_of(monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    """Run the command line in this process; how it ended."""
    monkeypatch.setattr("sys.argv", ["autograder", *map(str, args)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to hold."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "it did not come to pass"
        time.sleep(0.1)
