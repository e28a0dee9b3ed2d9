"""What the bill is made of: update dates, tiers and the notices on the way to a tier's limit.

Sources of the rules: rules 4 and 10 of the domain (`docs/architecture.md`).
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NOTICE_PERCENTAGES = (75, 90, 98, 100)
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands for 'no end is known' where an end has to be a key."""


class Commitment(enum.StrEnum):
    """How a portal is subscribed, which decides its update dates."""

    MONTHLY = "monthly"
    ANNUAL = "annual"


class Product(enum.StrEnum):
    """The portal's subscription; without one there are no marketing contacts."""

    NONE = "none"
    STARTER = "starter"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


@dataclass(frozen=True, slots=True)
class TierSteps:
    """How many marketing contacts a product includes, and by how many its tier grows."""

    included: int
    step: int


TIER_STEPS: Mapping[Product, TierSteps] = {
    Product.NONE: TierSteps(included=0, step=0),
    Product.STARTER: TierSteps(included=1_000, step=1_000),
    Product.PROFESSIONAL: TierSteps(included=2_000, step=5_000),
    Product.ENTERPRISE: TierSteps(included=10_000, step=10_000),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What decides a portal's update dates."""

    commitment: Commitment
    renews_on: date
    """Monthly: any renewal, whose day of the month repeats. Annual: any renewal, whose day repeats each year."""
    time_zone: str = "UTC"
    """An IANA name; update dates fall at 00:00 there."""


def next_update_date(subscription: Subscription, now: datetime) -> datetime:
    """Return the first update date after `now`, in UTC.

    Monthly: the renewal day, clamped to the month's length. Annual: the first of each month, or the renewal date
    if that is earlier. At 00:00 in the portal's time zone; an hour that a change of clocks skips or repeats
    resolves as PEP 495 does for `fold=0`.
    """
    today = now.astimezone(ZoneInfo(subscription.time_zone)).date()
    months = (_first_of_month(today, offset) for offset in range(3))
    dates = (_midnight(day, subscription) for month in months for day in _update_days(subscription, month))
    return next(found for found in dates if found > now)


def previous_update_date(subscription: Subscription, now: datetime) -> datetime:
    """Return the last update date that is not after `now`, in UTC."""
    today = now.astimezone(ZoneInfo(subscription.time_zone)).date()
    months = (_first_of_month(today, offset) for offset in (1, 0, -1))
    dates = (_midnight(day, subscription) for month in months for day in _update_days(subscription, month))
    return max(found for found in dates if found <= now)


def next_renewal(subscription: Subscription, now: datetime) -> datetime:
    """Return the first renewal after `now`, in UTC: always an update date.

    Monthly: each update date. Annual: the renewal date of each year, 28 February for a leap day in other years.
    """
    if subscription.commitment is Commitment.MONTHLY:
        return next_update_date(subscription, now)
    renewal = subscription.renews_on
    year = now.astimezone(ZoneInfo(subscription.time_zone)).year
    days = (_clamped(date(year + offset, renewal.month, 1), renewal.day) for offset in range(3))
    return next(found for day in days if (found := _midnight(day, subscription)) > now)


def _midnight(day: date, subscription: Subscription) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(subscription.time_zone)).astimezone(UTC)


def _first_of_month(day: date, offset: int) -> date:
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)


def _update_days(subscription: Subscription, month: date) -> tuple[date, ...]:
    renewal = subscription.renews_on
    if subscription.commitment is Commitment.MONTHLY:
        return (_clamped(month, renewal.day),)
    if month.month == renewal.month:
        return (month, _clamped(month, renewal.day))
    return (month,)


def _clamped(month: date, day: int) -> date:
    last = (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return month.replace(day=min(day, last.day))


@dataclass(frozen=True, slots=True)
class Count:
    """The count of one portal, kept as sums per end: so it is right at every instant with no job at midnight."""

    by_end: tuple[tuple[datetime, int], ...]
    """(end of the stints, how many), ends in `FOREVER` for those without."""

    @classmethod
    def of(cls, by_end: Iterable[tuple[datetime, int]]) -> "Count":
        """Build from counter rows in any order."""
        return cls(tuple(sorted(by_end)))

    def at(self, instant: datetime) -> int:
        """Contacts that count at `instant`, which is not before the newest change."""
        return sum(number for end, number in self.by_end if end > instant)

    def leaving(self, now: datetime, by: datetime) -> int:
        """Contacts that count now and no more at `by`."""
        return self.at(now) - self.at(by)


def step_tier(tier: int, product: Product, count: int) -> int:
    """Return the tier that holds `count` contacts: one over moves it up at once, nothing moves it down (rule 10)."""
    step = TIER_STEPS[product].step
    if count <= tier or step == 0:
        return tier
    return tier + -(-(count - tier) // step) * step


def product_tier(tier: int, product: Product, count: int) -> int:
    """Return the tier after a change of the product: more where the product includes more, never less (rule 10)."""
    return step_tier(max(tier, TIER_STEPS[product].included), product, count)


def renewed_tier(tier: int, product: Product, count: int) -> int:
    """Return the tier after a renewal: the smallest that holds `count`, which is never above the one before.

    Never below what the product includes; a tier of another size that was bought stays where it is smaller.
    """
    included = TIER_STEPS[product].included
    return max(included, min(tier, step_tier(included, product, count)))


def reached_notices(tier: int, count: int) -> tuple[int, ...]:
    """Return the percentages of `tier` that `count` has reached."""
    if tier <= 0:
        return ()
    return tuple(percentage for percentage in NOTICE_PERCENTAGES if count * 100 >= tier * percentage)
