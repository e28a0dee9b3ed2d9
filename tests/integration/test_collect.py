"""`/collect.js` and `/collect/<token>` as the pages of a website use them, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.domain.endpoints import Endpoint
from service.endpoints import hook_path
from service.errors import InvalidInput
from service.web.collect import SCRIPT as FILE
from tests.browsers import SCRIPT, Site
from tests.provider_samples import SAMPLES
from tests.world import World, on_sqlite

SAMPLE = next(sample for sample in SAMPLES if str(sample) == "captured_form/ordinary").delivery
PLAIN = "text/plain;charset=UTF-8"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    site = Site(world, tmp_path)
    yield site
    site.close()


@pytest.fixture
def endpoint(site: Site) -> Endpoint:
    return site.endpoint("captured_form")


@on_sqlite
def test_the_script_can_be_used_by_any_page_and_kept_for_an_hour(site: Site) -> None:
    reply = site.client.get("/collect.js")
    assert (reply.status_code, reply.data) == (200, FILE.read_bytes())
    assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert reply.headers["Cache-Control"] == "public, max-age=3600"
    assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@on_sqlite
def test_a_browser_that_has_the_script_is_not_sent_it_again(site: Site) -> None:
    tag = site.client.get("/collect.js").headers["ETag"]
    same = site.client.get("/collect.js", headers={"If-None-Match": tag})
    other = site.client.get("/collect.js", headers={"If-None-Match": '"older"'})
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    assert other.status_code == 200


def test_what_a_page_captured_is_kept(site: Site, endpoint: Endpoint) -> None:
    assert hook_path(endpoint) == f"/collect/{endpoint.token}"
    reply = site.submit(endpoint, SAMPLE.body, SCRIPT, content_type=PLAIN)
    assert reply.status_code == 200
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert site.contacts() == ["ada@example.com"]


def test_the_same_again_is_kept_once(site: Site, endpoint: Endpoint) -> None:
    for _ in range(2):
        assert site.submit(endpoint, SAMPLE.body, SCRIPT, content_type=PLAIN).status_code == 200
    assert len(site.contents()) == 1


def test_a_beacon_is_taken_as_well(site: Site, endpoint: Endpoint) -> None:
    beacon = {**SCRIPT, "Sec-Fetch-Mode": "no-cors", "Cookie": "other=1"}
    assert site.submit(endpoint, SAMPLE.body, beacon, content_type=PLAIN).status_code == 200
    assert site.contacts() == ["ada@example.com"]


def test_a_page_that_is_not_listed_sends_spam(site: Site) -> None:
    endpoint = site.endpoint("captured_form", allowed_origins=["https://else.example.com"])
    reply = site.submit(endpoint, SAMPLE.body, SCRIPT, content_type=PLAIN)
    assert reply.status_code == 200
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert site.verdicts() == ["spam"]


def test_no_captcha_can_be_asked_for(site: Site) -> None:
    with pytest.raises(InvalidInput) as refusal:
        site.endpoint("captured_form", captcha="turnstile", captcha_secret="s")  # noqa: S106 - of nobody
    assert refusal.value.field == "options.captcha"


def test_a_page_is_told_that_it_may_send(site: Site, endpoint: Endpoint) -> None:
    reply = site.client.options(hook_path(endpoint), headers=SCRIPT)
    assert reply.status_code == 204
    assert reply.headers["Access-Control-Allow-Methods"] == "POST"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_refused(site: Site, endpoint: Endpoint, method: str) -> None:
    assert site.client.open(hook_path(endpoint), method=method).status_code == 405


def test_what_cannot_be_read_is_refused_and_the_page_may_read_why(site: Site, endpoint: Endpoint) -> None:
    reply = site.submit(endpoint, b"no json", SCRIPT, content_type=PLAIN)
    assert (reply.status_code, reply.get_json()["reason"]) == (422, "not_json")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


def test_the_address_of_another_providers_endpoint_leads_nowhere(site: Site) -> None:
    token = site.endpoint("html_form").token
    reply = site.client.post(f"/collect/{token}", data=SAMPLE.body, headers=SCRIPT)
    assert reply.status_code == 404
    assert site.contents() == []
