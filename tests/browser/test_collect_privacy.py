"""What a captured form never sends, and what it waits for."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Visit
from tests.browser.servers import Collector, Site
from tests.browser.test_collect import (
    CONTACT,
    EMAIL,
    SEND,
    STAYING,
    assert_is_last_word,
    assert_sent_once,
    fields,
    send_last_word,
    submit,
)

CARD = "4111 1111 1111 1111"
"""A number that cards' makers give for tests."""
NEVER_SENT = [
    '<input type="password" name="p" value="s3cret">',
    '<input name="p" autocomplete="current-password" value="s3cret">',
    '<label>Repeat password <input name="p" value="s3cret"></label>',
    '<input type="hidden" name="csrf" value="s3cret">',
    '<input name="n" autocomplete="section-a billing cc-number" value="s3cret">',
    '<input name="n" autocomplete="one-time-code" value="s3cret">',
    '<input name="cardNumber" value="s3cret">',
    '<input id="card-cvc" value="s3cret">',
    '<label>CVV <input name="n" value="s3cret"></label>',
    '<input name="n" aria-label="IBAN" value="s3cret">',
    '<input name="n" placeholder="Card number" value="s3cret">',
    f'<input name="n" value="{CARD}s3cret">',
    f'<textarea name="n">s3cret, my card is {CARD.replace(" ", "-")} 03/27</textarea>',
    '<input name="n" data-marketable-ignore value="s3cret">',
    '<div data-marketable-ignore><input name="n" value="s3cret"></div>',
    '<input name="n" class="private" value="s3cret">',
    '<fieldset class="private"><input name="n" value="s3cret"></fieldset>',
    '<input name="n" disabled value="s3cret">',
    '<textarea name="g-recaptcha-response">s3cret</textarea>',
    '<label>Choice <input type="radio" name="n" value="s3cret"></label>',
]
NOT_TAKEN = [
    f'<form role="search">{EMAIL}{SEND}</form>',
    f'<form><input type="search" name="q" value="boats">{SEND}</form>',
    f'<form>{EMAIL}<input type="password" name="p">{SEND}</form>',
    f"<form data-marketable-ignore>{EMAIL}{SEND}</form>",
    f"<section data-marketable-ignore><form>{EMAIL}{SEND}</form></section>",
    f'<form class="private">{EMAIL}{SEND}</form>',
    f'<form class="private" id="x">{SEND}</form><input name="email" form="x" value="ada@example.com">',
    f'<form class="other">{EMAIL}{SEND}</form>',
    f"<form>{SEND}</form>",
]
OPTIONS = 'data-ignore=".private" data-forms="form:not(.other)"'


@pytest.mark.parametrize("control", NEVER_SENT)
def test_what_is_secret_never_leaves_the_page(
    page: Page, visit: Visit, collector: Collector, control: str
) -> None:
    visit(f"<form data-marketable-capture>{EMAIL}{control}{SEND}</form>{STAYING}", OPTIONS)
    submit(page)
    delivery = collector.next_delivery()
    assert b"ada@example.com" in delivery.body
    assert b"s3cret" not in delivery.body


def test_a_password_that_is_shown_is_one_still(page: Page, visit: Visit, collector: Collector) -> None:
    show = """<a onclick="document.querySelector('[name=p]').type = 'text'">Show</a>"""
    markup = f'{EMAIL}<input type="password" name="p" value="s3cret">{show}{SEND}'
    visit(f"<form data-marketable-capture>{markup}</form>{STAYING}")
    page.get_by_text("Show").click()
    submit(page)
    assert [*fields(assert_sent_once(page, collector))] == ["email"]


def test_a_file_is_not_sent_and_not_named(page: Page, visit: Visit, collector: Collector) -> None:
    visit(f'<form>{EMAIL}<input type="file" name="cv">{SEND}</form>{STAYING}')
    page.locator("[type=file]").set_input_files({"name": "cv.txt", "mimeType": "text/plain", "buffer": b"s"})
    submit(page)
    assert [*fields(assert_sent_once(page, collector))] == ["email"]


@pytest.mark.parametrize("markup", NOT_TAKEN)
def test_a_form_that_is_none_of_ours_is_not_taken(
    page: Page, visit: Visit, collector: Collector, markup: str
) -> None:
    visit(f"{markup}{STAYING}", OPTIONS)
    submit(page)
    send_last_word(page)
    assert_is_last_word(collector.next_payload())


def test_an_ignored_host_hides_its_shadow_tree(page: Page, visit: Visit, collector: Collector) -> None:
    visit(f"<div id=host data-marketable-ignore></div>{STAYING}")
    page.locator("#host").evaluate(
        "(host, html) => { host.attachShadow({mode: 'open'}).innerHTML = html }",
        f'<form target="elsewhere" action="/thanks">{EMAIL}{SEND}</form>',
    )
    submit(page)
    send_last_word(page)
    assert_is_last_word(collector.next_payload())


@pytest.mark.parametrize("value", ["+49 151 12345678901", "0049 151 12345678", "4111 1111 1111 1112"])
def test_a_number_that_is_no_card_s_is_sent(
    page: Page, visit: Visit, collector: Collector, value: str
) -> None:
    visit(f'<form><input name="phone" value="{value}">{SEND}</form>{STAYING}')
    submit(page)
    assert fields(collector.next_payload()) == {"phone": value}


