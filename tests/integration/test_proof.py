from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.domain.billing import FOREVER
from service.domain.model import Intent
from service.errors import NotFound
from service.store import portals, proof
from service.store.tables import contact, ledger_counter, ledger_hour, ledger_line, status_change
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE, make_fact, make_form, make_portal
from tests.world import World

OTHER = 2
FORMS_SUM = {"portal_id": PORTAL, "reason_type": "FORM_SUBMISSION", "reason_id": FORM, "contacts": 1}


@pytest.fixture
def counted(world: World) -> World:
    """Three contacts, one of whom leaves."""
    world.record(*[make_fact(f"{each}@example.com") for each in range(3)])
    world.set_status("2@example.com", Intent.LOWER)
    world.count_up()
    return world


def ghost(world: World, **more: object) -> None:
    """Write a line of a contact that is not there."""
    values = {
        "contact_id": 999_999, "stint": 1, "portal_id": PORTAL, "version": 1, "since": NOW, "until": FOREVER,
        "reason_type": "FORM_SUBMISSION", "reason_id": FORM,
    }  # fmt: skip
    world.write(sa.insert(ledger_line).values(**(values | more)))


def first_line(world: World) -> sa.ColumnElement[bool]:
    number: int = world.rows(ledger_line, ledger_line.c.contact_id)[0].contact_id
    return ledger_line.c.contact_id == number


def add(world: World, number: int, until: object = FOREVER, reason_id: str = FORM) -> None:
    here = (ledger_counter.c.until == until) & (ledger_counter.c.reason_id == reason_id)
    added = ledger_counter.c.contacts + number
    world.write(sa.update(ledger_counter).where(here).values(contacts=added))


def test_a_count_without_an_error_is_proved_three_ways(counted: World) -> None:
    found = counted.proof()
    assert (found.by_contacts, found.by_lines, found.by_counter, found.difference) == (3, 3, 3, 0)


def test_it_is_proved_at_every_instant(counted: World) -> None:
    counted.time = UPDATE_DATE
    found = counted.proof()
    assert (found.by_contacts, found.by_lines, found.by_counter, found.difference) == (2, 2, 2, 0)


def test_a_portal_where_nothing_happened_is_proved(empty_world: World) -> None:
    with empty_world.database.writing() as connection:
        portals.add_portal(connection, make_portal())
    assert empty_world.proof().difference == 0


def test_each_portal_has_a_proof_of_its_own(counted: World) -> None:
    with counted.database.writing() as connection:
        portals.add_portal(connection, make_portal(OTHER))
    add(counted, 1)
    assert [found.difference for found in proof.prove(counted.database, NOW)] == [1, 0]


def test_a_message_that_has_not_arrived_shows(counted: World) -> None:
    counted.record(make_fact("late@example.com"))
    assert counted.proof().difference == 1


def test_a_missing_line_shows(counted: World) -> None:
    counted.write(sa.delete(ledger_line).where(first_line(counted)))
    assert counted.proof().difference > 0


def test_a_line_of_nobody_shows(counted: World) -> None:
    ghost(counted)
    assert counted.proof().difference > 0


@pytest.mark.parametrize("off", [1, -1])
def test_a_counter_that_is_off_shows(counted: World, off: int) -> None:
    add(counted, off)
    assert counted.proof().difference > 0


def test_a_counter_that_is_missing_shows(counted: World) -> None:
    counted.write(sa.delete(ledger_counter).where(ledger_counter.c.until == UPDATE_DATE))
    assert counted.proof().difference > 0


def test_a_counter_of_an_end_that_nobody_has_shows(counted: World) -> None:
    counted.write(sa.insert(ledger_counter).values(**FORMS_SUM, until=NOW - timedelta(days=1)))
    assert counted.proof().difference > 0


def test_a_counter_of_a_reason_that_nobody_has_shows(counted: World) -> None:
    values = FORMS_SUM | {"reason_id": "another form", "until": FOREVER}
    counted.write(sa.insert(ledger_counter).values(**values))
    assert counted.proof().difference > 0


def test_counters_of_two_reasons_that_are_mixed_up_show(counted: World) -> None:
    values = FORMS_SUM | {"reason_id": "another form", "until": FOREVER}
    counted.write(sa.insert(ledger_counter).values(**values))
    add(counted, -1, reason_id=FORM)
    found = counted.proof()
    assert found.by_contacts == found.by_lines == found.by_counter
    assert found.difference == 2


