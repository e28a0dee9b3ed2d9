"""What becomes of the count if things go on as they have: a straight line with a step down on each update date.

What is known is exact: who counts, and who is to leave when. The rest is a guess that knows nothing of what people
plan: contacts are raised at the pace of the last `RAISED_DAYS` days, and ask to leave at the pace of the last whole
periods; those who ask in a period leave when it ends (rule 2). So until the update date only raises matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from service.domain.billing import (
    FOREVER,
    TIER_STEPS,
    Count,
    Product,
    Subscription,
    next_update_date,
    previous_update_date,
)
from service.domain.spikes import hour_of

RAISED_DAYS = 28
HORIZON = timedelta(days=5 * 366)
"""A limit that is reached later than that is none that anybody reckons with."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Windows:
    """From when on raises and requests to leave are looked at; both until now."""

    raised_since: datetime
    leaving_since: datetime


def windows(subscription: Subscription, created_at: datetime, now: datetime) -> Windows:
    """Return where the windows begin: with the portal, if that is younger.

    Requests to leave are known by their ends, which are update dates. So their window begins with an update date at
    least `RAISED_DAYS` ago: its ends are then those of the requests that were made in it.
    """
    earliest = hour_of(now) - RAISED_DAYS * DAY
    began = hour_of(created_at)
    return Windows(max(earliest, began), max(previous_update_date(subscription, earliest), began))


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast contacts are raised, and ask to leave."""

    raised_per_day: float
    leaving_per_day: float

    @property
    def net_per_day(self) -> float:
        """By how much the count grows in the long run."""
        return self.raised_per_day - self.leaving_per_day


def pace_of(seen: Windows, raised: int, leaving: int, now: datetime) -> Pace:
    """Return the pace of so many raises and requests in their windows; less than a day is reckoned as one."""
    return Pace(
        raised / max((now - seen.raised_since) / DAY, 1.0),
        leaving / max((now - seen.leaving_since) / DAY, 1.0),
    )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of the count, and what is to be expected of it."""

    at: datetime
    count: int
    update_date: datetime
    leaving: int
    """Contacts that are known to leave on the update date, or before it."""
    after_update: int
    """Contacts that are certain to count after it."""
    tier: int
    pace: Pace
    expected_before_update: float
    """The count just before the update date, if things go on as they have."""
    expected_after_update: float
    limit_reached_at: datetime | None
    """When the count is to be expected to reach the tier; None: not within `HORIZON`, or there is no limit."""

    @property
    def days_to_limit(self) -> float | None:
        """Days until then."""
        return None if self.limit_reached_at is None else (self.limit_reached_at - self.at) / DAY

    @property
    def steps_before_update(self) -> bool:
        """Whether the tier is to be expected to step up before the update date."""
        reached = self.limit_reached_at
        return reached is not None and reached < self.update_date and self.pace.raised_per_day > 0


def expected(count: Count, pace: Pace, subscription: Subscription, now: datetime, instant: datetime) -> float:
    """Return the count that is to be expected at an instant that is not before now."""
    asked_until = max(previous_update_date(subscription, instant), now)
    grown = pace.raised_per_day * ((instant - now) / DAY)
    left = pace.leaving_per_day * ((asked_until - now) / DAY)
    return count.at(instant) + grown - left


def forecast(
    count: Count, tier: int, product: Product, subscription: Subscription, pace: Pace, now: datetime
) -> Forecast:
    """Return the forecast of a portal's count."""
    update_date = next_update_date(subscription, now)
    before = _before(count, update_date) + pace.raised_per_day * ((update_date - now) / DAY)
    has_limit = TIER_STEPS[product].step > 0
    return Forecast(
        at=now,
        count=count.at(now),
        update_date=update_date,
        leaving=count.leaving(now, update_date),
        after_update=count.at(update_date),
        tier=tier,
        pace=pace,
        expected_before_update=before,
        expected_after_update=max(expected(count, pace, subscription, now, update_date), 0.0),
        limit_reached_at=_limit_reached_at(count, tier, subscription, pace, now) if has_limit else None,
    )


def _before(count: Count, instant: datetime) -> int:
    """Return who is known to count right before an instant."""
    return sum(number for end, number in count.by_end if end >= instant)


def _limit_reached_at(
    count: Count, tier: int, subscription: Subscription, pace: Pace, now: datetime
) -> datetime | None:
    """Return when the expected count first reaches the tier.

    Between two instants at which somebody leaves it only grows, and straight: so it is enough to look at these.
    """
    for begins, ends in pairwise(_steps(count, subscription, now)):
        missing = tier - expected(count, pace, subscription, now, begins)
        if missing <= 0:
            return begins
        if missing < pace.raised_per_day * ((ends - begins) / DAY):
            return begins + missing / pace.raised_per_day * DAY
    return None


def _steps(count: Count, subscription: Subscription, now: datetime) -> Iterator[datetime]:
    """Yield now, and every instant until the horizon at which somebody is to leave, in order."""
    last = now + HORIZON
    ends = {end for end, _ in count.by_end if now < end < min(last, FOREVER)}
    update_date = next_update_date(subscription, now)
    while update_date < last:
        ends.add(update_date)
        update_date = next_update_date(subscription, update_date)
    yield now
    yield from sorted(ends)
