"""Sums of the ledger's lines: how many end when and for which reason, and how many began in which hour.

They change in the transaction that changes the lines (`service.store.ledger`); `service.store.proof` compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.domain.billing import FOREVER
from service.store.literals import instant_array, plain_array, text_array
from service.store.tables import ledger_counter, ledger_hour
from service.store.upserts import insert

Key = tuple[int, datetime, str, str]
"""Portal, end, reason type and reason id."""
Hours = dict[tuple[int, datetime], int]
"""How many stints began, by portal and hour."""

APPLY = sa.text(
    """
    WITH counted AS (
        INSERT INTO ledger_counter AS counter (portal_id, until, reason_type, reason_id, contacts)
        SELECT * FROM unnest(
            CAST(:portals AS int[]), CAST(:ends AS timestamptz[]), CAST(:reason_types AS text[]),
            CAST(:reason_ids AS text[]), CAST(:changes AS bigint[]))
        ON CONFLICT (portal_id, until, reason_type, reason_id) DO UPDATE SET
            contacts = counter.contacts + excluded.contacts
    )
    INSERT INTO ledger_hour AS begun (portal_id, hour, raised)
    SELECT * FROM unnest(
        CAST(:hour_portals AS int[]), CAST(:hours AS timestamptz[]), CAST(:raised AS bigint[]))
    ON CONFLICT (portal_id, hour) DO UPDATE SET raised = begun.raised + excluded.raised
    RETURNING portal_id, hour, raised
    """
)
"""One statement for both, however many rows they have."""
_RAISED = sa.select(sa.func.coalesce(sa.func.sum(ledger_hour.c.raised), 0)).where(
    ledger_hour.c.portal_id == sa.bindparam("portal_id"),
    ledger_hour.c.hour >= sa.bindparam("since"),
    ledger_hour.c.hour < sa.bindparam("before"),
)


def apply(connection: sa.Connection, changes: Mapping[Key, int], begun: Hours) -> Hours:
    """Add to the sums, keys in order; returns how many stints began in each of the hours by now."""
    if connection.dialect.name == "sqlite":
        _apply_counters_on_sqlite(connection, changes)
        return _apply_hours_on_sqlite(connection, begun)
    if not changes and not begun:
        return {}
    columns = {
        "portals": plain_array([key[0] for key in changes]),
        "ends": instant_array([key[1] for key in changes]),
        "reason_types": text_array([key[2] for key in changes]),
        "reason_ids": text_array([key[3] for key in changes]),
        "changes": plain_array(changes.values()),
        "hour_portals": plain_array([key[0] for key in begun]),
        "hours": instant_array([key[1] for key in begun]),
        "raised": plain_array(begun.values()),
    }
    return {(portal_id, hour): raised for portal_id, hour, raised in connection.execute(APPLY, columns)}


def _apply_counters_on_sqlite(connection: sa.Connection, changes: Mapping[Key, int]) -> None:
    if not changes:
        return
    added = insert(connection, ledger_counter)
    statement = added.on_conflict_do_update(
        index_elements=list(ledger_counter.primary_key.columns),
        set_={"contacts": ledger_counter.c.contacts + added.excluded.contacts},
    )
    names = ("portal_id", "until", "reason_type", "reason_id")
    rows = [{**dict(zip(names, key, strict=True)), "contacts": change} for key, change in changes.items()]
    connection.execute(statement, rows)


def _apply_hours_on_sqlite(connection: sa.Connection, begun: Hours) -> Hours:
    if not begun:
        return {}
    added = insert(connection, ledger_hour)
    statement = added.on_conflict_do_update(
        index_elements=list(ledger_hour.primary_key.columns),
        set_={"raised": ledger_hour.c.raised + added.excluded.raised},
    ).returning(ledger_hour.c.portal_id, ledger_hour.c.hour, ledger_hour.c.raised)
    rows = [{"portal_id": key[0], "hour": key[1], "raised": number} for key, number in begun.items()]
    return {(row.portal_id, row.hour): row.raised for row in connection.execute(statement, rows)}


def raised(connection: sa.Connection, portal_id: int, since: datetime, before: datetime) -> int:
    """Return how many stints began in the hours from `since` on and before `before`."""
    values = {"portal_id": portal_id, "since": since, "before": before}
    return int(connection.execute(_RAISED, values).scalar_one())


def ending(connection: sa.Connection, portal_id: int, after: datetime) -> int:
    """Return how many stints have an end after an instant: their lowering was asked for and not cancelled."""
    counter = ledger_counter.c
    query = sa.select(sa.func.coalesce(sa.func.sum(counter.contacts), 0)).where(
        counter.portal_id == portal_id, counter.until > after, counter.until < FOREVER
    )
    return int(connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class Reason:
    """What began stints, and how many of those cover an instant."""

    type: str
    id: str
    contacts: int


def by_reason(connection: sa.Connection, portal_id: int, now: datetime) -> list[Reason]:
    """Return how many contacts count now for each reason; they sum to the count."""
    counter = ledger_counter.c
    number = sa.func.sum(counter.contacts)
    query = (
        sa.select(counter.reason_type, counter.reason_id, number)
        .where(counter.portal_id == portal_id, counter.until > now)
        .group_by(counter.reason_type, counter.reason_id)
        .having(number != 0)
    )
    return [Reason(row[0], row[1], int(row[2])) for row in connection.execute(query)]
