"""Why a contact counts, as our API tells it: facts, defaults, rules, people, and what has become of the contact."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service import billing
from service.contacts import Contacts
from service.domain.actors import COMMAND, Actor, ActorKind
from service.domain.billing import FOREVER
from service.domain.filters import Filter
from service.domain.model import Default, Intent
from service.domain.people import Role, User
from service.domain.workflows import Workflow
from service.store import people, portals, workflows
from service.store.tables import contact, held, portal
from service.web.documents.billing import explain
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE, make_fact, make_form
from tests.world import World

ADA = "ada@example.com"


@pytest.fixture
def contacts(world: World) -> Contacts:
    return Contacts(world.database, world.now)


@pytest.fixture
def grace(world: World) -> Actor:
    """A user of the portal with a name."""
    user = User(0, PORTAL, "grace@example.com", "Grace", Role.ADMIN, True, NOW, NOW)  # noqa: FBT003
    with world.database.writing() as connection:
        number = people.add(connection, user)
    assert number is not None
    return Actor(ActorKind.USER, number)


def number_of(world: World) -> int:
    return int(world.rows(contact, contact.c.id)[0].id)


def why(world: World, number: int | None = None) -> dict[str, Any]:
    found = billing.why(world.database, PORTAL, number or number_of(world))
    return explain(found, world.now())


def sentences(world: World) -> list[str]:
    return [change["sentence"] for change in why(world)["changes"]]


def test_a_form_is_named_with_its_default_s_version_and_the_fact(world: World) -> None:
    with world.database.writing() as connection:
        portals.save_form(connection, make_form(version=4), NOW)
    fact = make_fact(ADA)
    world.record(fact)
    world.count_up()
    told = why(world)
    (change,) = told["changes"]
    assert change["sentence"] == (
        "Raised on 10 March 2026 by the form Contact us, default on in version 4; it counts from then on."
    )
    assert (change["basis"], change["default_version"], change["until"]) == ("default", 4, None)
    assert change["submission_id"].replace("-", "") == fact.submission_id
    assert told["sentence"] == "It counts since 10 March 2026, by the form Contact us; no end is known."
    assert (told["state"], told["held"], len(told["ledger"])) == ("live", [], 1)


def test_a_request_to_leave_names_its_user_and_the_day(
    world: World, contacts: Contacts, grace: Actor
) -> None:
    world.record(make_fact(ADA))
    contacts.set_status(grace, PORTAL, number_of(world), marketing=False)
    world.count_up()
    change = why(world)["changes"][-1]
    assert (
        change["sentence"]
        == "Set to leave on 10 March 2026 by hand, by user Grace; it counts until 1 April 2026."
    )
    assert (change["actor"], change["actor_name"], change["basis"]) == (str(grace), "Grace", "person")
    assert change["until"] == UPDATE_DATE.isoformat()


def test_the_command_line_is_told_apart_from_users(world: World, contacts: Contacts) -> None:
    contacts.make(COMMAND, PORTAL, ADA, {}, marketing=True)
    assert sentences(world) == [
        "Raised on 10 March 2026 by hand, on the command line; it counts from then on."
    ]


@pytest.mark.parametrize(
    ("asked", "basis", "version", "said"),
    [({}, "default", 2, ", default on in version 2"), ({"marketing": True}, "program", 0, "")],
)
def test_a_token_s_default_is_told_apart_from_what_its_program_asked_for(
    world: World, contacts: Contacts, asked: dict[str, bool], basis: str, version: int, said: str
) -> None:
    with world.database.writing() as connection:
        number = portals.add_token(connection, PORTAL, "Shop", "secret", [], NOW)
    shop = Actor(ActorKind.TOKEN, number, default=Default(on=True, version=2))
    contacts.make(shop, PORTAL, ADA, {}, **asked)
    (change,) = why(world)["changes"]
    assert (change["basis"], change["default_version"]) == (basis, version)
    assert change["sentence"] == (
        f"Raised on 10 March 2026 by the access token Shop{said}; it counts from then on."
    )


def test_a_stint_that_has_ended_says_so(world: World) -> None:
    world.record(make_fact(ADA))
    world.set_status(ADA, Intent.LOWER)
    world.time = UPDATE_DATE + timedelta(days=1)
    world.announce_ends()
    assert sentences(world)[-1] == "It stopped counting on 1 April 2026, as had been asked for."
    assert why(world)["counts"] is False
    assert why(world)["changes"][-1]["basis"] == "time"


def test_a_contact_that_is_deleted_goes_on_counting_and_says_until_when(
    world: World, contacts: Contacts, grace: Actor
) -> None:
    world.record(make_fact(ADA))
    contacts.delete(grace, PORTAL, number_of(world))
    told = why(world)
    assert (told["counts"], told["state"], told["deleted_at"]) == (True, "deleted", NOW.isoformat())
    assert told["sentence"] == (
        "It counts since 10 March 2026, by the form Contact us, until 1 April 2026. It was deleted on 10 March 2026."
    )


def test_deleted_where_deleting_counts_no_more_it_ended_at_once(
    world: World, contacts: Contacts, grace: Actor
) -> None:
    world.write(sa.update(portal).values(delete_counts="not"))
    world.record(make_fact(ADA))
    world.pass_by(days=1)
    contacts.delete(grace, PORTAL, number_of(world))
    assert why(world)["counts"] is False
    assert (
        sentences(world)[-1]
        == "Ended on 11 March 2026 by hand, by user Grace; it counts no more from then on."
    )


def test_a_contact_that_merged_says_into_which(world: World, contacts: Contacts, grace: Actor) -> None:
    world.record(make_fact(ADA), make_fact("other@example.com"))
    one, other = [row.id for row in world.rows(contact, contact.c.id)]
    contacts.merge(grace, PORTAL, one, other)
    told = why(world, other)
    assert (told["state"], told["merged_into"]) == ("merged", one)
    assert told["sentence"].endswith(f"It has merged into contact {one}.")


def test_a_person_who_was_erased_leaves_no_trace_in_it(
    world: World, contacts: Contacts, grace: Actor
) -> None:
    world.record(make_fact(ADA))
    contacts.erase(grace, PORTAL, number_of(world))
    told = why(world)
    assert (told["state"], told["erased_at"]) == ("erased", NOW.isoformat())
    assert "ada" not in str(told).lower()


def test_raises_that_a_brake_holds_are_told(world: World, grace: Actor) -> None:
    world.record(make_fact(ADA))
    waiting = {
        "portal_id": PORTAL, "contact_id": number_of(world), "at": NOW, "source": "hubspot_form",
        "reason_type": "FORM_SUBMISSION", "reason_id": FORM, "actor": "", "default_version": 1,
        "limit_reached": "tier", "state": "refused", "settled_at": NOW, "settled_by": str(grace),
    }  # fmt: skip
    world.write(sa.insert(held).values(**waiting))
    (told,) = why(world)["held"]
    assert (told["source_name"], told["limit_reached"], told["state"]) == ("Contact us", "tier", "refused")
    assert (told["settled_by"], told["settled_by_name"]) == (str(grace), "Grace")


def change_of_workflow(world: World, number: int, at: datetime) -> None:
    """Write that a workflow raised the contact, as it does."""
    values = {"stint": 1, "since": at, "until": None, "reason_type": "WORKFLOW", "reason_id": str(number)}
    world.write(sa.update(contact).values(**values))


def test_a_reason_that_has_gone_is_told_by_its_number(world: World) -> None:
    world.record(make_fact(ADA))
    change_of_workflow(world, 99, NOW)
    assert why(world)["sentence"] == "It counts since 10 March 2026, by the workflow 99; no end is known."


def test_a_workflow_is_named(world: World) -> None:
    buyers = Workflow(
        id=0,
        portal_id=PORTAL,
        name="Buyers",
        filter=Filter(()),
        marketing=True,
        re_enrols=False,
        is_on=False,
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )
    with world.database.writing() as connection:
        number = workflows.add(connection, buyers)
    world.record(make_fact(ADA))
    change_of_workflow(world, number, NOW)
    assert why(world)["sentence"] == "It counts since 10 March 2026, by the workflow Buyers; no end is known."


def test_days_are_those_of_the_portal_s_time_zone(world: World) -> None:
    world.write(sa.update(portal).values(time_zone="Europe/Berlin"))
    world.record(make_fact(ADA))
    world.set_status(ADA, Intent.LOWER)
    assert why(world)["stint"]["until"] == "2026-03-31T22:00:00+00:00"
    assert "until 1 April 2026" in why(world)["sentence"]


def test_the_ledger_has_an_end_only_where_one_is_known(world: World) -> None:
    world.record(make_fact(ADA))
    world.count_up()
    assert FOREVER.isoformat() not in str(why(world))
