import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service.domain.billing import NOTICE_PERCENTAGES, Product
from service.messages import StatusMessage
from service.store import ledger, portals
from service.store.tables import ledger_counter, ledger_line, notice, portal, tier_change
from tests.facts import NOW, UPDATE_DATE, make_portal
from tests.world import World

SMALL = 2
"""A portal whose tier is 4 contacts."""
TIER = 4
STEPPED = TIER + 1_000


@pytest.fixture
def small(world: World) -> World:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(SMALL, tier=TIER))
    return world


def raised(*contacts: int, version: int = 1, until: datetime | None = None) -> list[StatusMessage]:
    return [
        StatusMessage(
            SMALL, contact, version, NOW, False, True, "raised", 1, NOW, until,  # noqa: FBT003
            "FORM_SUBMISSION", "form", "hubspot_form", "FORM_SUBMISSION", "form", "", 1,
        )
        for contact in contacts
    ]  # fmt: skip


def notices(world: World) -> list[tuple[Any, ...]]:
    order = (notice.c.update_date, notice.c.tier, notice.c.percentage)
    return [(row.tier, row.percentage, row.count) for row in world.rows(notice, *order)]


def tier(world: World) -> Any:
    return next(row.tier for row in world.rows(portal) if row.id == SMALL)


def apply(world: World, messages: Sequence[StatusMessage], now: datetime = NOW) -> ledger.Applied:
    return ledger.apply(world.database, messages, now)


def test_each_notice_is_recorded_when_its_share_is_reached(small: World) -> None:
    found = [apply(small, raised(contact)).notices for contact in (1, 2, 3, 4)]
    assert found == [(), (), ((SMALL, 75),), ((SMALL, 90), (SMALL, 98), (SMALL, 100))]
    assert notices(small) == [(TIER, 75, 3), (TIER, 90, 4), (TIER, 98, 4), (TIER, 100, 4)]


def test_a_full_tier_is_no_reason_to_step(small: World) -> None:
    assert apply(small, raised(1, 2, 3, 4)).tiers == ()
    assert tier(small) == TIER


def test_one_over_steps_the_tier_at_once(small: World) -> None:
    apply(small, raised(1, 2, 3, 4))
    assert apply(small, raised(5)).tiers == ((SMALL, TIER, STEPPED),)
    assert tier(small) == STEPPED
    (change,) = small.rows(tier_change)
    assert tuple(change)[2:] == (NOW, TIER, STEPPED, 5, "count")


def test_one_batch_that_goes_past_all_limits_records_every_notice_and_the_step(small: World) -> None:
    applied = apply(small, raised(*range(1, 10)))
    assert [percentage for _, percentage in applied.notices] == list(NOTICE_PERCENTAGES)
    assert applied.tiers == ((SMALL, TIER, STEPPED),)


def test_the_same_messages_again_record_nothing_again(small: World) -> None:
    apply(small, raised(*range(1, 10)))
    again = apply(small, raised(*range(1, 10)))
    assert (again.tiers, again.notices) == ((), ())
    assert small.number_of(tier_change) == 1


def test_a_tier_never_comes_down_by_itself(small: World) -> None:
    apply(small, raised(1, 2, 3, 4, 5))
    apply(small, raised(1, 2, 3, 4, 5, version=2, until=UPDATE_DATE))
    apply(small, raised(6), UPDATE_DATE + timedelta(days=1))
    assert tier(small) == STEPPED


def test_a_second_crossing_in_the_same_period_is_no_second_notice(small: World) -> None:
    apply(small, raised(1, 2, 3))
    apply(small, raised(3, version=2, until=NOW + timedelta(hours=1)))
    later = NOW + timedelta(hours=2)
    assert apply(small, raised(7), later).notices == ()
    assert notices(small) == [(TIER, 75, 3)]


def test_a_new_period_has_notices_of_its_own(small: World) -> None:
    apply(small, raised(1, 2))
    apply(small, raised(3))
    apply(small, raised(2, version=2, until=UPDATE_DATE))
    assert apply(small, raised(8), UPDATE_DATE).notices == ((SMALL, 75),)
    assert [row.update_date.month for row in small.rows(notice, notice.c.update_date)] == [4, 5]


def test_without_a_product_nothing_steps_and_nobody_is_told(small: World) -> None:
    small.write(sa.update(portal).where(portal.c.id == SMALL).values(product=Product.NONE.value, tier=0))
    applied = apply(small, raised(1, 2))
    assert (applied.newer, applied.tiers, applied.notices) == (2, (), ())
    assert tier(small) == 0


