"""The kind equal: the shared secret itself travels."""

import base64

import pytest

from service.errors import InvalidInput
from service.signatures import Reason, Scheme, check_secret, sign
from tests.signature_samples import FORM, HEX, NOW, delivery, reason, scheme


def equal(place: str, name: str = "") -> Scheme:
    return scheme(f'kind = "equal"\nplace = "{place}"' + (f'\nname = "{name}"' if name else ""))


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Bearer s3cret", None),
        ("bearer  s3cret ", None),
        ("Bearer S3cret", Reason.SIGNATURE_WRONG),
        ("Bearer s3cre", Reason.SIGNATURE_WRONG),
        ("Bearer s3cret2", Reason.SIGNATURE_WRONG),
        ("Bearer s3crét", Reason.SIGNATURE_MALFORMED),
        ("Bearer ", Reason.SIGNATURE_MISSING),
        ("Basic s3cret", Reason.SIGNATURE_MISSING),
        ("s3cret", Reason.SIGNATURE_MISSING),
        ("", Reason.SIGNATURE_MISSING),
    ],
)
def test_a_bearer_token(authorization: str, expected: Reason | None) -> None:
    assert reason(equal("bearer"), delivery(Authorization=authorization)) == expected


@pytest.mark.parametrize(
    ("place", "credentials", "expected"),
    [
        ("basic-user", "s3cret:", None),
        ("basic-user", "s3cret:anything", None),
        ("basic-user", ":s3cret", Reason.SIGNATURE_MISSING),
        ("basic-user", "s3cret", Reason.SIGNATURE_MALFORMED),
        ("basic-password", "anybody:s3cret", None),
        ("basic-password", "anybody:s3cret:", Reason.SIGNATURE_WRONG),
        ("basic-password", "s3cret:", Reason.SIGNATURE_MISSING),
        ("basic", "s3cret:", Reason.SIGNATURE_WRONG),
    ],
)
def test_basic_authentication(place: str, credentials: str, expected: Reason | None) -> None:
    encoded = base64.b64encode(credentials.encode()).decode()
    assert reason(equal(place), delivery(Authorization=f"Basic {encoded}")) == expected


@pytest.mark.parametrize("credentials", ["czNjcmV0Og", "czNjcmV0O!==", "/w==", "Og== Og=="])
def test_credentials_that_can_not_be_decoded_are_malformed(credentials: str) -> None:
    sent = delivery(Authorization=f"Basic {credentials}")
    assert reason(equal("basic"), sent, ["s3cret:"]) == Reason.SIGNATURE_MALFORMED


def test_user_and_password_together() -> None:
    both = equal("basic")
    assert reason(both, sign(both, delivery(), "ada:s3cret", NOW, ""), ["ada:s3cret"]) is None
    with pytest.raises(InvalidInput, match="user:password"):
        check_secret(both, "s3cret")
    with pytest.raises(InvalidInput, match="colon"):
        check_secret(equal("basic-user"), "ada:s3cret")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?key=s3cret", None),
        ("?a=1&key=s3cret", None),
        ("?key=other", Reason.SIGNATURE_WRONG),
        ("?key=%FF\ud800", Reason.SIGNATURE_WRONG),
        ("?key=s3cret&key=s3cret", Reason.SIGNATURE_MALFORMED),
        ("?key=", Reason.SIGNATURE_MISSING),
        ("?KEY=s3cret", Reason.SIGNATURE_MISSING),
        ("", Reason.SIGNATURE_MISSING),
        ("?key=s3cret" + "&a=1" * 1_000, Reason.SIGNATURE_MISSING),
    ],
)
def test_the_query(query: str, expected: Reason | None) -> None:
    sent = delivery(url=f"https://hooks.example.com/in/abc{query}")
    assert reason(equal("query", "key"), sent) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":{"b/c":["x","s3cret"]}}', None),
        (b'{"a":{"b/c":["x","other"]}}', Reason.SIGNATURE_WRONG),
        (b'{"a":{"b/c":["x","\xc3\xa9"]}}', Reason.SIGNATURE_WRONG),
        (b'{"a":{"b/c":["x",7]}}', Reason.SIGNATURE_MALFORMED),
        (b'{"a":{"b/c":["x",["s3cret"]]}}', Reason.SIGNATURE_MALFORMED),
        (b'{"a":{"b/c":["x",""]}}', Reason.SIGNATURE_MISSING),
        (b'{"a":{"b/c":["x",null]}}', Reason.SIGNATURE_MISSING),
        (b'{"a":{"b/c":["x"]}}', Reason.SIGNATURE_MISSING),
        (b'{"a":"s3cret"}', Reason.SIGNATURE_MISSING),
        (b"[]", Reason.SIGNATURE_MISSING),
        (b"{", Reason.BODY_UNREADABLE),
        (b"", Reason.BODY_UNREADABLE),
        (b"\xff", Reason.BODY_UNREADABLE),
        (b"[" * 5_000, Reason.BODY_UNREADABLE),
        (b'{"a":{"b/c":["x","\\ud800"]}}', Reason.BODY_UNREADABLE),
    ],
)
def test_a_place_in_json(body: bytes, expected: Reason | None) -> None:
    assert reason(equal("body", "/a/b~1c/1"), delivery(body)) == expected


def test_a_pointer_may_hold_what_separates_its_steps() -> None:
    body = b'{"~1":"s3cret","/":"other"}'
    assert reason(equal("body", "/~01"), delivery(body)) is None
    assert reason(equal("body", "/~1"), delivery(body)) == Reason.SIGNATURE_WRONG


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"HandshakeKey=s3cret&Field1=Ada", None),
        (b"HandshakeKey=other", Reason.SIGNATURE_WRONG),
        (b"HandshakeKey=", Reason.SIGNATURE_MISSING),
        (b"", Reason.SIGNATURE_MISSING),
        (b"HandshakeKey=s3cret&HandshakeKey=s3cret", Reason.SIGNATURE_MALFORMED),
        (b"HandshakeKey=%FF", Reason.BODY_UNREADABLE),
        (b"a=1&" * 1_001, Reason.BODY_UNREADABLE),
    ],
)
def test_a_field_of_a_form(body: bytes, expected: Reason | None) -> None:
    sent = delivery(body, Content_Type=f"{FORM}; charset=utf-8")
    assert reason(equal("body", "/HandshakeKey"), sent) == expected


def test_where_it_travels_can_be_asked_for_blanking() -> None:
    drift = scheme("""
        kind = "equal"
        [[ways]]
        place = "header"
        name = "X-Verification-Token"
        [[ways]]
        place = "body"
        name = "/token"
    """)
    assert [(way.place, way.name) for way in drift.secret_places] == [
        ("header", "X-Verification-Token"),
        ("body", "/token"),
    ]
    assert HEX.secret_places == ()
