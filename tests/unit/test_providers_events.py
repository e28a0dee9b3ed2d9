from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.providers.events import Event, EventKind, KeptReason, dump_event
from service.providers.reader import read
from service.providers.times import make_format, read_time
from tests.provider_samples import deliver, describe, read_one

TYPES = describe("""
[events]
type = ["/event", "header:X-Event"]
submission = ["sent", ""]
chat = ["talk"]
kept = { half = "partial", ping = "ping" }
test = ["/is_test", "header:X-Test"]
only_if = [
    { at = "/by", in = ["visitor", ""], otherwise = "agent", types = ["talk"] },
    { at = "/state", not_in = ["draft"], otherwise = "partial" },
    { at = "/lang", like = '^(en|)$', otherwise = "other_event" },
    { at = "/bot", absent = true, otherwise = "agent" },
]
[honeypot]
fields = ["_gotcha", "/deep/trap"]
[fields]
maps = [{ at = "/data" }]
[identity]
form = ["/form"]
""")


def classified(body: dict[str, Any], **headers: str) -> tuple[str, str | None]:
    event = read_one(TYPES, body, **headers)
    return event.kind, event.kept


@pytest.mark.parametrize(
    ("body", "kind", "kept"),
    [
        ({"event": "sent"}, "submission", None),
        ({}, "submission", None),
        ({"event": "talk"}, "chat", None),
        ({"event": "half"}, "submission", "partial"),
        ({"event": "ping"}, "submission", "ping"),
        ({"event": "other"}, "submission", "other_event"),
        ({"event": 7}, "submission", "other_event"),
        ({"event": "talk", "by": "agent"}, "chat", "agent"),
        ({"event": "sent", "by": "agent"}, "submission", None),
        ({"event": "sent", "state": "draft"}, "submission", "partial"),
        ({"event": "sent", "lang": "de"}, "submission", "other_event"),
        ({"event": "sent", "bot": 7}, "submission", "agent"),
        ({"event": "sent", "is_test": True}, "submission", "test"),
        ({"event": "sent", "is_test": "no"}, "submission", None),
        ({"event": "half", "is_test": True}, "submission", "partial"),
        ({"event": "sent", "_gotcha": "filled"}, "submission", "spam"),
        ({"event": "sent", "data": {"_gotcha": ["x"]}}, "submission", "spam"),
        ({"event": "sent", "deep": {"trap": 1}}, "submission", "spam"),
        ({"event": "sent", "_gotcha": " ", "deep": {"trap": ""}}, "submission", None),
    ],
)
def test_the_type_and_its_conditions_decide(body: dict[str, Any], kind: str, kept: str | None) -> None:
    assert classified(body) == (kind, kept)


def test_a_header_may_tell_the_type_and_a_test() -> None:
    assert classified({}, X_Event="talk") == ("chat", None)
    assert classified({}, X_Test="1") == ("submission", "test")


def test_of_what_is_not_the_contacts_only_its_identity_is_read() -> None:
    event = read_one(
        TYPES, {"event": "talk", "by": "agent", "form": "7", "data": {"email": "bob@example.com"}}
    )
    assert event == Event(kind=EventKind.CHAT, form_id="7", kept=KeptReason.AGENT)


def test_what_is_partial_spam_or_a_test_is_read_whole_without_the_trap() -> None:
    event = read_one(TYPES, {"event": "half", "data": {"email": "ada@example.com", "_gotcha": "x"}})
    assert (event.fields, event.email) == ({"email": "ada@example.com"}, "ada@example.com")


def test_of_who_unsubscribes_person_and_refusal_are_read() -> None:
    own = describe("""
        [events]
        type = "/type"
        submission = ["joined"]
        kept = { left = "unsubscribed" }
        [roles]
        email = "/email"
        [consent.by_type]
        left = false
    """)
    event = read_one(own, {"type": "left", "email": "ada@example.com"})
    assert (event.kept, event.email, event.consent) == (KeptReason.UNSUBSCRIBED, "ada@example.com", False)


@pytest.mark.parametrize(
    ("kind", "expected"), [("form", "submission"), ("chat", "chat"), ("generic", "submission")]
)
def test_without_types_all_events_are_of_the_providers_kind(kind: str, expected: str) -> None:
    assert read_one(describe("", kind), {}).kind == expected


def test_any_other_type_can_count() -> None:
    description = describe('[events]\ntype = "/t"\nchat = ["*"]\nkept = { ping = "ping" }')
    assert read_one(description, {"t": "new"}).kind == "chat"
    assert read_one(description, {"t": "ping"}).kept == "ping"


IDENTITY = describe("""
[identity]
form = [["/site", "/name"], "/form", "header:X-Form"]
form_name = ["/title"]
id = [["/a", "/b"], ["/c"]]
session = ["/session", "/visitor"]
""")


@pytest.mark.parametrize(
    ("body", "form", "event_id"),
    [
        ({"site": "s", "name": "n", "form": "f"}, "s/n", None),
        ({"site": "s", "form": 40_000_000_000}, "40000000000", None),
        ({"a": 1, "b": 2, "c": 3}, None, "1/2"),
        ({"a": 1, "c": 3}, None, "3"),
        ({"a": 1, "b": ""}, None, None),
        ({"a": 1, "b": None, "c": {}}, None, None),
        ({"a": 0, "b": False}, None, "0/false"),
    ],
)
def test_form_and_id_are_joined_only_when_complete(
    body: dict[str, Any], form: str | None, event_id: str | None
) -> None:
    event = read_one(IDENTITY, body)
    assert (event.form_id, event.event_id) == (form, event_id)


