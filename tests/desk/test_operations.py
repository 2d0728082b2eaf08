"""Random operations of three graders who are killed at random; the full run is operations.py's."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from postgresql import SERVER, a_server
from sqlalchemy import Connection, create_engine, text

from autograder.marking import giving, rows

from .gradebooks import a_course
from .operations import check, run

OPERATIONS = 300


def test_nothing_is_lost_in_a_file(tmp_path: Path) -> None:
    course = a_course(tmp_path / "course")
    assert run(course, tmp_path, OPERATIONS, seed=20)["done give"] > OPERATIONS // 5
    with closing(create_engine(course.db_url).connect()) as connection:  # it would be noticed
        connection.execute(text("UPDATE desk_mark SET points = points + 0.125"))
        connection.commit()
    with pytest.raises(AssertionError):
        check(course, tmp_path)


def test_what_is_overwritten_unseen_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                               ) -> None:
    seen_rows = giving.seen_rows

    def blind(connection: Connection, key: rows.Key, seen: list[giving.Seen]
              ) -> dict[str, rows.AnswerRow]:
        found = rows.answers(connection, key, [owner for owner, _, _ in seen])
        return seen_rows(connection, key, [(owner, found[owner].digest or digest,
                                            found[owner].version) for owner, digest, _ in seen])
    monkeypatch.setattr(giving, "seen_rows", blind)
    with pytest.raises(AssertionError, match="was not seen"):
        run(a_course(tmp_path / "course"), tmp_path, 100, seed=22)


@pytest.mark.postgresql
@pytest.mark.skipif(not SERVER.is_dir(), reason="PostgreSQL's server is not installed")
def test_nothing_is_lost_on_a_server(tmp_path: Path) -> None:
    with a_server() as url:
        run(a_course(tmp_path / "course", url), tmp_path, OPERATIONS, seed=21)
