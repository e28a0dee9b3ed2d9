"""The outbox: status changes to publish. The row that remains is the row to retry.

Guarantee: an entry leaves the table only in a transaction that commits after the caller has published it, so each
is published at least once. Entries come in no promised order; messages carry versions.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.messages import StatusMessage
from service.store.session import Database
from service.store.tables import outbox, status_change

LEASE = timedelta(seconds=30)
WAKE_UP_CHANNEL = "marketable_outbox"
"""Where PostgreSQL tells relays of new entries."""

CLAIM = sa.text(
    """
    WITH claimed AS (
        DELETE FROM outbox WHERE id = ANY(ARRAY(
            SELECT id FROM outbox ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED))
        RETURNING contact_id, version
    )
    SELECT change.* FROM claimed CROSS JOIN LATERAL (
        SELECT portal_id, contact_id, version, at, before, after, verdict, stint, since, until,
               stint_reason_type, stint_reason_id, source, reason_type, reason_id, actor, default_version
          FROM status_change s
         WHERE s.contact_id = claimed.contact_id AND s.version = claimed.version OFFSET 0) change
    """
)
"""LATERAL with OFFSET keeps the planner to one look-up by key for each entry, however old its statistics are."""

COLUMNS = (
    status_change.c.portal_id,
    status_change.c.contact_id,
    status_change.c.version,
    status_change.c.at,
    status_change.c.before,
    status_change.c.after,
    status_change.c.verdict,
    status_change.c.stint,
    status_change.c.since,
    status_change.c.until,
    status_change.c.stint_reason_type,
    status_change.c.stint_reason_id,
    status_change.c.source,
    status_change.c.reason_type,
    status_change.c.reason_id,
    status_change.c.actor,
    status_change.c.default_version,
)


@dataclass(frozen=True, slots=True)
class Depth:
    """How long the outbox is, and since when its oldest entry waits."""

    entries: int
    oldest: datetime | None


@contextlib.contextmanager
def claim(database: Database, limit: int, now: datetime) -> Iterator[list[StatusMessage]]:
    """Give up to `limit` entries to publish; they are gone after the block, and back if it raises.

    On PostgreSQL they stay locked in a transaction meanwhile, and other relays skip them; on SQLite they are
    leased for half a minute, since its one write lock cannot be held while a broker answers.
    """
    if database.is_sqlite:
        with _leased(database, limit, now) as messages:
            yield messages
        return
    with database.writing() as connection:
        yield [StatusMessage(*row) for row in connection.execute(CLAIM, {"limit": limit})]


@contextlib.contextmanager
def _leased(database: Database, limit: int, now: datetime) -> Iterator[list[StatusMessage]]:
    with database.reading() as connection:
        if connection.execute(_free(now).limit(1)).first() is None:
            yield []
            return
    with database.writing() as connection:
        ids = list(connection.execute(_free(now).limit(limit)).scalars())
        _set_lease(connection, ids, now + LEASE)
        joined = sa.and_(
            status_change.c.contact_id == outbox.c.contact_id, status_change.c.version == outbox.c.version
        )
        query = sa.select(*COLUMNS).join(outbox, joined).where(outbox.c.id.in_(ids)).order_by(outbox.c.id)
        messages = [StatusMessage(*tuple(row)) for row in connection.execute(query)]
    try:
        yield messages
    except BaseException:
        with database.writing() as connection:
            _set_lease(connection, ids, None)
        raise
    with database.writing() as connection:
        connection.execute(sa.delete(outbox).where(outbox.c.id.in_(ids)))


def _free(now: datetime) -> sa.Select[tuple[Any]]:
    free = outbox.c.claimed_until.is_(None) | (outbox.c.claimed_until < now)
    return sa.select(outbox.c.id).where(free).order_by(outbox.c.id)


def _set_lease(connection: sa.Connection, ids: list[int], until: datetime | None) -> None:
    connection.execute(sa.update(outbox).where(outbox.c.id.in_(ids)).values(claimed_until=until))


def release(database: Database) -> None:
    """End all leases: of use on SQLite only, where a killed relay's would last for half a minute."""
    if database.is_sqlite:
        with database.writing() as connection:
            connection.execute(
                sa.update(outbox).where(outbox.c.claimed_until.is_not(None)).values(claimed_until=None)
            )


def append(connection: sa.Connection, changes: list[tuple[int, int]], now: datetime) -> None:
    """Queue status changes, each by contact id and version."""
    if changes:
        rows = [
            {"contact_id": contact, "version": version, "created_at": now} for contact, version in changes
        ]
        connection.execute(sa.insert(outbox), rows)


def depth(connection: sa.Connection, most: int = 1_000_000) -> Depth:
    """Count the entries, up to `most`."""
    some = sa.select(outbox.c.id).limit(most).subquery()
    entries = connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    oldest = connection.execute(sa.select(outbox.c.created_at).order_by(outbox.c.id).limit(1)).scalar()
    return Depth(entries, oldest)


def queued(connection: sa.Connection, contact_ids: list[int]) -> set[tuple[int, int]]:
    """Return which status changes of these contacts are queued already, by contact id and version."""
    query = sa.select(outbox.c.contact_id, outbox.c.version).where(outbox.c.contact_id.in_(contact_ids))
    return {(row[0], row[1]) for row in connection.execute(query)}
