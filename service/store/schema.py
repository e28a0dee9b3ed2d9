"""Brings the tables of a database up to date, and tells whether they are."""

import functools
from typing import Any

import sqlalchemy as sa

from service.store.session import Database

MIGRATION_LOCK = 7_204_110_001
"""Key of the advisory lock that lets one migration run at a time on PostgreSQL."""
AT_REVISION = sa.table("alembic_version", sa.column("version_num"))
"""Alembic's own, read without it: it takes long to load, and few commands migrate."""


def migrate(database: Database) -> tuple[str | None, str]:
    """Run the migrations that are missing, in one transaction; return the revision before and after."""
    from alembic import command  # noqa: PLC0415 - see AT_REVISION

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
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see AT_REVISION

    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    if head is None:
        message = "no migrations found"
        raise RuntimeError(message)
    return head


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(AT_REVISION.name):
        return None
    return connection.scalar(sa.select(AT_REVISION.c.version_num))


def _config(connection: sa.Connection | None) -> Any:
    from alembic.config import Config  # noqa: PLC0415 - see AT_REVISION

    config = Config()
    config.set_main_option("script_location", "service.store:migrations")
    config.attributes["connection"] = connection
    return config
