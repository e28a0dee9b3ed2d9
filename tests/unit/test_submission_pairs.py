import json
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidInput
from service.web.hubspot.pairs import parse_pairs
from service.web.hubspot.parsing import ParsedSubmission
from service.web.hubspot.problems import ErrorType, InvalidSubmission
from tests.submission_samples import COOKIE, EMAIL, FIRSTNAME, NOW, choice, field, make_form

FORM = make_form(
    EMAIL,
    FIRSTNAME,
    choice("colour", "multiple_checkboxes", "red", "green"),
    field("name", "single_line_text", objectTypeId="0-2"),
)


def read(body: bytes, boundary: str | None = None) -> tuple[ParsedSubmission, str | None]:
    return parse_pairs(body, boundary, FORM, NOW)


def encoded(*pairs: tuple[str, str], **context: object) -> bytes:
    return urlencode([*pairs, *([("hs_context", json.dumps(context))] if context else [])]).encode()


def part(disposition: str, value: bytes) -> bytes:
    return b"--xyz\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + value + b"\r\n"


def test_urlencoded_pairs_and_their_context_are_read() -> None:
    body = encoded(
        ("email", "Ada@Example.com"),
        ("firstname", "Ada & Söhne"),
        ("colour", "green"),
        ("colour", "red"),
        ("0-2/name", "Engines"),
        hutk=COOKIE,
        ipAddress="203.0.113.9",
        pageUrl="https://example.com/",
        pageName="Home",
        redirectUrl="https://example.com/thanks",
        userAgent="Mozilla",
    )
    submission, redirect = read(body)
    assert submission.email == "ada@example.com"
    assert submission.fields["firstname"] == "Ada & Söhne"
    assert submission.fields["colour"] == "red;green"
    assert submission.fields["0-2/name"] == "Engines"
    assert submission.cookie == COOKIE.lower()
    assert submission.context["pageUri"] == "https://example.com/"
    assert "userAgent" not in submission.context
    assert redirect == "https://example.com/thanks"


def test_a_consent_travels_in_the_context() -> None:
    consent = {"consent": {"consentToProcess": True, "text": "I agree"}}
    submission, _ = read(encoded(("email", "a@b.co"), legalConsentOptions=consent))
    assert submission.consent == consent


def test_multipart_fields_are_read_and_files_passed_over() -> None:
    body = (
        part('name="email"', b"a@b.co")
        + part('name="cv"; filename="cv.pdf"', b"%PDF\xff\0")
        + part('name="firstname"', "Zoë".encode())
        + part('name="hs_context"', b'{"redirectUrl":"https://example.com/"}')
        + b"--xyz--\r\n"
    )
    submission, redirect = read(body, "xyz")
    assert submission.fields == {"email": "a@b.co", "firstname": "Zoë"}
    assert redirect == "https://example.com/"


@pytest.mark.parametrize("context", ["", " ", "{}", '{"redirectUrl":null}', '{"redirectUrl":""}'])
def test_a_context_without_a_redirect_wants_none(context: str) -> None:
    _, redirect = read(encoded(("email", "a@b.co"), ("hs_context", context)))
    assert not redirect


