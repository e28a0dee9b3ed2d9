from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Response
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from service.delivery import Delivery
from service.domain.endpoints import Endpoint, EndpointOptions, EndpointState
from service.providers.visits import captcha_answer, next_wanted
from service.web import visitors
from service.web.urls import read_url, resolve
from service.web.visitors.wishes import wants_page
from tests.browsers import BROWSER, ORIGIN, PAGE, SCRIPT
from tests.provider_samples import FOLDERS, describe, described, multipart

NOW = datetime(2026, 3, 2, 10, 0, 42, tzinfo=UTC)
HTML_FORM = described(next(folder for folder in FOLDERS if folder.name == "html_form"))
URLENCODED = "application/x-www-form-urlencoded"


def submission(
    body: str | bytes = "email=ada%40example.com",
    headers: Mapping[str, str] = BROWSER,
    *,
    content_type: str = URLENCODED,
    **more: str,
) -> Delivery:
    """Return what a browser sends; `Accept_Language` stands for the header `Accept-Language`."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return Delivery(
        method="POST",
        url="https://hooks.example.com/hooks/html_form/token",
        headers=tuple({**headers, **named, "Content-Type": content_type}.items()),
        body=body.encode() if isinstance(body, str) else body,
        received_at=NOW,
    )


def endpoint(**options: Any) -> Endpoint:
    return Endpoint(
        id=7,
        portal_id=1,
        provider="html_form",
        name="Contact page",
        state=EndpointState.ACTIVE,
        tokens=("token",),
        options=EndpointOptions(**options),
        created_at=NOW,
    )


def answered(delivery: Delivery, **options: Any) -> Response:
    return visitors.answer(endpoint(**options), HTML_FORM, delivery)


def sent_to(next_url: str, *hosts: str, **more: str) -> str | None:
    """Return where a form that wants its visitor sent on has it sent to."""
    body = multipart(('name="_next"', next_url), ('name="email"', "ada@example.com"))
    delivery = submission(body, BROWSER, content_type="multipart/form-data; boundary=XBOUND", **more)
    return answered(delivery, allowed_hosts=hosts or ("www.example.com",)).headers.get("Location")


# A page or JSON


@pytest.mark.parametrize(
    "headers",
    [
        SCRIPT,
        {"Accept": "application/json"},
        {"Accept": "*/*"},
        {},
        {**BROWSER, "X-Requested-With": "XMLHttpRequest"},
        {**BROWSER, "Sec-Fetch-Mode": "cors"},
        {**BROWSER, "Sec-Fetch-Mode": "no-cors"},
        {"Accept": "text/html;q=0, */*"},
        {"Accept": "text/html, application/json"},
        {"Accept": "text/html;q=broken"},
    ],
)
def test_a_script_gets_json(headers: Mapping[str, str]) -> None:
    assert wants_page(submission(headers=headers)) is False


@pytest.mark.parametrize(
    "headers",
    [
        BROWSER,
        {"Accept": BROWSER["Accept"]},
        {"Accept": "TEXT/HTML"},
        {"Accept": "text/html, application/json;q=0.9"},
        {**BROWSER, "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_a_person_gets_a_page(headers: Mapping[str, str]) -> None:
    assert wants_page(submission(headers=headers)) is True


@pytest.mark.parametrize("content_type", ["application/json", "application/ld+json; charset=utf-8"])
def test_who_sends_json_gets_json(content_type: str) -> None:
    assert wants_page(submission("{}", content_type=content_type)) is False


def test_a_script_is_told_where_to_go_and_goes_nowhere_by_itself() -> None:
    reply = answered(submission("_next=/thanks", SCRIPT), allowed_hosts=("www.example.com",))
    assert reply.status_code == 200
    assert reply.get_json() == {"ok": True, "next": "https://www.example.com/thanks"}


def test_a_script_is_told_of_nowhere_when_there_is_nowhere_to_go() -> None:
    assert answered(submission(headers=SCRIPT)).get_json() == {"ok": True}


# Where the visitor goes


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("https://www.example.com/thanks", "https://www.example.com/thanks"),
        ("http://www.example.com", "http://www.example.com"),
        ("HTTPS://WWW.Example.COM:443/Thanks?a=1&b=%20#top", "https://www.example.com/Thanks?a=1&b=%20#top"),
        ("https://www.example.com:8443/", "https://www.example.com:8443/"),
        (" https://www.example.com/thanks ", "https://www.example.com/thanks"),
        ("/thanks", "https://www.example.com/thanks"),
        ("thanks.html", "https://www.example.com/thanks.html"),
        ("?sent=1", "https://www.example.com/contact?sent=1"),
        ("//www.example.com/thanks", "https://www.example.com/thanks"),
        ("/d%C3%A9j\u00e0", "https://www.example.com/d%C3%A9j%C3%A0"),
    ],
)
def test_a_form_sends_its_visitor_on_to_an_allowed_host(wanted: str, location: str) -> None:
    assert sent_to(wanted) == location


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "//evil.example/www.example.com",
        "///evil.example",
        "///www.example.com",
        "/\\evil.example",
        "\\\\evil.example",
        "https:\\\\www.example.com",
        "https://www.example.com\\.evil.example",
        "https://www.example.com@evil.example/",
        "https://ada:secret@www.example.com/",
        "https://@www.example.com/",
        "https://www.example.com.evil.example/",
        "https://evilwww.example.com/",
        "https://sub.www.example.com/",
        "https://www.example.com:x/",
        "https://www.example.com:99999/",
        "https://www.ex\u0430mple.com/",
        "https://www.example\u3002com/",
        "https://www%2Eexample.com/",
        "https://www.example.com./",
        "https://[::1/",
        "https://",
        "https:///www.example.com",
        "https:www.example.org",
        "javascript:alert(1)",
        "JaVaScRiPt://www.example.com/%0aalert(1)",
        "data:text/html,hello",
        "ftp://www.example.com/",
        "https://www.example.com/\x01",
        "https://www.exa\tmple.com/",
        "https://www.example.com/a b",
        "java\nscript:alert(1)",
        "https://www.example.com/" + "x" * 2_000,
    ],
)
def test_a_redirect_to_anywhere_else_is_not_followed(wanted: str) -> None:
    assert sent_to(wanted) is None


def test_a_host_with_a_star_stands_for_all_below_it() -> None:
    assert sent_to("https://a.b.example.com/", "*.example.com") == "https://a.b.example.com/"
    assert sent_to("https://example.com/", "*.example.com") is None
    assert sent_to("https://evilexample.com/", "*.example.com") is None


def test_a_path_leads_nowhere_when_the_page_is_of_another_host_or_unknown() -> None:
    assert sent_to("/thanks", Referer="https://evil.example/", Origin="https://evil.example") is None
    assert sent_to("/thanks", Referer="", Origin="null") is None


def test_a_path_starts_from_the_origin_when_the_page_does_not_tell_more() -> None:
    assert sent_to("/thanks", Referer="") == f"{ORIGIN}/thanks"


def test_a_redirect_that_is_refused_gives_way_to_the_endpoints_own() -> None:
    reply = answered(submission("_next=https://evil.example"), thanks_url="https://www.example.com/ok")
    assert reply.status_code == 303
    assert reply.headers["Location"] == "https://www.example.com/ok"


def test_the_forms_own_redirect_goes_before_the_endpoints() -> None:
    own = {"thanks_url": "https://www.example.com/ok", "allowed_hosts": ("www.example.com",)}
    assert answered(submission("_redirect=/mine"), **own).headers["Location"] == f"{ORIGIN}/mine"


@pytest.mark.parametrize("host", ["1.2.3.4", "localhost", "[::1]", "a_b.example.com"])
def test_a_host_is_written_as_it_was_read(host: str) -> None:
    assert str(read_url(f"http://{host}:3000/a//b")) == f"http://{host}:3000/a//b"


def test_what_no_page_can_mean_is_no_address() -> None:
    page = read_url(PAGE)
    assert [resolve(text, page) for text in ("//[", "http://[::1", "//a:b")] == [None, None, None]


TRICKY = st.text(st.sampled_from("/\\\\:@.?#%[]htps wexamplcovi1\t\n\x00\u3002\uff0f\ud800"), max_size=40)


@given(st.one_of(TRICKY, st.builds("https://{}".format, TRICKY), st.text()))
def test_what_is_followed_has_the_same_host_for_every_reader(wanted: str) -> None:
    found = resolve(wanted, read_url(PAGE))
    if found is not None:
        assert parse_url(str(found)).host == found.host
        assert read_url(str(found)) == found
        assert str(found).isascii()


HEADER = st.text(st.characters(max_codepoint=255), max_size=60)


@given(st.fixed_dictionaries(dict.fromkeys((*BROWSER, "Accept-Language", "X-Requested-With"), HEADER)))
def test_no_header_of_a_browser_is_too_odd_to_be_answered(headers: dict[str, str]) -> None:
    reply = answered(submission("_next=/a", headers), allowed_origins=(ORIGIN,), thanks_text="Thanks")
    assert reply.status_code == 200
    assert isinstance(visitors.is_trusted(endpoint(allowed_origins=(ORIGIN,)), submission("", headers)), bool)


# What a form says


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("_next=a&_redirect=b&redirect=c", "a"),
        ("_next=&_redirect=b", "b"),
        ("_next=a&_next=b", "a"),
        ("email=a", None),
        ("", None),
    ],
)
def test_the_first_redirect_that_is_there_counts(body: str, wanted: str | None) -> None:
    assert next_wanted(HTML_FORM, submission(body)) == wanted


@pytest.mark.parametrize("value", ['{"a": 1}', "[]", "7", "null", '[{"a": 1}]'])
def test_a_redirect_that_is_no_text_is_none(value: str) -> None:
    assert next_wanted(HTML_FORM, submission(f'{{"_next": {value}}}')) is None


@pytest.mark.parametrize("name", ["cf-turnstile-response", "h-captcha-response", "g-recaptcha-response"])
def test_a_captchas_answer_is_found_by_its_widgets_name(name: str) -> None:
    assert captcha_answer(HTML_FORM, submission(f"email=a&{name}=solved")) == "solved"


def test_a_form_without_an_answer_to_a_captcha_has_none() -> None:
    assert captcha_answer(HTML_FORM, submission("email=a&h-captcha-response=")) is None
    assert captcha_answer(HTML_FORM, submission("[[1]]")) is None


def test_a_description_that_tells_of_no_redirect_has_none() -> None:
    assert next_wanted(describe('[decode]\nbody = "auto"\n'), submission("_next=a")) is None


# Origins


@pytest.mark.parametrize("listed", [ORIGIN, "https://*.example.com", "https://www.example.com:443"])
def test_a_page_of_a_listed_origin_may_submit(listed: str) -> None:
    assert visitors.is_trusted(endpoint(allowed_origins=(listed,)), submission())


@pytest.mark.parametrize(
    "listed",
    [
        "http://www.example.com",
        "https://example.com",
        "https://www.example.com:8443",
        "https://*.www.example.com",
        "https://www.example",
        "https://*",
    ],
)
def test_a_page_of_another_origin_may_not(listed: str) -> None:
    assert not visitors.is_trusted(endpoint(allowed_origins=(listed,)), submission())


@pytest.mark.parametrize(
    ("headers", "trusted"),
    [
        ({"Referer": PAGE}, True),
        ({"Origin": "null", "Referer": PAGE}, True),
        ({"Referer": "https://evil.example/"}, False),
        ({"Origin": "https://evil.example", "Referer": PAGE}, False),
        ({"Origin": "chrome-extension://abcdef", "Referer": PAGE}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_without_an_origin_the_referer_tells_the_page(headers: Mapping[str, str], *, trusted: bool) -> None:
    listed = endpoint(allowed_origins=(ORIGIN,))
    assert visitors.is_trusted(listed, submission(headers=headers)) is trusted


def test_all_pages_may_submit_where_none_is_listed() -> None:
    assert visitors.is_trusted(endpoint(), submission(headers={}))


def test_any_page_may_read_the_answer_where_none_is_listed() -> None:
    assert visitors.origin_headers(endpoint(), "https://a.example") == {"Access-Control-Allow-Origin": "*"}
    assert visitors.origin_headers(endpoint(), None) == {}


def test_a_listed_page_may_read_the_answer_and_no_other() -> None:
    listed = endpoint(allowed_origins=("https://*.example.com",))
    read = {"Access-Control-Allow-Origin": ORIGIN, "Vary": "Origin"}
    assert visitors.origin_headers(listed, ORIGIN) == read
    assert visitors.origin_headers(listed, "https://evil.example") == {"Vary": "Origin"}
    assert visitors.origin_headers(listed, "null") == {"Vary": "Origin"}


def test_a_preflight_grants_what_was_asked_for() -> None:
    asked = submission("", SCRIPT, Access_Control_Request_Headers="content-type, x-mine")
    reply = visitors.preflight(endpoint(allowed_origins=(ORIGIN,)), asked)
    assert reply.status_code == 204
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert reply.headers["Access-Control-Allow-Methods"] == "POST"
    assert reply.headers["Access-Control-Allow-Headers"] == "content-type, content-type, x-mine"
    assert reply.headers["Access-Control-Max-Age"] == "7200"
    assert reply.headers["Vary"] == "Origin, Access-Control-Request-Headers"


@pytest.mark.parametrize("asked", ["x" * 1_001, "x-a\u00e9", 'x"'])
def test_a_preflight_repeats_no_nonsense(asked: str) -> None:
    reply = visitors.preflight(endpoint(), submission("", SCRIPT, Access_Control_Request_Headers=asked))
    assert reply.headers["Access-Control-Allow-Headers"] == "content-type"
