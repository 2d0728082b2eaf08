"""A gradebook on a PostgreSQL server: a real one, started here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from conftest import Toy, run_cli, toy_work
from postgresql import SERVER, a_server

from autograder import batch
from autograder.course import Course, CourseError
from autograder.gradebook import queries
from autograder.gradebook.backup import back_up
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.release.build import build, prepare

pytestmark = [
    pytest.mark.postgresql, pytest.mark.sandbox, pytest.mark.nbgrader,
    pytest.mark.skipif(not SERVER.is_dir(), reason="PostgreSQL's server is not installed")]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with a_server() as url:
        yield url


@pytest.fixture
def course(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setenv("GRADEBOOK", server)
    settings = Toy().course.replace("[course]", '[course]\ndb_url = "$GRADEBOOK"\n'
                                                'exercises = "../exercises"')
    found = Toy(course=settings).write(tmp_path)
    build(found, "toy")
    return Course.load(found.root)


def hand_in(course: Course, student: str, replace: str = "", by: str = "") -> None:
    work = toy_work(course, replace, by)
    folder = course.submitted / student / "toy"
    folder.mkdir(parents=True)
    nbformat.write(work.notebook, folder / "toy.ipynb")
    for name, data in work.files.items():
        (folder / name).write_bytes(data)


def test_a_batch_fills_it_and_grades_by_hand_survive(course: Course) -> None:
    hand_in(course, "s001")
    hand_in(course, "s002", "vector.abs().max()", "vector.abs().sum()")
    done = run_cli("grade", "toy", "-j", 1, cwd=course.root)
    assert done.returncode in (0, 1), done.stderr
    assert not course.gradebook.exists()
    assert {row.student: row.points for row in queries.entries(course, "toy")} == {
        "s001": 10, "s002": 7}
    with open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("toy_scale", "toy", "toy", "s002")
        grade.manual_score = 2
        gradebook.db.commit()
    run_cli("grade", "toy", "-j", 1, "--again", cwd=course.root)
    assert {row.student: row.points for row in queries.entries(course, "toy")} == {
        "s001": 10, "s002": 9}


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")
def test_it_is_copied_before_a_batch(course: Course) -> None:
    prepare(course, "toy")
    assert batch.submitted_students(course, "toy") == []
    copy = back_up(course)
    assert copy is not None and copy.read_bytes().startswith(b"PGDMP")


def test_a_server_that_is_away_is_a_sentence(course: Course, monkeypatch: pytest.MonkeyPatch
                                             ) -> None:
    monkeypatch.setenv("GRADEBOOK", "postgresql+psycopg://me:secret@127.0.0.1:1/none")
    hand_in(course, "s001")
    done = run_cli("grade", "toy", "-j", 1, cwd=course.root)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "cannot be used" in done.stderr and "secret" not in done.stderr


@pytest.mark.parametrize("url", ["$NOT_SET_ANYWHERE", "no address", "oracle://a/b"])
def test_an_address_that_is_none_is_a_sentence(course: Course, monkeypatch: pytest.MonkeyPatch,
                                               url: str) -> None:
    info = course.toml.course.model_copy(update={"db_url": url})
    object.__setattr__(course, "toml", course.toml.model_copy(update={"course": info}))
    with pytest.raises(CourseError, match=r"not set|cannot be used|no database's address"):
        open_gradebook(course)
