"""The statement of each closed period: when it is issued, what it says, and that it stays as it is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event

import pytest
import sqlalchemy as sa

from service import statements
from service.domain.model import Intent
from service.errors import NotFound
from service.statements import GRACE, StatementMaker, cut
from service.store import adjustments, portals
from service.store import statements as store
from service.store.tables import ledger_line, portal, statement
from service.sweep import sweep
from tests.closing import (
    MOMENT,
    apply,
    assert_verified,
    digest_of,
    ids,
    issue,
    issued,
    late,
    raise_contacts,
    raise_late,
    statement_of,
)
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE, make_portal
from tests.world import World

HOUR = timedelta(hours=1)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def counted(world: World) -> World:
    """Three contacts by a form, one of whom leaves, and one by hand."""
    raise_contacts(world, "ada", "bob", "cyd")
    world.record(*[])
    raise_contacts(world, "dan")
    world.set_status("bob@example.com", Intent.LOWER)
    world.count_up()
    return world


def test_a_running_period_has_no_statement(counted: World) -> None:
    counted.time = UPDATE_DATE - MOMENT
    assert issue(counted) == 0
    assert counted.number_of(statement) == 0


def test_none_is_issued_before_the_grace_has_passed(counted: World) -> None:
    counted.time = UPDATE_DATE + GRACE - MOMENT
    assert issue(counted) == 0
    counted.time += MOMENT
    assert issue(counted) == 1


def test_it_says_who_counted_at_the_last_instant_of_the_period(counted: World) -> None:
    issue(counted, UPDATE_DATE)
    (row,) = issued(counted)
    assert (row.begins_at, row.ends_at, row.contacts, row.tier) == (NOW, UPDATE_DATE, 4, 1_000)
    assert row.digest == digest_of(ids(counted, "ada", "bob", "cyd", "dan"))
    assert row.issued_at == counted.time


def test_who_left_on_the_update_date_is_in_the_statement_before_and_not_in_the_one_after(
    counted: World,
) -> None:
    issue(counted, UPDATE_DATE)
    assert issue(counted, MAY) == 1
    assert [row.contacts for row in issued(counted)] == [4, 3]
    assert issued(counted)[1].begins_at == UPDATE_DATE


def test_who_began_to_count_with_the_update_date_belongs_to_the_next_period(counted: World) -> None:
    counted.time = UPDATE_DATE
    raise_contacts(counted, "eve")
    counted.count_up()
    issue(counted, UPDATE_DATE)
    issue(counted, MAY)
    assert [row.contacts for row in issued(counted)] == [4, 4]
    assert late(counted) == []


def test_its_split_sums_to_its_number(world: World) -> None:
    raise_contacts(world, "ada", "bob")
    raise_contacts(world, "cyd")
    world.count_up()
    here = ledger_line.c.contact_id.in_(ids(world, "cyd"))
    world.write(sa.update(ledger_line).where(here).values(reason_type="CONTACT_IMPORT", reason_id="7"))
    issue(world, UPDATE_DATE)
    (row,) = issued(world)
    assert row.split == {
        "by_type": {"CONTACT_IMPORT": 1, "FORM_SUBMISSION": 2},
        "by_reason": [
            {"reason_type": "CONTACT_IMPORT", "reason_id": "7", "contacts": 1},
            {"reason_type": "FORM_SUBMISSION", "reason_id": FORM, "contacts": 2},
        ],
    }


def test_a_portal_where_nothing_happened_gets_one_that_says_so(world: World) -> None:
    issue(world, UPDATE_DATE)
    (row,) = issued(world)
    assert (row.contacts, row.digest) == (0, digest_of([]))
    assert row.split == {"by_type": {}, "by_reason": []}


def test_a_second_look_issues_nothing_again(counted: World) -> None:
    issue(counted, UPDATE_DATE)
    before = issued(counted)
    assert [issue(counted), issue(counted)] == [0, 0]
    assert issued(counted) == before


def test_a_clock_that_was_away_for_months_issues_each_period_in_order(counted: World) -> None:
    assert issue(counted, JUNE) == 3
    found = issued(counted)
    assert [row.ends_at for row in found] == [UPDATE_DATE, MAY, JUNE]
    assert [row.begins_at for row in found] == [NOW, UPDATE_DATE, MAY]
    assert [row.contacts for row in found] == [4, 3, 3]


def test_each_portal_has_its_own(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2, time_zone="Pacific/Kiritimati"))
    raise_contacts(world, "ada")
    world.count_up()
    kiritimati = datetime(2026, 3, 31, 10, tzinfo=UTC)
    assert issue(world, kiritimati) == 1
    assert issue(world, UPDATE_DATE) == 1
    assert [(row.ends_at, row.contacts) for row in issued(world, 2)] == [(kiritimati, 0)]
    assert [row.contacts for row in issued(world)] == [1]


# Only when the ledger is complete


def test_what_the_ledger_lacks_holds_it_back_and_the_sweep_lets_it_go(counted: World) -> None:
    raise_contacts(counted, "eve")
    counted.take_messages()  # and nobody counts them
    assert issue(counted, UPDATE_DATE) == 0
    assert counted.number_of(statement) == 0
    assert sweep(counted.database, counted.now()) == 1
    assert issue(counted) == 0
    counted.count_up()
    assert issue(counted) == 1
    assert issued(counted)[0].contacts == 5


def test_an_older_version_in_the_ledger_holds_it_back_too(counted: World) -> None:
    counted.set_status("ada@example.com", Intent.LOWER)
    assert issue(counted, UPDATE_DATE) == 0
    counted.count_up()
    assert issue(counted) == 1


def test_a_stint_before_the_latest_one_holds_it_back_too(counted: World) -> None:
    issue(counted, UPDATE_DATE)
    raise_contacts(counted, "bob")  # a second stint
    counted.count_up()
    counted.write(sa.delete(ledger_line).where(ledger_line.c.stint == 1))
    assert issue(counted, MAY) == 0


def test_what_happened_after_the_period_does_not_hold_it_back(counted: World) -> None:
    counted.time = UPDATE_DATE + timedelta(seconds=1)
    raise_contacts(counted, "eve")
    counted.set_status("ada@example.com", Intent.LOWER)
    assert issue(counted, UPDATE_DATE) == 1
    assert issued(counted)[0].contacts == 4


def test_one_portal_that_waits_holds_no_other_back(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    raise_contacts(world, "ada")
    maker = StatementMaker(world.database, world.now)
    world.time = UPDATE_DATE + GRACE
    assert maker.step() == 1
    assert maker.waiting == 1
    assert [row.portal_id for row in world.rows(statement)] == [2]
    world.count_up()
    assert (maker.step(), maker.waiting) == (1, 0)


def test_a_maker_that_is_to_stop_leaves_the_other_portals_for_later(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    world.time = UPDATE_DATE + GRACE
    stop = Event()

    def now() -> datetime:
        if world.number_of(statement):
            stop.set()
        return world.now()

    assert StatementMaker(world.database, now).step(stop) == 1
    assert [row.portal_id for row in world.rows(statement)] == [PORTAL]


# Exact, whatever happens while it is made


def begin(world: World) -> tuple[store.Cut, store.Drawn]:
    """Cut the oldest due period and stop there, as a process that is killed does."""
    with world.database.reading() as connection:
        due = store.due(connection, world.now())[0]
    made = cut(world.database, due, world.now())
    assert made is not None
    return made


def test_what_comes_while_it_is_drawn_is_an_adjustment(counted: World) -> None:
    counted.time = UPDATE_DATE + GRACE
    with counted.database.reading() as connection:
        (due,) = store.due(connection, counted.now())
    begun, drawn = begin(counted)
    counted.time = UPDATE_DATE - HOUR
    raise_contacts(counted, "eve")
    counted.count_up()
    with counted.database.writing() as connection:
        assert store.issue(connection, begun, drawn, counted.now())
    assert statement_of(counted, UPDATE_DATE).row.contacts == 4
    assert late(counted) == [(UPDATE_DATE, *ids(counted, "eve"), 1)]
    assert due.is_closed is False
    assert_verified(counted)


def test_one_that_was_stopped_in_the_middle_is_made_anew_with_what_has_come_since(counted: World) -> None:
    counted.time = UPDATE_DATE + GRACE
    begin(counted)
    counted.time = UPDATE_DATE - HOUR
    raise_contacts(counted, "eve")
    counted.count_up()
    assert len(late(counted)) == 1
    assert issued(counted) == []
    assert issue(counted, UPDATE_DATE) == 1
    assert statement_of(counted, UPDATE_DATE).row.contacts == 5
    assert late(counted) == []
    assert_verified(counted)


def test_of_two_that_make_it_at_once_the_later_cut_counts(counted: World) -> None:
    counted.time = UPDATE_DATE + GRACE
    first, drawn = begin(counted)
    raise_late(counted, UPDATE_DATE - HOUR, "eve")
    second, drawn_later = begin(counted)
    with counted.database.writing() as connection:
        assert not store.issue(connection, first, drawn, counted.now())
        assert store.issue(connection, second, drawn_later, counted.now())
        assert not store.issue(connection, second, drawn_later, counted.now())
    assert statement_of(counted, UPDATE_DATE).row.contacts == 5
    assert_verified(counted)


def test_makers_that_look_at_once_issue_each_statement_once(counted: World) -> None:
    counted.time = JUNE + GRACE
    start = Barrier(3)

    def make(_: int) -> int:
        start.wait(20)
        maker = StatementMaker(counted.database, counted.now)
        return sum(maker.step() for _ in range(4))

    with ThreadPoolExecutor(3) as threads:
        numbers = list(threads.map(make, range(3)))
    assert sum(numbers) == 3
    assert [row.contacts for row in issued(counted)] == [4, 3, 3]
    assert_verified(counted)


def test_consumers_and_makers_at_once_leave_number_and_adjustments_that_sum_to_the_lines(
    world: World,
) -> None:
    names = [f"contact-{number}" for number in range(60)]
    world.time = UPDATE_DATE - HOUR
    raise_contacts(world, *names[:20])
    world.count_up()
    raise_contacts(world, *names[20:])
    messages = world.take_messages()
    world.write(sa.delete(statement))
    world.time = UPDATE_DATE + GRACE
    start = Barrier(2)

    def consume() -> None:
        start.wait(20)
        for message in messages:
            apply(world, [message])

    def make() -> None:
        start.wait(20)
        for _ in range(3):
            begun, drawn = begin(world)
            if begun.number == 3:
                with world.database.writing() as connection:
                    store.issue(connection, begun, drawn, world.now())

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(consume), threads.submit(make)]:
            done.result(60)
    found = statement_of(world, UPDATE_DATE)
    assert found.row.contacts + found.late.sum == 60
    assert_verified(world)


def test_the_digest_can_be_derived_again_by_anyone_from_the_contacts(counted: World) -> None:
    issue(counted, UPDATE_DATE)
    raise_late(counted, UPDATE_DATE - HOUR, "eve")
    text = "".join(statements.all_contacts(counted.database, PORTAL, "2026-04-01"))
    assert text.split() == [str(each) for each in ids(counted, "ada", "bob", "cyd", "dan")]
    assert digest_of([int(each) for each in text.split()]) == issued(counted)[0].digest


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_its_contacts_come_in_pages(counted: World, limit: int) -> None:
    issue(counted, UPDATE_DATE)
    raise_late(counted, UPDATE_DATE - HOUR, "eve")
    found: list[int] = []
    after: int | None = 0
    while after is not None:
        page, after = statements.contacts(counted.database, PORTAL, "2026-04-01", after, limit)
        found += page
    assert found == ids(counted, "ada", "bob", "cyd", "dan")


def test_a_period_can_be_named_by_the_day_where_the_portal_is(empty_world: World) -> None:
    with empty_world.database.writing() as connection:
        portals.add_portal(connection, make_portal(time_zone="Europe/Vienna"))
    vienna = datetime(2026, 3, 31, 22, tzinfo=UTC)
    issue(empty_world, vienna)
    for name in ("2026-04-01", "2026-03-31T22:00:00Z", "2026-04-01T00:00:00+02:00"):
        assert statements.show(empty_world.database, PORTAL, name).row.ends_at == vienna
    with pytest.raises(NotFound):
        statements.show(empty_world.database, PORTAL, "2026-03-31")


# Verifying


def test_a_contact_that_the_ledger_has_lost_is_named(counted: World) -> None:
    issue(counted, UPDATE_DATE)
    assert_verified(counted)
    (ada,) = ids(counted, "ada")
    counted.write(sa.delete(ledger_line).where(ledger_line.c.contact_id == ada))
    found = statements.verify(counted.database, PORTAL, "2026-04-01")
    assert not found.is_ok
    assert (found.lines.contacts, found.stints.contacts) == (3, 4)
    assert found.difference is not None
    assert (found.difference.only_in_stints, found.difference.only_in_lines) == ((ada,), ())


def test_a_line_that_no_contact_founds_is_named(counted: World) -> None:
    issue(counted, UPDATE_DATE)
    values = counted.rows(ledger_line)[0]._asdict() | {"contact_id": 999_999}
    counted.write(sa.insert(ledger_line).values(**values))
    found = statements.verify(counted.database, PORTAL, "2026-04-01")
    assert found.difference is not None
    assert found.difference.only_in_lines == (999_999,)


def test_a_statement_that_somebody_has_changed_is_found_out(counted: World) -> None:
    issue(counted, UPDATE_DATE)
    counted.write(sa.update(statement).values(contacts=3))
    found = statements.verify(counted.database, PORTAL, "2026-04-01")
    assert not found.is_ok
    assert found.difference is not None
    assert found.difference.number == 0


def test_no_statement_is_closed_twice(counted: World) -> None:
    issue(counted, MAY)
    (row,) = [each for each in counted.rows(portal) if each.id == PORTAL]
    assert row.closed_until == MAY
    assert [each.cuts for each in counted.rows(statement)] == [1, 1]
    with counted.database.reading() as connection:
        assert adjustments.net(connection, PORTAL, MAY) == {}
