"""Our own API for endpoints: what it answers, and that it describes itself. `test_isolation` is about portals."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.endpoints import OTHER_PORTAL, SECRET, Site, answer_of, opened_site
from tests.facts import PORTAL
from tests.world import World

PROBLEM_JSON = "application/problem+json"
API_RULE = "/api/v1/portals/<int:portal_id>"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    with opened_site(world, tmp_path) as opened:
        yield opened


@pytest.fixture
def furnished(site: Site) -> Site:
    """Portal 1 with an endpoint, a form that was seen and a delivery that was refused."""
    number = site.made(secret=SECRET)
    assert site.send(number, answer_of(), SECRET).status_code == 200
    assert site.send(number, answer_of(event_id="ev-2"), "another").status_code == 401
    return site


def api_rules(site: Site) -> list[tuple[str, Rule]]:
    """Return every method and route of the API."""
    rules = site.client.application.url_map.iter_rules()
    found = [rule for rule in rules if rule.rule.startswith(API_RULE)]
    return [
        (method, rule) for rule in found for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"})
    ]


def assert_problem(answer: TestResponse, status: int, reason: str) -> Any:
    assert (answer.status_code, answer.content_type) == (status, PROBLEM_JSON)
    problem: dict[str, Any] = answer.get_json(force=True)
    assert problem["reason"] == reason
    return problem


def test_no_list_shows_anything_of_another_portal(furnished: Site) -> None:
    for path in ("/endpoints", "/external-forms", "/deliveries"):
        assert furnished.ask("GET", path, portal=OTHER_PORTAL).json == []
        assert len(furnished.ask("GET", path).get_json()) == 1


def test_an_endpoint_is_made_and_its_secret_is_shown_once(site: Site) -> None:
    made = site.ask("POST", "/endpoints", {"provider": "typeform", "make_secret": True})
    document = made.get_json()
    shown = site.ask("GET", f"/endpoints/{document['id']}")
    assert made.status_code == 201
    assert len(document["secret"]) > 20
    assert document["url"] == f"http://localhost{site.path(document['id'])}"
    assert document["secret"] not in shown.text
    assert shown.get_json() == {
        **{key: document[key] for key in document if key != "secret"},
        "preview": None,
    }


def test_a_secret_that_is_given_is_never_shown(site: Site) -> None:
    given = {"provider": "meta_lead_ads", "secret": SECRET, "access_token": "token-of-the-vendor"}
    made = site.ask("POST", "/endpoints", given)
    rotated = site.ask("POST", f"/endpoints/{made.get_json()['id']}/rotate-secret", {"secret": "of-today"})
    for answer in (made, rotated, site.ask("GET", "/endpoints")):
        assert not any(secret in answer.text for secret in (SECRET, "of-today", "token-of-the-vendor"))
    assert (made.get_json()["secret"], rotated.get_json()["secrets"]) == (None, 2)
    assert made.get_json()["has_access_token"] is made.get_json()["needs_access_token"] is True


def test_a_rotation_shows_both_addresses_until_it_is_finished(site: Site) -> None:
    number = site.made()
    before = site.ask("GET", f"/endpoints/{number}").get_json()
    during = site.ask("POST", f"/endpoints/{number}/rotate-address").get_json()
    after = site.ask("POST", f"/endpoints/{number}/finish-rotation").get_json()
    assert during["previous_url"] == before["url"] != during["url"]
    assert (after["url"], after["previous_url"]) == (during["url"], None)


def test_a_secret_that_is_made_by_a_rotation_is_shown_once(site: Site) -> None:
    number = site.made(secret=SECRET)
    rotated = site.ask("POST", f"/endpoints/{number}/rotate-secret", {}).get_json()
    assert rotated["secret"] == site.endpoints.show(PORTAL, number).endpoint.secrets[0]
    assert "secret" not in site.ask("POST", f"/endpoints/{number}/finish-rotation").get_json()


def test_an_endpoint_is_paused_and_deleted(site: Site) -> None:
    number = site.made()
    paused = site.ask("PATCH", f"/endpoints/{number}", {"state": "paused", "options": {"tolerance": 60}})
    assert (paused.get_json()["state"], paused.get_json()["options"]["tolerance"]) == ("paused", 60)
    assert site.ask("DELETE", f"/endpoints/{number}").status_code == 204
    assert_problem(site.ask("GET", f"/endpoints/{number}"), 404, "not_found")


def test_an_endpoint_shows_what_was_sent_last_without_its_secrets(furnished: Site) -> None:
    (listed,) = furnished.ask("GET", "/endpoints").get_json()
    shown = furnished.ask("GET", f"/endpoints/{listed['id']}").get_json()
    assert (listed["last_outcome"], "preview" in listed) == ("signature_wrong", False)
    assert shown["preview"]["document"]["event_id"] == "ev-2"


def test_a_form_says_which_default_stands_and_whose_it_is(furnished: Site) -> None:
    (form,) = furnished.ask("GET", "/external-forms?new=true").get_json()
    path = f"/external-forms/{form['id']}"
    assert (form["default_in_effect"], form["default_from"], form["submissions"]) == (True, "portal", 1)
    assert (form["name"], form["fields"]) == ("Newsletter", {"mail": "Mail?"})
    furnished.ask("PATCH", "/defaults", {"external_forms": False})
    assert furnished.ask("GET", path).get_json()["default_in_effect"] is False
    own = furnished.ask("PATCH", path, {"marketing_default": True, "mapping": {"email": "mail"}}).get_json()
    assert (own["default_in_effect"], own["default_from"], own["is_new"]) == (True, "own", False)
    back = furnished.ask("PATCH", path, {"marketing_default": None}).get_json()
    assert (back["default_from"], back["mapping"]) == ("portal", {"email": "mail"})


def test_a_chatflow_is_off_when_nobody_has_chosen(site: Site) -> None:
    told = site.ask("POST", "/external-forms", {"endpoint": site.made("intercom"), "key": "bot"})
    document = told.get_json()
    assert (told.status_code, document["kind"], document["is_new"]) == (201, "chatflow", False)
    assert (document["default_in_effect"], document["default_from"]) == (False, "chatflow")


def test_forms_are_listed_by_endpoint(furnished: Site) -> None:
    (form,) = furnished.ask("GET", "/external-forms").get_json()
    for number, forms in ((form["endpoint"], [form]), (form["endpoint"] + 1, [])):
        assert furnished.ask("GET", f"/external-forms?endpoint={number}").get_json() == forms


def test_a_delivery_is_replayed_once_its_secret_is_right(furnished: Site) -> None:
    (refused,) = furnished.ask("GET", "/deliveries?waiting=true").get_json()
    path = f"/deliveries/{refused['id']}"
    assert (refused["reason"], refused["times"]) == ("signature_wrong", 1)
    again = furnished.ask("POST", f"{path}/replay", {}).get_json()
    assert (again["outcome"], again["reason"]) == ("refused", "signature_wrong")
    kept = furnished.ask("POST", f"{path}/replay", {"trust": True}).get_json()
    assert (kept["outcome"], kept["events"], kept["reason"]) == ("kept", 1, None)
    assert furnished.ask("GET", "/deliveries?waiting=true").get_json() == []
    assert furnished.ask("GET", path).get_json()["replayed_at"] is not None


def test_deliveries_come_in_pages(site: Site) -> None:
    number = site.made(secret=SECRET)
    for place in range(3):
        site.send(number, answer_of(event_id=f"ev-{place}"), "another")
        site.world.pass_by(seconds=1)
    first = site.ask("GET", f"/deliveries?endpoint={number}&limit=2").get_json()
    second = site.ask("GET", f"/deliveries?limit=2&before={first[-1]['id']}").get_json()
    seen = [each["preview"]["document"]["event_id"] for each in first + second]
    assert seen == ["ev-2", "ev-1", "ev-0"]


def test_the_providers_are_listed_with_what_they_need(site: Site) -> None:
    found = {each["name"]: each for each in site.ask("GET", "/providers").get_json()}
    assert (found["typeform"]["needs_secret"], found["typeform"]["takes_secret"]) == (False, True)
    assert (found["meta_lead_ads"]["needs_secret"], bool(found["meta_lead_ads"]["look_up"])) == (True, True)
    assert found["html_form"]["takes_secret"] is False


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/endpoints", {}, "provider"),
        ("POST", "/endpoints", {"provider": "typeform", "nmae": "x"}, "nmae"),
        ("POST", "/endpoints", {"provider": "typeform", "options": {"captcha": 1}}, "options.captcha"),
        ("POST", "/endpoints", {"provider": "typeform", "options": {"captcha": "no"}}, "options.captcha"),
        ("POST", "/endpoints", {"provider": "html_form", "secret": "s"}, "secret"),
        ("POST", "/endpoints", [], ""),
        ("PATCH", "/endpoints/1", {"state": "asleep"}, "state"),
        ("GET", "/external-forms?endpoint=x", None, "endpoint"),
        ("GET", f"/external-forms?endpoint={2**63}", None, "endpoint"),
        ("POST", "/external-forms", {"endpoint": 2**63, "key": "k"}, "endpoint"),
        ("PATCH", "/external-forms/1", {"mapping": {"address": "x"}}, "mapping.address.key"),
        ("PATCH", "/external-forms/1", {"marketing_default": "perhaps"}, "marketing_default"),
        ("PATCH", "/defaults", {}, "external_forms"),
        ("GET", "/deliveries?before=yesterday", None, "before"),
        ("GET", "/deliveries?limit=0", None, "limit"),
        ("POST", f"/deliveries/{'0' * 32}/replay", {"trust": "me"}, "trust"),
    ],
)
def test_a_request_that_is_not_as_described_names_field_and_mend(
    site: Site, method: str, path: str, body: Any, field: str
) -> None:
    problem = assert_problem(site.ask(method, path, body), 400, "invalid_input")
    assert (problem["field"], bool(problem["mend"])) == (field, True)


def test_a_body_that_is_no_json_is_a_problem(site: Site) -> None:
    answer = site.client.post(
        "/api/v1/portals/1/endpoints",
        data=b"{",
        content_type="application/json",
        headers={"Authorization": "Bearer mk_of_portal_1"},
    )
    assert_problem(answer, 400, "invalid_input")


@pytest.mark.parametrize(
    "text", ["\0", "\ud800", "\0" * 2_000, "x" * 100_000], ids=["nul", "half", "nuls", "long"]
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/endpoints", {"provider": "TEXT"}),
        ("POST", "/endpoints", {"provider": "typeform", "name": "nTEXT"}),
        ("POST", "/endpoints", {"provider": "typeform", "secret": "sTEXT"}),
        ("POST", "/endpoints", {"provider": "typeform", "access_token": "tTEXT"}),
        ("POST", "/endpoints", {"provider": "typeform", "options": {"thanks_text": "tTEXT"}}),
        ("POST", "/endpoints", {"provider": "typeform", "options": {"honeypots": ["hTEXT"]}}),
        ("POST", "/endpoints", {"provider": "typeform", "options": {"thanks_url": "https://x/TEXT"}}),
        ("PATCH", "/endpoints/ENDPOINT", {"name": "nTEXT"}),
        ("PATCH", "/endpoints/ENDPOINT", {"captcha_secret": "cTEXT"}),
        ("POST", "/external-forms", {"endpoint": "ENDPOINT", "key": "kTEXT"}),
        ("PATCH", "/external-forms/FORM", {"name": "nTEXT"}),
        ("PATCH", "/external-forms/FORM", {"mapping": {"email": "mTEXT"}}),
    ],
)
def test_a_text_that_cannot_be_stored_is_refused(
    furnished: Site, method: str, path: str, body: Any, text: str
) -> None:
    (form,) = furnished.ask("GET", "/external-forms").get_json()
    path = path.replace("ENDPOINT", str(form["endpoint"])).replace("FORM", str(form["id"]))
    written = json.dumps(body).replace("TEXT", json.dumps(text)[1:-1])
    sent = json.loads(written.replace('"ENDPOINT"', str(form["endpoint"])))
    answer = furnished.ask(method, path, sent)
    assert (answer.status_code in {400, 404}, answer.content_type) == (True, PROBLEM_JSON)


@pytest.mark.parametrize(
    "path",
    [f"/endpoints/{2**63}", "/endpoints/987654", "/external-forms/987654", "/deliveries/xyz", "/nothing"],
)
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    answer = site.ask("GET", path)
    assert (answer.status_code, answer.content_type) == (404, PROBLEM_JSON)


def test_an_unknown_provider_is_not_found(site: Site) -> None:
    assert_problem(site.ask("POST", "/endpoints", {"provider": "nobody"}), 404, "not_found")


def test_every_call_is_described_with_its_schema(site: Site) -> None:
    document = site.client.get("/openapi.json").get_json()
    described = document["paths"]
    for method, rule in api_rules(site):
        path = re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"{\1}", re.sub(r"\([^()]*\)", "", rule.rule))
        call = described[path][method.lower()]
        answers = {status: answer for status, answer in call["responses"].items() if status.startswith("2")}
        assert call["summary"]
        assert all(status == "204" or answer["content"] for status, answer in answers.items())
    assert document["security"] == [{"token": []}]


def test_problems_are_described_as_they_are(site: Site) -> None:
    components = site.client.get("/openapi.json").get_json()["components"]
    described = set(components["schemas"]["Problem"]["properties"])
    assert list(components["responses"]["DEFAULT_ERROR"]["content"]) == [PROBLEM_JSON]
    number = {"ids": [1], "marketing": True, "expected": 2}
    told = [
        site.ask("POST", path, body)
        for path, body in (("/endpoints", {}), ("/contacts/marketing-status", number))
    ]
    assert set().union(*(each.get_json(force=True) for each in told)) == described


def test_answers_are_as_described(furnished: Site) -> None:
    schemas = furnished.client.get("/openapi.json").get_json()["components"]["schemas"]
    for path, name in (
        ("/endpoints", "Endpoint"),
        ("/external-forms", "ExternalForm"),
        ("/deliveries", "Delivery"),
        ("/providers", "Provider"),
    ):
        document = furnished.ask("GET", path).get_json()[0]
        assert set(document) == set(schemas[name]["properties"]) == set(schemas[name]["required"])
