from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.model import Verdict
from service.domain.portals import Scope
from service.store import portals
from tests.braking import assert_counted_right
from tests.endpoints import OTHER_PORTAL, Site
from tests.facts import FORM, NOW, PORTAL, make_fact
from tests.world import World

OF_FORM = f"/brakes/hubspot_form/{FORM}"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    opened = Site(world, tmp_path)
    yield opened
    opened.close()


def held(site: Site, **query: Any) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    found: list[dict[str, Any]] = site.ask("GET", f"/held?{asked}").get_json()
    return found


def fill(site: Site, number: int) -> None:
    site.world.record(*[make_fact(f"p{each}@example.com") for each in range(number)])


def test_a_brake_is_set_shown_and_removed(site: Site) -> None:
    told = site.ask("PUT", "/brakes/portal", {"at_tier": True, "rate": 50})
    assert (told.status_code, told.get_json()["rate_hours"], told.get_json()["count"]) == (200, 24, 0)
    site.ask("PUT", OF_FORM.upper().replace("/BRAKES/HUBSPOT_FORM", "/brakes/hubspot_form"), {"most": 2})
    fill(site, 3)
    whole, form = site.ask("GET", "/brakes").get_json()
    assert whole == {
        "source": "portal",
        "source_id": "",
        "name": "",
        "at_tier": True,
        "most": None,
        "rate": 50,
        "rate_hours": 24,
        "tier": 1_000,
        "count": 2,
        "raised": 2,
        "raised_lately": 2,
        "waiting": 1,
    }
    assert (form["source"], form["source_id"], form["name"], form["most"], form["waiting"]) == (
        "hubspot_form",
        FORM,
        "Contact us",
        2,
        1,
    )
    assert site.ask("DELETE", "/brakes/portal").status_code == 204
    assert site.ask("DELETE", OF_FORM).status_code == 204
    assert site.ask("DELETE", OF_FORM).status_code == 404
    assert site.ask("GET", "/brakes").get_json() == []


@pytest.mark.parametrize(
    ("path", "told", "field"),
    [
        ("/brakes/portal", {}, "most"),
        ("/brakes/portal", {"most": -1}, "most"),
        ("/brakes/portal", {"most": "3"}, "most"),
        ("/brakes/portal", {"at_tier": "yes"}, "at_tier"),
        ("/brakes/portal", {"rate_hours": 3}, "rate"),
        ("/brakes/portal", {"rate": 3, "rate_hours": 10_000}, "rate_hours"),
        (OF_FORM, {"at_tier": True}, "at_tier"),
    ],
)
def test_a_brake_that_makes_no_sense_is_refused_and_told_where(
    site: Site, path: str, told: dict[str, Any], field: str
) -> None:
    answer = site.ask("PUT", path, told)
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)


@pytest.mark.parametrize(
    "path",
    [
        "/brakes/hubspot_form/x",
        "/brakes/hubspot_form/%00",
        "/brakes/chatflow/1",
        f"/brakes/chatflow/{'9' * 5_000}",
        "/brakes/import/1",
    ],
)
def test_a_form_that_is_not_there_has_no_brake(site: Site, path: str) -> None:
    site.ask("PUT", "/brakes/portal", {"most": 1})
    assert site.ask("PUT", path, {"most": 1}).status_code == 404
    assert site.ask("DELETE", path).status_code == 404


def test_what_is_held_is_listed_page_by_page(site: Site) -> None:
    site.ask("PUT", "/brakes/portal", {"most": 0})
    fill(site, 5)
    first = held(site, limit=3, source="hubspot_form", source_id=FORM)
    second = held(site, limit=3, after=first[-1]["id"])
    assert (len(first), len(second)) == (3, 2)
    one = first[0]
    assert (one["limit_reached"], one["state"], one["source_name"]) == ("count", "held", "Contact us")
    assert (one["settled_at"], one["actor"], one["reason_type"]) == (None, "", "FORM_SUBMISSION")
    assert held(site, state="released") == held(site, source="chatflow") == []


