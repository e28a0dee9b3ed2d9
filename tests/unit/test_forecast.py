from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.domain.billing import FOREVER, Commitment, Count, Product, Subscription, next_update_date
from service.domain.forecast import (
    DAY,
    HORIZON,
    RAISED_DAYS,
    Forecast,
    Pace,
    expected,
    forecast,
    pace_of,
    windows,
)
from tests.facts import NOW, UPDATE_DATE, make_portal

MONTHLY = make_portal().subscription
TO_UPDATE = (UPDATE_DATE - NOW) / DAY


def found(count: Count, pace: Pace, tier: int = 1_000, product: Product = Product.STARTER) -> Forecast:
    return forecast(count, tier, product, MONTHLY, pace, NOW)


def standing(number: int, leaving: int = 0) -> Count:
    return Count.of([(FOREVER, number), (UPDATE_DATE, leaving)])


def test_what_is_known_is_told_as_it_is() -> None:
    told = found(standing(500, leaving=40), Pace(1.0, 1.0))
    assert (told.count, told.leaving, told.after_update, told.update_date) == (540, 40, 500, UPDATE_DATE)


def test_until_the_update_date_only_raises_matter() -> None:
    told = found(standing(500, leaving=40), Pace(10.0, 4.0))
    assert told.expected_before_update == pytest.approx(540 + 10 * TO_UPDATE)
    assert told.expected_after_update == pytest.approx(500 + 6 * TO_UPDATE)


def test_the_limit_is_reached_before_the_update_date_when_raises_alone_reach_it() -> None:
    told = found(standing(100, leaving=800), Pace(10.0, 100.0))
    assert told.days_to_limit == pytest.approx(10.0)
    assert told.steps_before_update


def test_who_leaves_puts_the_limit_off() -> None:
    without, with_ = (found(standing(900 - leaving, leaving), Pace(4.0, 0.0)) for leaving in (0, 100))
    assert without.days_to_limit == pytest.approx(25.0)
    assert with_.days_to_limit == pytest.approx(50.0)
    assert not without.steps_before_update


def test_a_limit_that_never_comes_is_none() -> None:
    assert found(standing(500), Pace(0.0, 0.0)).limit_reached_at is None
    assert found(standing(500), Pace(5.0, 5.0)).days_to_limit is None
    assert found(standing(500), Pace(5.0, 9.0)).steps_before_update is False


def test_a_full_tier_is_reached_now_and_steps_with_the_next_raise() -> None:
    full = found(standing(1_000), Pace(1.0, 0.0))
    assert (full.days_to_limit, full.steps_before_update) == (0, True)
    assert found(standing(1_000), Pace(0.0, 0.0)).steps_before_update is False


def test_without_a_product_there_is_no_limit() -> None:
    assert found(standing(5), Pace(1.0, 0.0), tier=0, product=Product.NONE).limit_reached_at is None


def test_nobody_is_expected_to_be_fewer_than_none() -> None:
    assert found(standing(1), Pace(0.0, 50.0)).expected_after_update == 0.0


def test_the_windows_begin_with_an_update_date_and_four_weeks_ago() -> None:
    seen = windows(MONTHLY, NOW - timedelta(days=400), NOW)
    assert seen.raised_since == NOW - timedelta(days=RAISED_DAYS)
    assert seen.leaving_since == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_young_portal_is_looked_at_from_its_beginning() -> None:
    seen = windows(MONTHLY, NOW - timedelta(days=3), NOW)
    assert seen.raised_since == seen.leaving_since == NOW - timedelta(days=3)
    assert pace_of(seen, 30, 6, NOW) == Pace(10.0, 2.0)


def test_less_than_a_day_is_reckoned_as_one() -> None:
    seen = windows(MONTHLY, NOW, NOW)
    assert pace_of(seen, 30, 0, NOW) == Pace(30.0, 0.0)


days = st.dates(date(2024, 1, 1), date(2027, 12, 31))
subscriptions = st.builds(
    Subscription,
    st.sampled_from(Commitment),
    days,
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
)
counts = st.lists(
    st.tuples(st.integers(1, 400).map(lambda day: NOW + timedelta(days=day)), st.integers(0, 300)), max_size=4
).map(lambda ends: Count.of([(FOREVER, 200), *ends]))
paces = st.builds(Pace, st.floats(0, 60), st.floats(0, 60))


def walked(count: Count, pace: Pace, subscription: Subscription, until: datetime) -> float:
    """Walk from now to an instant, period by period: those who ask in one leave when it ends."""
    level, at = 0.0, NOW
    while (update_date := next_update_date(subscription, at)) <= until:
        level += (pace.raised_per_day - pace.leaving_per_day) * ((update_date - at) / DAY)
        at = update_date
    level += pace.raised_per_day * ((until - at) / DAY)
    return level + sum(number for end, number in count.by_end if end > until)


@given(counts, paces, subscriptions, st.integers(0, 1_000 * 24))
def test_what_is_expected_is_what_a_walk_through_the_periods_comes_to(
    count: Count, pace: Pace, subscription: Subscription, hours: int
) -> None:
    instant = NOW + timedelta(hours=hours)
    walk = walked(count, pace, subscription, instant)
    assert expected(count, pace, subscription, NOW, instant) == pytest.approx(walk, abs=1e-6)


@given(counts, paces, subscriptions, st.integers(100, 5_000), st.floats(0, 1))
def test_before_the_limit_the_count_is_below_it_and_then_on_it(
    count: Count, pace: Pace, subscription: Subscription, tier: int, share: float
) -> None:
    told = forecast(count, tier, Product.STARTER, subscription, pace, NOW)
    reached = told.limit_reached_at
    last = NOW + min(HORIZON, timedelta(days=900)) if reached is None else reached
    before = NOW + (last - NOW) * share
    if reached is None or before < reached:
        assert expected(count, pace, subscription, NOW, before) < tier + 1e-3
    if reached is not None and reached > NOW:
        assert expected(count, pace, subscription, NOW, reached) <= tier + 1e-3
        assert expected(count, pace, subscription, NOW, reached) == pytest.approx(tier, abs=1e-2)


@given(counts, paces, subscriptions, st.integers(1_000, 9_000))
def test_a_step_before_the_update_date_is_a_limit_reached_before_it(
    count: Count, pace: Pace, subscription: Subscription, tier: int
) -> None:
    told = forecast(count, tier, Product.STARTER, subscription, pace, NOW)
    assume(told.count < tier)
    assume(abs(told.expected_before_update - tier) > 1e-3)
    ends_within = any(NOW < end < told.update_date for end, _ in count.by_end)
    if not ends_within:
        assert told.steps_before_update == (told.expected_before_update > tier)
