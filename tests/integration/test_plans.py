"""Pages, counts and the bill go along indexes, on statistics as they are and on those of an empty table."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from service import billing, bulk, seeding
from service.domain.actors import COMMAND
from service.domain.filters import Condition, Filter, Operator
from service.errors import UnexpectedNumber
from service.seeding import Wanted
from service.store import pages, selections
from service.store.pages import Budget
from service.store.selections import Selection
from service.store.tables import contact
from service.views import Asked, Indexing, Sort, list_contacts, search
from tests.facts import NOW, PORTAL
from tests.plans import Plans, watched
from tests.world import World

CONTACTS = 3_000
INDEXED = (
    "company",
    "hubspotscore",
    "hs_email_domain",
    "hs_marketable_status",
    "hs_marketable_reason_id",
    "lastmodifieddate",
)


def is_(name: str, value: str, operator: Operator = Operator.EQ) -> Condition:
    return Condition(name, operator, value)


MARKETING = is_("hs_marketable_status", "true")
FILTERS: dict[str, tuple[tuple[Condition, ...], str]] = {
    "everybody": ((), "ix_contact_portal_id_id"),
    "leaving": ((is_("hs_marketable_until_renewal", "true"),), "ix_contact_leaving"),
    "unsubscribed and marketing": (
        (Condition("unsubscribed_at", Operator.HAS_PROPERTY), MARKETING),
        "ix_contact_unsubscribed",
    ),
    "bounced since": ((is_("bounced_at", "2026-01-01", Operator.GTE),), "ix_contact_bounced"),
    "an address": ((is_("email", "ada@example.com"),), "uq_contact_portal_id_email"),
    "created this month": ((is_("createdate", "2026-03-01", Operator.GTE),), "ix_contact_portal_id_id"),
    "a property without an index": ((is_("country", "DE"),), "ix_contact_portal_id_id"),
}
WITH_INDEX: dict[str, tuple[tuple[Condition, ...], str]] = {
    "a company": ((is_("company", "Company 7"),), "company"),
    "a company, marketing": ((is_("company", "Company 7"), MARKETING), "company"),
    "a number": ((is_("hubspotscore", "98", Operator.GT),), "hubspotscore"),
    "a domain": ((is_("hs_email_domain", "company7.example.com"),), "hs_email_domain"),
    "a domain in the address": (
        (is_("email", "@company7.example.com", Operator.CONTAINS_TOKEN),),
        "hs_email_domain",
    ),
    "marketing": ((MARKETING,), "hs_marketable_status"),
    "non-marketing": ((is_("hs_marketable_status", "false"),), "hs_marketable_status"),
    "by a form": ((is_("hs_marketable_reason_id", "1"),), "hs_marketable_reason_id"),
    "changed lately": ((is_("lastmodifieddate", "2026-03-10", Operator.GTE),), "lastmodifieddate"),
}


@pytest.fixture(params=["as they are", "of an empty table"])
def seeded(request: pytest.FixtureRequest, world: World) -> World:
    """A portal with contacts, and statistics that know of them or do not."""
    if request.param == "of an empty table" and not world.database.is_sqlite:
        world.write(sa.text("ANALYZE contact"))
    seeding.seed(world.database, PORTAL, Wanted(CONTACTS), NOW)
    if not world.database.is_sqlite and request.param == "of an empty table":
        with world.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            emptied = "UPDATE pg_class SET reltuples = 0, relpages = 1 WHERE relname = 'contact'"
            connection.exec_driver_sql(emptied)
            connection.exec_driver_sql("DELETE FROM pg_statistic WHERE starelid = 'contact'::regclass")
    return world


@pytest.fixture
def indexed(seeded: World) -> Iterator[World]:
    making = Indexing(seeded.database, seeded.now)
    for name in INDEXED:
        making.make(name)
    yield seeded
    for name in INDEXED:
        making.drop(name)


def look_at(world: World, conditions: tuple[Condition, ...]) -> Plans:
    """Page and count; the plans of both."""
    wanted = Filter((conditions,)) if conditions else Filter()
    with watched(world.database) as plans:
        list_contacts(world.database, PORTAL, Asked(filter=wanted, limit=100), NOW)
        with world.database.reading() as connection:
            pages.count(pages.open_search(connection, PORTAL, wanted, NOW), Budget(None))
    assert plans.statements > 2
    return plans


def test_common_views_need_no_index_of_their_own(seeded: World) -> None:
    for name, (conditions, index) in FILTERS.items():
        plans = look_at(seeded, conditions)
        assert plans.scans == [], name
        assert _uses(plans, index), (name, plans.indexes)
    no_plan_goes_through_a_table(seeded)


def test_an_index_of_a_property_is_used_once_it_is_there(indexed: World) -> None:
    for name, (conditions, index) in WITH_INDEX.items():
        plans = look_at(indexed, conditions)
        assert plans.scans == [], name
        assert _uses(plans, f"ix_contact_by_{index}"), (name, plans.indexes)
        assert not _uses(plans, "ix_contact_portal_id_id"), (name, plans.indexes)
    for name in ("email", "company", "hubspotscore", "lastmodifieddate"):
        goes_along_the_index_of_its_order(indexed, name)


def goes_along_the_index_of_its_order(world: World, name: str) -> None:
    with watched(world.database) as plans:
        first, _ = search(world.database, PORTAL, Asked(sort=Sort(name), limit=50), NOW)
        asked = Asked(sort=Sort(name), limit=50, after=first.after)
        second, _ = search(world.database, PORTAL, asked, NOW)
    assert plans.scans == [], name
    assert _uses(plans, "uq_contact" if name == "email" else f"ix_contact_by_{name}"), (name, plans.indexes)
    met = {each.subject.contact_id for each in (*first.contacts, *second.contacts)}
    assert len(met) == 100


def no_plan_goes_through_a_table(world: World) -> None:
    """Look at bulk, the count, and why a contact counts."""
    wanted = Selection(filter=Filter(((is_("country", "DE"),),)))
    (newest,) = world.rows(contact, contact.c.id.desc())[:1]
    with watched(world.database) as plans:
        with pytest.raises(UnexpectedNumber):
            bulk.set_status(world.database, COMMAND, PORTAL, wanted, NOW, marketing=True, expected=-1)
        with world.database.reading() as connection:
            selections.stretch(connection, PORTAL, wanted, NOW, after=0, upto=10**9, limit=500)
        billing.bill(world.database, PORTAL, NOW)
        billing.why(world.database, PORTAL, newest.id)
    assert plans.scans == []


def _uses(plans: Plans, index: str) -> bool:
    names: list[Any] = plans.indexes
    return any(
        name.startswith(index) or (index.startswith("uq_contact") and "autoindex_contact" in name)
        for name in names
    )
