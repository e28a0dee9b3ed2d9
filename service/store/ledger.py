"""The ledger: the newest version of each stint, and sums of it per portal and end.

Guarantee: lines, counters, tier and notices change in one transaction; applying a message again, late or out of
order changes nothing more. Consumers of one portal follow one another on the portal's row, so each sees the count
that the others left and no crossing of a limit goes unnoticed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.domain.billing import FOREVER, Count, next_update_date, reached_notices, step_tier
from service.domain.portals import Portal
from service.messages import StatusMessage
from service.store import portals
from service.store.literals import instant_array, plain_array, text_array
from service.store.session import Database
from service.store.tables import ledger_counter, ledger_line, notice, portal, tier_change

Delta = dict[tuple[int, datetime], int]

APPLY_LINES = sa.text(
    """
    INSERT INTO ledger_line AS line (contact_id, stint, portal_id, version, since, until, reason_type, reason_id)
    SELECT * FROM unnest(
        CAST(:contact_id AS bigint[]), CAST(:stint AS int[]), CAST(:portal_id AS int[]), CAST(:version AS int[]),
        CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[]), CAST(:reason_type AS text[]),
        CAST(:reason_id AS text[]))
    ON CONFLICT (contact_id, stint) DO UPDATE SET
        version = excluded.version, since = excluded.since, until = excluded.until,
        reason_type = excluded.reason_type, reason_id = excluded.reason_id, replaced_until = line.until
    WHERE line.version < excluded.version
    RETURNING portal_id, until, replaced_until
    """
)
"""`replaced_until` hands back the end that the line had before: NULL for a new line."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What one batch came to."""

    newer: int
    """Stints that were new or had a newer version."""
    unknown_portals: frozenset[int]
    """Portals that do not exist; their messages were left out."""
    tiers: tuple[tuple[int, int, int], ...]
    """(portal, tier before, tier after) of each automatic step."""
    notices: tuple[tuple[int, int], ...]
    """(portal, percentage) of each notice recorded for the first time."""


def apply(database: Database, messages: Sequence[StatusMessage], now: datetime) -> Applied:
    """Apply messages to the ledger in one transaction."""
    with database.writing() as connection:
        known = _lock_portals(connection, {message.portal_id for message in messages})
        unknown = frozenset(message.portal_id for message in messages) - known.keys()
        newest = _newest(message for message in messages if message.portal_id in known)
        newer, delta = _apply_lines(database, connection, newest)
        _apply_counters(connection, delta)
        touched = sorted({portal_id for portal_id, _ in delta})
        tiers, notices = _follow_tiers(connection, [known[portal_id] for portal_id in touched], now)
    return Applied(newer, unknown, tiers, notices)


def _lock_portals(connection: sa.Connection, ids: set[int]) -> dict[int, Portal]:
    query = (
        sa.select(portal).where(portal.c.id.in_(ids)).order_by(portal.c.id).with_for_update(key_share=True)
    )
    return {row.id: portals.portal_from(row) for row in connection.execute(query)}


def _newest(messages: Iterable[StatusMessage]) -> list[StatusMessage]:
    newest: dict[tuple[int, int], StatusMessage] = {}
    for message in messages:
        key = (message.contact_id, message.stint)
        known = newest.get(key)
        if known is None or known.version < message.version:
            newest[key] = message
    return [newest[key] for key in sorted(newest)]


def _apply_lines(
    database: Database, connection: sa.Connection, messages: list[StatusMessage]
) -> tuple[int, Delta]:
    if not messages:
        return 0, {}
    rows = _upsert_sqlite(connection, messages) if database.is_sqlite else _upsert(connection, messages)
    delta: defaultdict[tuple[int, datetime], int] = defaultdict(int)
    newer = 0
    for portal_id, until, replaced in rows:
        newer += 1
        delta[portal_id, until] += 1
        if replaced is not None:
            delta[portal_id, replaced] -= 1
    return newer, {key: change for key, change in sorted(delta.items()) if change}


def _upsert(connection: sa.Connection, messages: list[StatusMessage]) -> Iterable[Any]:
    columns = {
        "contact_id": plain_array([message.contact_id for message in messages]),
        "stint": plain_array([message.stint for message in messages]),
        "portal_id": plain_array([message.portal_id for message in messages]),
        "version": plain_array([message.version for message in messages]),
        "since": instant_array([message.since for message in messages]),
        "until": instant_array([message.until or FOREVER for message in messages]),
        "reason_type": text_array([message.stint_reason_type for message in messages]),
        "reason_id": text_array([message.stint_reason_id for message in messages]),
    }
    return connection.execute(APPLY_LINES, columns)


