"""The kind jwt-body-hash."""

import base64

import pytest

from service.signatures import Reason, sign
from service.signatures.encodings import encode_base64url
from tests.signature_samples import BASE64, NETLIFY, NOW, delivery, reason

HEAD = '{"alg":"HS256","typ":"JWT"}'
CLAIMS = '{"iss":"netlify","sha256":"e166e08e3b496ffb6a7469b8f6f573bdc14cdb25813e917b3605fdffd5332e40"%s}'


def made_token(head: str, claims: str) -> str:
    """A token rightly signed, whatever it says."""
    signed = f"{encode_base64url(head.encode())}.{encode_base64url(claims.encode())}"
    signature = sign(BASE64, delivery(signed.encode()), "s3cret", NOW, "").header("X-Signature") or ""
    return f"{signed}.{encode_base64url(base64.b64decode(signature))}"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", None),
        (',"exp":1767225300', None),
        (',"exp":1767225299', Reason.TIMESTAMP_TOO_OLD),
        (',"nbf":1767225900.5', Reason.TIMESTAMP_IN_FUTURE),
        (',"exp":"soon"', Reason.TIMESTAMP_MALFORMED),
        (',"exp":true', Reason.TIMESTAMP_MALFORMED),
        (',"exp":null', None),
        (',"sha256":null', Reason.SIGNATURE_MALFORMED),
        (',"sha256":"E166é"', Reason.SIGNATURE_WRONG),
        (',"iss":"another"', Reason.SIGNATURE_WRONG),
        (',"iss":["netlify"]', Reason.SIGNATURE_WRONG),
    ],
)
def test_the_claims_must_be_right_as_well(more: str, expected: Reason | None) -> None:
    token = made_token(HEAD, CLAIMS % more)
    assert reason(NETLIFY, delivery(X_Signature=token)) == expected


@pytest.mark.parametrize(
    "head",
    [
        '{"alg":"none"}',
        '{"alg":"HS512"}',
        '{"alg":"RS256"}',
        "{}",
        "[]",
        "null",
        "{",
        '{"alg":["HS256"]}',
    ],
)
def test_no_other_algorithm_is_taken(head: str) -> None:
    token = made_token(head, CLAIMS % "")
    assert reason(NETLIFY, delivery(X_Signature=token)) == Reason.SIGNATURE_MALFORMED


def test_a_token_without_a_signature_is_refused() -> None:
    unsigned = made_token(HEAD, CLAIMS % "").rpartition(".")[0]
    assert reason(NETLIFY, delivery(X_Signature=unsigned)) == Reason.SIGNATURE_MALFORMED
    assert reason(NETLIFY, delivery(X_Signature=f"{unsigned}.")) == Reason.SIGNATURE_WRONG
    assert reason(NETLIFY, delivery(X_Signature=f"{unsigned}.AA.AA")) == Reason.SIGNATURE_MALFORMED


def test_a_token_has_one_spelling() -> None:
    token = made_token(HEAD, CLAIMS % "")
    for last in "ABCDEFGH":
        another = token[:-1] + last
        assert another == token or reason(NETLIFY, delivery(X_Signature=another)) is not None
    assert reason(NETLIFY, delivery(X_Signature=f"{token}=")) == Reason.SIGNATURE_MALFORMED