def test_of_hidden_fields_the_campaign_s_are_sent(page: Page, visit: Visit, collector: Collector) -> None:
    hidden = (
        '<input type="hidden" name="utm_campaign" value="spring"><input type="hidden" name="id" value="7">'
    )
    visit(f"<form>{EMAIL}{hidden}{SEND}</form>{STAYING}")
    submit(page)
    assert [*fields(collector.next_payload())] == ["email", "utm_campaign"]


BOXES = """
    <label><input type="checkbox" name="news"> Send me the <a href="/n">newsletter</a></label>
    <label><input type="checkbox" name="offers" value="0" checked> Offers</label>
    <label><input type="checkbox" name="topic" value="boats" checked> Boats</label>
    <fieldset><legend>May we call?</legend>
      <label><input type="radio" name="call" value="y"> Yes</label>
      <label><input type="radio" name="call" value="n" checked> No</label>
    </fieldset>
    <select name="size" multiple><option selected>S<option>M<option selected>L</select>
"""


def test_a_box_is_sent_ticked_or_not(page: Page, visit: Visit, collector: Collector) -> None:
    visit(f"<form>{BOXES}{SEND}</form>{STAYING}")
    submit(page)
    payload = collector.next_payload()
    labels = [field["label"] for field in payload["fields"]]
    assert labels == ["Send me the newsletter", "Offers", "Boats", "May we call?", ""]
    assert fields(payload) == {
        "news": False,
        "offers": True,
        "topic": "boats",
        "call": "n",
        "size": ["S", "L"],
    }


LABELLED = [
    '<label for="x">E-mail</label><input id="x" placeholder="no">',
    '<label>E-mail <select id="x"><option>one</select></label>',
    '<b id="a">E-</b><b id="b">mail</b><input id="x" aria-labelledby="a b">',
    '<input id="x" aria-label="  E- \n mail ">',
    '<input id="x" placeholder="E-mail">',
]


@pytest.mark.parametrize("markup", LABELLED)
def test_a_label_is_found_where_people_find_it(
    page: Page, visit: Visit, collector: Collector, markup: str
) -> None:
    visit(f"<form>{markup}{SEND}</form>{STAYING}")
    submit(page)
    (field,) = collector.next_payload()["fields"]
    assert (field["name"], field["label"].replace(" ", "")) == ("x", "E-mail")


def test_a_form_without_a_name_has_the_same_id_at_each_visit(
    page: Page, visit: Visit, collector: Collector
) -> None:
    ids: list[Any] = []
    for markup in (EMAIL, EMAIL, f"{EMAIL}<input name='more'>"):
        visit(f"<form>{markup}{SEND}</form>{STAYING}")
        submit(page)
        ids.append(collector.next_payload()["form"]["id"])
    assert ids[0].startswith("form-")
    assert ids[0] == ids[1] != ids[2]


# Consent


def test_nothing_is_sent_before_consent_nor_after_it_is_taken_back(
    page: Page, visit: Visit, collector: Collector
) -> None:
    visit(f"{CONTACT}{STAYING}", 'data-consent="wait"')
    for number, given in enumerate((None, True, False, True)):
        if given is not None:
            page.evaluate("(given) => window.marketable.consent(given)", given)
        page.get_by_label("E-mail").fill(f"{number}@example.com")
        submit(page)
    sent = [fields(collector.next_payload())["email"] for _ in range(2)]
    assert sorted(sent) == ["1@example.com", "3@example.com"]
    send_last_word(page)
    assert_is_last_word(collector.next_payload())


def test_what_was_kept_is_forgotten_when_consent_is_taken_back(
    page: Page, context: BrowserContext, visit: Visit, collector: Collector
) -> None:
    visit(f"{CONTACT}{STAYING}")
    context.set_offline(offline=True)
    submit(page)
    page.evaluate("window.marketable.consent(false)")
    assert page.evaluate("sessionStorage.length") == 0
    context.set_offline(offline=False)
    page.evaluate("window.marketable.consent(true)")
    send_last_word(page)
    assert_is_last_word(collector.next_payload())


def test_a_page_can_wait_for_the_script(page: Page, visit: Visit, collector: Collector) -> None:
    page.add_init_script("document.addEventListener('marketable', () => window.marketable.consent(true))")
    visit(f"{CONTACT}{STAYING}", 'data-consent="wait"')
    submit(page)
    assert_sent_once(page, collector)


# Cookies


@pytest.mark.parametrize(("options", "expected"), [("data-hutk", "0123456789abcdef" * 2), ("", None)])
def test_the_visitor_s_cookie_is_passed_on_only_when_asked_for(
    page: Page, visit: Visit, collector: Collector, options: str, expected: str | None
) -> None:
    visit(f"{CONTACT}{STAYING}", options)
    page.evaluate("document.cookie = 'hubspotutk=' + '0123456789abcdef'.repeat(2)")
    submit(page)
    assert collector.next_payload().get("hutk") == expected


def test_no_cookie_is_set(page: Page, context: BrowserContext, visit: Visit, collector: Collector) -> None:
    visit(f"{CONTACT}{STAYING}")
    submit(page)
    collector.next_delivery()
    assert context.cookies() == []
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_of_the_page_before_only_its_origin_is_told(
    page: Page, visit: Visit, site: Site, collector: Collector
) -> None:
    site.serve("/offers/secret", '<a href="/contact">Contact</a>')
    visit(f"{CONTACT}{STAYING}")
    page.goto(f"{site.url}/offers/secret?sid=1")
    page.get_by_text("Contact").click()
    page.wait_for_function("window.marketable")
    submit(page)
    assert collector.next_payload()["page"]["referrer"] == site.url
