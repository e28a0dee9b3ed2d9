"""Plain HTML forms, from the browser's request to what is kept, on both engines."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.domain.endpoints import Endpoint, EndpointState
from service.endpoints import hook_path
from tests.browsers import ADA, BROWSER, ORIGIN, SCRIPT, Site
from tests.facts import PORTAL
from tests.provider_samples import multipart
from tests.vendors.captcha import MOODS, SECRET, CaptchaService
from tests.world import World, on_sqlite

OTHER_SECRET = "another-0123"  # noqa: S105 - of nobody
_numbers = itertools.count(1)
LARGE = {"email": "ada@example.com", "message": "x" * 2_000_000}


@pytest.fixture
def start(world: World, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def open_site(**settings: Any) -> Site:
        sites.append(Site(world, tmp_path, **settings))
        return sites[-1]

    yield open_site
    for site in sites:
        site.close()


@pytest.fixture
def site(start: Callable[..., Site]) -> Site:
    return start()


def guarded(site: Site, service: CaptchaService, captcha: str = "turnstile", **more: Any) -> Endpoint:
    """Return an endpoint that asks for a captcha."""
    given = {"captcha_secret": SECRET, **more}
    return site.endpoint(captcha=captcha, api_url=service.url, **given)


def answer_of(word: str, field: str = "cf-turnstile-response") -> dict[str, str]:
    return {**ADA, field: word}


def new_answer() -> str:
    """Return an answer that is right, once in the whole process: what was solved is remembered."""
    return f"solved-{next(_numbers)}"


# Answers


def test_a_person_is_thanked_with_a_page_after_the_contact_is_kept(site: Site) -> None:
    reply = site.submit(site.endpoint())
    assert (reply.status_code, reply.mimetype) == (200, "text/html")
    assert "Thank you" in reply.text
    assert site.contacts() == ["ada@example.com"]


def test_a_person_is_sent_on_to_an_allowed_host(site: Site) -> None:
    reply = site.submit(site.endpoint(allowed_hosts=["www.example.com"]), {**ADA, "_next": "/thanks"})
    assert (reply.status_code, reply.headers["Location"]) == (303, f"{ORIGIN}/thanks")
    assert site.contacts() == ["ada@example.com"]


def test_a_redirect_elsewhere_is_refused_and_the_submission_is_kept(site: Site) -> None:
    endpoint = site.endpoint(thanks_url="https://www.example.com/ok")
    with capture_logs() as logs:
        reply = site.submit(endpoint, {**ADA, "_next": "https://evil.example/?ada@example.com"})
    assert reply.headers["Location"] == "https://www.example.com/ok"
    assert site.contacts() == ["ada@example.com"]
    (line,) = [line for line in logs if line["event"] == "redirect_refused"]
    assert line == {
        "event": "redirect_refused",
        "log_level": "info",
        "endpoint": endpoint.id,
        "host": "evil.example",
    }


def test_a_script_gets_json_that_its_page_may_read(site: Site) -> None:
    reply = site.submit(site.endpoint(), headers=SCRIPT)
    assert reply.get_json() == {"ok": True}
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert site.contacts() == ["ada@example.com"]


def test_json_by_fetch_is_asked_for_and_taken(site: Site) -> None:
    endpoint = site.endpoint(allowed_origins=[ORIGIN])
    asking = {
        **SCRIPT,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    asked = site.client.options(hook_path(endpoint), headers=asking)
    reply = site.client.post(hook_path(endpoint), json=ADA, headers=SCRIPT)
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert site.contacts() == ["ada@example.com"]


def test_a_form_that_is_sent_twice_is_kept_once_and_thanked_for_twice(site: Site) -> None:
    endpoint = site.endpoint()
    replies = [site.submit(endpoint) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert len(site.contents()) == 1


# Spam


@pytest.mark.parametrize("trap", ["_gotcha", "website"])
def test_a_filled_trap_is_kept_as_spam_and_thanked_for_as_anything_else(site: Site, trap: str) -> None:
    endpoint = site.endpoint(honeypots=["website"])
    spam = site.submit(endpoint, {**ADA, trap: "x"})
    real = site.submit(endpoint)
    assert (spam.status_code, spam.data, list(spam.headers)) == (200, real.data, list(real.headers))
    assert sorted(site.verdicts()) == ["raised", "spam"]


def test_a_page_that_is_not_listed_submits_spam(site: Site) -> None:
    endpoint = site.endpoint(allowed_origins=[ORIGIN])
    reply = site.submit(endpoint, headers={**BROWSER, "Origin": "https://evil.example"})
    assert reply.status_code == 200
    assert (site.verdicts(), site.contacts()) == (["spam"], [])


def test_a_sender_that_hides_its_page_is_spam_only_where_pages_are_listed(site: Site) -> None:
    hidden = {"Accept": BROWSER["Accept"]}
    site.submit(site.endpoint(allowed_origins=[ORIGIN]), headers=hidden)
    assert site.verdicts() == ["spam"]
    site.submit(site.endpoint(), headers=hidden)
    assert site.verdicts() == ["spam", "raised"]


# Captchas


@pytest.mark.parametrize(
    ("captcha", "field"),
    [
        ("turnstile", "cf-turnstile-response"),
        ("hcaptcha", "h-captcha-response"),
        ("hcaptcha", "g-recaptcha-response"),
    ],
)
def test_who_solves_the_captcha_is_human(site: Site, captcha: str, field: str) -> None:
    answer = new_answer()
    with CaptchaService() as service:
        site.submit(guarded(site, service, captcha), answer_of(answer, field))
    (asked,) = service.asked
    assert (asked["secret"], asked["response"], asked["remoteip"]) == (SECRET, answer, "127.0.0.1")
    assert site.verdicts() == ["raised"]
    assert field not in str(site.contents())


@on_sqlite
@pytest.mark.parametrize("word", ["guessed", "", "solved" * 3_000, "sol ved", "sölved"])
def test_who_does_not_is_spam(site: Site, word: str) -> None:
    with CaptchaService() as service:
        reply = site.submit(guarded(site, service), answer_of(word))
    assert reply.status_code == 200
    assert site.verdicts() == ["spam"]


@on_sqlite
def test_an_answer_is_good_for_one_submission_and_for_its_repeats(site: Site) -> None:
    answer = new_answer()
    with CaptchaService() as service:
        endpoint = guarded(site, service)
        for email in ("ada@example.com", "ada@example.com", "bot@example.com"):
            site.submit(endpoint, {**answer_of(answer), "email": email})
    assert len(service.asked) == 2
    assert sorted(site.verdicts()) == ["raised", "spam"]


@on_sqlite
@pytest.mark.parametrize("mood", [*MOODS, "garbage"])
def test_a_captcha_that_cannot_be_checked_costs_no_lead(site: Site, mood: str) -> None:
    with CaptchaService(mood) as service, capture_logs() as logs:
        site.submit(guarded(site, service), answer_of(new_answer()))
    assert site.verdicts() == ["raised"]
    assert [line["log_level"] for line in logs if line["event"] == "captcha_not_checked"] == ["warning"]


@on_sqlite
@pytest.mark.parametrize("mood", ["silent", "trickling"])
def test_nobody_waits_long_for_a_captchas_service(site: Site, mood: str) -> None:
    with CaptchaService(mood) as service:
        began = time.monotonic()
        site.submit(guarded(site, service), answer_of(new_answer()))
        took = time.monotonic() - began
    assert took < 6
    assert site.verdicts() == ["raised"]


@on_sqlite
def test_a_service_that_is_gone_costs_no_lead(site: Site, free_port: Callable[[], int]) -> None:
    endpoint = site.endpoint(
        captcha="hcaptcha", captcha_secret=SECRET, api_url=f"http://127.0.0.1:{free_port()}"
    )
    site.submit(endpoint, answer_of(new_answer(), "h-captcha-response"))
    assert site.verdicts() == ["raised"]


@on_sqlite
def test_a_secret_that_the_service_refuses_costs_no_lead_and_is_not_logged(site: Site) -> None:
    with CaptchaService() as service, capture_logs() as logs:
        site.submit(guarded(site, service, captcha_secret=OTHER_SECRET), answer_of("guessed"))
    (line,) = [line for line in logs if line["event"] == "captcha_not_checked"]
    assert line["codes"] == ["invalid-input-secret"]
    assert OTHER_SECRET not in str(logs)
    assert site.verdicts() == ["raised"]


@on_sqlite
def test_a_page_that_is_not_listed_has_no_captcha_checked(site: Site) -> None:
    with CaptchaService() as service:
        endpoint = guarded(site, service, allowed_origins=["https://else.example.com"])
        site.submit(endpoint, answer_of(new_answer()))
    assert service.asked == []
    assert site.verdicts() == ["spam"]


# Refusals


def test_a_form_that_cannot_be_read_is_refused_with_a_page(site: Site) -> None:
    reply = site.submit(site.endpoint(), b"", content_type="application/x-www-form-urlencoded")
    assert (reply.status_code, reply.mimetype) == (422, "text/html")
    assert "send it again" in reply.text


def test_a_paused_endpoint_asks_a_person_to_come_again(site: Site) -> None:
    endpoint = site.endpoint()
    site.endpoints.set(PORTAL, endpoint.id, state=EndpointState.PAUSED)
    page, problem = (site.submit(endpoint, headers=headers) for headers in (BROWSER, SCRIPT))
    assert (page.status_code, page.mimetype, page.headers["Retry-After"]) == (503, "text/html", "300")
    assert (problem.status_code, problem.mimetype) == (503, "application/problem+json")
    assert problem.headers["Access-Control-Allow-Origin"] == "*"
    assert site.contents() == []


def test_who_opens_the_address_in_a_browser_reads_what_it_is(site: Site) -> None:
    reply = site.client.get(hook_path(site.endpoint()), headers=BROWSER)
    assert (reply.status_code, reply.mimetype) == (405, "text/html")
    assert reply.headers["Allow"]


@pytest.mark.parametrize("headers", [BROWSER, SCRIPT])
def test_a_form_that_is_too_large_is_refused_in_the_senders_shape(
    site: Site, headers: dict[str, str]
) -> None:
    reply = site.submit(site.endpoint(), LARGE, headers=headers)
    assert reply.status_code == 413
    assert reply.mimetype == ("text/html" if headers is BROWSER else "application/problem+json")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


@on_sqlite
def test_too_many_forms_are_refused_with_a_page(start: Callable[..., Site]) -> None:
    site = start(rate_limit_public=1)
    endpoint = site.endpoint()
    replies = [site.submit(endpoint) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 429]
    assert replies[1].mimetype == "text/html"
    assert replies[1].headers["Retry-After"]


def test_a_form_whose_address_leads_nowhere_is_refused_with_a_page(site: Site) -> None:
    reply = site.client.post("/hooks/html_form/ep_gone", data=ADA, headers=BROWSER)
    assert (reply.status_code, reply.mimetype) == (404, "text/html")


# Files


def test_a_form_with_a_file_is_kept_without_the_file(site: Site) -> None:
    texts = [(f'name="{name}"', text) for name, text in ADA.items()]
    body = multipart(*texts, ('name="plan"; filename="plan.pdf"', "%PDF-1.4 " + "x" * 3_000_000))
    reply = site.submit(site.endpoint(), body, content_type="multipart/form-data; boundary=XBOUND")
    (content,) = site.contents()
    assert reply.status_code == 200
    assert content["fields"] == ADA
    assert site.contacts() == ["ada@example.com"]
