import uuid
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from service.domain.forms import Form
from service.domain.model import Fact, ReasonType, Source
from service.errors import InvalidInput
from service.identifiers import as_correlation_id, new_correlation_id, new_submission_id
from service.once import WINDOW
from service.web.hubspot.deliveries import make_fact
from service.web.hubspot.parsing import parse_submission
from tests.submission_samples import (
    COOKIE,
    EMAIL,
    FIRSTNAME,
    GUID,
    NOW,
    choice,
    entry,
    make_body,
    make_form,
    milliseconds,
)

FORM = make_form(EMAIL, FIRSTNAME, choice("colour", "multiple_checkboxes", "red", "green"))
ADA = entry("email", "ada@example.com")
NAME = entry("firstname", "Ada")


def fact_of(body: bytes, *, form: Form = FORM, now: datetime = NOW, delivery_id: str | None = None) -> Fact:
    return make_fact(form, parse_submission(body, form, now), now, delivery_id)


def news(*subscription_types: int) -> dict[str, object]:
    communications = [
        {"value": True, "subscriptionTypeId": number, "text": "News"} for number in subscription_types
    ]
    return {"consent": {"consentToProcess": True, "text": "Yes", "communications": communications}}


def test_a_fact_says_what_was_submitted_where_and_when() -> None:
    form = make_form(EMAIL, FIRSTNAME, configuration={"createNewContactForNewEmail": True})
    sent = NOW - timedelta(days=1)
    fact = fact_of(make_body(ADA, context={"hutk": COOKIE}, submittedAt=milliseconds(sent)), form=form)
    assert (fact.portal_id, fact.source, fact.source_id) == (1, Source.HUBSPOT_FORM, GUID)
    assert (fact.email, fact.cookie) == ("ada@example.com", COOKIE.lower())
    assert (fact.received_at, fact.submitted_at) == (NOW, sent)
    assert fact.reason_type is ReasonType.FORM_SUBMISSION
    assert fact.new_contact_for_new_email


def test_the_content_holds_only_what_is_there() -> None:
    assert orjson.loads(fact_of(make_body(ADA)).content) == {"fields": {"email": "ada@example.com"}}
    whole = fact_of(make_body(ADA, context={"pageName": "Home"}, legalConsentOptions=news(5)))
    assert orjson.loads(whole.content) == {
        "fields": {"email": "ada@example.com"},
        "context": {"pageName": "Home"},
        "legalConsentOptions": news(5),
    }


def test_the_same_content_has_the_same_key_for_ten_minutes() -> None:
    window = datetime.fromtimestamp(NOW.timestamp() // WINDOW * WINDOW, UTC)
    first = fact_of(make_body(ADA), now=window)
    again = fact_of(make_body(ADA), now=window + timedelta(seconds=WINDOW - 1))
    later = fact_of(make_body(ADA), now=window + timedelta(seconds=WINDOW))
    assert first.once_key == again.once_key == later.earlier_key != later.once_key
    assert first.digest == again.digest == later.digest
    assert first.submission_id != again.submission_id


@pytest.mark.parametrize(
    ("body", "same"),
    [
        (make_body(ADA, NAME), make_body(NAME, ADA)),
        (make_body(ADA), make_body(entry("email", " Ada@Example.com"))),
        (make_body(entry("email", "a@b.co"), entry("colour", "red;green")),
         make_body(entry("email", "a@b.co"), entry("colour", "green"), entry("colour", "red"))),
        (make_body(ADA, submittedAt=milliseconds(NOW)), make_body(ADA)),
        (make_body(ADA, context={"ipAddress": "203.0.113.9"}), make_body(ADA, context={})),
        (make_body(ADA, legalConsentOptions=news(1, 2)), make_body(ADA, legalConsentOptions=news(2, 1))),
    ],
)  # fmt: skip
def test_order_and_passing_things_make_no_other_submission(body: bytes, same: bytes) -> None:
    assert fact_of(body).once_key == fact_of(same).once_key
    assert fact_of(body).digest == fact_of(same).digest


@pytest.mark.parametrize(
    "other",
    [
        make_body(entry("email", "bob@example.com")),
        make_body(ADA, NAME),
        make_body(ADA, context={"hutk": COOKIE}),
        make_body(ADA, context={"pageUri": "https://example.com/"}),
        make_body(ADA, legalConsentOptions=news(1)),
    ],
)
def test_other_content_is_another_submission(other: bytes) -> None:
    assert fact_of(make_body(ADA)).once_key != fact_of(other).once_key
    assert fact_of(make_body(ADA)).digest != fact_of(other).digest


def test_the_same_content_of_another_form_is_another_submission() -> None:
    other = Form.of(FORM, portal_id=1, guid="22222222-2222-4222-8222-222222222222")
    assert fact_of(make_body(ADA)).once_key != fact_of(make_body(ADA), form=other).once_key


def test_an_id_is_the_delivery_for_ever_whatever_its_content() -> None:
    first = fact_of(make_body(ADA), delivery_id="order-7")
    later = fact_of(make_body(ADA, NAME), delivery_id="order-7", now=NOW + timedelta(days=400))
    assert first.once_key == later.once_key
    assert first.earlier_key is None
    assert first.digest != later.digest
    assert first.once_key != fact_of(make_body(ADA), delivery_id="order-8").once_key


def test_an_id_belongs_to_its_form() -> None:
    other = Form.of(FORM, portal_id=2, guid=FORM.guid)
    keys = {fact_of(make_body(ADA), form=form, delivery_id="7").once_key for form in (FORM, other)}
    assert len(keys) == 2


@pytest.mark.parametrize("delivery_id", ["", " ", "a b", "x" * 256, "é", "a\n", "\x7f"])
def test_an_id_that_is_none_is_refused(delivery_id: str) -> None:
    with pytest.raises(InvalidInput, match="Idempotency-Key"):
        fact_of(make_body(ADA), delivery_id=delivery_id)


def test_keys_and_digests_are_32_hexadecimal_digits() -> None:
    fact = fact_of(make_body(ADA))
    for key in (fact.once_key, fact.earlier_key, fact.digest, fact.submission_id):
        assert key is not None
        assert len(key) == 32
        assert int(key, 16) >= 0


def test_submission_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    instants = [NOW + timedelta(milliseconds=number) for number in range(200)]
    ids = [new_submission_id(instant) for instant in instants]
    assert ids == sorted(ids)
    assert {uuid.UUID(found).version for found in ids} == {7}
    assert {uuid.UUID(found).variant for found in ids} == {uuid.RFC_4122}
    assert int(ids[0][:12], 16) == milliseconds(NOW)
    assert len({new_submission_id(NOW) for _ in range(1_000)}) == 1_000


def test_a_correlation_id_is_a_uuid_with_dashes() -> None:
    submission_id = new_submission_id(NOW)
    assert as_correlation_id(submission_id) == str(uuid.UUID(submission_id))
    assert uuid.UUID(new_correlation_id()).version == 4
