"""The log of all operations: lines are added in the operation's own transaction, never changed."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from autograder.marking import tables
from autograder.marking.rows import Key, in_question, now
from autograder.marking.values import LogEntry


def add(connection: Connection, key: Key, grader: str, operation: str, data: dict[str, Any],
        undoes: int | None = None) -> int:
    """Add an entry; its id."""
    made = connection.execute(insert(tables.log).returning(tables.log.c.id).values(
        assignment=key[0], grade_id=key[1], time=now(), grader=grader, operation=operation,
        undoes=undoes, data=json.dumps(data, separators=(",", ":"))))
    return made.scalar_one()


def entries(connection: Connection, key: Key | None = None) -> list[LogEntry]:
    """All entries, or those of a question, oldest first."""
    query = select(tables.log).order_by(tables.log.c.id)
    if key is not None:
        query = query.where(in_question(tables.log, key))
    return [_entry(row) for row in connection.execute(query)]


def recent(connection: Connection, start: int, count: int) -> tuple[list[LogEntry], int]:
    """Some entries, newest first and without the first `start`, and how many there are in all."""
    total = connection.execute(select(func.count()).select_from(tables.log)).scalar_one()
    query = select(tables.log).order_by(tables.log.c.id.desc()).offset(max(start, 0)).limit(count)
    return [_entry(row) for row in connection.execute(query)], total


def last_of(connection: Connection, grader: str, operations: tuple[str, ...],
            key: Key | None = None) -> LogEntry | None:
    """A grader's last operation of some kinds that was not undone."""
    undone = tables.log.alias()
    query = select(tables.log).where(
        tables.log.c.grader == grader, tables.log.c.operation.in_(operations),
        ~select(undone.c.id).where(undone.c.undoes == tables.log.c.id).exists())
    if key is not None:
        query = query.where(in_question(tables.log, key))
    row = connection.execute(query.order_by(tables.log.c.id.desc()).limit(1)).one_or_none()
    return _entry(row) if row else None


def _entry(row: Row[Any]) -> LogEntry:
    return LogEntry(row.id, row.time, row.grader, row.operation, row.assignment, row.grade_id,
                    json.loads(row.data), row.undoes)
