"""Notices on the way to a tier's limit, and spikes: each recorded once, with what it is about.

Guarantee: who records holds the portal's row (`service.store.ledger`), so of several consumers one records and the
others find it recorded. A notice is one for a period, a tier and a percentage, also when the update dates change in
the middle of the period; a spike is one for an hour.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.billing import next_update_date, previous_update_date, reached_notices
from service.domain.portals import Portal
from service.domain.spikes import Spike, find_spike, is_worth_a_look, week_before
from service.store import sums
from service.store.tables import notice, spike
from service.store.upserts import insert

MOST = 100
"""Of the notices, and of the spikes, that are read at once."""


def record_reached(connection: sa.Connection, of: Portal, tier: int, count: int, now: datetime) -> list[int]:
    """Record the shares of a tier that the count has reached in this period; returns those that are new."""
    reached = reached_notices(tier, count)
    if not reached:
        return []
    update_date = next_update_date(of.subscription, now)
    in_this_period = sa.or_(
        notice.c.update_date == update_date, notice.c.at >= previous_update_date(of.subscription, now)
    )
    here = (notice.c.portal_id == of.id) & (notice.c.tier == tier) & in_this_period
    known = set(connection.execute(sa.select(notice.c.percentage).where(here)).scalars())
    new = [percentage for percentage in reached if percentage not in known]
    key = {"portal_id": of.id, "update_date": update_date, "tier": tier, "at": now, "count": count}
    if new:
        connection.execute(sa.insert(notice), [{**key, "percentage": percentage} for percentage in new])
    return new


def record_spikes(
    connection: sa.Connection,
    portals: Mapping[int, Portal],
    hours: Mapping[tuple[int, datetime], int],
    now: datetime,
) -> tuple[tuple[int, Spike], ...]:
    """Record the hours that are spikes by now; `hours` is how many were raised in those that have changed.

    Asks the database only about hours with many raises. Returns the spikes that are new, with their portals.
    """
    found: list[tuple[int, Spike]] = []
    for (portal_id, hour), raised in hours.items():
        created_at = portals[portal_id].created_at
        if is_worth_a_look(hour, raised, created_at, now):
            before = sums.raised(connection, portal_id, week_before(hour, created_at), hour)
            new = find_spike(hour, raised, before, created_at)
            if new is not None and _record_spike(connection, portal_id, new, now):
                found.append((portal_id, new))
    return tuple(found)


def _record_spike(connection: sa.Connection, portal_id: int, new: Spike, now: datetime) -> bool:
    """Record a spike unless that hour has been recorded before."""
    values = {"portal_id": portal_id, "hour": new.hour, "at": now, "raised": new.raised, "usual": new.usual}
    statement = insert(connection, spike).on_conflict_do_nothing().returning(spike.c.hour)
    return connection.execute(statement, values).first() is not None


def read_notices(connection: sa.Connection, portal_id: int, since: datetime | None = None) -> Sequence[Any]:
    """Return the notices of a portal, the newest first, `MOST` at the most."""
    query = sa.select(notice).where(notice.c.portal_id == portal_id)
    if since is not None:
        query = query.where(notice.c.at >= since)
    order = (notice.c.at.desc(), notice.c.tier.desc(), notice.c.percentage.desc())
    return connection.execute(query.order_by(*order).limit(MOST)).all()


def read_spikes(connection: sa.Connection, portal_id: int, since: datetime | None = None) -> Sequence[Any]:
    """Return the spikes of a portal, the newest first, `MOST` at the most."""
    query = sa.select(spike).where(spike.c.portal_id == portal_id)
    if since is not None:
        query = query.where(spike.c.at >= since)
    return connection.execute(query.order_by(spike.c.hour.desc()).limit(MOST)).all()
