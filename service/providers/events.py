"""What is read from a delivery: events, and the refusal of what can't be read."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from service.errors import InvalidInput


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


class Unreadable(InvalidInput):
    """A delivery that its provider's description doesn't fit; `reason` is the slug. No value of the body is told."""

    def __init__(self, reason: UnreadableReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason.value


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


def dump_event(event: Event) -> dict[str, object]:
    """Return what is set, as it stands in a catalogue folder's `expected.json`."""
    document: dict[str, object] = {}
    for each in fields(event):
        value = getattr(event, each.name)
        if isinstance(value, enum.StrEnum):
            document[each.name] = value.value
        elif isinstance(value, datetime):
            document[each.name] = value.isoformat().replace("+00:00", "Z")
        elif isinstance(value, Mapping):
            document |= {each.name: dict(value)} if value else {}
        elif value is not None:
            document[each.name] = value
    return document
