"""Indexes of contacts by a property: which there are, what they hold, and how one is made beside running writers.

A query uses such an index only if it says the index's expression word for word; `key_of` is the one place that says
it. Keys are cut to `PREFIX` characters: a longer value would make the database refuse the contact.
"""

import enum
import hashlib
import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from service.domain.filters.indexing import LAST_MODIFIED, STATUS, is_number
from service.store.filters import Number, SmallLetters, stored_text
from service.store.session import Database
from service.store.tables import contact, indexed_property
from service.store.upserts import insert

PREFIX = 100
"""Characters of a value that are in an index."""
LONGEST_READABLE = 36


class _Beginning(FunctionElement[str]):
    """The first `PREFIX` characters of a text."""

    type = sa.Text()
    inherit_cache = True


@dataclass(frozen=True, slots=True)
class IndexedProperty:
    """A property that an index was asked for."""

    name: str
    index_name: str
    created_at: datetime
    ready_at: datetime | None
    """None while it is being made."""


class Built(enum.Enum):
    """What an attempt to make an index came to."""

    READY = "ready"
    IN_WORK = "in work"
    """Somebody else is at it."""


def key_of(name: str) -> sa.ColumnElement[Any]:
    """Return what the index of a property holds for a contact, without bound parameters."""
    if name == LAST_MODIFIED:
        return contact.c.updated_at
    if name == STATUS:
        is_open = sa.text("contact.since IS NOT NULL AND contact.until IS NULL")
        return sa.case((is_open, sa.literal_column("1")), else_=sa.literal_column("0"))
    if is_number(name):
        return Number(stored_text(name))
    return _Beginning(SmallLetters(stored_text(name)))


def every(connection: sa.Connection) -> list[IndexedProperty]:
    """Return the properties that have an index, or will have one, by name."""
    rows = connection.execute(sa.select(indexed_property).order_by(indexed_property.c.name))
    return [IndexedProperty(row.name, row.index_name, row.created_at, row.ready_at) for row in rows]


def ready(connection: sa.Connection) -> frozenset[str]:
    """Return the names of properties whose index can be used."""
    query = sa.select(indexed_property.c.name).where(indexed_property.c.ready_at.is_not(None))
    return frozenset(connection.execute(query).scalars())


def ask(connection: sa.Connection, name: str, now: datetime) -> None:
    """Keep that a property is to have an index; nothing happens when it has, or will."""
    values = {"name": name, "index_name": _index_name(name), "created_at": now}
    connection.execute(insert(connection, indexed_property).values(**values).on_conflict_do_nothing())


def note_ready(connection: sa.Connection, name: str, now: datetime) -> None:
    """Keep that the index of a property can be used."""
    here = (indexed_property.c.name == name) & indexed_property.c.ready_at.is_(None)
    connection.execute(sa.update(indexed_property).where(here).values(ready_at=now))


def give_up(connection: sa.Connection, name: str) -> None:
    """Forget that a property is to have an index; one that can be used stays."""
    here = (indexed_property.c.name == name) & indexed_property.c.ready_at.is_(None)
    connection.execute(sa.delete(indexed_property).where(here))


def is_asked_for(connection: sa.Connection, name: str) -> bool:
    """Whether a property is to have an index, or has one."""
    query = sa.select(indexed_property.c.name).where(indexed_property.c.name == name)
    return connection.execute(query).first() is not None


def is_built(connection: sa.Connection, name: str) -> bool:
    """Whether the index is there, and whole."""
    if connection.dialect.name == "sqlite":
        query = sa.text("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = :name")
    else:
        query = sa.text(
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(quote_ident(:name)) AND indisvalid AND indisready"
        )
    return connection.execute(query, {"name": _index_name(name)}).first() is not None


def build(database: Database, name: str) -> Built:
    """Make the index of a property; returns at once when somebody else is at it.

    On PostgreSQL writers go on meanwhile, and it may take minutes; on SQLite they wait. What an attempt that died
    has left behind is dropped and made again. Call it outside of any transaction.
    """
    if database.is_sqlite:
        with database.writing() as connection:
            build_within(connection, name)
        return Built.READY
    with database.engine.connect() as connection:
        # Not given back to the pool: it is set up otherwise, and may be silent for as long as it takes.
        driver: Any = connection.connection.driver_connection
        driver.patience = math.inf
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        return _build_on_postgresql(connection, name)


def build_within(connection: sa.Connection, name: str) -> None:
    """Make the index of a property in the caller's transaction, on SQLite."""
    connection.exec_driver_sql(_definition(connection, name))


def drop(database: Database, name: str) -> None:
    """Forget a property's index and drop it."""
    index_name = _index_name(name)
    with database.writing() as connection:
        connection.execute(sa.delete(indexed_property).where(indexed_property.c.name == name))
        if database.is_sqlite:
            connection.exec_driver_sql(f'DROP INDEX IF EXISTS "{index_name}"')
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(f'DROP INDEX CONCURRENTLY IF EXISTS "{index_name}"')


def _build_on_postgresql(connection: sa.Connection, name: str) -> Built:
    lock = {"key": _lock_of(name)}
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.exec_driver_sql("SET lock_timeout = 0")
    if not connection.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), lock).scalar_one():
        return Built.IN_WORK
    try:
        if not is_built(connection, name):
            connection.exec_driver_sql(f'DROP INDEX CONCURRENTLY IF EXISTS "{_index_name(name)}"')
            connection.exec_driver_sql(_definition(connection, name))
            connection.exec_driver_sql("ANALYZE contact")
    finally:
        connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), lock)
    return Built.READY


def _definition(connection: sa.Connection, name: str) -> str:
    dialect = connection.dialect
    compiler: Any = dialect.statement_compiler(dialect, None)
    key = compiler.process(key_of(name), include_table=False).replace("contact.", "")
    how = "INDEX IF NOT EXISTS" if dialect.name == "sqlite" else "INDEX CONCURRENTLY"
    return f'CREATE {how} "{_index_name(name)}" ON contact (portal_id, ({key}), id) WHERE ({key}) IS NOT NULL'


def _index_name(name: str) -> str:
    """Return a name that tells properties apart, for people as well, and is plain and short enough."""
    readable = re.sub("[^a-z0-9_]", "_", name.lower())[:LONGEST_READABLE]
    return f"ix_contact_by_{readable}_{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def _lock_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(_index_name(name).encode(), digest_size=7).digest())


@compiles(_Beginning, "postgresql")
def _beginning_on_postgresql(element: _Beginning, compiler: SQLCompiler, **options: Any) -> str:
    return f'left({compiler.process(element.clauses, **options)} COLLATE "C", {PREFIX})'


@compiles(_Beginning, "sqlite")
def _beginning_on_sqlite(element: _Beginning, compiler: SQLCompiler, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, {PREFIX})"
