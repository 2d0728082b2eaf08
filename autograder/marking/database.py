"""The connection to nbgrader's database: transactions, the tables' migrations, errors in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InternalError,
    OperationalError,
    TimeoutError,
)

from autograder.course import Course, CourseError
from autograder.gradebook.backup import unusable
from autograder.gradebook.nbgrader_api import open_gradebook
from autograder.marking.values import Unavailable

Result = TypeVar("Result")
NEWEST = "first_tables"  # the newest revision in migrations/versions
VERSION = "desk_version"  # alembic's table, ours beside nbgrader's own
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6465736B  # PostgreSQL's advisory lock for migrating: "desk"
TRIES = 5  # of a transaction that PostgreSQL ended because two waited for each other
TRY_AGAIN = ("40P01", "40001")  # deadlock, serialization failure
LOCAL = {"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"}
BUSY = 10.0  # seconds for which SQLite waits for another's transaction


class Database:
    """nbgrader's database with the store's tables in it.

    While somebody grades, SQLite keeps a write-ahead log where it can: a mark is on the disk after
    one write, not four, and whoever reads does not wait. The last one to close takes it back.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self._is_write_ahead = False
        try:
            with open_gradebook(course):
                pass  # nbgrader's own tables first: it makes them where there are none at all
        except CourseError as error:
            raise Unavailable(str(error)) from None
        with self._in_words():
            prepare(course.db_url)
        self.engine = engine_of(course.db_url)
        self._reading = self.engine if self.engine.dialect.name == "sqlite" else (
            self.engine.execution_options(isolation_level="REPEATABLE READ"))
        url = self.engine.url
        self._file = url.database or "" if url.get_backend_name() == "sqlite" else ""
        self._is_local = bool(self._file) and is_local(self._file)
        self._watching = sqlite3.connect(
            self._file, timeout=0, isolation_level=None, check_same_thread=False
            ) if self._is_local else None
        self._watch = threading.Lock()

    def close(self) -> None:
        if self._watching is not None:
            self._watching.close()
        self.engine.dispose()
        if self._is_write_ahead:
            _set_journal(self._file, "DELETE")

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """What `work` reads, as of one moment."""
        with self._in_words(), self._reading.connect() as connection:
            return work(connection)

    def version(self) -> int | None:
        """Another number after each commit, whoever's it is; None where that cannot be told.

        What was read after a version was asked for holds as long as it stays.
        """
        if self._watching is None:
            return None
        with self._watch:
            return _data_version(self._watching)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Do all of `work`, or nothing of it."""
        return self.write_between(work)[0]

    def write_between(self, work: Callable[[Connection], Result]
                      ) -> tuple[Result, int | None, int | None]:
        """Do all of `work`, or nothing of it; the versions just before and just after it.

        There is none after it where somebody else may have committed since.
        """
        if not self._is_write_ahead and self._is_local:
            self._is_write_ahead = _set_journal(self._file, "WAL")
        with self._in_words():
            for left in reversed(range(TRIES)):
                try:
                    with self.engine.connect().execution_options(immediate=True) as connection:
                        with connection.begin():
                            before, others = self.version(), self._of_others(connection)
                            found = work(connection)
                        after = self.version()
                        alone = others is not None and others == self._of_others(connection)
                    return found, before, after if alone else None
                except DBAPIError as error:
                    if not left or getattr(error.orig, "sqlstate", None) not in TRY_AGAIN:
                        raise
        raise AssertionError("the last try returns or raises")

    def _of_others(self, connection: Connection) -> int | None:
        """Another number after each commit of anybody but the connection's own."""
        if self._watching is None:
            return None
        raw: Any = connection.connection.driver_connection
        return _data_version(raw)

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """Raise Unavailable, with a sentence, for the database's own errors."""
        try:
            yield
        except (OperationalError, InternalError, TimeoutError) as error:
            cause = getattr(error, "orig", None) or error
            raise Unavailable(str(unusable(self._course, cause))) from error
        except DatabaseError as error:
            if type(error) is not DatabaseError:  # a mistake of ours
                raise
            raise Unavailable(str(unusable(self._course, error.orig or error))) from error


def engine_of(url: str | URL) -> Engine:
    """An engine whose transactions begin when SQLAlchemy says so, and lock at once to write."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY})

    @event.listens_for(engine, "connect")
    def _no_begin_of_pythons_own(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _data_version(connection: sqlite3.Connection) -> int | None:
    """Another number after each commit by other connections; None where SQLite is busy."""
    with contextlib.suppress(sqlite3.Error):
        return int(connection.execute("PRAGMA data_version").fetchone()[0])
    return None


def _set_journal(file: str, mode: str) -> bool:
    """Have SQLite keep its journal in another way; False where it cannot be changed now."""
    with (contextlib.suppress(sqlite3.Error),
          contextlib.closing(sqlite3.connect(file, timeout=0)) as connection):
        (now,) = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        return bool(now.upper() == mode)
    return False


def is_local(file: str) -> bool:
    """Whether a file is known to lie on this machine's own disk, where its processes share memory.
    """
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:  # another system
        return False
    place = os.path.realpath(file)
    mounts = sorted((line.split()[1].encode().decode("unicode_escape"), line.split()[2])
                    for line in lines)
    above = [kind for folder, kind in mounts
             if place == folder or place.startswith(folder.rstrip("/") + "/")]
    return bool(above) and above[-1] in LOCAL


def prepare(url: str | URL) -> None:
    """Bring the store's tables up to date. Raises Unavailable where they are of a newer version."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            if is_migrated(connection):
                return
        with engine.connect().execution_options(immediate=True) as connection, connection.begin():
            migrate(connection)
    finally:
        engine.dispose()


def is_migrated(connection: Connection) -> bool:
    """Whether the store's tables are up to date."""
    return _version(connection) == NEWEST


def _version(connection: Connection) -> str | None:
    """The version of the store's tables; None where there are none yet."""
    if not inspect(connection).has_table(VERSION):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION}")).scalar()


def migrate(connection: Connection) -> None:
    """Bring the store's tables up to date, within the connection's transaction.

    Another process that opens the store at the same time waits.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    if is_migrated(connection):
        return
    from alembic import command  # rarely needed, and slow to import
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(f"The desk's tables in the gradebook are of version "
                          f"{_version(connection)!r}, which this autograder does not know "
                          f"({error}). Use the newer one.") from None
