"""Random operations of three graders who are killed at random; the full run is operations.py's."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from postgresql import SERVER, a_server
from sqlalchemy import create_engine, text

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


@pytest.mark.postgresql
@pytest.mark.skipif(not SERVER.is_dir(), reason="PostgreSQL's server is not installed")
def test_nothing_is_lost_on_a_server(tmp_path: Path) -> None:
    with a_server() as url:
        run(a_course(tmp_path / "course", url), tmp_path, OPERATIONS, seed=21)
