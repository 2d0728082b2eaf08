"""Nothing of solutions, tests, probes and misconceptions is where a student could read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPO, copy_course

from autograder.course import Course
from autograder.kernel import pool
from autograder.release.build import prepare
from redteam import secrecy

ASSIGNMENTS = list(Course.load(REPO).toml.assignments)
pytestmark = pytest.mark.nbgrader


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def assignment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def prepared_course(assignment: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """The course with this assignment built, and beside it what students also receive."""
    folder = tmp_path_factory.mktemp("secrecy")
    course = copy_course(folder)
    prepare(course, assignment)
    for name in Course.load(REPO).handout:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            (folder / name).write_bytes((REPO / name).read_bytes())
    yield course
    pool.close_all()


@pytest.fixture(scope="module")
def known(prepared_course: Course, assignment: str) -> dict[str, str]:
    return secrecy.secrets(prepared_course.exercises(assignment))


def test_there_is_something_to_hide(known: dict[str, str]) -> None:
    assert len(known) > 500


def test_the_reference_gives_it_away(prepared_course: Course, assignment: str,
                                     known: dict[str, str]) -> None:
    """The search itself: where the solutions do stand, it finds them."""
    folder = prepared_course.build / "reference"
    texts = [(path.name, path.read_text()) for path in Path(folder).rglob("*.py")]
    texts += [(path.name, path.read_text()) for exercise in prepared_course.exercises(assignment)
              for path in exercise.hidden_tests]
    assert len(secrecy.leaks(known, texts)) > 100


def test_the_release_gives_nothing_away(prepared_course: Course, assignment: str,
                                        known: dict[str, str]) -> None:
    texts = list(secrecy.released(prepared_course, assignment))
    assert len(texts) > 3
    assert secrecy.leaks(known, texts) == []


@pytest.mark.sandbox
def test_the_sandbox_gives_nothing_away(prepared_course: Course, assignment: str,
                                        known: dict[str, str]) -> None:
    texts = dict(secrecy.inside(prepared_course, assignment))
    assert any(path.startswith("/submission/") for path in texts), "the walk found no submission"
    assert secrecy.leaks(known, texts.items()) == []
