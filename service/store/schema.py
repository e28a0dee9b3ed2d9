"""Brings the tables of a database up to date, and tells whether they are."""

import functools

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.store.session import Database

MIGRATION_LOCK = 7_204_110_001
"""Key of the advisory lock that lets one migration run at a time on PostgreSQL."""


def migrate(database: Database) -> tuple[str | None, str]:
    """Run the migrations that are missing, in one transaction; return the revision before and after."""
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        before = _current(connection)
        command.upgrade(_config(connection), "head")
        return before, newest_revision()


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    with database.reading() as connection:
        return _current(connection)


@functools.cache
def newest_revision() -> str:
    """Return the revision that this version of the code needs."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    if head is None:
        message = "no migrations found"
        raise RuntimeError(message)
    return head


def _current(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: sa.Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "service.store:migrations")
    config.attributes["connection"] = connection
    return config
