"""Opens the database and hands out transactions; one behaviour on PostgreSQL and SQLite.

Guarantees: a writing transaction on SQLite takes its lock at its beginning (BEGIN IMMEDIATE) and holds a file
lock beside the database meanwhile, so that writers of several processes queue up instead of polling; commits are
durable (`synchronous=FULL`, `synchronous_commit=on`). A database that does not answer raises DatabaseAway.
"""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.errors import ReadOnlySqlTransaction, UndefinedTable
from sqlalchemy.engine import make_url
from sqlalchemy.pool import ConnectionPoolEntry

from service.errors import DatabaseAway, InvalidInput

CONNECT_TIMEOUT = 3
POSTGRESQL_OPTIONS = "-c synchronous_commit=on -c jit=off -c lock_timeout=10s -c statement_timeout={timeout}s"
STATEMENT_TIMEOUT = 60
PATIENCE = 75.0
"""Seconds: longer than the server lets a statement run."""
LOCK_PATIENCE = 4.0
"""Seconds to wait for SQLite's right to write."""
OLDEST_SQLITE = (3, 35, 0)
"""The first with RETURNING."""
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=50",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-32768",
)


@dataclass(frozen=True, slots=True)
class Durability:
    """Whether a commit survives the loss of power."""

    is_durable: bool
    detail: str
    mend: str


class Database:
    """An engine and its transactions."""

    def __init__(
        self, url: str, *, statement_timeout: int = STATEMENT_TIMEOUT, patience: float = PATIENCE
    ) -> None:
        """Open nothing yet. `patience` is how many seconds PostgreSQL may be silent before it counts as away."""
        self.url = _with_driver(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine, self._lock = _open_sqlite(self.url)
        else:
            self.engine = _open_postgresql(self.url, statement_timeout, patience)
            self._lock = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One transaction that sees one state of the database and writes nothing."""
        with _translated(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction, committed at the end of the block or rolled back whole."""
        with _translated(), self.writer_lock(), self.engine.connect() as connection:
            connection.execution_options(marketable_writes=True)
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def writer_lock(self) -> Iterator[None]:
        """Hold the right to write: on SQLite the one there is, on PostgreSQL there is nothing to hold."""
        if self._lock is None:
            yield
        else:
            with self._lock.held():
                yield

    def server_version(self, connection: sa.Connection) -> str:
        """Return the engine's name and version."""
        if self.is_sqlite:
            return f"SQLite {sqlite3.sqlite_version}"
        return f"PostgreSQL {connection.execute(sa.text('SHOW server_version')).scalar_one()}"

    def durability(self) -> Durability:
        """Return whether a commit survives the loss of power, as the server is set up."""
        with self.reading() as connection:
            if self.is_sqlite:
                mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
                return Durability(mode == "wal", f"journal_mode={mode}, synchronous=FULL", "use a local disk")
            fsync = connection.execute(sa.text("SHOW fsync")).scalar_one()
            pages = connection.execute(sa.text("SHOW full_page_writes")).scalar_one()
        detail = f"fsync={fsync}, full_page_writes={pages}, synchronous_commit=on"
        return Durability(fsync == "on" and pages == "on", detail, "set fsync and full_page_writes to on")

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def patiently(take: Callable[[], object]) -> None:
    """Take a lock, trying again after short sleeps; raises DatabaseAway after `LOCK_PATIENCE`.

    A call that waits inside the operating system or SQLite would stop every other request of a gevent worker.
    """
    deadline, pause = time.monotonic() + LOCK_PATIENCE, 0.0005
    while True:
        try:
            take()
        except (BlockingIOError, sqlite3.OperationalError) as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" not in str(error):
                raise
            if time.monotonic() > deadline:
                raise DatabaseAway("somebody else holds the database's lock") from error
            time.sleep(pause)
            pause = min(pause * 1.5, 0.005)
        else:
            return


class FileLock:
    """A lock between processes and threads for short transactions; gone with its holder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the lock and hold it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            patiently(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB))
            yield
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise DatabaseAway(str(error)) from error
    except sa.exc.DBAPIError as error:
        if is_away(error):
            raise DatabaseAway(type(error.orig).__name__) from error
        raise


def is_away(error: sa.exc.DBAPIError) -> bool:
    """Whether the error speaks of the connection, the server or missing tables, not of the values."""
    if error.connection_invalidated or isinstance(error, sa.exc.InterfaceError):
        return True
    if isinstance(error.orig, (ReadOnlySqlTransaction, UndefinedTable)):
        return True
    return isinstance(error, sa.exc.OperationalError) and not isinstance(error.orig, sqlite3.ProgrammingError)


def _with_driver(url: str) -> sa.URL:
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        mend = "write it as postgresql://user:password@host:5432/name or sqlite:///path"
        raise InvalidInput("the database's URL cannot be read", mend=mend) from None
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


class Impatient(psycopg.Connection[Any]):
    """A connection that gives up on a server that has fallen silent."""

    patience = PATIENCE

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Wait for the server, `patience` seconds at the most; raises OperationalError and closes then."""
        return super().wait(self._bounded(gen), *arguments, **options)

    def _bounded(self, steps: Any) -> Any:
        deadline = time.monotonic() + self.patience
        try:
            state = next(steps)
            while True:
                ready = yield state
                if not ready and time.monotonic() > deadline:
                    steps.close()
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server has been silent for {self.patience:g} s")
                state = steps.send(ready)
        except StopIteration as done:
            return done.value


def _open_postgresql(url: sa.URL, statement_timeout: int, patience: float) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=5,
        max_overflow=10,
        pool_timeout=CONNECT_TIMEOUT,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "options": POSTGRESQL_OPTIONS.format(timeout=statement_timeout),
        },
    )

    def connect(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Impatient:
        connection = Impatient.connect(*arguments, **options)
        connection.patience = patience
        return connection

    sa.event.listen(engine, "do_connect", connect)
    return engine


def _open_sqlite(url: sa.URL) -> tuple[sa.Engine, FileLock | None]:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(str(part) for part in OLDEST_SQLITE)
        mend = f"use a Python with SQLite {oldest} or newer, or PostgreSQL"
        raise InvalidInput(f"SQLite {sqlite3.sqlite_version} is too old", mend=mend)
    lock = None
    if url.database and url.database != ":memory:":
        path = Path(url.database)
        _make_file(path)
        lock = FileLock(path.with_name(path.name + ".lock"))
    engine = sa.create_engine(url, connect_args={"check_same_thread": False, "timeout": 5})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine, lock


def _make_file(path: Path) -> None:
    """Make the database's file, which others may not read: it holds personal data."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        mend = "choose a folder that can be written to with DATA_DIR=…"
        raise InvalidInput(f"{path.parent} cannot hold the database: {error.strerror}", mend=mend) from None


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma).close()


def _begin_sqlite(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("marketable_writes"):
        driver: Any = connection.connection.driver_connection
        patiently(lambda: driver.execute("BEGIN IMMEDIATE"))
    else:
        connection.exec_driver_sql("BEGIN")
