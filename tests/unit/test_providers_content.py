from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.documents import dumps, loads
from service.providers.content import stable_content
from service.providers.events import Event, EventKind, KeptReason, dump_event, load_event
from service.providers.reader import read
from tests.provider_samples import SAMPLES, describe, described, read_one

FLAT = describe('[identity]\nvolatile = ["Date", "nonce"]\n[fields]\nmaps = [{ at = "" }]')
texts = st.text(min_size=1, max_size=9)
answers = st.dictionaries(texts, texts, max_size=3)
times = st.datetimes(timezones=st.just(UTC))
events = st.builds(
    Event,
    kind=st.sampled_from(EventKind),
    form_id=st.none() | texts,
    event_id=st.none() | texts,
    session=st.none() | texts,
    occurred_at=st.none() | times,
    fields=answers,
    labels=answers,
    types=answers,
    email=st.none() | texts,
    first_name=st.none() | texts,
    consent=st.none() | st.booleans(),
    consent_text=st.none() | texts,
    kept=st.none() | st.sampled_from(KeptReason),
    fetch=st.none() | texts,
)


@given(events)
def test_what_is_stored_is_read_back(event: Event) -> None:
    assert load_event(loads(dumps(dump_event(event)))) == event


@given(events, answers)
def test_what_else_is_stored_beside_an_event_is_let_be(event: Event, others: dict[str, str]) -> None:
    beside = {f"other {name}": text for name, text in others.items()}
    assert load_event({"provider": "own"} | beside | dump_event(event)) == event


@pytest.mark.parametrize(
    "document", [{}, {"kind": "letter"}, {"kind": "chat", "kept": "?"}, {"kind": "chat", "occurred_at": "x"}]
)
def test_what_no_event_was_dumped_as_is_refused(document: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"valid|format"):
        load_event(document)


def test_two_sends_of_one_submission_have_the_same_content() -> None:
    first = read_one(FLAT, {"email": "ada@example.com", "Date": "2 March", "nonce": "a1"})
    again = read_one(FLAT, {"nonce": "b2", "Date": "3 March", "email": "ada@example.com"})
    assert stable_content(FLAT, first) == stable_content(FLAT, again)


@given(events, st.timedeltas(timedelta(seconds=1), timedelta(days=9)))
def test_the_time_and_the_order_of_fields_are_no_content(event: Event, later: timedelta) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    other = replace(event, occurred_at=now + later, fields=dict(sorted(event.fields.items())))
    assert stable_content(FLAT, replace(event, occurred_at=now)) == stable_content(FLAT, other)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": EventKind.CHAT},
        {"form_id": "8"},
        {"session": "s2"},
        {"kept": KeptReason.TEST},
        {"fields": {"message": "Bye"}},
        {"email": "eve@example.com"},
        {"consent": False},
    ],
    ids=str,
)
def test_whatever_else_an_event_says_is_content(change: dict[str, object]) -> None:
    event = Event(kind=EventKind.SUBMISSION, form_id="7", fields={"message": "Hi"}, consent=True)
    assert stable_content(FLAT, replace(event, **change)) != stable_content(FLAT, event)  # type: ignore[arg-type]


def test_a_site_that_writes_its_time_into_the_fields_sends_the_same_twice() -> None:
    sample = next(sample for sample in SAMPLES if str(sample) == "elementor/simple_german")
    description, delivery = described(sample.folder), sample.delivery
    later = replace(delivery, body=delivery.body.replace(b"10%3A00", b"10%3A01"))
    (event,), (again,) = read(description, delivery), read(description, later)
    assert event != again
    assert stable_content(description, event) == stable_content(description, again)
