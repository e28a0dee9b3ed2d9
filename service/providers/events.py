"""What is read from a delivery: events, and why some can't be read."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any


class EventKind(enum.StrEnum):
    """A form was submitted, or something happened in a chat."""

    SUBMISSION = "submission"
    CHAT = "chat"


class KeptReason(enum.StrEnum):
    """Why an event is kept and raises nobody."""

    PARTIAL = "partial"
    TEST = "test"
    PING = "ping"
    SPAM = "spam"
    AGENT = "agent"
    DELETED = "deleted"
    UNSUBSCRIBED = "unsubscribed"
    """Nothing was submitted, a person takes consent back: who it is and that it is a no is read."""
    OTHER_EVENT = "other_event"


class UnreadableReason(enum.StrEnum):
    """Why a delivery can't be read."""

    EMPTY = "empty"
    NOT_JSON = "not_json"
    NOT_A_FORM = "not_a_form"
    NOT_A_CLOUDEVENT = "not_a_cloudevent"
    UNEXPECTED_SHAPE = "unexpected_shape"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_MANY_FIELDS = "too_many_fields"
    TOO_MANY_EVENTS = "too_many_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that a delivery says happened."""

    kind: EventKind
    form_id: str | None = None
    """Which form; of a chat, which channel or account. None: the endpoint is the form."""
    form_name: str | None = None
    event_id: str | None = None
    """The sender's own id; None when it gives none."""
    session: str | None = None
    """Joins the events of one visitor."""
    occurred_at: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    """Every answer, in the order sent; labels and types have the same keys."""
    labels: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    email: str | None = None
    """Normalised."""
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    company: str | None = None
    consent: bool | None = None
    """Wants marketing; None is unknown, which is not no. Accepted terms are no consent."""
    consent_text: str | None = None
    """What was agreed to or refused, as evidence."""
    kept: KeptReason | None = None
    """Set when the event is kept only and raises nobody."""
    fetch: str | None = None
    """Who has to be asked for the person, when the delivery doesn't name it."""


_NAMES = tuple(each.name for each in fields(Event))
_MAPPINGS = ("fields", "labels", "types")
_values_of = attrgetter(*_NAMES)


def dump_event(event: Event) -> dict[str, object]:
    """Return what is set, as it stands in a catalogue folder's `expected.json`."""
    values = zip(_NAMES, _values_of(event), strict=True)
    document: dict[str, object] = {name: value for name, value in values if value is not None}
    document["kind"] = event.kind.value
    if event.kept is not None:
        document["kept"] = event.kept.value
    if event.occurred_at is not None:
        document["occurred_at"] = event.occurred_at.isoformat().replace("+00:00", "Z")
    for name in _MAPPINGS:
        mapping = dict(getattr(event, name))
        if mapping:
            document[name] = mapping
        else:
            del document[name]
    return document


def load_event(document: Mapping[str, Any]) -> Event:
    """Return the event that `dump_event` wrote; keys that are no event's are let be. Raises ValueError."""
    values = {name: value for name, value in document.items() if name in _NAMES}
    values["kind"] = EventKind(values.get("kind", ""))
    if "kept" in values:
        values["kept"] = KeptReason(values["kept"])
    if "occurred_at" in values:
        values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
    return Event(**values)
