"""Changes a portal's subscription: product, commitment, day of renewal, time zone; the same for API and command.

What has happened stays as it was (decision 0020): periods that have ended keep their ends, requests to lower keep the
update date they were told, and the tier comes down at a renewal only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import available_timezones

import structlog

from service.domain.actors import Actor
from service.domain.billing import (
    TIER_STEPS,
    Commitment,
    Product,
    Subscription,
    next_renewal,
    next_update_date,
    product_tier,
)
from service.domain.periods import ended_periods, period_from
from service.domain.portals import Portal
from service.errors import InvalidInput
from service.store import audit, ledger, portals, statements
from service.store.audit import Entry
from service.store.ledger import TierChange
from service.store.session import Database

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to change; None stays."""

    product: Product | None = None
    commitment: Commitment | None = None
    renews_on: date | None = None
    time_zone: str | None = None

    def applied_to(self, portal: Portal) -> Portal:
        """Return the portal with its new subscription, at the tier it had."""
        was = portal.subscription
        subscription = Subscription(
            self.commitment or was.commitment,
            self.renews_on or was.renews_on,
            self.time_zone or was.time_zone,
        )
        return replace(portal, subscription=subscription, product=self.product or portal.product)


def change(database: Database, actor: Actor, portal_id: int, changes: Changes, now: datetime) -> Portal:
    """Change a subscription and return the portal.

    Raises NoMarketingAccess, NotFound, and InvalidInput for a time zone that nobody knows.
    """
    actor.check_marketing_access()
    _check_zone(changes.time_zone)
    with database.writing() as connection:
        was = statements.lock(connection, portal_id)
        new = changes.applied_to(was)
        if new == was:
            return was
        if new.subscription != was.subscription:
            _keep_periods(connection, was, new, now)
        if new.product is not was.product:
            new = _step_tier(connection, new, now)
        portals.set_subscription(connection, new)
        before, after = _values(was), _values(new)
        told = [name for name in before if before[name] != after[name]]
        entry = Entry(
            str(actor),
            "subscription_changed",
            f"portal:{portal_id}",
            {name: before[name] for name in told},
            {name: after[name] for name in told},
        )
        audit.note(connection, portal_id, entry, now)
    log.info("subscription_changed", portal_id=portal_id, changed=told, actor=str(actor))
    return new


def find(database: Database, portal_id: int) -> Portal:
    """Return the portal; raises NotFound."""
    with database.reading() as connection:
        return portals.get_portal(connection, portal_id)


def document(portal: Portal, now: datetime) -> dict[str, Any]:
    """Return a subscription as the API and `marketable portal change` show it."""
    steps, subscription = TIER_STEPS[portal.product], portal.subscription
    return {
        "portal": portal.id,
        **_values(portal),
        "included": steps.included,
        "step": steps.step,
        "update_date": next_update_date(subscription, now).isoformat(),
        "renewal": next_renewal(subscription, now).isoformat(),
    }


def _check_zone(name: str | None) -> None:
    if name is not None and name not in available_timezones():
        mend = "give an IANA name, as Europe/Vienna"
        raise InvalidInput(f"the time zone {name!r} is unknown", field="time_zone", mend=mend)


def _keep_periods(connection: Any, was: Portal, new: Portal, now: datetime) -> None:
    """Keep the periods that have ended as they were; the running one ends at the first new update date."""
    begins_at = statements.last_kept(connection, was, now)
    past = list(ended_periods(was.subscription, begins_at, now))
    running = period_from(new.subscription, past[-1].ends_at if past else begins_at, after=now)
    statements.reserve(connection, was, past, running)


def _step_tier(connection: Any, new: Portal, now: datetime) -> Portal:
    count = ledger.read_counts(connection, [new.id], now)[new.id].at(now)
    step = TierChange(new.tier, product_tier(new.tier, new.product, count), count)
    ledger.set_tier(connection, new.id, step, ledger.PRODUCT, now)
    return replace(new, tier=step.after)


def _values(portal: Portal) -> Mapping[str, Any]:
    return {
        "product": portal.product.value,
        "commitment": portal.subscription.commitment.value,
        "renews_on": portal.subscription.renews_on.isoformat(),
        "time_zone": portal.subscription.time_zone,
        "tier": portal.tier,
    }
