"""What comes after a period has been closed is an adjustment: never silent, never a change of the statement."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.domain.billing import FOREVER
from service.messages import StatusMessage
from service.store import ledger
from service.store.tables import adjustment, ledger_counter, ledger_hour, ledger_line, portal, statement
from service.store.tables import notice as notices
from tests.closing import MOMENT, apply, assert_verified, ids, issue, issued, late, raise_late, statement_of
from tests.facts import NOW, PORTAL, UPDATE_DATE
from tests.world import World

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
ENDS = [UPDATE_DATE, MAY, JUNE]
DAY = timedelta(days=1)


@pytest.fixture
def closed(world: World) -> World:
    """Three closed periods in which nobody counted."""
    issue(world, JUNE)
    assert [row.ends_at for row in issued(world)] == ENDS
    return world


def message(
    since: datetime, until: datetime | None = None, version: int = 1, contact: int = 7, stint: int = 1
) -> StatusMessage:
    return StatusMessage(
        PORTAL, contact, version, since, False, True, "raised", stint, since, until,  # noqa: FBT003
        "FORM_SUBMISSION", "form", "hubspot_form", "FORM_SUBMISSION", "form", "", 1,
    )  # fmt: skip


def changes(world: World) -> list[tuple[datetime, int]]:
    return [(ends_at, change) for ends_at, _, change in late(world)]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (NOW, None, [(end, 1) for end in ENDS]),
        (UPDATE_DATE, None, [(MAY, 1), (JUNE, 1)]),
        (UPDATE_DATE - MOMENT, UPDATE_DATE, [(UPDATE_DATE, 1)]),
        (NOW, NOW + DAY, []),
        (UPDATE_DATE, MAY - MOMENT, []),
        (JUNE, None, []),
        (NOW, MAY, [(UPDATE_DATE, 1), (MAY, 1)]),
    ],
)
def test_a_late_stint_counts_in_each_closed_period_whose_last_instant_it_covers(
    closed: World, since: datetime, until: datetime | None, expected: list[tuple[datetime, int]]
) -> None:
    apply(closed, [message(since, until)])
    assert changes(closed) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (None, MAY, [(JUNE, -1)]),
        (None, UPDATE_DATE - MOMENT, [(end, -1) for end in ENDS]),
        (None, JULY, []),
        (JULY, None, []),
        (MAY, None, [(JUNE, 1)]),
        (UPDATE_DATE, MAY, [(MAY, 1)]),
        (MAY, UPDATE_DATE, [(MAY, -1)]),
        (MAY, MAY, []),
    ],
)
def test_a_late_end_takes_out_of_closed_periods_or_puts_into_them(
    world: World, first: datetime | None, second: datetime | None, expected: list[tuple[datetime, int]]
) -> None:
    apply(world, [message(NOW, first)])
    issue(world, JUNE)
    before = issued(world)
    apply(world, [message(NOW, second, version=2)])
    assert changes(world) == expected
    assert issued(world) == before


def test_the_same_message_again_adjusts_nothing_again(closed: World) -> None:
    apply(closed, [message(NOW)])
    apply(closed, [message(NOW), message(NOW)])
    assert len(late(closed)) == 3


def test_a_message_in_time_costs_no_query_and_no_adjustment(closed: World) -> None:
    asked: list[str] = []
    sa.event.listen(closed.database.engine, "before_cursor_execute", lambda *found: asked.append(found[2]))
    ledger.apply(closed.database, [message(JUNE)], closed.now())
    assert [query for query in asked if "adjustment" in query or "FROM statement" in query] == []


def test_a_statement_shows_what_has_come_late_to_its_period(closed: World) -> None:
    raise_late(closed, MAY + DAY, "eve")
    found = statement_of(closed, JUNE)
    assert (found.row.contacts, found.late.number, found.late.sum) == (0, 1, 1)
    (line,) = found.late.lines
    assert (line.contact_id, line.reason_type, line.at) == (
        *ids(closed, "eve"),
        "FORM_SUBMISSION",
        closed.time,
    )
    assert_verified(closed)


def test_the_next_statement_carries_what_came_late_to_earlier_ones_and_no_later_one_does(
    closed: World,
) -> None:
    raise_late(closed, MAY + DAY, "eve")
    issue(closed, JULY)
    august = datetime(2026, 8, 1, tzinfo=UTC)
    issue(closed, august)
    assert (statement_of(closed, JULY).carried.sum, statement_of(closed, JULY).late.sum) == (1, 0)
    assert statement_of(closed, august).carried.number == 0
    assert statement_of(closed, JUNE).late.lines[0].carried_by == JULY
    assert_verified(closed)


def test_what_comes_after_that_is_carried_by_the_one_after(closed: World) -> None:
    issue(closed, JULY)
    raise_late(closed, MAY + DAY, "eve")
    assert statement_of(closed, JULY).carried.number == 0
    august = datetime(2026, 8, 1, tzinfo=UTC)
    issue(closed, august)
    assert statement_of(closed, august).carried.sum == 2
    assert_verified(closed)


def test_many_late_lines_are_summed_though_not_all_are_shown(closed: World) -> None:
    apply(closed, [message(MAY, contact=number) for number in range(1, 1_101)])
    found = statement_of(closed, JUNE)
    assert (found.late.number, found.late.sum, len(found.late.lines)) == (1_100, 1_100, 1_000)


INSTANTS = [
    NOW + DAY,
    UPDATE_DATE - MOMENT,
    UPDATE_DATE,
    MAY - DAY,
    MAY,
    MAY + DAY,
    JUNE - MOMENT,
    JUNE,
    JULY,
]


@st.composite
def lives(draw: st.DrawFn) -> list[StatusMessage]:
    """Messages about some contacts: each stint begins after the one before, and its end may change twice."""
    messages = []
    for contact in range(1, draw(st.integers(1, 4)) + 1):
        places = sorted(draw(st.sets(st.integers(0, len(INSTANTS) - 2), min_size=1, max_size=3)))
        version = 0
        for stint, place in enumerate(places, start=1):
            following = places[stint] if stint < len(places) else len(INSTANTS) - 1
            ends = draw(
                st.lists(st.sampled_from([None, *INSTANTS[place : following + 1]]), min_size=1, max_size=3)
            )
            if stint < len(places):
                ends.append(draw(st.sampled_from(INSTANTS[place : following + 1])))
            for end in ends:
                version += 1
                messages.append(message(INSTANTS[place], end, version, contact, stint))
    return messages


@settings(
    max_examples=15, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lives(), st.data())
def test_number_and_adjustments_sum_to_the_lines_in_whatever_order_messages_come(
    world: World, messages: list[StatusMessage], data: st.DataObject
) -> None:
    for table in (adjustment, statement, ledger_line, ledger_counter, ledger_hour, notices):
        world.write(sa.delete(table))
    world.write(sa.update(portal).values(closed_until=None, renewed_until=None))
    shuffled = data.draw(st.permutations(messages + messages[:2]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), min_size=3, max_size=3)))
    begun = 0
    for cut, end in zip(cuts, ENDS, strict=True):
        apply(world, shuffled[begun:cut])
        assert issue(world, end) == 1
        begun = cut
    apply(world, shuffled[begun:])
    lines = world.rows(ledger_line)
    for end in ENDS:
        found = statement_of(world, end)
        counting = [line.contact_id for line in lines if line.since < end <= (line.until or FOREVER)]
        assert found.row.contacts + found.late.sum == len(set(counting)), end