def _upsert_sqlite(connection: sa.Connection, messages: list[StatusMessage]) -> Iterable[Any]:
    insert = sqlite.insert(ledger_line)
    columns = ("version", "since", "until", "reason_type", "reason_id")
    statement = insert.on_conflict_do_update(
        index_elements=[ledger_line.c.contact_id, ledger_line.c.stint],
        set_={name: insert.excluded[name] for name in columns} | {"replaced_until": ledger_line.c.until},
        where=ledger_line.c.version < insert.excluded.version,
    ).returning(ledger_line.c.portal_id, ledger_line.c.until, ledger_line.c.replaced_until)
    for message in messages:
        values = {
            "contact_id": message.contact_id,
            "stint": message.stint,
            "portal_id": message.portal_id,
            "version": message.version,
            "since": message.since,
            "until": message.until or FOREVER,
            "reason_type": message.stint_reason_type,
            "reason_id": message.stint_reason_id,
        }
        yield from connection.execute(statement, values)


def _apply_counters(connection: sa.Connection, delta: Delta) -> None:
    if not delta:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert: Any = dialect.insert(ledger_counter)
    statement = insert.on_conflict_do_update(
        index_elements=[ledger_counter.c.portal_id, ledger_counter.c.until],
        set_={"contacts": ledger_counter.c.contacts + insert.excluded.contacts},
    )
    rows = [{"portal_id": key[0], "until": key[1], "contacts": change} for key, change in delta.items()]
    connection.execute(statement, rows)


def _follow_tiers(
    connection: sa.Connection, touched: list[Portal], now: datetime
) -> tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int], ...]]:
    tiers: list[tuple[int, int, int]] = []
    notices: list[tuple[int, int]] = []
    counts = read_counts(connection, [each.id for each in touched])
    for each in touched:
        count = counts[each.id].at(now)
        stepped = step_tier(each.tier, each.product, count)
        for tier in sorted({each.tier, stepped}):
            notices += [(each.id, reached) for reached in _record_notices(connection, each, tier, count, now)]
        if stepped != each.tier:
            connection.execute(sa.update(portal).where(portal.c.id == each.id).values(tier=stepped))
            change = {"portal_id": each.id, "at": now, "before": each.tier, "after": stepped, "count": count}
            connection.execute(sa.insert(tier_change).values(**change))
            tiers.append((each.id, each.tier, stepped))
    return tuple(tiers), tuple(notices)


def _record_notices(connection: sa.Connection, of: Portal, tier: int, count: int, now: datetime) -> list[int]:
    reached = reached_notices(tier, count)
    if not reached:
        return []
    update_date = next_update_date(of.subscription, now)
    here = (notice.c.portal_id == of.id) & (notice.c.update_date == update_date) & (notice.c.tier == tier)
    known = set(connection.execute(sa.select(notice.c.percentage).where(here)).scalars())
    new = [percentage for percentage in reached if percentage not in known]
    key = {"portal_id": of.id, "update_date": update_date, "tier": tier, "at": now, "count": count}
    if new:
        connection.execute(sa.insert(notice), [{**key, "percentage": percentage} for percentage in new])
    return new


def read_counts(connection: sa.Connection, portal_ids: Iterable[int]) -> dict[int, Count]:
    """Return the counts of portals, one that was never billed as empty."""
    rows: dict[int, list[tuple[datetime, int]]] = {portal_id: [] for portal_id in portal_ids}
    query = sa.select(ledger_counter).where(ledger_counter.c.portal_id.in_(list(rows)))
    for row in connection.execute(query):
        rows[row.portal_id].append((row.until, row.contacts))
    return {portal_id: Count.of(by_end) for portal_id, by_end in rows.items()}


def count_at(connection: sa.Connection, portal_id: int, instant: datetime) -> int:
    """Count the contacts that counted at an instant of the past or the future, from the lines."""
    query = sa.select(sa.func.count()).where(
        ledger_line.c.portal_id == portal_id, ledger_line.c.since <= instant, ledger_line.c.until > instant
    )
    return int(connection.execute(query).scalar_one())


def count_leaving(connection: sa.Connection, portal_id: int, instant: datetime, by: datetime) -> int:
    """Count the contacts that counted at an instant and, as far as is known, no more at `by`."""
    query = sa.select(sa.func.count()).where(
        ledger_line.c.portal_id == portal_id,
        ledger_line.c.since <= instant,
        ledger_line.c.until > instant,
        ledger_line.c.until <= by,
    )
    return int(connection.execute(query).scalar_one())
