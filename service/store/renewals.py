"""What a renewal does to the tier, and who was there when (rule 10).

Guarantee: each renewal is done once, in order, in the transaction that closes the period that it ends, under the
portal's lock. The ledger is complete up to the renewal then.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from service.domain.billing import next_renewal, renewed_tier
from service.domain.periods import Period, ended_periods
from service.domain.portals import Portal
from service.store.ledger import RENEWAL, TierChange, count_at, set_tier
from service.store.tables import portal, tier_change

MOMENT = timedelta(microseconds=1)


def renew(connection: sa.Connection, of: Portal, period: Period, now: datetime) -> TierChange | None:
    """Do the renewal at the period's end, unless that is none or has been done; returns what it came to.

    The tier has to hold who counts from the renewal on. When the renewal is late, it also holds the most that have
    counted since, up to the renewal after it: what a tier stepped up for stays paid for until a renewal.
    """
    here = portal.c.id == of.id
    done = connection.execute(sa.select(portal.c.renewed_until).where(here)).scalar_one()
    if not period.renews or (done is not None and done >= period.ends_at):
        return None
    count = max(count_at(connection, of.id, instant) for instant in _instants(of, period.ends_at, now))
    change = TierChange(of.tier, renewed_tier(of.tier, of.product, count), count)
    set_tier(connection, of.id, change, RENEWAL, now)
    connection.execute(sa.update(portal).where(here).values(renewed_until=period.ends_at))
    return change


def tier_then(connection: sa.Connection, of: Portal, instant: datetime) -> int:
    """Return the tier of an instant since the latest renewal: what has stepped up after it is left out."""
    mine = tier_change.c.portal_id == of.id
    renewed = sa.select(sa.func.coalesce(sa.func.max(tier_change.c.id), 0)).where(
        mine, tier_change.c.cause == RENEWAL
    )
    later = (
        sa.select(tier_change.c.before)
        .where(mine, tier_change.c.at >= instant, tier_change.c.id > renewed.scalar_subquery())
        .order_by(tier_change.c.id)
        .limit(1)
    )
    found: int | None = connection.execute(later).scalar_one_or_none()
    return of.tier if found is None else found


def _instants(of: Portal, renewal: datetime, now: datetime) -> Iterator[datetime]:
    """Yield when the most may have counted from a renewal to the next: the count falls at update dates only."""
    yield renewal
    following = next_renewal(of.subscription, renewal)
    last = min(following, now)
    for period in ended_periods(of.subscription, renewal, last):
        yield period.ends_at - MOMENT
    if last == now:
        yield now
