from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.endpoints import OTHER_PORTAL, Site
from tests.working import work
from tests.world import World

CONTACTS = "/contacts"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    opened = Site(world, tmp_path)
    yield opened
    opened.close()


def make(site: Site, email: str = "ada@example.com", **told: Any) -> int:
    answer = site.ask("POST", CONTACTS, {"email": email, "marketing": True, **told})
    assert answer.status_code == 201, answer.get_json()
    return int(answer.get_json()["id"])


def test_a_contact_is_made_read_changed_and_deleted(site: Site) -> None:
    number = make(site, properties={"city": "Bern"})
    path = f"{CONTACTS}/{number}"
    found = site.ask("GET", path).get_json()
    assert (found["email"], found["marketing"], found["until"]) == ("ada@example.com", True, None)
    assert (found["reason_type"], found["properties"]["city"]) == ("INTEGRATOR_SET", "Bern")
    changed = site.ask("PATCH", path, {"email": "grace@example.com", "properties": {"city": ""}}).get_json()
    assert (changed["email"], changed["properties"]["city"]) == ("grace@example.com", "")
    gone = site.ask("DELETE", path).get_json()
    assert gone == {"verdict": "lowering_requested", "marketing": True, "until": "2026-04-01T00:00:00+00:00"}
    assert site.ask("GET", path).get_json()["deleted_at"] is not None


def test_the_status_is_set_by_the_only_two_words_there_are(site: Site) -> None:
    path = f"{CONTACTS}/{make(site)}/marketing-status"
    assert site.ask("POST", path, {"marketing": False}).get_json()["verdict"] == "lowering_requested"
    answer = site.ask("POST", path, {"marketing": "yes"})
    assert (answer.status_code, answer.get_json()["field"]) == (400, "marketing")


def test_many_are_set_when_the_number_is_right(site: Site, world: World) -> None:
    make(site, "a@example.com", marketing=False)
    make(site, "b@example.com", marketing=False)
    wanted = {
        "filter": {"filters": [{"propertyName": "email", "operator": "HAS_PROPERTY"}]},
        "marketing": True,
    }
    path = f"{CONTACTS}/marketing-status"
    refused = site.ask("POST", path, {**wanted, "expected": 3})
    assert (refused.status_code, refused.get_json()["reason"], refused.get_json()["number"]) == (
        409,
        "unexpected_number",
        2,
    )
    answer = site.ask("POST", path, {**wanted, "expected": 2})
    assert (answer.status_code, answer.get_json()["state"], answer.get_json()["total"]) == (202, "STARTED", 2)
    work(world, answer.get_json()["id"])
    job = site.ask("GET", f"/jobs/{answer.get_json()['id']}").get_json()
    assert (job["state"], job["counts"]) == ("DONE", {"raised": 2})
    assert [each["id"] for each in site.ask("GET", "/jobs").get_json()] == [job["id"]]
    assert site.ask("GET", f"/jobs/{job['id']}/problems").get_json() == []
    assert site.ask("POST", f"/jobs/{job['id']}/cancel").status_code == 409


@pytest.mark.parametrize("whom", [{}, {"ids": [1], "view": 1}, {"view": 1}])
def test_whom_to_set_is_said_in_one_way(site: Site, whom: dict[str, Any]) -> None:
    answer = site.ask("POST", f"{CONTACTS}/marketing-status", {**whom, "marketing": True, "expected": 0})
    assert answer.status_code == (404 if whom == {"view": 1} else 400)


def test_two_contacts_become_one_and_a_person_is_forgotten(site: Site, world: World) -> None:
    primary, other = make(site), make(site, "grace@example.com")
    merged = site.ask("POST", f"{CONTACTS}/{primary}/merge", {"other": other})
    assert merged.get_json()["until"] == "2026-04-01T00:00:00+00:00"
    assert site.ask("GET", f"{CONTACTS}/{other}").get_json()["merged_into"] == primary
    erased = site.ask("POST", f"{CONTACTS}/{primary}/erase")
    assert erased.status_code == 202
    work(world, erased.get_json()["id"])
    assert site.ask("GET", f"{CONTACTS}/{primary}").status_code == 404


def test_an_address_that_is_taken_answers_409_as_hubspot_words_it(site: Site) -> None:
    number = make(site)
    answer = site.ask("POST", CONTACTS, {"email": "ada@example.com"})
    assert (answer.status_code, answer.get_json()["detail"]) == (
        409,
        f"Contact already exists. Existing ID: {number}",
    )


def test_mailings_tell_who_has_gone(site: Site) -> None:
    number = make(site)
    told = {"emails": ["ada@example.com", "nobody@example.com"], "unsubscribed": True}
    assert site.ask("POST", f"{CONTACTS}/mailing", told).get_json() == {"contacts": 1, "unknown_addresses": 1}
    assert site.ask("GET", f"{CONTACTS}/{number}").get_json()["unsubscribed_at"]


def test_the_contacts_of_others_are_not_there(site: Site) -> None:
    number = make(site)
    path = f"{CONTACTS}/{number}"
    assert site.ask("GET", path, portal=OTHER_PORTAL).status_code == 404
    assert site.ask("GET", path).status_code == 200
