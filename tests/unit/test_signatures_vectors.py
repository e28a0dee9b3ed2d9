"""Every signing rule against signatures that were computed elsewhere, in both directions."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from service.delivery import Delivery
from service.errors import InvalidInput
from service.signatures import InvalidSignature, Reason, sign, sign_challenge, verify
from tests.signature_vectors import VECTORS, Vector

TIMED = [vector for vector in VECTORS if vector.timed]
ANOTHER_PUBLIC_KEY = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

every_vector = pytest.mark.parametrize("vector", VECTORS, ids=str)
every_timed_vector = pytest.mark.parametrize("vector", TIMED, ids=str)


def refusal(vector: Vector, delivery: Delivery, *secrets: str, now: datetime | None = None) -> str:
    with pytest.raises(InvalidSignature) as caught:
        verify(vector.scheme, delivery, secrets or (vector.stored,), now or vector.at)
    assert vector.key not in str(caught.value)
    return caught.value.reason


@every_vector
def test_a_known_signature_is_right(vector: Vector) -> None:
    verify(vector.scheme, vector.sent(), [vector.stored], vector.at)


@every_vector
def test_signing_writes_the_known_signature(vector: Vector) -> None:
    signed = sign(vector.scheme, vector.bare(), vector.key, vector.at, vector.delivery_id)
    assert signed == vector.sent()


@every_vector
def test_one_changed_byte_is_refused(vector: Vector) -> None:
    sent = vector.sent()
    for position in {0, len(sent.body) // 2, len(sent.body) - 1} if sent.body else set():
        changed = bytes([*sent.body[:position], sent.body[position] ^ 1, *sent.body[position + 1 :]])
        assert refusal(vector, replace(sent, body=changed)) == Reason.SIGNATURE_WRONG
    assert refusal(vector, replace(sent, body=sent.body + b"0")) == Reason.SIGNATURE_WRONG


@every_vector
def test_another_secret_is_refused(vector: Vector) -> None:
    other = {
        "whs": "whsec_AAAAr8GKYqrTwjUPD8ILPZIo2LaLaSw=",
        "whp": ANOTHER_PUBLIC_KEY,
        "cid": "cid&another",
    }.get(vector.stored[:3], "another")
    assert refusal(vector, vector.sent(), other) == Reason.SIGNATURE_WRONG


@every_vector
def test_of_two_secrets_either_may_be_right(vector: Vector) -> None:
    other = "cid&another" if "&" in vector.key else "another"
    verify(vector.scheme, vector.sent(), [other, vector.stored], vector.at)
    verify(vector.scheme, vector.sent(), [vector.stored, other], vector.at)


@every_vector
def test_each_header_is_needed(vector: Vector) -> None:
    for name in vector.adds:
        missing = Reason.TIMESTAMP_MISSING if "timestamp" in name.lower() else Reason.SIGNATURE_MISSING
        assert refusal(vector, vector.sent().without_headers(name)) == missing
        assert refusal(vector, vector.sent().with_header(name, "")) in {missing, Reason.SIGNATURE_MISSING}


@every_vector
def test_headers_are_found_in_any_case(vector: Vector) -> None:
    sent = vector.sent()
    shouted = replace(sent, headers=tuple((name.upper(), value) for name, value in sent.headers))
    verify(vector.scheme, shouted, [vector.stored], vector.at)


@every_vector
def test_the_same_header_twice_is_refused(vector: Vector) -> None:
    for name, value in vector.adds.items():
        twice = replace(vector.sent(), headers=(*vector.sent().headers, (name, value)))
        assert refusal(vector, twice) in {
            Reason.SIGNATURE_MALFORMED,
            Reason.TIMESTAMP_MALFORMED,
            Reason.SIGNATURE_MISSING,
        }


@every_timed_vector
def test_the_signed_time_may_be_five_minutes_off(vector: Vector) -> None:
    for seconds in (-300, 0, 300):
        verify(vector.scheme, vector.sent(), [vector.stored], vector.at + timedelta(seconds=seconds))


@every_timed_vector
def test_an_old_time_is_refused(vector: Vector) -> None:
    late = vector.at + timedelta(seconds=301)
    assert refusal(vector, vector.sent(), now=late) == Reason.TIMESTAMP_TOO_OLD


@every_timed_vector
def test_a_time_to_come_is_refused(vector: Vector) -> None:
    early = vector.at - timedelta(seconds=301)
    assert refusal(vector, vector.sent(), now=early) == Reason.TIMESTAMP_IN_FUTURE


@every_timed_vector
def test_another_time_is_not_what_was_signed(vector: Vector) -> None:
    later = sign(
        vector.scheme, vector.bare(), vector.key, vector.at + timedelta(seconds=9), vector.delivery_id
    )
    for name, value in later.headers:
        if "timestamp" in name.lower():
            assert refusal(vector, vector.sent().with_header(name, value)) == Reason.SIGNATURE_WRONG


def test_linkedins_challenge_is_answered() -> None:
    linkedin = next(vector for vector in VECTORS if vector.name == "linkedin")
    answer = sign_challenge(linkedin.scheme, "890e4665-4dfe-4ab1-b689-ed553bceeed0", "s3cret")
    assert answer == "282e84d6c3fe9e152bf838a2c9ac5fabeace9e4bcc5a62d3eb0925f22f514d62"


@pytest.mark.parametrize("challenge", ["", 'hmacsha256={"type":"LEAD_ACTION"}', "a.b", "é", "a\n", "x" * 201])
def test_a_challenge_that_could_be_a_delivery_is_not_answered(challenge: str) -> None:
    linkedin = next(vector for vector in VECTORS if vector.name == "linkedin")
    with pytest.raises(InvalidInput, match="challenge"):
        sign_challenge(linkedin.scheme, challenge, "s3cret")
