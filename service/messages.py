"""The messages on the broker: CloudEvents 1.0 in JSON, described for readers in `docs/messages.md`.

A message carries the stint's whole state and a version, not a difference: twice, late and out of order all come
to the same count.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from service.errors import InvalidMessage

STATUS_CHANGED = "marketable.contact.status_changed.v1"
CONTENT_TYPE = "application/cloudevents+json"
MARKETING = "marketing"
NON_MARKETING = "non-marketing"


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """One status change as it is published."""

    portal_id: int
    contact_id: int
    version: int
    at: datetime
    before: bool
    after: bool
    verdict: str
    stint: int
    since: datetime
    until: datetime | None
    stint_reason_type: str
    """What opened the stint; `reason_type` is what changed it."""
    stint_reason_id: str
    source: str
    reason_type: str
    reason_id: str
    actor: str
    default_version: int

    @property
    def routing_key(self) -> str:
        """`<portalId>.<marketing or non-marketing>`."""
        return f"{self.portal_id}.{_status(self.after)}"

    @property
    def message_id(self) -> str:
        """The same for every copy of one status change."""
        return f"{self.contact_id}-{self.version}"


def dump(message: StatusMessage) -> bytes:
    """Return the message's body."""
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": message.message_id,
            "source": f"/portals/{message.portal_id}",
            "type": STATUS_CHANGED,
            "subject": f"contacts/{message.contact_id}",
            "time": message.at,
            "datacontenttype": "application/json",
            "data": {
                "portalId": message.portal_id,
                "contactId": message.contact_id,
                "version": message.version,
                "before": _status(message.before),
                "after": _status(message.after),
                "verdict": message.verdict,
                "stint": {
                    "number": message.stint,
                    "since": message.since,
                    "until": message.until,
                    "reasonType": message.stint_reason_type,
                    "reasonId": message.stint_reason_id,
                },
                "source": message.source,
                "reasonType": message.reason_type,
                "reasonId": message.reason_id,
                "actor": message.actor,
                "defaultVersion": message.default_version,
            },
        },
        option=orjson.OPT_UTC_Z,
    )


def load(body: bytes) -> StatusMessage:
    """Read a message's body; raises InvalidMessage with what is wrong."""
    try:
        event = orjson.loads(body)
        if event["type"] != STATUS_CHANGED:
            raise InvalidMessage(f"type {event['type']!r} is not {STATUS_CHANGED}", field="type")
        return _read(event)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise InvalidMessage(f"{type(error).__name__}: {error}") from error


def _read(event: Any) -> StatusMessage:
    data = event["data"]
    stint = data["stint"]
    return StatusMessage(
        portal_id=_number(data["portalId"]),
        contact_id=_number(data["contactId"]),
        version=_number(data["version"]),
        at=_instant(event["time"]),
        before=data["before"] == MARKETING,
        after=data["after"] == MARKETING,
        verdict=str(data["verdict"]),
        stint=_number(stint["number"]),
        since=_instant(stint["since"]),
        until=None if stint["until"] is None else _instant(stint["until"]),
        stint_reason_type=str(stint["reasonType"]),
        stint_reason_id=str(stint["reasonId"]),
        source=str(data["source"]),
        reason_type=str(data["reasonType"]),
        reason_id=str(data["reasonId"]),
        actor=str(data["actor"]),
        default_version=_number(data["defaultVersion"]),
    )


def _status(is_marketing: bool) -> str:  # noqa: FBT001 - the one argument there is
    return MARKETING if is_marketing else NON_MARKETING


def _number(value: Any) -> int:
    if type(value) is not int or not 0 < value + 1 < 2**63:
        message = f"{value!r} is not a whole number in range"
        raise ValueError(message)
    return value


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        message = f"{text!r} has no time zone"
        raise ValueError(message)
    return instant.astimezone(UTC)