def test_a_line_with_another_end_shows(counted: World) -> None:
    counted.write(sa.update(ledger_line).where(first_line(counted)).values(until=UPDATE_DATE))
    add(counted, -1)
    add(counted, 1, UPDATE_DATE)
    assert counted.proof().by_counter == 3
    assert counted.proof().difference > 0


def test_a_line_with_another_beginning_shows(counted: World) -> None:
    earlier = NOW - timedelta(days=1)
    counted.write(sa.update(ledger_line).where(first_line(counted)).values(since=earlier))
    assert counted.proof().difference > 0


def test_a_line_with_another_reason_shows(counted: World) -> None:
    counted.write(sa.update(ledger_line).where(first_line(counted)).values(reason_id="another form"))
    assert counted.proof().difference > 0


def test_a_portal_that_only_the_ledger_knows_shows(counted: World) -> None:
    ghost(counted, portal_id=99)
    assert [(found.portal_id, found.difference > 0) for found in proof.prove(counted.database, NOW)] == [
        (PORTAL, False),
        (99, True),
    ]


def test_a_portal_that_nobody_knows_is_not_found(counted: World) -> None:
    with pytest.raises(NotFound):
        proof.prove(counted.database, NOW, 98)


@pytest.mark.parametrize("version", [0, 7])
def test_a_line_with_another_version_shows(counted: World, version: int) -> None:
    counted.write(sa.update(ledger_line).where(first_line(counted)).values(version=version))
    assert counted.proof().difference > 0


@pytest.mark.parametrize("off", [1, -1])
def test_an_hour_that_is_off_shows(counted: World, off: int) -> None:
    counted.write(sa.update(ledger_hour).values(raised=ledger_hour.c.raised + off))
    found = counted.proof()
    assert found.by_contacts == found.by_lines == found.by_counter
    assert found.difference == 1


def test_hours_that_are_mixed_up_show(counted: World) -> None:
    counted.write(sa.update(ledger_hour).values(hour=NOW - timedelta(hours=1)))
    assert counted.proof().difference == 6


def test_an_hour_that_is_missing_shows(counted: World) -> None:
    counted.write(sa.delete(ledger_hour))
    assert counted.proof().difference == 3


def test_lines_that_cancel_out_show(counted: World) -> None:
    counted.write(sa.delete(ledger_line).where(first_line(counted)))
    ghost(counted)
    found = counted.proof()
    assert found.by_contacts == found.by_lines == found.by_counter
    assert found.difference == 2


def test_counters_that_cancel_out_show(counted: World) -> None:
    add(counted, 1)
    add(counted, -1, UPDATE_DATE)
    found = counted.proof()
    assert found.by_contacts == found.by_lines == found.by_counter
    assert found.difference == 2


def test_a_second_line_of_one_contact_shows(counted: World) -> None:
    number = counted.rows(ledger_line)[0].contact_id
    ghost(counted, contact_id=number, stint=2)
    assert counted.proof().by_lines == 3
    assert counted.proof().difference > 0


def test_a_contact_that_was_changed_past_the_service_shows(counted: World) -> None:
    counted.write(sa.update(contact).where(contact.c.email == "0@example.com").values(until=UPDATE_DATE))
    assert counted.proof().difference > 0


def test_lines_of_two_portals_that_are_mixed_up_show(counted: World) -> None:
    with counted.database.writing() as connection:
        portals.add_portal(connection, make_portal(OTHER))
        portals.save_form(connection, make_form(portal_id=OTHER), NOW)
    counted.record(make_fact(portal_id=OTHER))
    counted.count_up()
    mine, theirs = (
        next(row.contact_id for row in counted.rows(ledger_line) if row.portal_id == portal_id)
        for portal_id in (PORTAL, OTHER)
    )
    counted.write(sa.update(ledger_line).where(ledger_line.c.contact_id == mine).values(portal_id=OTHER))
    counted.write(sa.update(ledger_line).where(ledger_line.c.contact_id == theirs).values(portal_id=PORTAL))
    assert sum(found.difference for found in proof.prove(counted.database, NOW)) > 0


def test_a_proof_needs_no_status_change_to_be_right(counted: World) -> None:
    counted.write(sa.delete(status_change))
    assert counted.proof().difference == 0