def test_what_no_id_can_be_is_refused(site: Site) -> None:
    answer = site.ask("GET", "/held?source_id=%00")
    assert (answer.status_code, answer.get_json()["field"]) == (400, "source_id")


def test_some_are_released_and_some_refused(site: Site) -> None:
    site.ask("PUT", "/brakes/portal", {"most": 0})
    fill(site, 4)
    first, second, *_ = held(site)
    answer = site.ask("POST", "/held/release", {"ids": [first["id"]]})
    assert (answer.status_code, answer.get_json()) == (
        200,
        {"released": 1, "refused": 0, "lapsed": 0, "job": None},
    )
    assert site.ask("POST", "/held/refuse", {"ids": [second["id"]]}).get_json()["refused"] == 1
    assert (
        site.ask("POST", "/held/release", {"most": 1, "source": "hubspot_form"}).get_json()["released"] == 1
    )
    wrong = site.ask("POST", "/held/release", {"expected": 2})
    assert (wrong.status_code, wrong.get_json()["reason"], wrong.get_json()["number"]) == (
        409,
        "unexpected_number",
        1,
    )
    assert site.ask("POST", "/held/release", {"expected": 1}).get_json()["released"] == 1
    assert [each["state"] for each in held(site, state="any")] == [
        "released",
        "refused",
        "released",
        "released",
    ]
    assert assert_counted_right(site.world) == 3


def test_many_are_released_by_a_job(site: Site) -> None:
    site.ask("PUT", "/brakes/portal", {"most": 0})
    fill(site, 401)
    answer = site.ask("POST", "/held/release", {"expected": 401})
    assert answer.status_code == 202
    assert (answer.get_json()["job"]["kind"], answer.get_json()["job"]["total"]) == ("release_held", 401)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({}, "expected"),
        ({"ids": []}, "ids"),
        ({"ids": [1], "source": "chatflow"}, "ids"),
        ({"source": "nobody", "most": 1}, "source"),
        ({"most": 0}, "most"),
        ({"source_id": "\x00", "most": 1}, "source_id"),
    ],
)
def test_an_unclear_release_is_refused(site: Site, told: dict[str, Any], field: str) -> None:
    answer = site.ask("POST", "/held/release", told)
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)


def test_what_another_portal_holds_is_out_of_reach(site: Site) -> None:
    site.ask("PUT", "/brakes/portal", {"most": 0})
    fill(site, 1)
    (one,) = held(site)
    answer = site.ask("POST", "/held/release", {"ids": [one["id"]]}, portal=OTHER_PORTAL)
    assert answer.get_json()["released"] == 0
    assert site.ask("GET", "/held", portal=OTHER_PORTAL).get_json() == []
    assert len(held(site)) == 1


def test_brakes_need_settings_and_what_is_held_needs_contacts(site: Site) -> None:
    with site.world.database.writing() as connection:
        for scope in (Scope.SETTINGS, Scope.CONTACTS):
            portals.add_token(connection, PORTAL, "t", scope.value, [scope], NOW)
    for path, scope in (("/brakes", Scope.SETTINGS), ("/held", Scope.CONTACTS)):
        other = Scope.CONTACTS if scope is Scope.SETTINGS else Scope.SETTINGS
        assert site.ask("GET", path, token=scope.value).status_code == 200
        assert site.ask("GET", path, token=other.value).status_code == 403


def test_a_process_that_was_there_before_the_brake_goes_by_it(site: Site) -> None:
    intake = site.world.intake()
    list(intake.record([make_fact("before@example.com")]))
    site.ask("PUT", "/brakes/portal", {"most": 1})
    ((_, outcome),) = intake.record([make_fact("after@example.com")])
    assert not isinstance(outcome, Exception)
    assert outcome.verdict is Verdict.HELD
