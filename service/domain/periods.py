"""Periods: from one update date to the next; the first begins with the portal. What statements are about.

The period of an instant is [begins_at, ends_at). A contact belongs to a period when its stint covers the period's
last instant: it began before `ends_at`, and ends at it or later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from service.domain.billing import Subscription, next_renewal, next_update_date


@dataclass(frozen=True, slots=True)
class Period:
    """One period of a portal; instants are UTC."""

    begins_at: datetime
    ends_at: datetime
    renews: bool
    """The subscription renews at its end, when the tier may come down (rule 10)."""


def period_from(subscription: Subscription, begins_at: datetime, after: datetime | None = None) -> Period:
    """Return the period that begins at an instant; it ends at the first update date after it, and after `after`."""
    last = begins_at if after is None else max(begins_at, after)
    ends_at = next_update_date(subscription, last)
    return Period(begins_at, ends_at, next_renewal(subscription, last) == ends_at)


def ended_periods(subscription: Subscription, begins_at: datetime, now: datetime) -> Iterator[Period]:
    """Yield the periods from an instant on that have ended, oldest first."""
    period = period_from(subscription, begins_at)
    while period.ends_at <= now:
        yield period
        period = period_from(subscription, period.ends_at)
