from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.spikes import HOUR, LEAST, TIMES, WINDOW, Spike, find_spike, is_worth_a_look, week_before
from tests.facts import NOW

OLD_PORTAL = NOW - timedelta(days=365)
WEEK = WINDOW // HOUR


def test_five_times_the_usual_hour_is_a_spike() -> None:
    assert find_spike(NOW, 100, 20 * WEEK, OLD_PORTAL) == Spike(NOW, 100, 20)


def test_less_than_five_times_the_usual_hour_is_none() -> None:
    assert find_spike(NOW, 99, 20 * WEEK, OLD_PORTAL) is None


def test_few_are_no_spike_however_quiet_it_was() -> None:
    assert find_spike(NOW, LEAST - 1, 0, OLD_PORTAL) is None
    assert find_spike(NOW, LEAST, 0, OLD_PORTAL) == Spike(NOW, LEAST, 0)


def test_nothing_is_usual_in_the_first_day_of_a_portal() -> None:
    created_at = NOW - timedelta(hours=23)
    assert find_spike(NOW, 10_000, 0, created_at) is None
    assert not is_worth_a_look(NOW, 10_000, created_at, NOW)


def test_in_its_first_week_a_portal_is_compared_with_the_hours_it_has_had() -> None:
    created_at = NOW - timedelta(days=2, minutes=5)
    assert week_before(NOW, created_at) == NOW - timedelta(days=2, hours=1)
    assert find_spike(NOW, 100, 49 * 20, created_at) == Spike(NOW, 100, 20)
    assert find_spike(NOW, 100, 49 * 21, created_at) is None


def test_an_old_portal_is_compared_with_seven_days() -> None:
    assert week_before(NOW, OLD_PORTAL) == NOW - timedelta(days=7)


def test_what_comes_late_about_the_day_before_yesterday_warns_nobody() -> None:
    assert is_worth_a_look(NOW - timedelta(hours=23), LEAST, OLD_PORTAL, NOW)
    assert not is_worth_a_look(NOW - timedelta(hours=24), LEAST, OLD_PORTAL, NOW)


@given(st.integers(0, 5_000), st.integers(0, 200_000), st.integers(1, 400))
def test_a_spike_is_what_its_definition_says(raised: int, before: int, age: int) -> None:
    hours = min(age, WEEK)
    usual = before / hours
    found = find_spike(NOW, raised, before, NOW - age * HOUR)
    assert (found is not None) == (raised >= LEAST and raised >= TIMES * usual and age >= 24)


@pytest.mark.parametrize("raised", [0, LEAST - 1])
def test_hours_with_few_raises_ask_the_database_nothing(raised: int) -> None:
    assert not is_worth_a_look(NOW, raised, OLD_PORTAL, NOW)
