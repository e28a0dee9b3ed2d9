"""What is refused whatever the kind, and for which reason."""

import pytest

from service.errors import InvalidInput, MarketableError
from service.signatures import SENTENCES, Reason, check_secret, sign
from service.signatures.refusals import refused
from tests.signature_samples import (
    BASE64,
    EQUAL_HEADER,
    HEX,
    HUBSPOT,
    LISTED,
    NETLIFY,
    NOTHING,
    NOW,
    RSA,
    SHA256_BASE64,
    SHA256_HEX,
    TWILIO,
    delivery,
    reason,
    scheme,
)

EC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWCD1IrpM59+KsLOg6Oipv+NcGooj
3Gq7FiwHXv1oie9M+PTLt5RQ7sPIHaecguXaZGHOtme2R0pOqN4ujq9KBA==
-----END PUBLIC KEY-----
"""
SHORT_RSA_KEY = """-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJR0mhkIJ1w3KE6fKxXw9QpA5dcgitTv
VVPZiZtdrprKrHuzlRGbqkb8sjMK0v5Js8sIMi5CMZoBJN71NKU+9YsCAwEAAQ==
-----END PUBLIC KEY-----
"""


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_a_signed_source_without_a_secret_refuses(secrets: list[str]) -> None:
    for each in (HEX, NETLIFY, TWILIO, RSA, EQUAL_HEADER, HUBSPOT):
        assert reason(each, delivery(X_Signature="x"), secrets) == Reason.SECRET_MISSING


def test_an_empty_key_signs_for_nobody() -> None:
    forged = sign(HEX, delivery(), " ", NOW, "")
    assert reason(HEX, forged, [""]) == Reason.SECRET_MISSING
    assert reason(EQUAL_HEADER, delivery(X_Signature=""), [""]) == Reason.SECRET_MISSING


def test_an_unsigned_source_needs_none() -> None:
    assert reason(NOTHING, delivery(), []) is None
    assert not NOTHING.needs_secret


def test_an_optional_signature_is_demanded_once_there_is_a_secret() -> None:
    optional = scheme('optional = true\nkind = "hmac"\nheader = "X-Signature"')
    assert not optional.needs_secret
    assert reason(optional, delivery(), []) is None
    assert reason(optional, delivery()) == Reason.SIGNATURE_MISSING
    assert reason(optional, delivery(), [""]) == Reason.SECRET_MISSING


def test_a_secret_that_is_no_key_is_as_good_as_none() -> None:
    keyed = scheme('kind = "hmac"\nheader = "X-Signature"\nkey = "base64"\nkey_prefix = "whsec_"')
    signed = sign(keyed, delivery(), "whsec_c2VjcmV0", NOW, "")
    assert reason(keyed, signed, ["whsec_?"]) == Reason.SECRET_MISSING
    assert reason(keyed, signed, ["whsec_?", "c2VjcmV0"]) is None


@pytest.mark.parametrize(
    ("table", "secret", "fault"),
    [
        ('kind = "hmac"\nkey = "base64"\nkey_prefix = "whsec_"', "whsec_%%%", "base64 after 'whsec_'"),
        ('kind = "hmac"\nkey = "base64"', "whpk_AAAA", "is not base64"),
        ('kind = "hmac"\nkey = "hex"', "no hex", "is not hex digits"),
        ('kind = "hmac"', "", "is empty"),
        ('kind = "hmac"', "\ud800", "is no text"),
        ('kind = "hmac"\nkey = "joined"\nkey_parts = ["id", "key"]', "only-one", "is not id&key"),
        ('kind = "hmac"\nkey = "joined"\nkey_parts = ["id", "key"]', "&only-one", "is not id&key"),
        ('kind = "rsa"', "-----BEGIN PUBLIC KEY-----", "is no key in PEM form"),
        ('kind = "rsa"', EC_KEY, "is no RSA public key of 1024 bits or more"),
        ('kind = "rsa"', SHORT_RSA_KEY, "is no RSA public key of 1024 bits or more"),
        ('kind = "ed25519"', "whpk_AAAA", "is not 'whpk_'"),
        ('kind = "ed25519"', "whsk_" + "A" * 43 + "=", "is not 'whpk_'"),
    ],
)
def test_a_secret_that_can_prove_nothing_is_told_when_it_is_stored(
    table: str, secret: str, fault: str
) -> None:
    with pytest.raises(InvalidInput, match=fault) as caught:
        check_secret(scheme(f'{table}\nheader = "X-Signature"'), secret)
    assert caught.value.field == "secret"
    assert not secret or secret not in str(caught.value)


def test_the_parts_of_a_secret_are_named() -> None:
    joined = scheme('kind = "hmac"\nheader = "X"\nkey = "joined"\nkey_parts = ["client_id", "client_secret"]')
    assert joined.secret_parts == ("client_id", "client_secret")
    assert HEX.secret_parts == ()


@pytest.mark.parametrize(
    "text",
    [
        SHA256_HEX,
        f"sha1={SHA256_HEX}",
        f"SHA256={SHA256_HEX}",
        "sha256=",
        "sha256=zz",
        f"sha256={SHA256_HEX[:-2]}",
        f"sha256={SHA256_HEX}00",
        f"sha256={SHA256_HEX[:32]} {SHA256_HEX[32:]}",
        f"sha256={SHA256_BASE64}",
        f"sha256={SHA256_HEX}é",
        f"sha256=\ud800{SHA256_HEX}",
        f"sha256=٣{SHA256_HEX[1:]}",
    ],
)
def test_a_signature_that_is_not_written_as_told_is_malformed(text: str) -> None:
    assert reason(HEX, delivery(X_Signature=text)) == Reason.SIGNATURE_MALFORMED


def test_hex_digits_may_be_capitals() -> None:
    assert reason(HEX, delivery(X_Signature=f"sha256={SHA256_HEX.upper()}")) is None


@pytest.mark.parametrize(
    "text", [SHA256_BASE64[:-1], SHA256_BASE64[:-2] + "F=", SHA256_BASE64 + "\n", "-_-_"]
)
def test_base64_has_one_spelling(text: str) -> None:
    assert reason(BASE64, delivery(X_Signature=text)) == Reason.SIGNATURE_MALFORMED


def test_a_list_may_hold_several_signatures_and_things_unknown() -> None:
    right = sign(LISTED, delivery(), "s3cret", NOW, "").header("X-Signature") or ""
    time, signature = right.split(",")
    wrong = "v1=" + "00" * 32
    for text in (
        f"{time},{wrong},{signature}",
        f"{signature}, {time}",
        f"{time},v0=zz,{signature},",
        f"{time},v1=zz,{signature}",
    ):
        assert reason(LISTED, delivery(X_Signature=text)) is None, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t=1767225600", Reason.SIGNATURE_MISSING),
        ("t=1767225600,v0=00", Reason.SIGNATURE_MISSING),
        (",,,", Reason.SIGNATURE_MISSING),
        ("t=1767225600,v1=zz", Reason.SIGNATURE_MALFORMED),
        (f"t=1767225600,t=1767225601,v1={SHA256_HEX}", Reason.SIGNATURE_MALFORMED),
        ("t=1767225600" + f",v1={SHA256_HEX}" * 17, Reason.SIGNATURE_MALFORMED),
        (f"v1={SHA256_HEX}", Reason.TIMESTAMP_MISSING),
        (f"t=,v1={SHA256_HEX}", Reason.TIMESTAMP_MISSING),
        (f"t=soon,v1={SHA256_HEX}", Reason.TIMESTAMP_MALFORMED),
        (f"t=1767225600,v1={SHA256_HEX}", Reason.SIGNATURE_WRONG),
    ],
)
def test_a_list_that_lacks_something_is_refused(text: str, expected: Reason) -> None:
    assert reason(LISTED, delivery(X_Signature=text)) == expected


def test_versions_are_not_mistaken_for_each_other() -> None:
    standard = scheme("""
        kind = "hmac"
        header = "X-Signature"
        form = "v1,{signature}"
        separator = " "
        encoding = "base64"
    """)
    assert reason(standard, delivery(X_Signature=f"v1a,{SHA256_BASE64}")) == Reason.SIGNATURE_MISSING
    assert reason(standard, delivery(X_Signature=f"v1a,AAAA v1,{SHA256_BASE64}")) is None


def test_a_refusal_says_its_reason_and_nothing_of_the_delivery() -> None:
    assert set(SENTENCES) == set(Reason)
    for slug in Reason:
        refusal = refused(slug)
        assert isinstance(refusal, MarketableError)
        assert (refusal.reason, str(refusal)) == (slug, SENTENCES[slug])
