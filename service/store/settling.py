"""Tells when all transactions have ended that may not have seen a switch yet.

A transaction that began before a switch was committed may commit after it, and has not noted what it changed.
Whoever goes through the contacts because of the switch waits for those.
"""

import sqlalchemy as sa

LONGEST = "75 seconds"
"""What is older is no writer of ours: a statement takes `STATEMENT_TIMEOUT` seconds at the most."""
OLDER = sa.text(
    f"""
    SELECT 1 FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND xact_start <= CAST(:since AS timestamptz)
       AND xact_start > clock_timestamp() - interval '{LONGEST}'
     LIMIT 1
    """  # noqa: S608 - a constant
)


def moment(connection: sa.Connection) -> str:
    """Return the database's time, for `is_settled`."""
    if connection.dialect.name == "sqlite":
        return ""
    return str(connection.execute(sa.text("SELECT CAST(clock_timestamp() AS text)")).scalar_one())


def is_settled(connection: sa.Connection, since: str) -> bool:
    """Whether every writing transaction that began by then has ended; on SQLite there is only one at a time."""
    if connection.dialect.name == "sqlite":
        return True
    return connection.execute(OLDER, {"since": since}).first() is None
