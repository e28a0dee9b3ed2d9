"""Defaults by our own API: the list, one, its history, the file, and what-if."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from service.defaults import whatif
from service.domain.portals import Scope
from service.identifiers import new_submission_id
from service.store import portals
from service.working import open_runner
from tests.endpoints import Site, answer_of, opened_site
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, PORTAL, make_fact
from tests.world import World

ON, OFF = f"form:{FORM}", f"form:{FORM_THAT_IS_OFF}"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    with opened_site(world, tmp_path) as opened:
        yield opened


def send_file(site: Site, text: str | bytes, query: str = "") -> TestResponse:
    headers = {"Authorization": f"Bearer mk_of_portal_{PORTAL}", "Content-Type": "application/toml"}
    return site.client.post(f"/api/v1/portals/{PORTAL}/defaults/file{query}", data=text, headers=headers)


def described(site: Site, name: str) -> Any:
    return site.client.get("/openapi.json").get_json()["components"]["schemas"][name]


def test_all_defaults_are_listed_with_those_that_are_fixed(site: Site) -> None:
    number = site.made()
    site.send(number, answer_of())
    document = site.ask("GET", "/defaults").get_json()
    listed = {each["subject"]: each for each in document["defaults"]}
    form = next(each for each in listed.values() if each["kind"] == "external_form")
    fixed = {each["source"] for each in document["sources"] if each["fixed"]}
    assert (document["external_forms"], document["delete_counts"]) == (True, "until_update_date")
    assert listed[ON]["in_effect"] == {"marketing": True}
    assert listed[OFF]["own"] == {"marketing": False}
    assert listed["portal:delete_counts"]["own"] == {"delete_counts": "until_update_date"}
    assert (form["whose"], form["own"], form["endpoint"]) == ("portal", {"marketing": None}, number)
    assert "other" in fixed
    assert "hubspot_form" not in fixed
    assert set(form) == set(described(site, "Default")["properties"])


def test_a_default_is_set_and_its_history_says_who_did_it(site: Site) -> None:
    changed = site.ask("PATCH", f"/defaults/{ON}", {"marketing": False})
    (entry,) = site.ask("GET", f"/defaults/{ON}/history").get_json()
    assert changed.status_code == 200, changed.text
    assert changed.get_json() == site.ask("GET", f"/defaults/{ON}").get_json()
    assert changed.get_json()["version"] == 2
    assert entry["before"] == {"marketing": True, "version": 1}
    assert entry["after"] == {"marketing": False, "version": 2}
    assert entry["actor"].startswith("token:")
    assert (changed.get_json()["by"], changed.get_json()["since"]) == (entry["actor"], entry["at"])


def test_switches_are_set_together_as_of_old(site: Site) -> None:
    old = site.ask("PATCH", "/defaults", {"external_forms": False})
    both = site.ask("PATCH", "/defaults", {"external_forms": True, "delete_counts": "not"})
    assert old.get_json() == {"external_forms": False, "delete_counts": "until_update_date"}
    assert both.get_json() == {"external_forms": True, "delete_counts": "not"}
    (entry,) = site.ask("GET", "/defaults/portal:delete_counts/history").get_json()
    assert (entry["before"], entry["after"]) == (
        {"delete_counts": "until_update_date"},
        {"delete_counts": "not"},
    )


def test_the_ways_of_old_are_in_the_history_too(site: Site) -> None:
    site.send(site.made(), answer_of())
    (form,) = site.ask("GET", "/external-forms").get_json()
    site.ask("PATCH", f"/external-forms/{form['id']}", {"marketing_default": False, "name": "Ours"})
    site.ask("PATCH", f"/external-forms/{form['id']}", {"name": "Renamed"})
    (entry,) = site.ask("GET", f"/defaults/external_form:{form['id']}/history").get_json()
    assert (entry["before"]["marketing"], entry["after"]["marketing"]) == (None, False)
    assert entry["actor"].startswith("token:")


def test_a_default_is_rolled_back(site: Site) -> None:
    for marketing in (False, True, False):
        site.ask("PATCH", f"/defaults/{ON}", {"marketing": marketing})
    entries = site.ask("GET", f"/defaults/{ON}/history?limit=2").get_json()
    older = site.ask("GET", f"/defaults/{ON}/history?before={entries[-1]['id']}").get_json()
    back = site.ask("POST", f"/defaults/{ON}/roll-back", {"entry": entries[1]["id"]})
    assert (back.get_json()["own"], back.get_json()["version"]) == ({"marketing": False}, 4)
    latest = site.ask("POST", f"/defaults/{ON}/roll-back", {})
    assert (latest.get_json()["own"], latest.get_json()["version"]) == ({"marketing": True}, 5)
    assert len(older) == 1


def test_the_file_comes_back_as_it_went(site: Site) -> None:
    answer = site.ask("GET", "/defaults/file")
    changed = answer.text.replace("marketing = true", "marketing = false")
    shown = send_file(site, changed, "?diff=true").get_json()
    assert answer.content_type == "application/toml; charset=utf-8"
    assert site.ask("GET", f"/defaults/{ON}").get_json()["own"] == {"marketing": True}
    done = send_file(site, changed).get_json()
    assert done == {**shown, "changed": True}
    assert shown["differences"] == [
        {
            "subject": ON,
            "name": "Contact us",
            "before": {"marketing": True},
            "after": {"marketing": False},
        }
    ]
    assert site.ask("GET", f"/defaults/{ON}").get_json()["own"] == {"marketing": False}


@pytest.mark.parametrize("text", ["portal = 2", "portal = 1\n[form]\nx = 1", b"\xff", "portal", ""])
def test_a_wrong_file_is_refused_with_a_problem(site: Site, text: str | bytes) -> None:
    refused = send_file(site, text)
    assert (refused.status_code, refused.get_json(force=True)["reason"]) == (400, "invalid_input")


def test_a_file_of_another_portal_may_be_meant(site: Site) -> None:
    assert send_file(site, "portal = 2", "?of_portal=2").get_json() == {"changed": True, "differences": []}


def submit(world: World, *emails: str, form: str = FORM) -> None:
    for email in emails:
        now = world.pass_by(seconds=1)
        world.record(make_fact(email, form=form, submission_id=new_submission_id(now), received_at=now))
    world.count_up()


def test_what_if_is_answered_at_once_when_there_is_little(site: Site) -> None:
    submit(site.world, "ada@example.com", "bob@example.com")
    answer = site.ask("POST", "/defaults/what-if", {"changes": {ON: False}, "days": 7})
    document = answer.get_json()
    assert (answer.status_code, document["job"], document["state"]) == (200, None, "DONE")
    assert document["result"]["now"] == {"count": 2, "with_change": 0, "more": 0, "fewer": 2, "net": -2}
    assert set(document["result"]) == set(described(site, "WhatIfResult")["properties"])
    assert site.ask("GET", f"/defaults/{ON}").get_json()["own"] == {"marketing": True}


def test_what_if_is_a_job_when_there_is_much(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whatif, "MOST_AT_ONCE", 1)
    submit(site.world, "ada@example.com", "bob@example.com")
    answer = site.ask("POST", "/defaults/what-if", {"changes": {ON: False}})
    path = f"/defaults/what-if/{answer.get_json()['job']}"
    before = site.ask("GET", path).get_json()
    runner = open_runner(site.world.database, site.world.now, 1)
    while runner.step():
        pass
    after = site.ask("GET", path).get_json()
    assert (answer.status_code, before["state"], before["result"]) == (202, "STARTED", None)
    assert (after["state"], after["result"]["now"]["fewer"], after["done"]) == ("DONE", 2, 2)


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PATCH", f"/defaults/{ON}", {}, "marketing"),
        ("PATCH", f"/defaults/{ON}", {"marketing": None}, "marketing"),
        ("PATCH", f"/defaults/{ON}", {"marketing": "yes"}, "marketing"),
        ("PATCH", f"/defaults/{ON}", {"delete_counts": "not"}, "marketing"),
        ("PATCH", "/defaults/portal:delete_counts", {"marketing": True}, "delete_counts"),
        ("PATCH", "/defaults/portal:delete_counts", {"delete_counts": "never"}, "delete_counts"),
        ("PATCH", "/defaults/nobody:1", {"marketing": True}, "subject"),
        ("PATCH", "/defaults", {}, "external_forms"),
        ("PATCH", "/defaults", {"delete_counts": "never"}, "delete_counts"),
        ("POST", f"/defaults/{ON}/roll-back", {}, "entry"),
        ("POST", f"/defaults/{ON}/roll-back", {"entry": "1"}, "entry"),
        ("GET", f"/defaults/{ON}/history?limit=0", None, "limit"),
        ("POST", "/defaults/what-if", {"changes": {}}, "changes"),
        ("POST", "/defaults/what-if", {"changes": {ON: False}, "days": 91}, "days"),
        ("POST", "/defaults/what-if", {"changes": {"token:1": True}}, "changes"),
        ("POST", "/defaults/what-if", {"changes": {"chatflow:99": True}}, "changes"),
        ("POST", "/defaults/file?diff=perhaps", None, "diff"),
    ],
)
def test_a_request_that_is_not_as_described_names_field_and_mend(
    site: Site, method: str, path: str, body: Any, field: str
) -> None:
    refused = site.ask(method, path, body)
    problem = refused.get_json(force=True)
    assert (refused.status_code, problem["field"], bool(problem["mend"])) == (400, field, True), problem


@pytest.mark.parametrize(
    "path", ["/defaults/token:999", "/defaults/form:" + "9" * 32, "/defaults/what-if/999"]
)
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert site.ask("GET", path).status_code == 404


def test_defaults_are_for_the_scope_settings(site: Site) -> None:
    with site.world.database.writing() as connection:
        portals.add_token(connection, PORTAL, "t", "endpoints only", [Scope.ENDPOINTS], NOW)
        portals.add_token(connection, PORTAL, "t", "settings only", [Scope.SETTINGS], NOW)
    site.services.configuration.refresh()
    assert site.ask("GET", "/defaults", token="endpoints only").status_code == 403  # noqa: S106
    assert site.ask("GET", "/defaults", token="settings only").status_code == 200  # noqa: S106
