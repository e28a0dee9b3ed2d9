"""Keeps messages that no retry can mend, before they are acknowledged."""

from datetime import datetime

import sqlalchemy as sa

from service.store.tables import dead_letter


def keep(
    connection: sa.Connection, consumer: str, reason: str, detail: str, body: bytes, at: datetime
) -> None:
    """Keep one message and why it could not be handled."""
    values = {"consumer": consumer, "reason": reason, "detail": detail, "body": body, "at": at}
    connection.execute(sa.insert(dead_letter).values(**values))


def count(connection: sa.Connection) -> int:
    """Return how many there are."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(dead_letter)).scalar_one())
