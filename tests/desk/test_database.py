"""The store's database: made by itself, beside nbgrader's own; its errors are sentences."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nbgrader import dbutil
from postgresql import SERVER, a_server
from sqlalchemy import create_engine, inspect, text

from autograder.course import Course, CourseError
from autograder.gradebook.backup import back_up
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.marking import database, tables
from autograder.marking.entering import KnownAnswer, enter_answers
from autograder.marking.store import RubricStore
from autograder.marking.values import Unavailable

from .gradebooks import WHY, a_course, enter


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[
    pytest.mark.postgresql,
    pytest.mark.skipif(not SERVER.is_dir(), reason="PostgreSQL's server is not installed")])])
def course(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Course]:
    """A course whose gradebook nobody has opened yet."""
    with a_server() if request.param == "postgresql" else contextlib.nullcontext("") as url:
        yield a_course(tmp_path / "course", url)


@pytest.fixture
def in_a_file(tmp_path: Path) -> Course:
    found = a_course(tmp_path / "course")
    enter(found, ["g01"])
    return found


def _open(course: Course) -> None:
    with RubricStore(course) as store:
        store.items(WHY)


def test_two_may_open_it_for_the_first_time_at_once(course: Course) -> None:
    enter(course, ["g01"])
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_open, args=(course,)) for _ in range(4)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0] * 4
    with RubricStore(course) as store:
        assert len(store.items(WHY)) == 4 and len(store.log()) == 1


def test_the_tables_are_as_the_migrations_make_them(course: Course) -> None:
    _open(course)
    engine = create_engine(course.db_url)
    with engine.connect() as connection:
        assert database.is_migrated(connection)
    there = inspect(engine)
    for table in tables.metadata.sorted_tables:
        found = {column["name"]: column["nullable"] for column in there.get_columns(table.name)}
        assert found == {column.name: column.nullable for column in table.columns}, table.name
        assert there.get_pk_constraint(table.name)["constrained_columns"] == [
            column.name for column in table.primary_key], table.name
        assert {index["name"] for index in there.get_indexes(table.name)} == {
            index.name for index in table.indexes}, table.name
    engine.dispose()


def test_answers_are_noted_as_they_are_entered(course: Course) -> None:
    enter(course, ["g01"])
    database.prepare(course.db_url)

    def entered(digest: str) -> KnownAnswer:
        with open_gradebook(course) as gradebook:
            notebook = gradebook.find_submission_notebook("essay", "essay", "g01")
            known = enter_answers(gradebook, notebook.id, "essay", "g01", {"why": (digest, "Yes.")})
            gradebook.db.commit()
            return known["why"]
    assert entered("a") == KnownAnswer()
    with RubricStore(course) as store:
        store.give(WHY, [("g01", "a", 0)], [], 0.5, "", "ada")
        assert store.text("a") == "Yes."
    assert entered("b") == KnownAnswer("a", "a", 0.5) and entered("a").noted == "b"


def test_no_line_of_the_log_can_be_changed(course: Course) -> None:
    _open(course)
    engine = create_engine(course.db_url)
    for change in ("UPDATE desk_log SET grader = 'eve'", "DELETE FROM desk_log"):
        with (pytest.raises(Exception, match="never changed"), engine.connect() as connection):
            connection.execute(text(change))
    engine.dispose()


def test_nbgrader_upgrades_its_own_tables_beside_them(in_a_file: Course,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    _open(in_a_file)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    dbutil.upgrade(in_a_file.db_url)
    with open_gradebook(in_a_file) as gradebook:
        assert gradebook.find_submission("essay", "g01")
    with RubricStore(in_a_file) as store:
        assert len(store.items(WHY)) == 4


def test_tables_of_a_newer_version_are_left_alone(in_a_file: Course) -> None:
    _open(in_a_file)
    with contextlib.closing(sqlite3.connect(in_a_file.gradebook)) as connection:
        connection.execute("UPDATE desk_version SET version_num = 'of_next_year'")
        connection.commit()
    with pytest.raises(Unavailable, match=r"'of_next_year'.* Use the newer one\."):
        RubricStore(in_a_file)


def test_a_locked_gradebook_is_a_sentence(in_a_file: Course, monkeypatch: pytest.MonkeyPatch
                                          ) -> None:
    monkeypatch.setattr(database, "BUSY", 0.2)
    with (RubricStore(in_a_file) as store,
          contextlib.closing(sqlite3.connect(in_a_file.gradebook, isolation_level=None)) as other):
        store.items(WHY)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="in use by another program"):
            store.give(WHY, [("g01", "d", 0)], [], 0, "", "ada")
        assert store.marks("essay", "why") == {}
        other.execute("ROLLBACK")
        store.give(WHY, [("g01", "d", 0)], [], 0, "", "ada")
        assert store.marks("essay", "why")["g01"].points == 0


def test_a_gradebook_that_cannot_be_written_is_a_sentence(in_a_file: Course,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    with RubricStore(in_a_file) as store:
        store.give(WHY, [("g01", "d", 0)], [], 0, "", "ada")
    url = f"sqlite:///file:{in_a_file.gradebook}?mode=ro&uri=true"
    with RubricStore(in_a_file) as store:
        store._database.engine.dispose()
        read_only = database.engine_of(url)
        monkeypatch.setattr(store._database, "engine", read_only)
        with pytest.raises(Unavailable, match="cannot be written"):
            store.undo("ada")
        assert store.marks("essay", "why")["g01"].points == 0
        read_only.dispose()


def test_a_damaged_gradebook_is_a_sentence(in_a_file: Course) -> None:
    in_a_file.gradebook.write_bytes(b"no database" * 1000)
    with pytest.raises(CourseError, match="damaged"):
        RubricStore(in_a_file)


def test_a_copy_of_a_gradebook_in_use_is_whole(in_a_file: Course) -> None:
    with RubricStore(in_a_file) as store:
        store.give(WHY, [("g01", "d", 0)], [], 0, "kept", "ada")
        copy = back_up(in_a_file)
    assert copy is not None
    assert sorted(path.name for path in in_a_file.grading.glob("gradebook*")) == ["gradebook.db"]
    shutil.copyfile(copy, in_a_file.gradebook)
    with RubricStore(in_a_file) as store:
        assert store.marks("essay", "why")["g01"].comment == "kept"


def test_a_network_drive_is_not_taken_for_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = ("/dev/a / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n"
              "/dev/b /home/my\\040disk xfs rw 0 0\n")
    monkeypatch.setattr(Path, "read_text", lambda path: mounts)
    assert [database.is_local(f"{folder}/gradebook.db") for folder in (
        "/srv", "/home/me", "/home/my disk", "/homes")] == [True, False, True, True]


def test_several_threads_use_one_store(in_a_file: Course) -> None:
    owners = [f"g{number:02}" for number in range(12)]
    enter(in_a_file, owners)
    with RubricStore(in_a_file) as store, ThreadPoolExecutor(6) as threads:
        item = store.items(WHY)[0].id
        given = list(threads.map(lambda owner: store.give(
            WHY, [(owner, "d", 0)], [item], 0, owner, "ada"), owners))
        marks = store.marks("essay", "why")
    assert [mark for one in given for mark in one] == [marks[owner] for owner in owners]