def test_a_lowering_is_no_crossing(small: World) -> None:
    apply(small, raised(1, 2, 3, 4))
    assert apply(small, raised(4, version=2, until=UPDATE_DATE)).notices == ()


@pytest.mark.parametrize("consumers", [2, 4])
def test_consumers_that_cross_the_limits_at_once_step_and_tell_once(small: World, consumers: int) -> None:
    start = threading.Barrier(consumers)

    def consume(first: int) -> list[ledger.Applied]:
        start.wait(20)
        return [apply(small, raised(*range(each, each + 2))) for each in range(first, first + 10, 2)]

    with ThreadPoolExecutor(consumers) as threads:
        done = [
            each for found in threads.map(consume, range(100, 100 + 50 * consumers, 50)) for each in found
        ]
    assert sum(len(applied.tiers) for applied in done) == small.number_of(tier_change) == 1
    assert sorted(p for applied in done for _, p in applied.notices) == list(NOTICE_PERCENTAGES)
    assert [row.contacts for row in small.rows(ledger_counter)] == [10 * consumers]


def test_consumers_that_have_the_same_messages_count_each_contact_once(small: World) -> None:
    start = threading.Barrier(3)

    def consume(_: int) -> int:
        start.wait(20)
        return sum(apply(small, raised(*range(each, each + 5))).newer for each in range(0, 50, 5))

    with ThreadPoolExecutor(3) as threads:
        assert sum(threads.map(consume, range(3))) == 50
    assert [row.contacts for row in small.rows(ledger_counter)] == [50]
    assert small.number_of(ledger_line) == 50


def renew_on(world: World, day: int, time_zone: str = "UTC") -> None:
    values = {"renews_on": date(2026, 1, day), "time_zone": time_zone}
    world.write(sa.update(portal).where(portal.c.id == SMALL).values(**values))


@pytest.mark.parametrize(("day", "time_zone"), [(15, "UTC"), (28, "UTC"), (1, "Europe/Berlin")])
def test_a_change_of_the_update_date_makes_no_second_notice(small: World, day: int, time_zone: str) -> None:
    apply(small, raised(1, 2, 3))
    renew_on(small, day, time_zone)
    assert apply(small, raised(7, version=1, until=NOW + timedelta(hours=1))).notices == (
        (SMALL, 90), (SMALL, 98), (SMALL, 100),
    )  # fmt: skip
    assert sorted((percentage, count) for _, percentage, count in notices(small)) == [
        (75, 3),
        (90, 4),
        (98, 4),
        (100, 4),
    ]


def test_after_a_change_of_the_update_date_a_new_period_has_notices_of_its_own(small: World) -> None:
    apply(small, raised(1, 2, 3))
    renew_on(small, 15)
    later = datetime(2026, 3, 15, 1, tzinfo=UTC)
    assert apply(small, raised(3, version=2), later).notices == ((SMALL, 75),)
    renew_on(small, 1)
    assert apply(small, raised(3, version=3), later + timedelta(days=1)).notices == ()


def test_a_step_tells_of_the_tier_it_leaves_and_of_the_one_it_comes_to(small: World) -> None:
    applied = apply(small, raised(*range(1, STEPPED - 90)))
    assert applied.tiers == ((SMALL, TIER, STEPPED),)
    assert [(tier, percentage) for tier, percentage, _ in notices(small)] == [
        *((TIER, percentage) for percentage in NOTICE_PERCENTAGES), (STEPPED, 75), (STEPPED, 90),
    ]  # fmt: skip


def test_a_tier_that_comes_down_and_is_reached_again_in_one_period_is_no_second_notice(small: World) -> None:
    apply(small, raised(*range(1, 6)))
    small.write(sa.update(portal).where(portal.c.id == SMALL).values(tier=TIER))
    assert apply(small, raised(*range(1, 6), version=2, until=UPDATE_DATE)).notices == ()


def test_the_same_messages_at_several_consumers_tell_once(small: World) -> None:
    start = threading.Barrier(4)

    def consume(_: int) -> list[ledger.Applied]:
        start.wait(20)
        return [apply(small, raised(*range(each, each + 5))) for each in (*range(1, 30, 5), 1, 6)]

    with ThreadPoolExecutor(4) as threads:
        done = [each for found in threads.map(consume, range(4)) for each in found]
    assert sorted(percentage for applied in done for _, percentage in applied.notices) == list(
        NOTICE_PERCENTAGES
    )
    assert sum(len(applied.tiers) for applied in done) == 1
