from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given

from service.domain.billing import Commitment, Subscription, next_update_date
from tests.subscriptions import ZONES, first_after, instants, subscriptions


def monthly(day: int, zone: str = "UTC") -> Subscription:
    return Subscription(Commitment.MONTHLY, date(2026, 1, day), zone)


def annual(month: int, day: int, zone: str = "UTC") -> Subscription:
    return Subscription(Commitment.ANNUAL, date(2024, month, day), zone)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def update_dates(subscription: Subscription, since: datetime, number: int) -> list[str]:
    found = []
    for _ in range(number):
        since = next_update_date(subscription, since)
        found.append(since.date().isoformat())
    return found


def test_a_monthly_renewal_on_the_31st_falls_on_the_last_day_of_shorter_months() -> None:
    found = update_dates(monthly(31), utc(2026, 1, 1), 4)
    assert found == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]


def test_february_of_a_leap_year_has_one_day_more() -> None:
    assert update_dates(monthly(30), utc(2028, 2, 1), 2) == ["2028-02-29", "2028-03-30"]


def test_an_annual_subscription_updates_on_the_first_of_each_month_and_when_it_renews() -> None:
    found = update_dates(annual(6, 15), utc(2026, 5, 10), 4)
    assert found == ["2026-06-01", "2026-06-15", "2026-07-01", "2026-08-01"]


def test_an_annual_renewal_on_a_leap_day_falls_on_the_28th_in_other_years() -> None:
    assert update_dates(annual(2, 29), utc(2026, 2, 2), 1) == ["2026-02-28"]
    assert update_dates(annual(2, 29), utc(2028, 2, 2), 1) == ["2028-02-29"]


def test_an_annual_renewal_on_a_first_adds_no_day() -> None:
    assert update_dates(annual(3, 1), utc(2026, 2, 2), 2) == ["2026-03-01", "2026-04-01"]


def test_on_the_update_date_the_next_one_is_due() -> None:
    at = utc(2026, 3, 5)
    assert next_update_date(monthly(5), at - timedelta(microseconds=1)) == at
    assert next_update_date(monthly(5), at) == utc(2026, 4, 5)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Vienna", utc(2026, 3, 31, 22)),
        ("America/New_York", utc(2026, 4, 1, 4)),
        ("Asia/Kathmandu", utc(2026, 3, 31, 18, 15)),
        ("Pacific/Kiritimati", utc(2026, 3, 31, 10)),
    ],
)
def test_it_begins_at_midnight_where_the_portal_is(zone: str, expected: datetime) -> None:
    assert next_update_date(monthly(1, zone), utc(2026, 3, 10)) == expected


def test_the_portals_own_day_decides_and_not_that_of_utc() -> None:
    evening_before = utc(2026, 3, 31, 23)
    assert next_update_date(monthly(1, "Europe/Vienna"), evening_before) == utc(2026, 4, 30, 22)


def test_a_midnight_that_summer_time_skips_is_the_end_of_the_gap() -> None:
    assert next_update_date(monthly(8, "America/Havana"), utc(2026, 3, 1)) == utc(2026, 3, 8, 5)


def test_of_a_midnight_that_comes_twice_the_first_counts() -> None:
    assert next_update_date(monthly(1, "America/Havana"), utc(2026, 10, 15)) == utc(2026, 11, 1, 4)


@pytest.mark.parametrize("subscription", [monthly(31), monthly(1), annual(2, 29)])
@pytest.mark.parametrize("year", [1994, 2011, 2026])
def test_in_every_zone_each_update_date_of_a_winter_is_there(subscription: Subscription, year: int) -> None:
    for zone in ZONES:
        here = replace(subscription, time_zone=zone)
        at, end = utc(year, 10, 15), utc(year + 1, 4, 10)
        while at < end:
            expected = first_after(here, at)
            assert next_update_date(here, at) == expected, (zone, at)
            at = expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (utc(1900, 1, 1), utc(1900, 1, 31)),
        (utc(1900, 2, 1), utc(1900, 2, 28)),
        (utc(2000, 2, 1), utc(2000, 2, 29)),
        (utc(2100, 2, 1), utc(2100, 2, 28)),
        (utc(9998, 12, 30), utc(9998, 12, 31)),
    ],
)
def test_it_is_right_in_years_far_away(now: datetime, expected: datetime) -> None:
    assert next_update_date(monthly(31), now) == expected


def test_where_a_whole_day_was_skipped_the_day_after_it_is_the_update_date_of_both() -> None:
    before = utc(2011, 12, 20)
    assert next_update_date(monthly(30, "Pacific/Apia"), before) == utc(2011, 12, 30, 10)
    assert next_update_date(monthly(31, "Pacific/Apia"), before) == utc(2011, 12, 30, 10)


@given(subscriptions, instants)
@example(Subscription(Commitment.MONTHLY, date(2011, 1, 30), "Pacific/Apia"), utc(2011, 12, 29, 12))
@example(Subscription(Commitment.ANNUAL, date(2024, 2, 29), "Africa/Cairo"), utc(2027, 2, 28, 22))
def test_it_is_the_first_right_day_after_now_and_none_is_skipped(
    subscription: Subscription, now: datetime
) -> None:
    assert next_update_date(subscription, now) == first_after(subscription, now)


@given(subscriptions, instants)
def test_it_comes_after_now_and_within_a_month(subscription: Subscription, now: datetime) -> None:
    found = next_update_date(subscription, now)
    assert timedelta(0) < found - now <= timedelta(days=31, hours=26)
    assert found.utcoffset() == timedelta(0)


@given(subscriptions, instants)
def test_it_is_midnight_where_the_portal_is_unless_there_is_no_midnight(
    subscription: Subscription, now: datetime
) -> None:
    zone = ZoneInfo(subscription.time_zone)
    local = next_update_date(subscription, now).astimezone(zone)
    just_before = (local.astimezone(UTC) - timedelta(microseconds=1)).astimezone(zone)
    assert local.time() == time() or just_before.utcoffset() != local.utcoffset()
