"""Providers with several ways to prove a delivery, and signatures over the URL."""

from dataclasses import replace

import pytest

from service.signatures import Reason, sign
from tests.signature_samples import HUBSPOT, NOW, SHA256_HEX, TWILIO, delivery, reason, scheme


def test_an_older_proof_does_not_replace_a_newer_one_that_failed() -> None:
    both = sign(HUBSPOT, delivery(), "s3cret", NOW, "", way=1)
    assert reason(HUBSPOT, both) is None
    wrong = "AAAA" * 10 + "AAA="
    both = both.with_header("X-HubSpot-Signature-v3", wrong)
    assert reason(HUBSPOT, both) == Reason.TIMESTAMP_MISSING
    both = both.with_header("X-HubSpot-Request-Timestamp", "1767225600000")
    assert reason(HUBSPOT, both) == Reason.SIGNATURE_WRONG
    assert reason(HUBSPOT, both.with_header("X-HubSpot-Signature-v3", "")) == Reason.SIGNATURE_MISSING


def test_requests_carry_old_and_new_headers_together() -> None:
    newest = sign(HUBSPOT, delivery(), "s3cret", NOW, "")
    both = newest.with_header("X-HubSpot-Signature-Version", "v1").with_header("X-HubSpot-Signature", "00")
    assert reason(HUBSPOT, both) is None


def test_a_version_that_is_not_known_proves_nothing() -> None:
    sent = sign(HUBSPOT, delivery(), "s3cret", NOW, "", way=2)
    assert reason(HUBSPOT, sent) is None
    assert reason(HUBSPOT, sent.with_header("X-HubSpot-Signature-Version", "v9")) == Reason.SIGNATURE_MISSING


def test_a_signature_is_read_as_the_version_that_it_says() -> None:
    sent = sign(HUBSPOT, delivery(), "s3cret", NOW, "", way=2)
    assert reason(HUBSPOT, sent.with_header("X-HubSpot-Signature-Version", "v2")) == Reason.SIGNATURE_WRONG


def test_ways_of_one_header_are_tried_together() -> None:
    front = scheme("""
        kind = "hmac"
        header = "X-Front-Signature"
        encoding = "base64"
        [[ways]]
        signed = "{timestamp}:{body}"
        timestamp_header = "X-Front-Request-Timestamp"
        [[ways]]
        hash = "sha1"
    """)
    for number in (0, 1):
        sent = sign(front, delivery(), "s3cret", NOW, "", way=number)
        assert reason(front, sent) is None
        assert reason(front, sent, ["another"]) == Reason.SIGNATURE_WRONG


def test_the_first_family_of_headers_decides() -> None:
    families = scheme(
        'kind = "hmac"\n[[ways]]\nheader = "webhook-signature"\n[[ways]]\nheader = "svix-signature"'
    )
    assert reason(families, delivery(svix_signature=SHA256_HEX)) is None
    sent = delivery(svix_signature=SHA256_HEX, webhook_signature="00" * 32)
    assert reason(families, sent) == Reason.SIGNATURE_WRONG


@pytest.mark.parametrize(
    ("template", "expected"),
    [("{body}_1767225600", None), ("1767225600.{body}", None), ("{body}", Reason.SIGNATURE_WRONG)],
)
def test_of_several_templates_one_is_enough(template: str, expected: Reason | None) -> None:
    tidio = scheme("""
        kind = "hmac"
        header = "X-Signature"
        form = "t={timestamp},s={signature}"
        signed = ["{body}_{timestamp}", "{timestamp}.{body}"]
    """)
    plain = scheme(f'kind = "hmac"\nheader = "X-Signature"\nsigned = "{template}"')
    signature = sign(plain, delivery(), "s3cret", NOW, "").header("X-Signature")
    assert reason(tidio, delivery(X_Signature=f"t=1767225600,s={signature}")) == expected


def test_hubspot_takes_some_escapes_for_what_they_stand_for() -> None:
    escaped = "https://hooks.example.com/in/a%3Ab%2fc?to=a%40b.co&x=%7E%20%26&y=1,2"
    plain = "https://hooks.example.com/in/a:b/c?to=a@b.co&x=%7E%20%26&y=1,2"
    signed = sign(HUBSPOT, delivery(url=plain), "s3cret", NOW, "")
    assert reason(HUBSPOT, replace(signed, url=escaped)) is None
    assert reason(HUBSPOT, replace(signed, url=plain.replace("%7E", "~"))) == Reason.SIGNATURE_WRONG


@pytest.mark.parametrize(
    "changed", ["http://hooks.example.com/in/abc", "https://hooks.example.com/in/abc?a=1"]
)
def test_scheme_and_query_are_signed(changed: str) -> None:
    for way in (0, 1):
        signed = sign(HUBSPOT, delivery(), "s3cret", NOW, "", way=way)
        assert reason(HUBSPOT, replace(signed, url=changed)) == Reason.SIGNATURE_WRONG
        assert reason(HUBSPOT, replace(signed, method="PUT")) == Reason.SIGNATURE_WRONG


@pytest.mark.parametrize(
    ("signed", "arrived", "expected"),
    [
        ("https://a.example/x?y=1", "https://a.example:443/x?y=1", None),
        ("https://a.example:443/x", "https://a.example/x", None),
        ("http://a.example:80", "http://a.example", None),
        ("https://a.example:8443/x", "https://a.example/x", Reason.SIGNATURE_WRONG),
        ("https://a.example/x", "https://a.example:8443/x", Reason.SIGNATURE_WRONG),
        ("https://a.example:80/x", "https://a.example/x", Reason.SIGNATURE_WRONG),
    ],
)
def test_twilio_may_leave_out_the_usual_port(signed: str, arrived: str, expected: Reason | None) -> None:
    sent = sign(TWILIO, delivery(b"", url=signed), "s3cret", NOW, "")
    assert reason(TWILIO, replace(sent, url=arrived)) == expected
