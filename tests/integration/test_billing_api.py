from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.domain.model import Intent
from service.domain.portals import Scope
from service.store import portals
from service.store.tables import contact, portal
from tests.endpoints import Site, opened_site
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE, make_fact
from tests.world import World

BILLING = "/billing"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    """Three contacts, one of whom leaves, in a portal that is not new."""
    world.write(sa.update(portal).where(portal.c.id == PORTAL).values(created_at=NOW - timedelta(days=100)))
    world.record(*[make_fact(f"{each}@example.com") for each in range(3)])
    world.set_status("2@example.com", Intent.LOWER)
    world.count_up()
    with opened_site(world, tmp_path) as opened:
        yield opened


def body(site: Site, path: str) -> Any:
    answer = site.ask("GET", f"{BILLING}{path}")
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def test_the_forecast_tells_what_is_known_the_pace_and_the_limit(site: Site) -> None:
    assert body(site, "/forecast") == {
        "portal": PORTAL,
        "at": NOW.isoformat(),
        "count": 3,
        "tier": 1_000,
        "update_date": UPDATE_DATE.isoformat(),
        "leaving": 1,
        "after_update": 2,
        "raised_per_day": 0.11,
        "leaving_per_day": 0.03,
        "net_per_day": 0.08,
        "expected_before_update": 5,
        "expected_after_update": 4,
        "steps_before_update": False,
        "days_to_limit": None,
        "limit_reached_at": None,
    }


def test_a_limit_that_is_near_has_a_day(site: Site, world: World) -> None:
    world.write(sa.update(portal).where(portal.c.id == PORTAL).values(tier=4))
    told = body(site, "/forecast")
    assert (told["days_to_limit"], told["steps_before_update"]) == (9.3, True)
    assert told["limit_reached_at"] == (NOW + timedelta(days=28) / 3).isoformat()


def test_the_count_is_split_by_source_reason_and_form(site: Site) -> None:
    assert body(site, "/by") == {
        "portal": PORTAL,
        "at": NOW.isoformat(),
        "count": 3,
        "by_reason": {"FORM_SUBMISSION": 3},
        "by_source": {"hubspot_form": 3},
        "by_cause": [
            {
                "source": "hubspot_form",
                "reason_type": "FORM_SUBMISSION",
                "reason_id": FORM,
                "name": "Contact us",
                "contacts": 3,
            }
        ],
        "others": {"causes": 0, "contacts": 0},
    }


def test_notices_and_spikes_are_told(site: Site, world: World) -> None:
    world.write(sa.update(portal).where(portal.c.id == PORTAL).values(tier=4))
    world.record(*[make_fact(f"more{each}@example.com") for each in range(60)])
    world.count_up()
    told = body(site, "/notices")
    assert {each["percentage"] for each in told["notices"]} == {75, 90, 98, 100}
    assert set(told["notices"][0]) == {"at", "percentage", "tier", "count", "update_date"}
    assert told["spikes"] == [{"hour": NOW.isoformat(), "at": NOW.isoformat(), "raised": 63, "usual": 0}]


def test_candidates_are_told_with_why_they_count(site: Site, world: World) -> None:
    bounced = contact.c.email == "0@example.com"
    world.write(sa.update(contact).where(bounced).values(bounced_at=NOW))
    told = body(site, "/release-candidates?kind=bounced")
    (found,) = told.pop("contacts")
    assert told == {
        "portal": PORTAL,
        "kind": "bounced",
        "days": None,
        "number": 1,
        "or_more": False,
        "looked_at": 1,
        "next_after": None,
    }
    assert found.pop("contact") > 0
    assert found == {
        "email": "0@example.com",
        "since": NOW.isoformat(),
        "reason_type": "FORM_SUBMISSION",
        "reason_id": FORM,
        "reason_name": "Contact us",
        "active_at": NOW.isoformat(),
        "bounced_at": NOW.isoformat(),
        "unsubscribed_at": None,
    }


def test_candidates_come_in_pages(site: Site, world: World) -> None:
    world.time = NOW + timedelta(days=10)
    first = body(site, "/release-candidates?kind=silent&days=9&limit=1")
    second = body(site, f"/release-candidates?kind=silent&days=9&limit=1&after={first['next_after']}")
    emails = [each["email"] for page in (first, second) for each in page["contacts"]]
    assert (emails, first["number"], first["days"]) == (["0@example.com", "1@example.com"], 2, 9)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "kind"),
        ("?kind=rich", "kind"),
        ("?kind=silent&days=0", "days"),
        ("?kind=silent&days=99999", "days"),
        ("?kind=silent&after=-1", "after"),
        ("?kind=silent&after=99999999999999999999", "after"),
        ("?kind=silent&limit=1001", "limit"),
    ],
)
def test_a_question_that_is_none_says_where(site: Site, query: str, field: str) -> None:
    answer = site.ask("GET", f"{BILLING}/release-candidates{query}")
    assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, field)


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
def test_so_many_causes_are_not_listed(site: Site, limit: str) -> None:
    assert site.ask("GET", f"{BILLING}/by?limit={limit}").status_code == 400


PATHS = ["/forecast", "/by", "/notices", "/release-candidates?kind=silent", "", "/contacts/1"]


@pytest.mark.parametrize("path", PATHS)
def test_another_scope_sees_nothing_of_the_bill(site: Site, world: World, path: str) -> None:
    with world.database.writing() as connection:
        portals.add_token(connection, PORTAL, "t", "contacts only", [Scope.CONTACTS], NOW)
    assert site.ask("GET", f"{BILLING}{path}", token="contacts only").status_code == 403  # noqa: S106


def test_who_sees_the_bill_but_no_contacts_sees_no_addresses(site: Site, world: World) -> None:
    with world.database.writing() as connection:
        portals.add_token(connection, PORTAL, "t", "billing only", [Scope.BILLING], NOW)
    answers = {path: site.ask("GET", f"{BILLING}{path}", token="billing only") for path in PATHS[:4]}  # noqa: S106
    assert [answer.status_code for answer in answers.values()] == [200, 200, 200, 403]


def test_why_says_it_in_words(site: Site, world: World) -> None:
    number = world.rows(contact, contact.c.id)[2].id
    told = body(site, f"/contacts/{number}")
    assert told["sentence"] == "It counts since 10 March 2026, by the form Contact us, until 1 April 2026."
    assert [change["basis"] for change in told["changes"]] == ["default", "person"]
