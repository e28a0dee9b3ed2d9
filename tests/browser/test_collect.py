"""Captured forms in a real browser: what a page's forms submit comes in, whichever way the page submits it."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from service.providers.catalogue import BUILT_IN
from service.providers.loading import load_description
from service.providers.reader import read
from tests.browser.conftest import VARIABLE, Visit, find_chromium
from tests.browser.servers import PATIENCE, SCRIPT, Collector, Site
from tests.services.server import ServiceMissingError

LARGEST_SCRIPT = 8 * 1024
LARGEST_TRANSFER = 3 * 1024
LARGEST_BEACON = 64 * 1024
IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
EMAIL = '<label>E-mail <input name="email" type="email" value="ada@example.com"></label>'
SEND = "<button>Send</button>"
CONTACT = f'<form id="contact" action="/thanks" method="post">{EMAIL}{SEND}</form>'
STAYING = "<script>addEventListener('submit', (event) => event.preventDefault())</script>"
STRICT = "default-src 'none'; script-src {host}; connect-src {host}; form-action 'self'"


def submit(page: Page) -> None:
    page.get_by_role("button", name="Send").click()


def fields(payload: Any) -> dict[str, Any]:
    return {field["name"]: field["value"] for field in payload["fields"]}


def assert_sent_once(page: Page, collector: Collector) -> Any:
    """Return what was sent; that nothing else was, another form's submit tells, which comes after it."""
    payload = collector.next_payload()
    send_last_word(page)
    assert_is_last_word(collector.next_payload())
    return payload


def send_last_word(page: Page) -> None:
    page.evaluate(
        """() => {
            const form = document.createElement("form");
            form.id = "last-word";
            form.append(Object.assign(document.createElement("input"), {name: "word"}));
            window.marketable.send(form);
        }"""
    )


def assert_is_last_word(payload: Any) -> None:
    assert payload["form"]["id"] == "last-word"


def test_a_form_that_navigates_at_once_is_sent_whole(page: Page, visit: Visit, collector: Collector) -> None:
    visit(f"<h1>Write to us</h1>{CONTACT}", path="/contact?utm_source=news&sid=secret&utm_medium=mail")
    submit(page)
    expect(page).to_have_title("Thanks")
    payload = collector.next_payload()
    assert IDENTIFIER.fullmatch(payload.pop("id"))
    assert payload.pop("at").endswith("Z")
    assert payload == {
        "v": 1,
        "form": {"id": "contact", "name": "", "title": ""},
        "page": {
            "url": page.url.replace("/thanks", "/contact?utm_source=news&utm_medium=mail"),
            "title": "Contact us",
            "referrer": "",
        },
        "fields": [{"name": "email", "label": "E-mail", "type": "email", "value": "ada@example.com"}],
    }


def test_the_page_s_own_submit_is_as_it_was(page: Page, visit: Visit, site: Site) -> None:
    visit(CONTACT)
    submit(page)
    expect(page).to_have_title("Thanks")
    assert site.posted.get(timeout=PATIENCE) == "email=ada%40example.com"


def test_a_mistake_in_the_options_is_none_of_the_visitor_s_trouble(
    page: Page, visit: Visit, site: Site
) -> None:
    page.add_init_script("console.warn = (error) => { sessionStorage.warned = error.name }")
    visit(CONTACT, 'data-ignore="["')
    submit(page)
    expect(page).to_have_title("Thanks")
    assert site.posted.get(timeout=PATIENCE) == "email=ada%40example.com"
    assert page.evaluate("sessionStorage.warned") == "SyntaxError"


def test_it_crosses_origins_as_plain_text_without_being_asked_for(
    page: Page, visit: Visit, site: Site, collector: Collector
) -> None:
    visit(CONTACT)
    submit(page)
    delivery = collector.next_delivery()
    assert (delivery.method, delivery.header("content-type")) == ("POST", "text/plain;charset=UTF-8")
    assert delivery.url == f"{collector.url}/collect/TOKEN"
    assert (delivery.header("origin"), delivery.header("cookie")) == (site.url, None)


