"""Statements and the subscription by our own API and by the command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.domain.portals import AccessToken, Scope
from service.store import portals
from service.store.tables import audit, ledger_line, portal
from tests.closing import digest_of, ids, issue, raise_contacts, raise_late
from tests.commands import run
from tests.endpoints import OTHER_PORTAL, Site, opened_site
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE
from tests.world import World, on_sqlite

APRIL = "/statements/2026-04-01"
ENDS_AT = "2026-04-01T00:00:00+00:00"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    """A portal with a statement of two contacts, and one that came late."""
    with opened_site(world, tmp_path) as opened:
        raise_contacts(world, "ada", "bob")
        world.count_up()
        issue(world, UPDATE_DATE)
        raise_late(world, NOW, "eve")
        yield opened


def get(site: Site, path: str) -> Any:
    answer = site.ask("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def token(site: Site, *scopes: Scope, marketing_access: bool = True) -> str:
    secret = f"mk_{'_'.join(scopes)}_{marketing_access}"
    made = AccessToken(0, PORTAL, "t", frozenset(scopes), NOW, marketing_access=marketing_access)
    with site.world.database.writing() as connection:
        portals.add_access_token(connection, made, secret)
    return secret


def test_statements_are_listed_the_newest_first(site: Site) -> None:
    issue(site.world, UPDATE_DATE.replace(month=5))
    found = get(site, "/statements")
    assert [each["ends_at"] for each in found] == ["2026-05-01T00:00:00+00:00", ENDS_AT]
    assert get(site, "/statements?before=2026-05-01") == found[1:]
    assert get(site, "/statements?limit=1") == found[:1]
    assert [each["contacts"] for each in found] == [3, 2]


@pytest.mark.parametrize("name", ["2026-04-01", "2026-04-01T00:00:00Z", "2026-04-01T02:00:00+02:00"])
def test_a_statement_is_shown_whole_with_what_has_come_late(site: Site, name: str) -> None:
    (eve,) = ids(site.world, "eve")
    found = get(site, f"/statements/{name}")
    late = found.pop("late")
    assert found == {
        "portal": PORTAL,
        "begins_at": NOW.isoformat(),
        "ends_at": ENDS_AT,
        "issued_at": "2026-04-01T00:02:00+00:00",
        "contacts": 2,
        "tier": 1_000,
        "renews": True,
        "digest": digest_of(ids(site.world, "ada", "bob")),
        "split": {
            "by_type": {"FORM_SUBMISSION": 2},
            "by_reason": [{"reason_type": "FORM_SUBMISSION", "reason_id": FORM, "contacts": 2}],
        },
        "carried": {"number": 0, "sum": 0, "lines": []},
    }
    assert (late["number"], late["sum"], late["lines"][0]["contact"]) == (1, 1, eve)
    assert (late["lines"][0]["period"], late["lines"][0]["carried_by"]) == (ENDS_AT, None)


def test_its_contacts_come_in_pages_or_as_text_that_has_its_digest(site: Site) -> None:
    numbers = ids(site.world, "ada", "bob")
    first = get(site, f"{APRIL}/contacts?limit=1")
    second = get(site, f"{APRIL}/contacts?limit=100&after={first['after']}")
    assert (first["contacts"] + second["contacts"], second["after"]) == (numbers, None)
    headers = {"Authorization": f"Bearer mk_of_portal_{PORTAL}", "Accept": "text/plain"}
    answer = site.client.get(f"/api/v1/portals/{PORTAL}{APRIL}/contacts", headers=headers)
    assert (answer.mimetype, answer.text) == ("text/plain", "".join(f"{each}\n" for each in numbers))


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/statements/2026-05-01", 404, "not_found"),
        ("/statements/2026-05-01/contacts", 404, "not_found"),
        ("/statements/yesterday", 400, "invalid_input"),
        ("/statements?before=soon", 400, "invalid_input"),
        ("/statements?limit=0", 400, "invalid_input"),
        (f"{APRIL}/contacts?after=-1", 400, "invalid_input"),
        ("/statements/0001-01-01T00:00:00+14:00", 400, "invalid_input"),
    ],
)
def test_what_is_not_there_or_cannot_be_is_refused(site: Site, path: str, status: int, reason: str) -> None:
    answer = site.ask("GET", path)
    assert (answer.status_code, answer.get_json(force=True)["reason"]) == (status, reason)


def test_a_portal_sees_its_own_statements_only(site: Site) -> None:
    assert site.ask("GET", "/statements", portal=OTHER_PORTAL).get_json() != get(site, "/statements")
    assert site.ask("GET", "/statements", token=f"mk_of_portal_{OTHER_PORTAL}").status_code == 403


# The subscription


def test_the_subscription_is_shown_with_what_follows_from_it(site: Site) -> None:
    assert get(site, "/subscription") == {
        "portal": PORTAL, "product": "starter", "commitment": "monthly", "renews_on": "2026-01-01",
        "time_zone": "UTC", "tier": 1_000, "included": 1_000, "step": 1_000,
        "update_date": "2026-05-01T00:00:00+00:00", "renewal": "2026-05-01T00:00:00+00:00",
    }  # fmt: skip


def test_a_change_answers_with_the_subscription_and_is_audited(site: Site) -> None:
    wanted = {
        "product": "professional",
        "commitment": "annual",
        "renews_on": "2026-04-10",
        "time_zone": "Asia/Kolkata",
    }
    answer = site.ask("PATCH", "/subscription", wanted)
    assert answer.status_code == 200
    found = answer.get_json()
    assert found == get(site, "/subscription")
    assert {name: found[name] for name in wanted} == wanted
    assert (found["tier"], found["update_date"]) == (2_000, "2026-04-09T18:30:00+00:00")
    (entry,) = site.world.rows(audit)
    assert (entry.actor[:6], entry.action) == ("token:", "subscription_changed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"product": "gold"}, "product"),
        ({"commitment": "daily"}, "commitment"),
        ({"renews_on": "2026-02-30"}, "renews_on"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"tier": 5}, "tier"),
        ({"product": None}, "product"),
    ],
)
def test_a_change_that_cannot_be_names_its_field_and_changes_nothing(
    site: Site, body: dict[str, Any], field: str
) -> None:
    before = get(site, "/subscription")
    answer = site.ask("PATCH", "/subscription", body)
    assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, field)
    assert get(site, "/subscription") == before


def test_only_who_has_both_scopes_and_the_marketing_access_changes_it(site: Site) -> None:
    body = {"product": "none"}
    reader = token(site, Scope.BILLING)
    refused = [
        (reader, "forbidden"),
        (token(site, Scope.SETTINGS), "forbidden"),
        (token(site, Scope.BILLING, Scope.SETTINGS, marketing_access=False), "no_marketing_access"),
    ]
    for secret, reason in refused:
        answer = site.ask("PATCH", "/subscription", body, token=secret)
        assert (answer.status_code, answer.get_json(force=True)["reason"]) == (403, reason)
    assert site.ask("GET", "/subscription", token=reader).status_code == 200
    assert [row.product for row in site.world.rows(portal, portal.c.id)] == ["starter", "starter"]


def test_without_a_product_marketing_features_are_refused(site: Site) -> None:
    site.ask("PATCH", "/subscription", {"product": "none"})
    answer = site.ask("PATCH", "/defaults", {"external_forms": True})
    assert (answer.status_code, answer.get_json(force=True)["reason"]) == (403, "not_included")


# The command


@on_sqlite
def test_the_command_lists_shows_prints_and_verifies(site: Site, tmp_path: Path) -> None:
    url = site.world.stack.database_url

    def command(*words: str) -> tuple[int, str]:
        done = run(words, tmp_path, MARKETABLE_DATABASE_URL=url)
        return done.returncode, done.stdout + done.stderr

    one = ("--portal", "1", "--period", "2026-04-01")
    code, text = command("statement", "list", "--portal", "1", "--json")
    assert (code, [each["contacts"] for each in json.loads(text)]) == (0, [2])
    assert "2026-04-01" in command("statement", "list", "--portal", "1")[1]
    code, text = command("statement", "show", *one)
    assert json.loads(text) == get(site, APRIL)
    code, text = command("statement", "ids", *one)
    assert digest_of([int(each) for each in text.split()]) == get(site, APRIL)["digest"]
    code, text = command("statement", "verify", *one)
    assert (code, text.splitlines()[-1]) == (0, "ok")
    ada = ids(site.world, "ada")[0]
    site.world.write(sa.delete(ledger_line).where(ledger_line.c.contact_id == ada))
    code, text = command("statement", "verify", *one)
    assert code == 1
    assert f"only by its stints: contact {ada}" in text
    assert command("statement", "show", "--portal", "1", "--period", "2026-05-01")[0] == 1


@on_sqlite
def test_the_command_changes_a_subscription(site: Site, tmp_path: Path) -> None:
    url = site.world.stack.database_url
    words = ["portal", "change", "--id", "1"]
    done = run([*words, "--product", "enterprise"], tmp_path, MARKETABLE_DATABASE_URL=url)
    assert (done.returncode, json.loads(done.stdout)["tier"]) == (0, 10_000)
    assert run(words, tmp_path, MARKETABLE_DATABASE_URL=url).returncode == 2
    assert run([*words, "--time-zone", "X"], tmp_path, MARKETABLE_DATABASE_URL=url).returncode == 2
