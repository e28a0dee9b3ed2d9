"""Contacts in pages, searches and saved views, as the API answers them."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.documents import dumps
from service.domain.model import Intent
from service.errors import Conflict
from service.store import views
from service.store.tables import audit, contact, job, view
from service.views import indexing, searching
from tests.endpoints import OTHER_PORTAL, Site, opened_site
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, make_fact
from tests.world import World

MARKETING = {"propertyName": "hs_marketable_status", "operator": "EQ", "value": "true"}
OF_COMPANY = {"propertyName": "company", "operator": "EQ", "value": "Example"}


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    """Portal 1 has contacts 1 to 3, of which 1 and 2 are marketing contacts and 2 leaves."""
    for name, form, company in (
        ("ada", FORM, "Example"),
        ("ben", FORM, "Other"),
        ("eve", FORM_THAT_IS_OFF, "Example"),
    ):
        world.record(make_fact(f"{name}@example.com", form=form, properties={"company": company}))
    world.set_status("ben@example.com", Intent.LOWER)
    with opened_site(world, tmp_path) as opened:
        yield opened


def ids_of(site: Site) -> dict[str, int]:
    return {row.email.partition("@")[0]: row.id for row in site.world.rows(contact)}


def groups(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"filterGroups": [{"filters": list(filters)}]}


def names(answer: Any) -> list[str]:
    """Return whom a page has, by the first part of their address."""
    assert answer.status_code == 200, answer.text
    return [each["email"].partition("@")[0] for each in answer.get_json()["results"]]


def saved(site: Site, name: str = "Of the company", **wanted: Any) -> Any:
    made = site.ask("POST", "/views", {"name": name, "filter": wanted or groups(OF_COMPANY)})
    assert made.status_code == 201, made.text
    return made.get_json()


def place(value: str, number: int) -> str:
    """Return where a sorted page goes on, as only somebody who makes it up can say it."""
    return base64.urlsafe_b64encode(dumps([value, number]).encode()).decode()


def mistake(answer: Any, status: int = 400) -> tuple[str, str]:
    assert answer.status_code == status, answer.text
    problem = answer.get_json(force=True)
    return problem["reason"], problem.get("field", "")


def test_contacts_come_in_pages_the_newest_first(site: Site) -> None:
    first = site.ask("GET", "/contacts?limit=2")
    assert names(first) == ["eve", "ben"]
    assert first.get_json()["is_whole"] is True
    second = site.ask("GET", f"/contacts?limit=2&after={first.get_json()['after']}")
    assert names(second) == ["ada"]
    assert second.get_json()["after"] is None


def test_a_contact_in_a_page_says_how_it_stands_and_what_was_asked_for(site: Site) -> None:
    known = ids_of(site)
    answer = site.ask("GET", "/contacts?properties=company,nothing,hs_email_domain")
    eve, ben, ada = answer.get_json()["results"]
    assert ada["id"] == known["ada"]
    assert ada["properties"] == {"company": "Example", "hs_email_domain": "example.com"}
    assert (ada["marketing"], ada["until_renewal"], ada["reason_type"]) == (True, False, "FORM_SUBMISSION")
    assert (ben["marketing"], ben["until_renewal"]) == (True, True)
    assert ben["until"] is not None
    assert (eve["marketing"], eve["reason_type"], eve["since"]) == (False, None, None)
    assert ada["unsubscribed_at"] is ada["bounced_at"] is None


def test_a_search_finds_who_matches_and_says_how_many(site: Site) -> None:
    answer = site.ask("POST", "/contacts/search", groups(OF_COMPANY) | {"properties": ["company"]})
    assert names(answer) == ["eve", "ada"]
    assert (answer.get_json()["total"], answer.get_json()["total_is_exact"]) == (2, True)
    assert answer.get_json()["results"][0]["properties"] == {"company": "Example"}
    assert names(site.ask("POST", "/contacts/search", {"filters": [OF_COMPANY, MARKETING]})) == ["ada"]
    assert names(site.ask("POST", "/contacts/search", {})) == ["eve", "ben", "ada"]


def test_a_search_goes_in_the_order_that_is_asked_for(site: Site) -> None:
    order = {"sorts": [{"propertyName": "email", "direction": "ASCENDING"}], "limit": 2}
    first = site.ask("POST", "/contacts/search", order)
    assert names(first) == ["ada", "ben"]
    assert first.get_json()["total"] == 3
    assert names(site.ask("POST", "/contacts/search", order | {"after": first.get_json()["after"]})) == [
        "eve"
    ]
    oldest = {"sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}]}
    assert names(site.ask("POST", "/contacts/search", oldest)) == ["ada", "ben", "eve"]


def test_what_would_have_to_be_sorted_is_refused_with_the_mend(site: Site) -> None:
    for name in ("lastmodifieddate", "company"):
        refused = site.ask("POST", "/contacts/search", {"sorts": [{"propertyName": name}]})
        assert mistake(refused) == ("invalid_input", "sorts")
        assert f"marketable property index {name}" in refused.get_json(force=True)["mend"]


def test_a_property_that_has_an_index_can_be_sorted_by(site: Site) -> None:
    making = indexing.Indexing(site.world.database, site.world.now)
    making.make("company")
    answer = site.ask(
        "POST", "/contacts/search", {"sorts": [{"propertyName": "company", "direction": "ASCENDING"}]}
    )
    making.drop("company")
    assert names(answer) == ["ada", "eve", "ben"]


def test_a_status_is_nothing_to_sort_by_even_with_its_index(site: Site) -> None:
    making = indexing.Indexing(site.world.database, site.world.now)
    making.make("hs_marketable_status")
    refused = site.ask("POST", "/contacts/search", {"sorts": [{"propertyName": "hs_marketable_status"}]})
    making.drop("hs_marketable_status")
    assert mistake(refused) == ("invalid_input", "sorts")


def test_a_total_counts_those_without_the_value_that_is_sorted_by(site: Site) -> None:
    site.world.record(make_fact("una@example.com", form=FORM))
    making = indexing.Indexing(site.world.database, site.world.now)
    making.make("company")
    order = {"sorts": [{"propertyName": "company", "direction": "ASCENDING"}]}
    found = [site.ask("POST", "/contacts/search", order | {"limit": limit}) for limit in (2, 10)]
    making.drop("company")
    assert [names(each) for each in found] == [["ada", "eve"], ["ada", "eve", "ben"]]
    assert [each.get_json()["total"] for each in found] == [4, 4]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 201}, "limit"),
        ({"limit": 0}, "limit"),
        ({"after": "x"}, "after"),
        ({"after": "1" * 5_000}, "after"),
        ({"after": "eyJ4IjoxfQ=="}, "after"),
        ({"sorts": [{"propertyName": "email"}], "after": "17"}, "after"),
        ({"sorts": [{"propertyName": "email"}], "after": place("a\0", 1)}, "after"),
        ({"sorts": [{"propertyName": "email"}], "after": place("a", 2**63)}, "after"),
        ({"sorts": [{"propertyName": "email"}, {"propertyName": "createdate"}]}, "sorts"),
        ({"query": "ada"}, "query"),
        (groups({"propertyName": "company", "operator": "LIKE"}), "operator"),
    ],
)
def test_a_search_that_can_not_be_meant_names_the_field(site: Site, body: Any, field: str) -> None:
    reason, named = mistake(site.ask("POST", "/contacts/search", body))
    assert reason == "invalid_input"
    assert field in named or field in site.ask("POST", "/contacts/search", body).text


@pytest.mark.parametrize("query", ["limit=101", "limit=0", "after=-1", f"after={2**63}", "after=x"])
def test_a_page_that_can_not_be_is_refused(site: Site, query: str) -> None:
    assert mistake(site.ask("GET", f"/contacts?{query}"))[0] == "invalid_input"


def test_a_total_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_TOTAL", 2)
    answer = site.ask("POST", "/contacts/search", {"limit": 1})
    assert (answer.get_json()["total"], answer.get_json()["total_is_exact"]) == (2, False)


def test_a_view_is_saved_shown_and_lists_its_contacts(site: Site) -> None:
    made = saved(site, filterGroups=groups(OF_COMPANY)["filterGroups"])
    assert made["filter"] == groups(OF_COMPANY)
    assert (made["version"], made["created_by"].partition(":")[0]) == (1, "token")
    assert made["indexes"] == {"company": "none"}
    assert site.ask("GET", "/views").get_json() == [made]
    shown = site.ask("GET", f"/views/{made['id']}")
    assert (shown.get_json(), shown.headers["ETag"]) == (made, '"1"')
    page = site.ask("GET", f"/views/{made['id']}/contacts?limit=1&properties=company")
    assert names(page) == ["eve"]
    after = page.get_json()["after"]
    assert names(site.ask("GET", f"/views/{made['id']}/contacts?after={after}")) == ["ada"]
    counted = site.ask("GET", f"/views/{made['id']}/count").get_json()
    assert counted == {"count": 2, "is_exact": True}


def test_a_view_takes_part_in_time(site: Site) -> None:
    leaving = {"propertyName": "hs_marketable_until_renewal", "operator": "EQ", "value": "true"}
    number = saved(site, filterGroups=groups(leaving)["filterGroups"])["id"]
    assert names(site.ask("GET", f"/views/{number}/contacts")) == ["ben"]
    site.world.pass_by(days=40)
    assert names(site.ask("GET", f"/views/{number}/contacts")) == []


def test_two_views_of_a_portal_have_two_names(site: Site) -> None:
    saved(site, "One")
    second = saved(site, "Two")
    body = {"name": " One ", "filter": {}}
    assert mistake(site.ask("POST", "/views", body), 409)[0] == "conflict"
    assert mistake(site.ask("PATCH", f"/views/{second['id']}", {"name": "One"}), 409)[0] == "conflict"
    assert site.ask("POST", "/views", body, portal=OTHER_PORTAL).status_code == 201


def test_a_change_is_of_the_version_that_was_seen(site: Site) -> None:
    made = saved(site)
    path = f"/views/{made['id']}"
    changed = site.ask("PATCH", path, {"filter": groups(MARKETING)})
    assert (changed.get_json()["version"], changed.headers["ETag"]) == (2, '"2"')
    assert changed.get_json()["name"] == made["name"]
    bearer = {"Authorization": "Bearer mk_of_portal_1", "If-Match": '"1"'}
    for method in ("PATCH", "DELETE"):
        late = site.client.open(f"/api/v1/portals/1{path}", method=method, json={"name": "X"}, headers=bearer)
        assert mistake(late, 409)[0] == "conflict"
    for wrong in ("one", "1" * 5_000):
        bearer["If-Match"] = wrong
        unread = site.client.delete(f"/api/v1/portals/1{path}", headers=bearer)
        assert mistake(unread) == ("invalid_input", "If-Match")
    bearer["If-Match"] = '"2"'
    assert site.client.delete(f"/api/v1/portals/1{path}", headers=bearer).status_code == 204
    assert mistake(site.ask("GET", path), 404)[0] == "not_found"
    assert len(site.world.rows(contact)) == 3


def test_a_view_that_was_changed_after_it_was_read_is_not_deleted(site: Site) -> None:
    number = saved(site)["id"]
    with site.world.database.reading() as connection:
        read = views.find(connection, 1, number)
    assert read is not None
    site.ask("PATCH", f"/views/{number}", {"name": "Another"})
    with pytest.raises(Conflict), site.world.database.writing() as connection:
        views.delete(connection, read)
    assert site.world.number_of(view) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "filter": {}},
        {"name": "   ", "filter": {}},
        {"name": "x" * 201, "filter": {}},
        {"name": "a\0b", "filter": {}},
        {"name": "x"},
        {"name": "x", "filter": groups({"propertyName": "company", "operator": "EQ"})},
    ],
)
def test_a_view_that_can_not_be_saved_is_refused(site: Site, body: Any) -> None:
    assert mistake(site.ask("POST", "/views", body))[0] == "invalid_input"
    assert site.world.number_of(view) == 0


def test_who_saved_and_changed_a_view_is_kept_without_the_values_it_asks_for(site: Site) -> None:
    of_ada = {"propertyName": "email", "operator": "EQ", "value": "ada@example.com"}
    made = saved(site, filterGroups=groups(of_ada)["filterGroups"])
    site.ask("PATCH", f"/views/{made['id']}", {"name": "Ada"})
    site.ask("DELETE", f"/views/{made['id']}")
    entries = [row for row in site.world.rows(audit, audit.c.id) if row.subject == f"view:{made['id']}"]
    assert [row.action for row in entries] == ["view_created", "view_changed", "view_deleted"]
    assert (entries[1].before["name"], entries[1].after["name"]) == ("Of the company", "Ada")
    assert "ada@" not in str([(row.before, row.after) for row in entries])


def test_views_of_another_portal_are_not_there(site: Site) -> None:
    number = saved(site)["id"]
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/contacts"), ("GET", "/count")):
        body = {"name": "Taken"} if method == "PATCH" else None
        answer = site.ask(method, f"/views/{number}{path}", body, portal=OTHER_PORTAL)
        assert mistake(answer, 404)[0] == "not_found"


def test_a_portal_has_so_many_views_and_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.views.saved.MOST_VIEWS", 1)
    saved(site)
    assert mistake(site.ask("POST", "/views", {"name": "x", "filter": {}}), 409)[0] == "conflict"


def test_a_view_of_a_portal_with_many_contacts_asks_for_its_index(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MANY_CONTACTS", 2)
    made = saved(site)
    assert made["indexes"] == {"company": "in_work"}
    (asked,) = site.world.rows(job)
    assert (asked.kind, asked.request) == ("index_property", {"property": "company"})
    saved(site, "The same again")
    assert site.world.number_of(job) == 1


def test_a_page_that_takes_too_long_asks_for_the_index(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = saved(site)
    assert site.world.number_of(job) == 0
    rows = [
        {
            "portal_id": 1,
            "version": 1,
            "properties": {},
            "created_at": NOW,
            "updated_at": NOW,
            "status_version": 0,
            "stint": 0,
        }
        for _ in range(2_000)
    ]
    site.world.write(sa.insert(contact).values(rows[:1_000]))
    site.world.write(sa.insert(contact).values(rows[1_000:]))
    monkeypatch.setattr(searching, "SECONDS", 0.0)
    page = site.ask("GET", f"/views/{made['id']}/contacts").get_json()
    assert (page["results"], page["is_whole"]) == ([], False)
    assert page["after"] is not None
    assert site.world.number_of(job) == 1
    monkeypatch.setattr(searching, "SECONDS", 5.0)
    assert names(site.ask("GET", f"/views/{made['id']}/contacts?after={page['after']}")) == ["eve", "ada"]


def test_those_who_have_unsubscribed_and_count_are_found(site: Site) -> None:
    noted = sa.update(contact).where(contact.c.email == "ada@example.com")
    site.world.write(noted.values(unsubscribed_at=NOW - timedelta(days=1)))
    unsubscribed = {"propertyName": "unsubscribed_at", "operator": "HAS_PROPERTY"}
    assert names(site.ask("POST", "/contacts/search", groups(unsubscribed, MARKETING))) == ["ada"]