def test_what_is_sent_is_read_by_the_provider_s_description(
    page: Page, visit: Visit, collector: Collector
) -> None:
    markup = '<label>Your name <input name="f1" value="Ada Lovelace"></label>'
    boxes = '<label><input type="checkbox" name="f2" checked> Send me the newsletter</label>'
    visit(f'<form name="signup" aria-label="Sign up">{EMAIL}{markup}{boxes}{SEND}</form>{STAYING}')
    submit(page)
    (event,) = read(load_description(BUILT_IN / "captured_form"), collector.next_delivery())
    assert (event.form_id, event.form_name) == ("signup", "Sign up")
    assert (event.email, event.first_name, event.last_name) == ("ada@example.com", "Ada", "Lovelace")
    assert (event.consent, event.consent_text) == (True, "Send me the newsletter")
    assert event.occurred_at is not None


FETCHED = """<script>
    document.forms[0].addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        fetch("/thanks", {method: "POST", body: "by fetch"});
    }, true);
</script>"""


def test_a_form_that_a_script_sends_by_fetch_is_sent(
    page: Page, visit: Visit, site: Site, collector: Collector
) -> None:
    visit(f"{CONTACT}{FETCHED}")
    submit(page)
    assert fields(assert_sent_once(page, collector)) == {"email": "ada@example.com"}
    assert site.posted.get(timeout=PATIENCE) == "by fetch"


def test_a_form_added_later_is_sent(page: Page, visit: Visit, collector: Collector) -> None:
    visit(f"<main></main>{STAYING}")
    page.locator("main").evaluate("(main, html) => { main.innerHTML = html }", CONTACT)
    submit(page)
    assert assert_sent_once(page, collector)["form"]["id"] == "contact"


def test_a_form_that_a_script_submits_is_sent(page: Page, visit: Visit, collector: Collector) -> None:
    visit(CONTACT)
    page.evaluate("document.forms[0].submit()")
    assert fields(collector.next_payload()) == {"email": "ada@example.com"}
    expect(page).to_have_title("Thanks")


def test_a_form_in_a_shadow_tree_is_sent(page: Page, visit: Visit, collector: Collector) -> None:
    visit("<div id=host></div>")
    page.locator("#host").evaluate(
        "(host, html) => { host.attachShadow({mode: 'open'}).innerHTML = html }", CONTACT
    )
    submit(page)
    assert fields(collector.next_payload()) == {"email": "ada@example.com"}


def test_a_page_can_send_a_form_that_makes_no_event(page: Page, visit: Visit, collector: Collector) -> None:
    visit(f'<form id="silent">{EMAIL}</form><a onclick="marketable.send(document.forms[0])">Go</a>')
    page.get_by_text("Go").click()
    assert assert_sent_once(page, collector)["form"]["id"] == "silent"


def test_controls_named_like_a_form_s_properties_do_no_harm(
    page: Page, visit: Visit, collector: Collector
) -> None:
    clash = "".join(f'<input name="{name}" value="x">' for name in ("id", "name", "elements", "submit"))
    visit(f'<form id="clash">{clash}{EMAIL}{SEND}</form>{STAYING}')
    submit(page)
    payload = assert_sent_once(page, collector)
    assert payload["form"]["id"] == "clash"
    assert [*fields(payload)] == ["id", "name", "elements", "submit", "email"]


def test_of_two_forms_the_submitted_one_is_sent(page: Page, visit: Visit, collector: Collector) -> None:
    visit(f'{CONTACT}<form><input name="other" value="x"></form>{STAYING}')
    submit(page)
    assert fields(assert_sent_once(page, collector)) == {"email": "ada@example.com"}


def test_an_invalid_form_is_not_sent_even_where_the_browser_does_not_check(
    page: Page, visit: Visit, collector: Collector
) -> None:
    visit(f'<form novalidate><input name="email" type="email" required>{SEND}</form>{STAYING}')
    submit(page)
    send_last_word(page)
    assert_is_last_word(collector.next_payload())


def test_a_strict_policy_is_enough(page: Page, visit: Visit, collector: Collector) -> None:
    visit(CONTACT, policy=STRICT.format(host=collector.url))
    submit(page)
    expect(page).to_have_title("Thanks")
    assert fields(collector.next_payload()) == {"email": "ada@example.com"}


