"""Who has which answer open, and who has a share of a question. None of it keeps anybody out."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Connection, delete, insert, select

from autograder.marking import log, rows, tables
from autograder.marking.rows import Key, in_question
from autograder.marking.values import MarkingError

LONGEST_OWNER = 100  # characters that are shown
MINUTE = timedelta(minutes=1)


def open_answer(connection: Connection, key: Key, owner: str, grader: str) -> None:
    """Note that a grader has an answer open, and no other one of the question."""
    if owner not in rows.answers(connection, key, [owner]):
        raise MarkingError(f"{owner[:LONGEST_OWNER]} has no answer to {key[1]}.")
    rows.put(connection, tables.claim, [{
        "assignment": key[0], "grade_id": key[1], "grader": grader, "owner": owner,
        "expires": rows.now() + MINUTE}])


def close_question(connection: Connection, key: Key, grader: str) -> None:
    connection.execute(delete(tables.claim).where(
        in_question(tables.claim, key), tables.claim.c.grader == grader))


def viewers(connection: Connection, key: Key) -> dict[str, tuple[str, ...]]:
    """The graders who have an answer open, by its owner."""
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(select(tables.claim.c.owner, tables.claim.c.grader).where(
            in_question(tables.claim, key), tables.claim.c.expires > rows.now()).order_by(
            tables.claim.c.grader)):
        found[row.owner] = (*found.get(row.owner, ()), row.grader)
    return found


def divide(connection: Connection, key: Key, graders: Iterable[str], by: str) -> None:
    """Divide a question among graders; among nobody, it is everybody's again."""
    names = sorted(set(graders))
    rows.lock(connection, key)
    log.add(connection, key, by, "divide", {"graders": names})
    connection.execute(delete(tables.share).where(in_question(tables.share, key)))
    if names:
        connection.execute(insert(tables.share), [
            {"assignment": key[0], "grade_id": key[1], "grader": name} for name in names])


def shares(connection: Connection, key: Key) -> tuple[str, ...]:
    """The graders among whom a question is divided."""
    return tuple(connection.execute(select(tables.share.c.grader).where(
        in_question(tables.share, key)).order_by(tables.share.c.grader)).scalars())


@functools.lru_cache(maxsize=65_536)
def whose(graders: tuple[str, ...], grade_id: str, owner: str) -> str:
    """Whose share an answer is in: it stays there when other answers come or go."""
    return max(graders, key=lambda name: hashlib.sha256(
        f"{grade_id}\0{owner}\0{name}".encode()).digest(), default="")
