"""The time that a signature covers: how it is written, and how far from now it may be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.signatures import Reason, sign
from tests.signature_samples import BESIDE, NOW, delivery, reason, scheme


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "+1767225600", "1_767_225_600", "1e9", "1767225600.0", "٣", "1" * 16, " "]
)
def test_seconds_are_digits(text: str) -> None:
    sent = sign(BESIDE, delivery(), "s3cret", NOW, "").with_header("X-Timestamp", text)
    expected = Reason.TIMESTAMP_MALFORMED if text else Reason.TIMESTAMP_MISSING
    assert reason(BESIDE, sent) == expected


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("s", "1767225600", None),
        ("s", "1767225600000", Reason.TIMESTAMP_IN_FUTURE),
        ("ms", "1767225600123", None),
        ("ms", "1767225600", Reason.TIMESTAMP_TOO_OLD),
        ("auto", "1767225600", None),
        ("auto", "1767225600123", None),
        ("auto", "1767225000123", Reason.TIMESTAMP_TOO_OLD),
        ("auto", "200000000000", Reason.TIMESTAMP_TOO_OLD),
        ("auto", "0", Reason.TIMESTAMP_TOO_OLD),
        ("iso", "2026-01-01T00:00:00Z", None),
        ("iso", "2026-01-01T01:00:00.123456789+01:00", None),
        ("iso", "2026-01-01 00:00:00+0000", None),
        ("iso", "2026-01-01T00:06:00Z", Reason.TIMESTAMP_IN_FUTURE),
        ("iso", "0001-01-01T00:00:00+14:00", Reason.TIMESTAMP_TOO_OLD),
        ("iso", "9999-12-31T23:59:59-14:00", Reason.TIMESTAMP_IN_FUTURE),
        ("iso", "2026-01-01T00:00:00", Reason.TIMESTAMP_MALFORMED),
        ("iso", "2026-02-30T00:00:00Z", Reason.TIMESTAMP_MALFORMED),
        ("iso", "2026-W01-1", Reason.TIMESTAMP_MALFORMED),
        ("iso", "1767225600", Reason.TIMESTAMP_MALFORMED),
    ],
)
def test_each_unit_reads_its_own_way(unit: str, text: str, expected: Reason | None) -> None:
    table = 'kind = "hmac"\nheader = "X-Signature"\nsigned = "{timestamp}.{body}"\n'
    timed = scheme(f'{table}timestamp_header = "X-Timestamp"\ntimestamp_unit = "{unit}"')
    # The same text, signed where the time's form does not matter.
    plain = scheme(table.replace("{timestamp}", text) + 'hash = "sha256"')
    signed = sign(plain, delivery(), "s3cret", NOW, "").with_header("X-Timestamp", text)
    assert reason(timed, signed) == expected


def test_a_tolerance_of_zero_takes_any_time_but_wants_one() -> None:
    table = 'kind = "hmac"\nheader = "X-Signature"\nsigned = "{timestamp}.{body}"\ntimestamp_header = "X-Timestamp"'
    timeless = scheme(f"{table}\ntolerance = 0")
    old = sign(timeless, delivery(), "s3cret", NOW - timedelta(days=9_000), "")
    assert reason(timeless, old) is None
    assert reason(timeless, old.with_header("X-Timestamp", "then")) == Reason.SIGNATURE_WRONG
    assert reason(timeless, old.without_headers("X-Timestamp")) == Reason.TIMESTAMP_MISSING


def test_the_tolerance_is_the_schemes_own() -> None:
    patient = scheme("""
        kind = "hmac"
        header = "X-Signature"
        form = "t={timestamp},v={signature}"
        signed = "{timestamp}.{body}"
        tolerance = 1800
    """)
    sent = sign(patient, delivery(), "s3cret", NOW, "")
    assert reason(patient, sent, now=NOW + timedelta(seconds=1_800)) is None
    assert reason(patient, sent, now=NOW + timedelta(seconds=1_801)) == Reason.TIMESTAMP_TOO_OLD


def test_too_old_is_said_of_a_right_signature_only() -> None:
    old = sign(BESIDE, delivery(), "s3cret", NOW - timedelta(hours=1), "")
    assert reason(BESIDE, old) == Reason.TIMESTAMP_TOO_OLD
    assert reason(BESIDE, replace(old, body=b"{}")) == Reason.SIGNATURE_WRONG
