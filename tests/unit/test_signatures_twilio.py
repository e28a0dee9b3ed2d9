"""The kind sorted-parameters."""

from dataclasses import replace

import pytest

from service.errors import InvalidInput
from service.signatures import Reason, sign
from tests.signature_samples import BODY, FORM, NOW, TWILIO, delivery, reason, scheme


def test_parameters_are_sorted_and_those_alike_count_once() -> None:
    signed = sign(TWILIO, delivery(b"b=2&a=1&a=0&empty=", Content_Type=FORM), "s3cret", NOW, "")
    assert reason(TWILIO, replace(signed, body=b"a=0&empty=&a=1&a=1&b=2")) is None
    assert reason(TWILIO, replace(signed, body=b"b=2&a=1&a=0")) == Reason.SIGNATURE_WRONG


def test_names_and_values_follow_the_url_in_the_order_of_names() -> None:
    plain = scheme(
        'kind = "hmac"\nheader = "X-Signature"\nhash = "sha1"\nencoding = "base64"\nsigned = "{url}{body}"'
    )
    as_text = sign(plain, delivery(b"B9a0a1b2c3+d4 eempty"), "s3cret", NOW, "").header("X-Signature")
    form = b"empty=&d4%20e=&c=3%2B&b=2&a=1&a=0&B=9"
    assert sign(TWILIO, delivery(form, Content_Type=FORM), "s3cret", NOW, "").header("X-Signature") == as_text


def test_a_body_of_json_is_covered_by_its_hash_in_the_query() -> None:
    signed = sign(TWILIO, delivery(Content_Type="application/json"), "s3cret", NOW, "")
    assert "?bodySHA256=e166e08e" in signed.url
    assert reason(TWILIO, signed) is None
    assert reason(TWILIO, replace(signed, body=b"{}")) == Reason.SIGNATURE_WRONG
    assert reason(TWILIO, replace(signed, url=signed.url + "0")) == Reason.SIGNATURE_WRONG
    twice = signed.url + "&bodySHA256=00"
    assert reason(TWILIO, replace(signed, url=twice)) == Reason.SIGNATURE_MALFORMED


def test_a_body_slipped_under_a_signed_url_is_refused() -> None:
    signed = sign(TWILIO, delivery(b""), "s3cret", NOW, "")
    smuggled = replace(signed, body=BODY, headers=(*signed.headers, ("Content-Type", "application/json")))
    assert reason(TWILIO, smuggled) == Reason.SIGNATURE_WRONG


@pytest.mark.parametrize("body", [b"a=%FF", b"\xff=1", b"&".join([b"a=1"] * 1_001)])
def test_a_form_that_can_not_be_read_is_refused(body: bytes) -> None:
    sent = delivery(body, X_Signature="AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    assert reason(TWILIO, sent) == Reason.BODY_UNREADABLE
    with pytest.raises(InvalidInput):
        sign(TWILIO, delivery(body, Content_Type=FORM), "s3cret", NOW, "")