def test_a_flat_list_is_one_id_and_several_forms() -> None:
    description = describe('[identity]\nid = ["/a", "/b"]\nform = ["/a", "/b"]')
    event = read_one(description, {"b": "2"})
    assert (event.form_id, event.event_id) == ("2", None)
    assert read_one(description, {"a": "1", "b": "2"}).event_id == "1/2"


def test_long_ids_become_hashes_and_stay_different() -> None:
    long = ["x" * 500 + end for end in "ab"]
    first, second = (read_one(IDENTITY, {"c": text, "session": text}) for text in long)
    assert first.event_id is not None
    assert first.event_id.startswith("sha256:")
    assert first.event_id == first.session != second.event_id


def test_a_long_title_is_cut() -> None:
    assert read_one(IDENTITY, {"title": "x" * 5000}).form_name == "x" * 2000


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("iso", "2026-03-02T10:00:42Z", "2026-03-02T10:00:42+00:00"),
        ("iso", "2026-03-02T10:00:42.000+0000", "2026-03-02T10:00:42+00:00"),
        ("iso", " 2026-03-02T11:00:42.5+01:00 ", "2026-03-02T10:00:42.500000+00:00"),
        ("iso", "2026-03-02T10:00:42", "2026-03-02T09:00:42+00:00"),
        ("s", 1772445642, "2026-03-02T10:00:42+00:00"),
        ("s", "1772445642.5", "2026-03-02T10:00:42.500000+00:00"),
        ("s-float", 1772445642.5, "2026-03-02T10:00:42.500000+00:00"),
        ("ms", 1772445642000, "2026-03-02T10:00:42+00:00"),
        ("auto", 1772445642000, "2026-03-02T10:00:42+00:00"),
        ("auto", "1772445642", "2026-03-02T10:00:42+00:00"),
        ("auto", "2026-03-02T10:00:42Z", "2026-03-02T10:00:42+00:00"),
        ("%Y-%m-%d %H:%M:%S", "2026-07-02 10:00:42", "2026-07-02T08:00:42+00:00"),
        ("%m/%d/%Y %I:%M:%S %p", "3/2/2026 10:00:42 AM", "2026-03-02T09:00:42+00:00"),
        ("%Y-%m-%d %H:%M:%S %z", "2026-03-02 10:00:42 +0000", "2026-03-02T10:00:42+00:00"),
    ],
)
def test_times_are_read_in_every_format(name: str, value: object, expected: str) -> None:
    text = f'[identity]\nat = {{ from = ["/at"], format = "{name}", zone = "Europe/Berlin" }}'
    assert read_one(text, {"at": value}).occurred_at == datetime.fromisoformat(expected)


def test_several_formats_are_tried_in_turn() -> None:
    text = '[identity]\nat = { from = ["/none", "/at"], format = ["iso", "%d.%m.%Y"] }'
    assert read_one(text, {"at": "02.03.2026"}).occurred_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert read_one(text, {"at": "March"}).occurred_at is None


@given(
    st.sampled_from(["iso", "s", "ms", "auto", "%Y-%m-%d %H:%M:%S"]),
    st.text(max_size=40) | st.floats() | st.integers() | st.none() | st.datetimes().map(str),
)
def test_any_time_is_read_or_none(name: str, value: object) -> None:
    time = read_time(value, (make_format(name, UTC),))
    assert time is None or time.tzinfo is UTC


@pytest.mark.parametrize("value", [True, "inf", "nan", "1e300", "0001-01-01T00:00:00+14:00", "9" * 100])
def test_what_is_no_time_is_none(value: object) -> None:
    formats = tuple(make_format(name, UTC) for name in ("iso", "auto", "s"))
    assert read_time(value, formats[:2]) is None


FETCHED = (
    '[events]\ntype = "/t"\nsubmission = ["a", "b"]\n[fetch]\nplugin = "ask"\ntypes = ["a"]\nunless = "email"'
)
WITH_EMAIL = FETCHED + '\n[roles]\nemail = "/email"'


def test_a_look_up_is_named_where_the_person_is_missing() -> None:
    assert read_one(WITH_EMAIL, {"t": "a"}).fetch == "ask"
    assert read_one(WITH_EMAIL, {"t": "a", "email": "ada@example.com"}).fetch is None
    assert read_one(WITH_EMAIL, {"t": "b"}).fetch is None
    assert read_one(WITH_EMAIL, {"t": "c"}).fetch is None


def test_a_look_up_that_is_always_needed_is_always_named() -> None:
    assert (
        read_one('[fetch]\nplugin = "ask"\n[roles]\nemail = "/email"', {"email": "a@example.com"}).fetch
        == "ask"
    )


def test_an_event_is_dumped_with_what_is_set() -> None:
    event = read_one(IDENTITY, {"form": "7"})
    assert dump_event(event) == {"kind": "submission", "form_id": "7"}


def test_each_element_is_an_event() -> None:
    description = describe('[events]\neach = ["/all"]\n[identity]\nid = ["/n"]\nform = ["root:/form"]')
    events = read(description, deliver({"form": "f", "all": [{"n": 1}, {"n": 2}]}))
    assert [(event.form_id, event.event_id) for event in events] == [("f", "1"), ("f", "2")]
