import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.contacts import Contacts
from service.domain.actors import Actor, ActorKind
from service.domain.billing import Product
from service.domain.jobs import JobState
from service.domain.model import Default, Verdict
from service.errors import Conflict, InvalidInput, NoMarketingAccess, NotFound, NotIncluded
from service.store import portals
from service.store.contact_batches import ContactBatch, Write
from service.store.tables import (
    audit,
    conflicting_delivery,
    contact,
    portal,
    status_change,
    submission,
    visitor,
)
from tests.facts import FORM_THAT_IS_OFF, PORTAL, UPDATE_DATE, make_fact, make_portal
from tests.working import work
from tests.world import World, on_postgresql

USER = Actor(ActorKind.USER, 7)
WITHOUT_ACCESS = Actor(ActorKind.USER, 8, marketing_access=False)
PROGRAM = Actor(ActorKind.TOKEN, 3, default=Default(on=True, version=2))
EVERYTHING = "ada@example.com"
SHORT = 0.3
"""Seconds in which something that does not wait would have been done."""


@pytest.fixture
def contacts(world: World) -> Contacts:
    return Contacts(world.database, world.now)


def make(contacts: Contacts, email: str = EVERYTHING, *, marketing: bool = True) -> int:
    return contacts.make(USER, PORTAL, email, {}, marketing=marketing).contact_id


def proved(world: World) -> int:
    """Bring everything to the ledger, prove it, and return the count."""
    world.count_up()
    assert world.proof().difference == 0
    return world.count()


def change_portal(world: World, **values: object) -> None:
    world.write(sa.update(portal).values(**values))


