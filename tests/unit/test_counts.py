from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.billing import (
    FOREVER,
    NOTICE_PERCENTAGES,
    TIER_STEPS,
    Count,
    Product,
    reached_notices,
    step_tier,
)
from tests.facts import NOW, UPDATE_DATE

COUNT = Count.of([(FOREVER, 5), (UPDATE_DATE, 2), (NOW - timedelta(days=9), 4)])


def test_a_contact_counts_until_its_stint_ends() -> None:
    assert COUNT.at(NOW) == 7
    assert COUNT.at(UPDATE_DATE - timedelta(microseconds=1)) == 7
    assert COUNT.at(UPDATE_DATE) == 5


def test_who_leaves_counts_now_and_no_more_on_the_update_date() -> None:
    assert COUNT.leaving(NOW, UPDATE_DATE) == 2


def test_a_portal_that_was_never_billed_counts_nobody() -> None:
    assert Count.of([]).at(NOW) == 0


ends = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@given(st.dictionaries(ends, st.integers(0, 50)), ends, ends)
def test_the_sums_are_those_of_the_single_stints(
    numbers: dict[datetime, int], one: datetime, other: datetime
) -> None:
    now, by = sorted((one, other))
    stints = [end for end, number in numbers.items() for _ in range(number)]
    count = Count.of(numbers.items())
    assert count.at(now) == sum(end > now for end in stints)
    assert count.leaving(now, by) == sum(now < end <= by for end in stints)


@pytest.mark.parametrize(
    ("tier", "product", "count", "stepped"),
    [
        (1_000, Product.STARTER, 1_000, 1_000),
        (1_000, Product.STARTER, 1_001, 2_000),
        (1_000, Product.STARTER, 3_001, 4_000),
        (2_000, Product.PROFESSIONAL, 2_001, 7_000),
        (10_000, Product.ENTERPRISE, 30_000, 30_000),
        (4_000, Product.STARTER, 12, 4_000),
        (0, Product.NONE, 12, 0),
    ],
)
def test_one_contact_over_moves_the_tier_up_and_nothing_moves_it_down(
    tier: int, product: Product, count: int, stepped: int
) -> None:
    assert step_tier(tier, product, count) == stepped


@given(st.integers(0, 10**6), st.sampled_from(Product), st.integers(0, 10**7))
def test_a_stepped_tier_is_the_lowest_that_holds_the_count(tier: int, product: Product, count: int) -> None:
    step = TIER_STEPS[product].step
    stepped = step_tier(tier, product, count)
    if step == 0 or count <= tier:
        assert stepped == tier
    else:
        assert stepped - step < count <= stepped
        assert (stepped - tier) % step == 0


@pytest.mark.parametrize(
    ("tier", "count", "reached"),
    [
        (1_000, 749, ()),
        (1_000, 750, (75,)),
        (1_000, 899, (75,)),
        (1_000, 900, (75, 90)),
        (1_000, 980, (75, 90, 98)),
        (1_000, 1_000, NOTICE_PERCENTAGES),
        (1_000, 4_000, NOTICE_PERCENTAGES),
        (3, 2, ()),
        (3, 3, NOTICE_PERCENTAGES),
        (0, 10, ()),
    ],
)
def test_notices_are_due_on_the_way_to_the_tiers_limit(
    tier: int, count: int, reached: tuple[int, ...]
) -> None:
    assert reached_notices(tier, count) == reached
