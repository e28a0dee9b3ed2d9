"""What holds for every provider of the catalogue, from its data alone."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.delivery import Delivery
from service.domain.reading import is_storable
from service.errors import InvalidInput, Unreadable
from service.providers.bodies import check_depth
from service.providers.checking import check_folder
from service.providers.decode import decode
from service.providers.events import Event, dump_event
from service.providers.handshakes import shake_hands
from service.providers.limits import LONGEST_LABEL, MOST_EVENTS, MOST_FIELDS
from service.providers.reader import read
from service.providers.redaction import redact
from service.providers.signing_checks import without_proof
from service.signatures import InvalidSignature, Scheme, new_secret, sign, verify
from service.signatures.shared import Shared
from service.signatures.signed import Signed
from tests.provider_samples import FOLDERS, NOW, SAMPLES, Sample, described, read_expected

EVENTS = [sample for sample in SAMPLES if not sample.is_handshake]
HANDSHAKES = [sample for sample in SAMPLES if sample.is_handshake]
SIGNED = [folder for folder in FOLDERS if described(folder).signature.ways]
COVERED = [
    sample
    for sample in EVENTS
    if any(
        way.is_presented(sample.delivery) and not isinstance(way, Shared)
        for way in described(sample.folder).signature.ways
    )
]

each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
each_signed = pytest.mark.parametrize("folder", SIGNED, ids=lambda folder: folder.name)
each_sample = pytest.mark.parametrize("sample", EVENTS, ids=str)


def as_it_reads(events: Any) -> Any:
    """Let times compare as instants."""
    if isinstance(events, dict):
        return events
    return [
        event | {"occurred_at": datetime.fromisoformat(event["occurred_at"])}
        if "occurred_at" in event
        else event
        for event in events
    ]


def read_sample(sample: Sample) -> Any:
    try:
        events = read(described(sample.folder), sample.delivery)
    except Unreadable as refusal:
        return {"unreadable": refusal.reason}
    return [dump_event(event) for event in events]


@each_folder
def test_a_folder_holds_what_belongs_to_it(folder: Path) -> None:
    description = described(folder)
    readme = (folder / "README.md").read_text(encoding="utf-8")
    heading = readme.partition("\n")[0].removeprefix("# ")
    assert heading in description.title or description.title in heading
    assert description.documentation
    assert all(address.startswith("https://") for address in description.documentation)
    assert not description.replaces
    names = {sample.name for sample in SAMPLES if sample.folder == folder}
    assert names == read_expected(folder).keys()
    assert any(not sample.is_handshake for sample in SAMPLES if sample.folder == folder)


@each_folder
def test_the_command_finds_nothing_wrong(folder: Path) -> None:
    assert list(map(str, check_folder(folder).findings)) == []


@each_sample
def test_a_sample_reads_as_expected(sample: Sample) -> None:
    assert as_it_reads(read_sample(sample)) == as_it_reads(sample.expected)


@pytest.mark.parametrize("sample", HANDSHAKES, ids=str)
def test_a_handshake_is_answered(sample: Sample) -> None:
    token = sample.delivery.url.partition("?")[0].rpartition("/")[2]
    reply = shake_hands(described(sample.folder), sample.delivery, [sample.secret], token)
    expected = sample.expected["handshake"]
    assert reply is not None
    assert reply.status == expected["status"]
    assert reply.content_type == expected.get("content_type", reply.content_type)
    assert as_document(reply.body) == as_document(expected["body"])
    assert expected.get("headers", {}).items() <= dict(reply.headers).items()


def as_document(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


@each_sample
def test_an_event_is_no_handshake(sample: Sample) -> None:
    assert shake_hands(described(sample.folder), sample.delivery, [sample.secret], "token") is None


@each_sample
def test_what_is_read_can_be_stored(sample: Sample) -> None:
    for event in read(described(sample.folder), sample.delivery):
        check_storable(event)


@each_sample
def test_secrets_and_tokens_are_taken_out(sample: Sample) -> None:
    description = described(sample.folder)
    document = redact(description, decode(description, sample.delivery))
    shown = json.dumps(document)
    assert sample.secret not in shown
    assert "EXAMPLE-TOKEN" not in shown


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.folder in SIGNED], ids=str)
def test_a_sample_verifies_as_it_was_sent(sample: Sample) -> None:
    scheme = described(sample.folder).signature
    if any(way.is_presented(sample.delivery) for way in scheme.ways):
        verify(scheme, sample.delivery, [sample.secret], NOW)
    elif sample.delivery.method == "POST":
        assert scheme.optional
        verify(scheme, sample.delivery, [], NOW)


@pytest.mark.parametrize("sample", COVERED, ids=str)
def test_a_changed_byte_is_refused(sample: Sample) -> None:
    scheme = described(sample.folder).signature
    body = sample.delivery.body
    place = len(body) // 2
    changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
    refuse(scheme, replace(sample.delivery, body=changed), sample.secret)


@each_signed
def test_what_is_signed_anew_verifies_and_nothing_else_does(folder: Path) -> None:
    scheme = described(folder).signature
    for number, way in enumerate(scheme.ways):
        ours, other = way.new_secret(), way.new_secret()
        sent = sign(scheme, unproved(folder), ours.signing, NOW, "evt_1", way=number)
        verify(scheme, sent, [ours.verifying], NOW)
        verify(scheme, sent, [other.verifying, ours.verifying], NOW)
        refuse(scheme, sent, other.verifying)
        refuse(scheme, without_proof(way, sent), ours.verifying)
        if isinstance(way, Signed) and way.time is not None and way.time.tolerance:
            refuse(scheme, sent, ours.verifying, NOW + timedelta(seconds=way.time.tolerance + 1))
            refuse(scheme, sent, ours.verifying, NOW - timedelta(seconds=way.time.tolerance + 1))


def first_sample(folder: Path) -> Delivery:
    return next(sample.delivery for sample in EVENTS if sample.folder == folder)


def unproved(folder: Path) -> Delivery:
    delivery = first_sample(folder)
    for way in described(folder).signature.ways:
        delivery = without_proof(way, delivery)
    return delivery


def refuse(scheme: Scheme, delivery: Delivery, secret: str, now: datetime = NOW) -> None:
    with pytest.raises(InvalidSignature):
        verify(scheme, delivery, [secret], now)


@each_signed
def test_nothing_passes_without_a_secret_that_must_have_one(folder: Path) -> None:
    scheme = described(folder).signature
    if scheme.needs_secret:
        with pytest.raises(InvalidSignature):
            verify(scheme, first_sample(folder), [], NOW)
    with pytest.raises(InvalidSignature):
        verify(scheme, first_sample(folder), [new_secret(scheme).verifying], NOW)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@each_folder
@settings(max_examples=25)
@given(body=st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(folder: Path, body: bytes) -> None:
    read_or_refuse(folder, replace(first_sample(folder), body=body))


@each_folder
@settings(max_examples=40)
@given(data=st.data())
def test_samples_with_anything_anywhere_are_read_or_refused(folder: Path, data: st.DataObject) -> None:
    """Random bodies seldom get beyond the first pointer: these have one value of a real body exchanged."""
    sample = data.draw(st.sampled_from([sample for sample in EVENTS if sample.folder == folder]))
    try:
        document = json.loads(sample.delivery.body)
    except ValueError:
        body = cut(data, sample.delivery.body)
    else:
        body = json.dumps(with_one_value_exchanged(data, document)).encode()
    read_or_refuse(folder, replace(sample.delivery, body=body))


def cut(data: st.DataObject, body: bytes) -> bytes:
    """Exchange a stretch of a body."""
    begin = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(begin, len(body)))
    return body[:begin] + data.draw(st.binary(max_size=20)) + body[end:]


def with_one_value_exchanged(data: st.DataObject, document: Any) -> Any:
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    if not keys:
        return data.draw(values)
    key = data.draw(st.sampled_from(keys))
    inner = document[key]
    if isinstance(inner, dict | list) and data.draw(st.booleans()):
        document[key] = with_one_value_exchanged(data, inner)
    else:
        document[key] = data.draw(values)
    return document


def read_or_refuse(folder: Path, delivery: Delivery) -> None:
    description = described(folder)
    try:
        document = decode(description, delivery)
        events = read(description, delivery)
    except Unreadable as refusal:
        assert refusal.reason  # noqa: PT017 - that it is no other error is what is asserted
        return
    finally:
        shake_hands(description, delivery, ["one-secret"], "token")
    check_depth(redact(description, document))
    assert len(events) <= MOST_EVENTS
    for event in events:
        check_storable(event)


def check_storable(event: Event) -> None:
    assert len(event.fields) <= MOST_FIELDS
    assert event.labels.keys() | event.types.keys() <= event.fields.keys()
    document = dump_event(event)
    texts = [text for text in document.values() if isinstance(text, str)]
    assert all(len(text) <= LONGEST_LABEL or text in event.fields.values() for text in texts)
    for mapping in (event.fields, event.labels, event.types):
        texts += [*mapping, *mapping.values()]
    assert all(map(is_storable, texts))


@each_folder
def test_reading_twice_reads_the_same(folder: Path) -> None:
    delivery = first_sample(folder)
    assert read(described(folder), delivery) == read(described(folder), delivery)


def test_a_secret_that_does_not_fit_is_no_error_of_the_delivery() -> None:
    for folder in SIGNED:
        with pytest.raises((InvalidSignature, InvalidInput)):
            verify(described(folder).signature, first_sample(folder), ["\ud800"], NOW)
