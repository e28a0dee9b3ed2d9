from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.billing import (
    TIER_STEPS,
    Commitment,
    Product,
    Subscription,
    next_renewal,
    next_update_date,
    previous_update_date,
    product_tier,
    renewed_tier,
)
from service.domain.periods import Period, ended_periods, period_from
from tests.subscriptions import instants, subscriptions

MOMENT = timedelta(microseconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


ANNUAL = Subscription(Commitment.ANNUAL, date(2025, 6, 15))
MONTHLY = Subscription(Commitment.MONTHLY, date(2026, 1, 31))


@given(subscriptions, instants)
def test_an_instant_is_between_the_update_date_before_and_the_one_after(
    subscription: Subscription, now: datetime
) -> None:
    before = previous_update_date(subscription, now)
    assert before <= now < next_update_date(subscription, now) == next_update_date(subscription, before)


@given(subscriptions, instants)
def test_an_update_date_is_its_own_and_a_moment_before_it_is_another(
    subscription: Subscription, now: datetime
) -> None:
    at = next_update_date(subscription, now)
    assert previous_update_date(subscription, at) == at
    assert previous_update_date(subscription, at - MOMENT) < at


@given(subscriptions, instants)
def test_a_renewal_is_an_update_date(subscription: Subscription, now: datetime) -> None:
    renewal = next_renewal(subscription, now)
    assert renewal > now
    assert next_update_date(subscription, renewal - MOMENT) == renewal


def test_monthly_subscriptions_renew_with_each_update_date_and_annual_ones_once_a_year() -> None:
    assert next_renewal(MONTHLY, utc(2026, 2, 10)) == utc(2026, 2, 28)
    assert next_renewal(ANNUAL, utc(2026, 6, 14)) == utc(2026, 6, 15)
    assert next_renewal(ANNUAL, utc(2026, 6, 15)) == utc(2027, 6, 15)


def test_a_leap_day_renews_on_28_february_in_other_years() -> None:
    leap = Subscription(Commitment.ANNUAL, date(2024, 2, 29))
    found = [utc(2024, 1, 1)]
    while len(found) < 6:
        found.append(next_renewal(leap, found[-1]))
    assert [f"{at:%Y-%m-%d}" for at in found[1:]] == [
        "2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29",
    ]  # fmt: skip


@given(subscriptions, instants, st.integers(0, 700))
def test_periods_follow_one_another_without_a_gap_until_now(
    subscription: Subscription, created_at: datetime, days: int
) -> None:
    now = created_at + timedelta(days=days)
    found = list(ended_periods(subscription, created_at, now))
    running = period_from(subscription, found[-1].ends_at if found else created_at)
    ends = [(earlier.ends_at, later.begins_at) for earlier, later in pairwise([*found, running])]
    assert all(end == begin for end, begin in ends)
    assert running.begins_at <= now < running.ends_at
    assert [*found, running][0].begins_at == created_at
    assert running.begins_at == max(created_at, previous_update_date(subscription, now))


@given(subscriptions, instants)
def test_as_many_periods_renew_as_there_are_renewals(subscription: Subscription, begins_at: datetime) -> None:
    until = begins_at + timedelta(days=800)
    renewals = [begins_at]
    while renewals[-1] <= until:
        renewals.append(next_renewal(subscription, renewals[-1]))
    found = [each.ends_at for each in ended_periods(subscription, begins_at, until) if each.renews]
    assert found == list(takewhile(lambda at: at <= until, renewals[1:]))


def test_an_annual_year_has_a_period_for_each_month_and_one_more_at_the_renewal() -> None:
    found = list(ended_periods(ANNUAL, utc(2026, 1, 1), utc(2027, 1, 1)))
    assert len(found) == 13
    assert [f"{each.ends_at:%m-%d}" for each in found if each.renews] == ["06-15"]


def test_the_first_period_begins_with_the_portal() -> None:
    created_at = utc(2026, 2, 10, 9, 30)
    assert period_from(MONTHLY, created_at) == Period(created_at, utc(2026, 2, 28), renews=True)


def test_the_running_period_can_be_told_to_end_later() -> None:
    found = period_from(MONTHLY, utc(2026, 1, 15), after=utc(2026, 2, 28))
    assert (found.begins_at, found.ends_at) == (utc(2026, 1, 15), utc(2026, 3, 31))


@pytest.mark.parametrize(
    ("tier", "product", "count", "after"),
    [
        (5_000, Product.STARTER, 0, 1_000),
        (5_000, Product.STARTER, 1_000, 1_000),
        (5_000, Product.STARTER, 1_001, 2_000),
        (5_000, Product.STARTER, 5_000, 5_000),
        (12_000, Product.PROFESSIONAL, 2_001, 7_000),
        (1_500, Product.STARTER, 1_400, 1_500),
        (4, Product.STARTER, 2, 1_000),
        (10_000, Product.NONE, 500, 0),
    ],
)
def test_at_a_renewal_the_tier_comes_down_to_the_smallest_that_holds_the_count(
    tier: int, product: Product, count: int, after: int
) -> None:
    assert renewed_tier(tier, product, count) == after


@pytest.mark.parametrize(
    ("tier", "product", "count", "after"),
    [
        (1_000, Product.PROFESSIONAL, 500, 2_000),
        (12_000, Product.STARTER, 500, 12_000),
        (0, Product.STARTER, 2_500, 3_000),
        (2_000, Product.NONE, 500, 2_000),
    ],
)
def test_a_change_of_the_product_moves_the_tier_up_and_never_down(
    tier: int, product: Product, count: int, after: int
) -> None:
    assert product_tier(tier, product, count) == after


@given(st.integers(0, 10**7), st.sampled_from(Product), st.integers(0, 10**7))
def test_a_renewed_tier_holds_the_count_is_no_larger_and_includes_what_the_product_does(
    extra: int, product: Product, count: int
) -> None:
    tier = product_tier(TIER_STEPS[product].included + extra, product, count)
    renewed = renewed_tier(tier, product, count)
    assert TIER_STEPS[product].included <= renewed <= tier
    assert product is Product.NONE or renewed >= count