def test_a_script_that_is_there_twice_sends_once(page: Page, visit: Visit, collector: Collector) -> None:
    again = f'<script src="{collector.url}/collect.js" data-endpoint="TOKEN"></script>'
    visit(f"{again}{CONTACT}{STAYING}{again}")
    submit(page)
    assert_sent_once(page, collector)


# Once


def test_a_double_click_has_one_id_and_one_body(page: Page, visit: Visit, collector: Collector) -> None:
    visit(f"{CONTACT}{STAYING}")
    page.get_by_role("button", name="Send").dblclick()
    assert collector.next_delivery().body == collector.next_delivery().body


def test_a_submit_by_a_script_after_its_event_has_the_event_s_id(
    page: Page, visit: Visit, collector: Collector
) -> None:
    visit(f"{CONTACT}{STAYING}")
    page.evaluate("const {now} = Date; Date.now = () => now() + (window.later || 0)")
    submit(page)
    page.evaluate("window.later = 30_000; document.forms[0].submit()")
    assert collector.next_delivery().body == collector.next_delivery().body


@pytest.mark.parametrize("change", ["document.forms[0].email.value += 'x'", "window.later = 3000"])
def test_another_submit_has_another_id(page: Page, visit: Visit, collector: Collector, change: str) -> None:
    visit(f"{CONTACT}{STAYING}")
    page.evaluate("const {now} = Date; Date.now = () => now() + (window.later || 0)")
    submit(page)
    page.evaluate(change)
    submit(page)
    assert collector.next_payload()["id"] != collector.next_payload()["id"]


# When it can't be sent


def test_what_is_submitted_offline_is_sent_when_the_network_is_back(
    page: Page, context: BrowserContext, visit: Visit, collector: Collector
) -> None:
    visit(f"{CONTACT}{STAYING}")
    context.set_offline(offline=True)
    submit(page)
    assert page.evaluate("sessionStorage.length") == 1
    context.set_offline(offline=False)
    assert fields(collector.next_payload()) == {"email": "ada@example.com"}
    page.wait_for_function("sessionStorage.getItem(sessionStorage.key(0)) === '[]'")


@pytest.mark.parametrize("beacon", ["() => false", "undefined"])
def test_what_is_refused_for_now_is_sent_again_at_the_next_load_under_the_same_id(
    page: Page, visit: Visit, collector: Collector, beacon: str
) -> None:
    page.add_init_script(f"navigator.sendBeacon = {beacon}")
    collector.status = 503
    visit(f"{CONTACT}{STAYING}")
    submit(page)
    first = collector.next_delivery()
    collector.status = 200
    page.reload()
    assert collector.next_delivery().body == first.body
    page.wait_for_function("sessionStorage.getItem(sessionStorage.key(0)) === '[]'")


def test_ten_are_kept_at_most(
    page: Page, context: BrowserContext, visit: Visit, collector: Collector
) -> None:
    visit(f"{CONTACT}{STAYING}")
    context.set_offline(offline=True)
    for number in range(12):
        page.get_by_label("E-mail").fill(f"{number}@example.com")
        submit(page)
    context.set_offline(offline=False)
    sent = {fields(collector.next_payload())["email"] for _ in range(10)}
    assert sent == {f"{number}@example.com" for number in range(2, 12)}


def test_a_large_form_is_cut_to_what_a_beacon_takes(page: Page, visit: Visit, collector: Collector) -> None:
    areas = "".join(f'<textarea name="t{number}"></textarea>' for number in range(120))
    visit(f"<form>{EMAIL}{areas}{SEND}</form>{STAYING}")
    page.evaluate(
        "document.querySelectorAll('textarea').forEach((area) => { area.value = 'x' + '\\u{1f600}'.repeat(4e3) })"
    )
    submit(page)
    delivery = collector.next_delivery()
    (event,) = read(load_description(BUILT_IN / "captured_form"), delivery)
    assert len(delivery.body) < LARGEST_BEACON
    assert event.email == "ada@example.com"
    assert sum(name.startswith("t") for name in event.fields) == 99


def test_the_script_is_small() -> None:
    source = SCRIPT.read_bytes()
    assert len(source) <= LARGEST_SCRIPT
    assert len(gzip.compress(source)) < LARGEST_TRANSFER


def test_without_a_chromium_it_is_said_what_would_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ServiceMissingError, match=f"package chromium.*{VARIABLE}"):
        find_chromium()