@pytest.mark.parametrize(
    "redirect",
    ["/thanks", "javascript:alert(1)", "//example.com", 7, ["https://example.com"], "https://" + "x" * 9_000],
)
def test_a_redirect_must_be_a_web_address(redirect: object) -> None:
    with pytest.raises(InvalidSubmission) as refusal:
        read(encoded(("email", "nobody"), redirectUrl=redirect))
    assert [(problem.type, problem.path) for problem in refusal.value.problems] == [
        (ErrorType.INVALID_EMAIL, "fields.email"),
        (ErrorType.INVALID_METADATA, "hs_context.redirectUrl"),
    ]
    with pytest.raises(InvalidSubmission):
        read(encoded(("email", "a@b.co"), redirectUrl=redirect))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"email=%", "byte 7"),
        (b"email=%zz", "byte 7"),
        (b"email=a%4", "byte 8"),
        (b"email=%ff", "not UTF-8"),
        (b"email=\xff", "not UTF-8"),
        (b"email=%00", "NUL"),
        (b"em%00ail=x", "NUL"),
        (b"hs_context={}&hs_context={}", "twice"),
        (b"hs_context={", "hs_context: Invalid input JSON"),
        (b"hs_context=[]", "hs_context: Invalid input JSON"),
        (b'hs_context={"hutk":1,"hutk":2}', "hs_context: Invalid input JSON: the key 'hutk'"),
    ],
)
def test_urlencoded_bodies_that_cannot_be_read_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refusal:
        read(body)
    assert refusal.value.mend


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (b"", "xyz"),
        (b"email=a@b.co", "xyz"),
        (part('name="email"', b"a@b.co"), "xyz"),
        (part('name="email"', b"a@b.co") + b"--xyz--", ""),
        (part('name="email"', b"a@b.co") + b"--xyz--", "abc"),
        (part('name="email"', b"a@b.co") + b"--xyz--", "é"),
        (part("", b"a@b.co") + b"--xyz--", "xyz"),
        (part('name=""', b"a@b.co") + b"--xyz--", "xyz"),
        (part('name="email"', b"\xff") + b"--xyz--", "xyz"),
        (part('name="email"', b"\0") + b"--xyz--", "xyz"),
        (b"--xyz\r\nX: y\r\n\r\nvalue\r\n--xyz--", "xyz"),
        (b"--xyz\r\nContent-Disposition: form-data; name=\xff\r\n\r\nvalue\r\n--xyz--", "xyz"),
    ],
)
def test_multipart_bodies_that_cannot_be_read_are_refused(body: bytes, boundary: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(body, boundary)
    assert refusal.value.mend


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (b"&".join([b"firstname=a"] * 1_002), None),
        (b"".join([part('name="firstname"', b"a")] * 1_002) + b"--xyz--", "xyz"),
        (b"".join([part('name="f"; filename="f"', b"a")] * 1_002) + b"--xyz--", "xyz"),
    ],
)
def test_more_than_a_thousand_pairs_are_refused(body: bytes, boundary: str | None) -> None:
    with pytest.raises(InvalidSubmission) as refusal:
        read(body, boundary)
    assert refusal.value.problems[0].type is ErrorType.MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED


def test_a_thousand_pairs_and_the_context_are_taken() -> None:
    body = b"email=a@b.co&" + b"firstname=a&" * 999 + b"hs_context={}"
    submission, _ = read(body)
    assert submission.fields["firstname"].count("a") == 999


@given(st.binary(max_size=120), st.none() | st.sampled_from(["xyz", "", "a"]))
def test_any_bytes_are_read_or_refused(body: bytes, boundary: str | None) -> None:
    with suppress(InvalidInput):
        read(body, boundary)


@given(
    st.lists(
        st.sampled_from([b"--xyz", b"--xyz--", b"\r\n", b"Content-Disposition: form-data; name=email", b"x"])
    )
)
def test_any_multipart_pieces_are_read_or_refused(pieces: list[bytes]) -> None:
    with suppress(InvalidInput):
        read(b"".join(pieces), "xyz")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50))
def test_any_text_comes_through_both_encodings(text: str) -> None:
    now = datetime.now(UTC)
    form = make_form(FIRSTNAME)
    urlencoded, _ = parse_pairs(f"firstname={quote(text)}".encode(), None, form, now)
    boundary = "5f9c1b0e7a"
    multipart, _ = parse_pairs(
        part('name="firstname"', text.encode()).replace(b"xyz", boundary.encode())
        + f"--{boundary}--".encode(),
        boundary,
        form,
        now,
    )
    assert urlencoded.fields["firstname"] == multipart.fields["firstname"] == text
