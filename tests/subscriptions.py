"""Subscriptions and instants to try, over every time zone; and an independent model of update dates."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

from service.domain.billing import Commitment, Subscription

ZONES = sorted(available_timezones())
SKIPPING = [
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/Sao_Paulo",
]
"""Zones that have skipped midnight, or a whole day."""

subscriptions = st.builds(
    Subscription,
    st.sampled_from(Commitment),
    st.dates(date(2000, 1, 1), date(2040, 12, 31)),
    st.one_of(st.sampled_from(ZONES), st.sampled_from(SKIPPING)),
)
instants = st.datetimes(datetime(1985, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def falls_on(subscription: Subscription, day: date) -> bool:
    """Whether a day is an update date, in the words of rule 4."""
    renewal = subscription.renews_on
    last = calendar.monthrange(day.year, day.month)[1]
    renews = day.day == min(renewal.day, last)
    if subscription.commitment is Commitment.MONTHLY:
        return renews
    return day.day == 1 or (renews and day.month == renewal.month)


def first_after(subscription: Subscription, now: datetime) -> datetime:
    """Return the first update date after an instant by looking at one day after the other."""
    zone = ZoneInfo(subscription.time_zone)
    day = now.astimezone(zone).date()
    while True:
        midnight = datetime.combine(day, time(), zone).astimezone(UTC)
        if falls_on(subscription, day) and midnight > now:
            return midnight
        day += timedelta(days=1)
