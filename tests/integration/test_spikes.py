import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from consumers.billing_count import BillingCount
from service import billing
from service.domain.spikes import LEAST
from service.messages import StatusMessage, dump
from service.store import ledger
from service.store.tables import ledger_hour, notice, portal, spike
from tests.facts import NOW, PORTAL
from tests.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def grown_up(world: World) -> World:
    """A portal that is a year old."""
    world.write(sa.update(portal).values(created_at=NOW - timedelta(days=365)))
    return world


def raised(contacts: Iterable[int], since: datetime = NOW, version: int = 1) -> list[StatusMessage]:
    return [
        StatusMessage(
            PORTAL, contact, version, since, False, True, "raised", 1, since, None,  # noqa: FBT003
            "FORM_SUBMISSION", "form", "hubspot_form", "FORM_SUBMISSION", "form", "", 1,
        )
        for contact in contacts
    ]  # fmt: skip


def apply(world: World, messages: Sequence[StatusMessage], now: datetime = NOW) -> ledger.Applied:
    return ledger.apply(world.database, messages, now)


def spikes(world: World) -> list[tuple[datetime, int, int]]:
    return [(row.hour, row.raised, row.usual) for row in world.rows(spike, spike.c.hour)]


def make_usual(world: World, raised_in_the_week: int) -> None:
    values = {"portal_id": PORTAL, "hour": NOW - timedelta(days=3), "raised": raised_in_the_week}
    world.write(sa.insert(ledger_hour).values(**values))


def test_far_more_than_usual_is_recorded_with_what_is_usual(grown_up: World) -> None:
    make_usual(grown_up, 168 * 10)
    assert apply(grown_up, raised(range(49))).spikes == ()
    applied = apply(grown_up, raised(range(49, 60)))
    assert [(portal_id, found.raised, found.usual) for portal_id, found in applied.spikes] == [
        (PORTAL, 60, 10)
    ]
    assert spikes(grown_up) == [(NOW, 60, 10)]


def test_an_hour_is_recorded_once_however_it_goes_on(grown_up: World) -> None:
    apply(grown_up, raised(range(LEAST)))
    assert apply(grown_up, raised(range(LEAST, 500))).spikes == ()
    assert apply(grown_up, raised(range(500))).spikes == ()
    assert spikes(grown_up) == [(NOW, LEAST, 0)]


def test_each_hour_is_one_of_its_own(grown_up: World) -> None:
    apply(grown_up, raised(range(LEAST)))
    apply(grown_up, raised(range(100, 100 + LEAST), NOW + HOUR), NOW + HOUR)
    assert [hour for hour, _, _ in spikes(grown_up)] == [NOW, NOW + HOUR]


def test_hours_are_those_in_which_the_stints_began(grown_up: World) -> None:
    half = timedelta(minutes=30)
    messages = [*raised(range(30), NOW - half), *raised(range(30, 60), NOW + half)]
    assert apply(grown_up, messages, NOW + HOUR).spikes == ()
    assert [(row.hour, row.raised) for row in grown_up.rows(ledger_hour, ledger_hour.c.hour)] == [
        (NOW - HOUR, 30),
        (NOW, 30),
    ]


def test_what_is_usual_is_no_spike(grown_up: World) -> None:
    make_usual(grown_up, 168 * 20)
    assert apply(grown_up, raised(range(99))).spikes == ()


def test_messages_that_come_again_or_changed_are_no_raises(grown_up: World) -> None:
    apply(grown_up, raised(range(LEAST - 1)))
    again = [*raised(range(LEAST - 1)), *raised(range(LEAST - 1), version=2)]
    assert apply(grown_up, again).spikes == ()
    assert spikes(grown_up) == []


def test_what_comes_late_about_an_old_hour_warns_nobody(grown_up: World) -> None:
    assert apply(grown_up, raised(range(500)), NOW + timedelta(days=1)).spikes == ()
    assert apply(grown_up, raised(range(500, 1_000)), NOW + timedelta(hours=23)).spikes != ()


def test_in_a_new_portal_nothing_is_a_spike(world: World) -> None:
    assert apply(world, raised(range(500))).spikes == ()


@pytest.mark.parametrize("consumers", [2, 4])
def test_of_several_consumers_one_records_it(grown_up: World, consumers: int) -> None:
    start = threading.Barrier(consumers)

    def consume(first: int) -> int:
        start.wait(20)
        batches = [range(each, each + 20) for each in range(first, first + 100, 20)]
        return sum(len(apply(grown_up, raised(batch)).spikes) for batch in batches)

    with ThreadPoolExecutor(consumers) as threads:
        assert sum(threads.map(consume, range(0, 100 * consumers, 100))) == 1
    assert len(spikes(grown_up)) == 1


def test_it_is_logged_as_a_warning_and_without_anything_personal(grown_up: World) -> None:
    handler = BillingCount(grown_up.database, grown_up.now)
    with capture_logs() as logs:
        handler.handle([dump(message) for message in raised(range(LEAST))])
    assert logs == [
        {
            "event": "spike_recorded",
            "log_level": "warning",
            "portal_id": PORTAL,
            "hour": NOW.isoformat(),
            "raised": LEAST,
            "usual": 0,
        }
    ]


def test_notices_and_spikes_can_be_read_the_newest_first(grown_up: World) -> None:
    apply(grown_up, raised(range(760)))
    apply(grown_up, raised(range(1_000, 1_200), NOW + HOUR), NOW + HOUR)
    found = billing.noticed(grown_up.database, PORTAL)
    assert [each.percentage for each in found.notices] == [90, 75]
    assert [each.hour for each in found.spikes] == [NOW + HOUR, NOW]
    assert len(grown_up.rows(notice)) == 2


def test_what_was_noticed_lately_is_of_this_period(grown_up: World) -> None:
    apply(grown_up, raised(range(760)))
    later = NOW + timedelta(days=30)
    assert len(billing.noticed_lately(grown_up.database, PORTAL, NOW).spikes) == 1
    assert billing.noticed_lately(grown_up.database, PORTAL, later) == billing.Noticed([], [])
