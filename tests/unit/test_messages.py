import contextlib
import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidMessage
from service.messages import STATUS_CHANGED, StatusMessage, dump, load
from tests.facts import NOW, UPDATE_DATE

MESSAGE = StatusMessage(
    portal_id=1,
    contact_id=17,
    version=2,
    at=NOW,
    before=True,
    after=True,
    verdict="lowering_requested",
    stint=1,
    since=NOW,
    until=UPDATE_DATE,
    stint_reason_type="FORM_SUBMISSION",
    stint_reason_id="the form",
    source="by_hand",
    reason_type="USER_SET",
    reason_id="7",
    actor="user:7",
    default_version=0,
)

numbers = st.integers(0, 2**63 - 2)
instants = st.datetimes(timezones=st.just(UTC))
texts = st.text(st.characters(codec="utf-8"))
messages = st.builds(
    StatusMessage,
    portal_id=numbers,
    contact_id=numbers,
    version=numbers,
    at=instants,
    verdict=texts,
    stint=numbers,
    since=instants,
    until=instants | st.none(),
    stint_reason_type=texts,
    stint_reason_id=texts,
    source=texts,
    reason_type=texts,
    reason_id=texts,
    actor=texts,
    default_version=numbers,
)
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-02-30T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)

PATHS = [
    ("type",),
    ("time",),
    ("data",),
    *(
        ("data", key)
        for key in (
            "portalId", "contactId", "version", "before", "after", "verdict", "stint", "source", "reasonType",
            "reasonId", "actor", "defaultVersion",
        )
    ),
    ("data", "stint", "number"),
    ("data", "stint", "since"),
    ("data", "stint", "until"),
    ("data", "stint", "reasonType"),
    ("data", "stint", "reasonId"),
]  # fmt: skip


def changed(path: tuple[str, ...], change: Callable[[Any, str], object]) -> bytes:
    """Return the message's body with one of its values changed."""
    event = copy.deepcopy(orjson.loads(dump(MESSAGE)))
    holder = event
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return orjson.dumps(event)


def put(value: object) -> Callable[[Any, str], None]:
    def change(holder: Any, key: str) -> None:
        holder[key] = value

    return change


@given(messages)
def test_what_is_dumped_is_loaded_again(message: StatusMessage) -> None:
    assert load(dump(message)) == message


def test_a_message_is_a_cloud_event() -> None:
    event = orjson.loads(dump(MESSAGE))
    assert (event["specversion"], event["type"], event["id"]) == ("1.0", STATUS_CHANGED, "17-2")
    assert (event["source"], event["subject"]) == ("/portals/1", "contacts/17")
    assert (event["time"], event["datacontenttype"]) == ("2026-03-10T12:00:00Z", "application/json")


def test_a_message_carries_the_whole_state_of_the_stint() -> None:
    data = orjson.loads(dump(MESSAGE))["data"]
    assert data["stint"] == {
        "number": 1,
        "since": "2026-03-10T12:00:00Z",
        "until": "2026-04-01T00:00:00Z",
        "reasonType": "FORM_SUBMISSION",
        "reasonId": "the form",
    }
    assert (data["before"], data["after"], data["version"]) == ("marketing", "marketing", 2)


def test_copies_of_a_status_change_have_one_id_and_one_routing_key() -> None:
    assert (MESSAGE.message_id, MESSAGE.routing_key) == ("17-2", "1.marketing")


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_lacks_something_is_invalid(path: tuple[str, ...]) -> None:
    with pytest.raises(InvalidMessage):
        load(changed(path, lambda holder, key: holder.pop(key)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"\xff\xfe",
        b"{",
        b"null",
        b"7",
        b'"text"',
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        dump(MESSAGE) + b"x",
        dump(MESSAGE)[:-1],
    ],
    ids=lambda body: f"{body[:12]!r} of {len(body)} bytes",
)
def test_a_body_that_is_no_event_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        load(body)


@pytest.mark.parametrize("path", [("data", "portalId"), ("data", "version"), ("data", "stint", "number")])
@pytest.mark.parametrize("value", [-1, 2**63 - 1, 2**64 - 1, 1.0, True, "1", None, [1]])
def test_a_number_that_is_none_is_invalid(path: tuple[str, ...], value: object) -> None:
    with pytest.raises(InvalidMessage):
        load(changed(path, put(value)))


@pytest.mark.parametrize("path", [("time",), ("data", "stint", "since"), ("data", "stint", "until")])
@pytest.mark.parametrize(
    "value", ["", "today", "2026-02-30T00:00:00Z", "2026-03-10T12:00:00", 1_773_000_000, True, {}]
)
def test_an_instant_that_is_none_is_invalid(path: tuple[str, ...], value: object) -> None:
    with pytest.raises(InvalidMessage):
        load(changed(path, put(value)))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_an_instant_outside_the_calendar_is_invalid(text: str) -> None:
    with pytest.raises(InvalidMessage):
        load(changed(("time",), put(text)))


def test_a_message_of_another_type_is_invalid_and_says_so() -> None:
    with pytest.raises(InvalidMessage, match="some other type") as refusal:
        load(changed(("type",), put("some other type")))
    assert refusal.value.field == "type"


def test_an_instant_of_another_zone_is_read_in_utc() -> None:
    loaded = load(changed(("time",), put("2026-03-10T17:45:00+05:45")))
    assert loaded.at == datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert loaded.at.tzinfo is UTC


@given(st.binary(max_size=200))
def test_random_bytes_are_invalid_and_never_another_error(body: bytes) -> None:
    with pytest.raises(InvalidMessage):
        load(body)


@given(st.sampled_from(PATHS), junk)
def test_a_value_of_any_kind_is_read_or_invalid_and_never_another_error(
    path: tuple[str, ...], value: object
) -> None:
    with contextlib.suppress(InvalidMessage):
        assert isinstance(load(changed(path, put(value))), StatusMessage)