class TestMaking:
    def test_a_contact_made_by_hand_counts_when_its_user_says_so(
        self, world: World, contacts: Contacts
    ) -> None:
        made = contacts.make(USER, PORTAL, " Ada@Example.COM ", {"company": "Example"}, marketing=True)
        assert made.verdict is Verdict.RAISED
        assert proved(world) == 1
        (row,) = world.rows(contact)
        assert (row.email, row.properties["company"]) == ("ada@example.com", "Example")
        (change,) = world.rows(status_change)
        assert (change.source, change.reason_type, change.reason_id, change.actor) == (
            "by_hand", "USER_SET", "7", "user:7",
        )  # fmt: skip

    def test_left_alone_it_does_not_count(self, world: World, contacts: Contacts) -> None:
        assert contacts.make(USER, PORTAL, EVERYTHING, {}).verdict is Verdict.DEFAULT_OFF
        assert proved(world) == 0

    def test_a_programs_default_speaks_when_the_program_says_nothing(
        self, world: World, contacts: Contacts
    ) -> None:
        assert contacts.make(PROGRAM, PORTAL, EVERYTHING, {}).verdict is Verdict.RAISED
        (change,) = world.rows(status_change)
        assert (change.reason_type, change.reason_id, change.default_version) == ("INTEGRATOR_SET", "3", 2)

    def test_a_program_can_say_no_against_its_default(self, world: World, contacts: Contacts) -> None:
        contacts.make(PROGRAM, PORTAL, EVERYTHING, {}, marketing=False)
        assert proved(world) == 0

    def test_an_address_that_somebody_has_is_told_with_its_number(self, contacts: Contacts) -> None:
        number = make(contacts)
        with pytest.raises(Conflict, match=f"Existing ID: {number}"):
            make(contacts)

    def test_without_marketing_access_nobody_is_raised_and_nothing_is_made(
        self, world: World, contacts: Contacts
    ) -> None:
        with pytest.raises(NoMarketingAccess):
            contacts.make(WITHOUT_ACCESS, PORTAL, EVERYTHING, {}, marketing=True)
        assert world.number_of(contact) == 0

    def test_without_a_product_nobody_is_raised(self, world: World, contacts: Contacts) -> None:
        change_portal(world, product=Product.NONE.value)
        with pytest.raises(NotIncluded, match="Starter, Professional or Enterprise"):
            make(contacts)

    @pytest.mark.parametrize("name", ["hs_marketable_status", "email", "", "x" * 201, "a\x00b"])
    def test_properties_that_are_not_to_be_set_are_named(
        self, world: World, contacts: Contacts, name: str
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            contacts.make(USER, PORTAL, EVERYTHING, {name: "x"})
        assert caught.value.field.startswith("properties.")
        assert world.number_of(contact) == 0


class TestSetting:
    def test_lowering_waits_for_the_update_date_and_raising_cancels_it(
        self, world: World, contacts: Contacts
    ) -> None:
        number = make(contacts)
        assert (
            contacts.set_status(USER, PORTAL, number, marketing=False).verdict is Verdict.LOWERING_REQUESTED
        )
        assert proved(world) == 1
        assert world.count(UPDATE_DATE) == 0
        assert contacts.set_status(USER, PORTAL, number, marketing=True).verdict is Verdict.LOWERING_CANCELLED
        assert proved(world) == 1
        assert world.count(UPDATE_DATE) == 1

    def test_a_status_that_stands_is_not_written_again(self, world: World, contacts: Contacts) -> None:
        number = make(contacts)
        contacts.set_status(USER, PORTAL, number, marketing=True)
        assert world.number_of(status_change) == 1


class TestChanging:
    def test_properties_and_address_change_and_the_rest_stays(self, world: World, contacts: Contacts) -> None:
        number = make(contacts)
        contacts.change(USER, PORTAL, number, {"company": "Example"}, "grace@example.com")
        contacts.change(USER, PORTAL, number, {"city": "Bern"})
        (row,) = world.rows(contact)
        assert row.email == row.properties["email"] == "grace@example.com"
        assert (row.properties["company"], row.properties["city"]) == ("Example", "Bern")
        assert proved(world) == 1

    def test_the_address_of_somebody_else_is_refused(self, world: World, contacts: Contacts) -> None:
        number, other = make(contacts), make(contacts, "grace@example.com")
        with pytest.raises(Conflict, match=str(number)):
            contacts.change(USER, PORTAL, other, {"city": "Bern"}, EVERYTHING)
        assert "city" not in world.rows(contact, contact.c.id)[1].properties

    @on_postgresql
    def test_an_address_that_somebody_takes_at_the_same_moment_is_refused(
        self, world: World, contacts: Contacts
    ) -> None:
        number = make(contacts)
        with ThreadPoolExecutor(1) as pool:
            with world.database.writing() as connection:
                batch = ContactBatch(connection, portals.get_portal(connection, PORTAL), world.now())
                batch.write([Write(email="grace@example.com")])
                changing = pool.submit(
                    contacts.change, USER, PORTAL, number, {"city": "Bern"}, "grace@example.com"
                )
                time.sleep(SHORT)
                assert not changing.done()
            with pytest.raises(Conflict, match="has just become"):
                changing.result(30)
        assert "city" not in world.rows(contact, contact.c.id)[0].properties


class TestDeleting:
    def test_a_deleted_contact_counts_until_the_update_date(self, world: World, contacts: Contacts) -> None:
        contacts.delete(USER, PORTAL, make(contacts))
        assert proved(world) == 1
        assert world.count(UPDATE_DATE) == 0

    def test_or_not_at_all_where_the_portal_has_it_so(self, world: World, contacts: Contacts) -> None:
        number = make(contacts)
        proved(world)
        change_portal(world, delete_counts="not")
        world.pass_by(hours=1)
        assert contacts.delete(USER, PORTAL, number).verdict is Verdict.ENDED_AT_ONCE
        assert proved(world) == 0
        world.pass_by(days=40)
        assert world.announce_ends() == 0, "its end was announced by the deletion itself"

    def test_a_request_to_lower_is_not_kept_where_deleting_ends_at_once(
        self, world: World, contacts: Contacts
    ) -> None:
        number = make(contacts)
        contacts.set_status(USER, PORTAL, number, marketing=False)
        change_portal(world, delete_counts="not")
        world.pass_by(hours=1)
        contacts.delete(USER, PORTAL, number)
        assert proved(world) == 0

    def test_it_is_gone_for_people(self, contacts: Contacts) -> None:
        number = make(contacts)
        contacts.delete(USER, PORTAL, number)
        with pytest.raises(NotFound):
            contacts.delete(USER, PORTAL, number)
        with pytest.raises(NotFound):
            contacts.set_status(USER, PORTAL, number, marketing=True)

    def test_who_comes_in_again_is_the_same_contact_and_counts_once(
        self, world: World, contacts: Contacts
    ) -> None:
        number = make(contacts)
        contacts.delete(USER, PORTAL, number)
        world.record(make_fact())
        (row,) = world.rows(contact)
        assert (row.id, row.deleted_at) == (number, None)
        assert proved(world) == 1
        assert world.count(UPDATE_DATE) == 1

    def test_making_it_again_restores_it(self, world: World, contacts: Contacts) -> None:
        number = make(contacts)
        contacts.delete(USER, PORTAL, number)
        assert make(contacts) == number
        assert proved(world) == 1

    def test_made_again_by_the_address_of_who_merged_into_it_it_keeps_its_own(
        self, world: World, contacts: Contacts
    ) -> None:
        primary, other = make(contacts), make(contacts, "grace@example.com")
        contacts.merge(USER, PORTAL, primary, other)
        contacts.delete(USER, PORTAL, primary)
        assert make(contacts, "grace@example.com") == primary
        row = world.rows(contact, contact.c.id)[0]
        assert row.email == row.properties["email"] == EVERYTHING
        assert row.deleted_at is None

    def test_its_cookies_lead_nowhere(self, world: World, contacts: Contacts) -> None:
        world.record(make_fact(cookie="c"))
        (row,) = world.rows(contact)
        contacts.delete(USER, PORTAL, row.id)
        world.record(make_fact("grace@example.com", cookie="c"))
        emails = [row.email for row in world.rows(contact, contact.c.id)]
        assert emails == [EVERYTHING, "grace@example.com"]

    def test_who_may_not_change_statuses_deletes_only_those_who_do_not_count(
        self, world: World, contacts: Contacts
    ) -> None:
        counting, other = make(contacts), make(contacts, "grace@example.com", marketing=False)
        with pytest.raises(NoMarketingAccess):
            contacts.delete(WITHOUT_ACCESS, PORTAL, counting)
        contacts.delete(WITHOUT_ACCESS, PORTAL, other)
        assert [row.deleted_at is None for row in world.rows(contact, contact.c.id)] == [True, False]


class TestMerging:
    def test_the_other_counts_until_the_update_date_and_one_goes_on(
        self, world: World, contacts: Contacts
    ) -> None:
        primary, other = make(contacts), make(contacts, "grace@example.com")
        contacts.merge(USER, PORTAL, primary, other)
        assert proved(world) == 2
        assert world.count(UPDATE_DATE) == 1

    def test_both_addresses_and_cookies_lead_to_the_primary(self, world: World, contacts: Contacts) -> None:
        primary = make(contacts)
        world.record(make_fact("grace@example.com", cookie="c"))
        other = world.rows(contact, contact.c.id)[1].id
        contacts.merge(USER, PORTAL, primary, other)
        world.record(make_fact("grace@example.com", properties={"city": "Bern"}))
        world.record(make_fact(None, cookie="c", properties={"country": "CH"}))
        rows = world.rows(contact, contact.c.id)
        assert len(rows) == 2
        assert (rows[0].email, rows[0].properties["city"], rows[0].properties["country"]) == (
            EVERYTHING,
            "Bern",
            "CH",
        )
        assert {row.contact_id for row in world.rows(submission, submission.c.id)[1:]} == {primary}
        assert proved(world) == 2

    def test_merged_again_everything_leads_to_the_last(self, world: World, contacts: Contacts) -> None:
        first, second, third = (make(contacts, f"{name}@example.com") for name in "abc")
        contacts.merge(USER, PORTAL, second, first)
        contacts.merge(USER, PORTAL, third, second)
        world.record(make_fact("a@example.com", properties={"city": "Bern"}))
        assert world.rows(contact, contact.c.id)[2].properties["city"] == "Bern"

    def test_the_primary_keeps_its_values_and_takes_what_it_lacks(
        self, world: World, contacts: Contacts
    ) -> None:
        primary = contacts.make(USER, PORTAL, EVERYTHING, {"city": "Bern", "phone": ""}).contact_id
        told = {"city": "Basel", "phone": "1", "company": "Example"}
        other = contacts.make(USER, PORTAL, "grace@example.com", told).contact_id
        contacts.merge(USER, PORTAL, primary, other)
        kept = world.rows(contact, contact.c.id)[0].properties
        assert kept == {"email": EVERYTHING, "city": "Bern", "phone": "1", "company": "Example"}

    def test_whoever_has_merged_is_told_of_and_not_changed(self, contacts: Contacts) -> None:
        primary, other = make(contacts), make(contacts, "grace@example.com")
        contacts.merge(USER, PORTAL, primary, other)
        with pytest.raises(Conflict, match=f"merged into contact {primary}"):
            contacts.set_status(USER, PORTAL, other, marketing=False)
        with pytest.raises(InvalidInput):
            contacts.merge(USER, PORTAL, primary, primary)


class TestErasing:
    def test_nothing_of_the_person_is_left_and_what_counts_goes_on(
        self, world: World, contacts: Contacts
    ) -> None:
        told = {"firstname": "Secret", "city": "Canary"}
        content = '{"fields":[{"name":"firstname","value":"Secret Canary"}]}'
        world.record(make_fact(cookie="c", properties=told, content=content, delivery="1"))
        world.record(make_fact("grace@example.com", content=content))
        world.record(make_fact(delivery="1", digest="0" * 32, content=content))
        number = world.rows(contact, contact.c.id)[0].id
        job = work(world, contacts.erase(USER, PORTAL, number).id)
        assert (job.state, job.counts) == (JobState.DONE, {"submissions": 1})
        row = world.rows(contact, contact.c.id)[0]
        assert (row.email, row.properties) == (None, {})
        assert world.number_of(visitor) == 0
        contents = [row.content for row in world.rows(submission, submission.c.id)]
        assert contents[0] == {"erased": True}
        assert contents[1] != {"erased": True}, "the submissions of others stay"
        assert [row.content for row in world.rows(conflicting_delivery)] == [{"erased": True}]
        assert proved(world) == 2
        assert world.count(UPDATE_DATE) == 1

    def test_an_erased_person_who_comes_in_again_is_somebody_new(
        self, world: World, contacts: Contacts
    ) -> None:
        world.record(make_fact(cookie="c"))
        number = world.rows(contact)[0].id
        contacts.erase(USER, PORTAL, number)
        world.record(make_fact(cookie="c"))
        assert [row.email for row in world.rows(contact, contact.c.id)] == [None, EVERYTHING]
        assert proved(world) == 2

    def test_a_deleted_contact_can_be_erased_and_an_erased_one_is_gone(self, contacts: Contacts) -> None:
        number = make(contacts)
        contacts.delete(USER, PORTAL, number)
        contacts.erase(USER, PORTAL, number)
        with pytest.raises(NotFound):
            contacts.find(PORTAL, number)
        with pytest.raises(NotFound):
            contacts.erase(USER, PORTAL, number)

    def test_who_merged_into_it_is_erased_with_it(self, world: World, contacts: Contacts) -> None:
        primary, other = make(contacts), make(contacts, "grace@example.com")
        contacts.merge(USER, PORTAL, primary, other)
        contacts.erase(USER, PORTAL, primary)
        assert [row.email for row in world.rows(contact)] == [None, None]


class TestMailing:
    def test_who_unsubscribes_or_bounces_counts_on(self, world: World, contacts: Contacts) -> None:
        make(contacts)
        emails = [EVERYTHING, "Ada@example.com", "nobody@example.com"]
        noted = contacts.note_mailing(USER, PORTAL, emails, unsubscribed=True, bounced=True)
        assert noted == {"contacts": 1, "unknown_addresses": 1}
        assert proved(world) == 1
        (row,) = world.rows(contact)
        assert row.unsubscribed_at == row.bounced_at == world.now()

    def test_the_first_time_stands_and_can_be_taken_away(self, world: World, contacts: Contacts) -> None:
        make(contacts)
        contacts.note_mailing(USER, PORTAL, [EVERYTHING], unsubscribed=True)
        first = world.now()
        world.pass_by(days=1)
        contacts.note_mailing(USER, PORTAL, [EVERYTHING], unsubscribed=True)
        assert world.rows(contact)[0].unsubscribed_at == first
        contacts.note_mailing(USER, PORTAL, [EVERYTHING], unsubscribed=False)
        assert world.rows(contact)[0].unsubscribed_at is None

    def test_a_text_that_is_no_address_changes_nothing(self, world: World, contacts: Contacts) -> None:
        make(contacts)
        with pytest.raises(InvalidInput) as caught:
            contacts.note_mailing(USER, PORTAL, [EVERYTHING, "nonsense"], bounced=True)
        assert caught.value.field == "emails.1"
        assert world.rows(contact)[0].bounced_at is None


def test_what_people_do_stands_in_the_audit_without_personal_data(world: World, contacts: Contacts) -> None:
    number, other = make(contacts), make(contacts, "grace@example.com")
    contacts.change(USER, PORTAL, number, {"city": "Canary"})
    contacts.merge(USER, PORTAL, number, other)
    job = contacts.erase(USER, PORTAL, number)
    rows = world.rows(audit, audit.c.id)
    assert [(row.action, row.subject, row.actor) for row in rows] == [
        ("contact_changed", f"contact:{number}", "user:7"),
        ("contact_merged", f"contact:{other}", "user:7"),
        ("contact_erased", f"contact:{number}", "user:7"),
        ("started", f"job:{job.id}", "user:7"),
    ]
    assert "Canary" not in repr(rows)


def test_another_portals_contacts_are_not_there(world: World, contacts: Contacts) -> None:
    number = make(contacts)
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    for call in (contacts.delete, contacts.erase):
        with pytest.raises(NotFound):
            call(USER, 2, number)
    with pytest.raises(NotFound):
        contacts.find(2, number)
    assert world.rows(contact)[0].deleted_at is None


def test_a_default_that_is_off_leaves_a_deleted_contact_leaving(world: World, contacts: Contacts) -> None:
    number = make(contacts)
    contacts.delete(USER, PORTAL, number)
    world.record(make_fact(form=FORM_THAT_IS_OFF))
    assert world.rows(contact)[0].deleted_at is None
    assert proved(world) == 1
    assert world.count(UPDATE_DATE + timedelta(seconds=1)) == 0
