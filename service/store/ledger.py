"""The ledger: the newest version of each stint, and sums of it per portal and end.

Guarantee: lines, counters, tier, notices and spikes change in one transaction; applying a message again, late or out
of order changes nothing more. Consumers of one portal follow one another on the portal's row, so each sees the count
that the others left and no crossing of a limit goes unnoticed.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.billing import FOREVER, Count, step_tier
from service.domain.portals import Portal
from service.domain.spikes import Spike, hour_of
from service.messages import StatusMessage
from service.store import notices, portals, sums
from service.store.adjustments import ChangedLine, adjust
from service.store.literals import instant_array, plain_array, text_array
from service.store.session import Database
from service.store.tables import ledger_counter, ledger_line, portal, tier_change
from service.store.upserts import insert

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
    RETURNING contact_id, stint, replaced_until
    """
)
"""`replaced_until` hands back the end that the line had before: NULL for a new line. The rest is as the message says;
a stint's beginning and reason never change."""
COUNT, RENEWAL, PRODUCT = "count", "renewal", "product"
"""Causes of a change of the tier."""


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
    adjusted: int = 0
    """Adjustments of closed periods."""
    spikes: tuple[tuple[int, Spike], ...] = ()
    """(portal, spike) of each spike recorded for the first time."""


@dataclass(frozen=True, slots=True)
class TierChange:
    """What became of a tier, and the count that it has to hold."""

    before: int
    after: int
    count: int


def apply(database: Database, messages: Sequence[StatusMessage], now: datetime) -> Applied:
    """Apply messages to the ledger in one transaction."""
    with database.writing() as connection:
        known = lock_portals(connection, {message.portal_id for message in messages})
        unknown = frozenset(message.portal_id for message in messages) - known.keys()
        newest = _newest(message for message in messages if message.portal_id in known)
        changed = _apply_lines(connection, newest)
        adjusted = adjust(connection, known, changed, now)
        hours = sums.apply(connection, _changes(changed), _begun(changed))
        touched = [known[portal_id] for portal_id in sorted({line.portal_id for line in changed})]
        tiers, reached = _follow_tiers(connection, touched, now)
        spikes = notices.record_spikes(connection, known, hours, now)
    return Applied(len(changed), unknown, tiers, reached, adjusted, spikes)


def lock_portals(connection: sa.Connection, ids: Collection[int]) -> dict[int, Portal]:
    """Lock portals in the order of their numbers, and return those that there are."""
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


def _apply_lines(connection: sa.Connection, messages: list[StatusMessage]) -> list[ChangedLine]:
    """Make and change lines; returns those that were new or had an older version."""
    if not messages:
        return []
    upsert = _upsert_sqlite if connection.dialect.name == "sqlite" else _upsert
    told = {(each.contact_id, each.stint): each for each in messages}
    return [
        _changed(told[contact_id, stint], replaced_until)
        for contact_id, stint, replaced_until in upsert(connection, messages)
    ]


def _changed(told: StatusMessage, replaced_until: datetime | None) -> ChangedLine:
    return ChangedLine(
        told.portal_id,
        told.contact_id,
        told.stint,
        told.since,
        told.until or FOREVER,
        told.stint_reason_type,
        told.stint_reason_id,
        replaced_until,
    )


def _changes(changed: Sequence[ChangedLine]) -> dict[sums.Key, int]:
    """Return by how much each counter changes, in the order of their keys."""
    changes: defaultdict[sums.Key, int] = defaultdict(int)
    for portal_id, _, _, _, until, reason_type, reason_id, replaced_until in changed:
        changes[portal_id, until, reason_type, reason_id] += 1
        if replaced_until is not None:
            changes[portal_id, replaced_until, reason_type, reason_id] -= 1
    return {key: change for key, change in sorted(changes.items()) if change}


def _begun(changed: Sequence[ChangedLine]) -> sums.Hours:
    """Return how many stints were not known before, by portal and the hour in which they began."""
    instants = Counter((line.portal_id, line.since) for line in changed if line.replaced_until is None)
    begun: defaultdict[tuple[int, datetime], int] = defaultdict(int)
    for (portal_id, since), number in instants.items():
        begun[portal_id, hour_of(since)] += number
    return dict(sorted(begun.items()))


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
    return connection.execute(APPLY_LINES, columns).all()


def _upsert_sqlite(connection: sa.Connection, messages: list[StatusMessage]) -> Iterable[Any]:
    added = insert(connection, ledger_line)
    columns = ("version", "since", "until", "reason_type", "reason_id")
    statement = added.on_conflict_do_update(
        index_elements=[ledger_line.c.contact_id, ledger_line.c.stint],
        set_={name: added.excluded[name] for name in columns} | {"replaced_until": ledger_line.c.until},
        where=ledger_line.c.version < added.excluded.version,
    ).returning(ledger_line.c.contact_id, ledger_line.c.stint, ledger_line.c.replaced_until)
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


def _follow_tiers(
    connection: sa.Connection, touched: list[Portal], now: datetime
) -> tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int], ...]]:
    tiers: list[tuple[int, int, int]] = []
    reached: list[tuple[int, int]] = []
    counts = read_counts(connection, [each.id for each in touched], now) if touched else {}
    for each in touched:
        count = counts[each.id].at(now)
        stepped = step_tier(each.tier, each.product, count)
        for tier in sorted({each.tier, stepped}):
            new = notices.record_reached(connection, each, tier, count, now)
            reached += [(each.id, percentage) for percentage in new]
        if stepped != each.tier:
            set_tier(connection, each.id, TierChange(each.tier, stepped, count), COUNT, now)
            tiers.append((each.id, each.tier, stepped))
    return tuple(tiers), tuple(reached)


def set_tier(
    connection: sa.Connection, portal_id: int, change: TierChange, cause: str, now: datetime
) -> None:
    """Write a tier and its change, if it is one."""
    if change.after == change.before:
        return
    connection.execute(sa.update(portal).where(portal.c.id == portal_id).values(tier=change.after))
    row = {"portal_id": portal_id, "at": now, "cause": cause, **asdict(change)}
    connection.execute(sa.insert(tier_change).values(**row))


def read_counts(
    connection: sa.Connection, portal_ids: Iterable[int], now: datetime | None = None
) -> dict[int, Count]:
    """Return the counts of portals, one that was never billed as empty.

    With `now` they are right from then on only; ends that have passed, of which there are ever more, are not read.
    """
    rows: dict[int, list[tuple[datetime, int]]] = {portal_id: [] for portal_id in portal_ids}
    counter = ledger_counter.c
    query = (
        sa.select(counter.portal_id, counter.until, sa.func.sum(counter.contacts).label("contacts"))
        .where(counter.portal_id.in_(list(rows)))
        .group_by(counter.portal_id, counter.until)
    )
    if now is not None:
        query = query.where(counter.until > now)
    for row in connection.execute(query):
        rows[row.portal_id].append((row.until, int(row.contacts)))
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
