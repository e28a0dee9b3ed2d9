"""Schemes of every kind, and what tests of them need."""

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime

from service.delivery import Delivery
from service.signatures import InvalidSignature, Reason, Scheme, read_scheme, verify

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b'{"email":"ada@example.com"}'
FORM = "application/x-www-form-urlencoded"
SHA256_HEX = "785d303f50b3abfa0111a8ec3bdb95fd4b6ca4cdc704e4e29fbf271af619df71"
SHA256_BASE64 = "eF0wP1Czq/oBEajsO9uV/UtspM3HBOTin78nGvYZ33E="


def scheme(table: str) -> Scheme:
    return read_scheme(tomllib.loads(table))


def delivery(
    body: bytes = BODY, *, url: str = "https://hooks.example.com/in/abc", **headers: str
) -> Delivery:
    given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Delivery(method="POST", url=url, headers=given, body=body, received_at=NOW)


def reason(
    of: Scheme, sent: Delivery, secrets: Sequence[str] = ("s3cret",), now: datetime = NOW
) -> Reason | None:
    """Why it is refused; None when it is not."""
    try:
        verify(of, sent, secrets, now)
    except InvalidSignature as refusal:
        return Reason(refusal.reason)
    return None


NOTHING = scheme('kind = "none"')
HEX = scheme('kind = "hmac"\nheader = "X-Signature"\nform = "sha256={signature}"')
BASE64 = scheme('kind = "hmac"\nheader = "X-Signature"\nencoding = "base64"')
LISTED = scheme("""
    kind = "hmac"
    header = "X-Signature"
    form = "t={timestamp},v1={signature}"
    signed = "{timestamp}.{body}"
""")
BESIDE = scheme("""
    kind = "hmac"
    header = "X-Signature"
    signed = "{timestamp}.{body}"
    timestamp_header = "X-Timestamp"
""")
NETLIFY = scheme('kind = "jwt-body-hash"\nheader = "X-Signature"\nissuer = "netlify"')
TWILIO = scheme('kind = "sorted-parameters"\nheader = "X-Signature"')
RSA = scheme('kind = "rsa"\nheader = "X-Signature"')
ED25519 = scheme('kind = "ed25519"\nheader = "X-Signature"')
HASH = scheme('kind = "hash"\nheader = "X-Signature"')
HUBSPOT = scheme("""
    [[ways]]
    kind = "hmac"
    header = "X-HubSpot-Signature-v3"
    encoding = "base64"
    signed = "{method}{url}{body}{timestamp}"
    unescape = ":/?@!$'()*,;"
    timestamp_header = "X-HubSpot-Request-Timestamp"
    timestamp_unit = "ms"
    [[ways]]
    kind = "hash"
    header = "X-HubSpot-Signature"
    when = { X-HubSpot-Signature-Version = "v2" }
    signed = "{secret}{method}{url}{body}"
    [[ways]]
    kind = "hash"
    header = "X-HubSpot-Signature"
    when = { X-HubSpot-Signature-Version = "v1" }
""")
EQUAL_HEADER = scheme('kind = "equal"\nplace = "header"\nname = "X-Signature"')
