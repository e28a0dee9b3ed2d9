"""The audit: who changed what was set up, and each change of a contact's status.

An entry is written in the transaction of the change itself. Changes of status are not written twice: they are read
from `status_change`, of one contact or within an hour, for which there are indexes.
"""

import enum
import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.store.tables import audit, status_change

Values = Mapping[str, Any]
WINDOW = timedelta(hours=1)
"""In which changes of status are read without a contact: their index by time is coarse."""
CONTACT = "contact:"
"""What the subject begins with when it is a contact."""
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """That somebody did something. No secret, and nothing of a contact but its number, gets in here."""

    actor: str
    """`str` of an `Actor`."""
    action: str
    """A verb in the past tense, such as `created` or `default_set`."""
    subject: str
    """What it was done to, such as `form:<guid>`, `token:3` or `portal:1`."""
    before: Values | None = None
    """What has changed, JSON values by name; None where there was nothing."""
    after: Values | None = None
    """The same afterwards; None where there is nothing any more."""


class AuditKind(enum.StrEnum):
    """What an entry is about."""

    SETUP = "setup"
    """Whatever is set up: portals, forms, endpoints, users, tokens, defaults, jobs."""
    STATUS = "status"
    """The marketing status of one contact."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an entry stands among all of a portal: by time, then kind, then number."""

    at: datetime
    kind: AuditKind
    number: int
    """Of the entry; of a change of status its contact."""
    version: int = 0
    """Of a change of status: which one of the contact's."""

    def __str__(self) -> str:
        """As the API names the entry."""
        ends = (self.number, self.version) if self.kind is AuditKind.STATUS else (self.number,)
        return "-".join([self.kind.value, *map(str, ends)])


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of either kind, as it is read."""

    place: Place
    entry: Entry


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for."""

    kinds: frozenset[AuditKind]
    subject: str = ""
    actor: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: Place | None = None
    limit: int = 50


def note(connection: sa.Connection, portal_id: int, entry: Entry, now: datetime) -> None:
    """Keep an entry."""
    values = {"actor": entry.actor, "action": entry.action, "subject": entry.subject}
    statement = sa.insert(audit).values(portal_id=portal_id, at=now, **values)
    connection.execute(statement.values(before=entry.before, after=entry.after))


def page(connection: sa.Connection, portal_id: int, wanted: Wanted) -> list[Line]:
    """Return entries, the newest first."""
    streams: list[Iterable[Line]] = []
    if AuditKind.SETUP in wanted.kinds:
        streams.append(_setup(connection, portal_id, wanted))
    if AuditKind.STATUS in wanted.kinds:
        streams.append(_status(connection, portal_id, wanted))
    merged = heapq.merge(*streams, key=lambda line: line.place, reverse=True)
    return list(merged)[: wanted.limit]


def place_of(connection: sa.Connection, portal_id: int, name: str) -> Place | None:
    """Return where the entry of this name stands; None when the portal has no such entry."""
    kind, *texts = name.split("-")
    if not all(text.isascii() and text.isdigit() and int(text) <= LARGEST for text in texts):
        return None
    match kind, [int(text) for text in texts]:
        case AuditKind.SETUP.value, [number]:
            query = sa.select(audit.c.at).where(audit.c.id == number, audit.c.portal_id == portal_id)
            place: tuple[AuditKind, int, int] = AuditKind.SETUP, number, 0
        case AuditKind.STATUS.value, [number, version] if version < 2**31:
            query = sa.select(status_change.c.at).where(
                status_change.c.contact_id == number,
                status_change.c.version == version,
                status_change.c.portal_id == portal_id,
            )
            place = AuditKind.STATUS, number, version
        case _:
            return None
    at = connection.execute(query).scalar_one_or_none()
    return None if at is None else Place(at, *place)


def _setup(connection: sa.Connection, portal_id: int, wanted: Wanted) -> list[Line]:
    conditions = [audit.c.portal_id == portal_id, *_between(audit.c.at, wanted)]
    conditions += [
        column == value
        for column, value in (
            (audit.c.subject, wanted.subject),
            (audit.c.actor, wanted.actor),
            (audit.c.action, wanted.action),
        )
        if value
    ]
    before = wanted.before
    if before is not None:
        conditions.append(audit.c.at <= before.at)
    if before is not None and before.kind is AuditKind.SETUP:
        conditions.append(sa.or_(audit.c.at < before.at, audit.c.id < before.number))
    query = sa.select(audit).where(*conditions).order_by(audit.c.at.desc(), audit.c.id.desc())
    return [_line(row) for row in connection.execute(query.limit(wanted.limit))]


def _status(connection: sa.Connection, portal_id: int, wanted: Wanted) -> list[Line]:
    conditions = [status_change.c.portal_id == portal_id, *_between(status_change.c.at, wanted)]
    if wanted.subject:
        conditions.append(status_change.c.contact_id == contact_of(wanted.subject))
    if wanted.actor:
        conditions.append(status_change.c.actor == wanted.actor)
    if wanted.action:
        conditions.append(status_change.c.verdict == wanted.action)
    numbers = sa.tuple_(status_change.c.contact_id, status_change.c.version)
    before = wanted.before
    if before is not None and before.kind is AuditKind.SETUP:
        conditions.append(status_change.c.at < before.at)
    elif before is not None:
        conditions.append(status_change.c.at <= before.at)
        same = numbers < sa.tuple_(sa.literal(before.number), sa.literal(before.version))
        conditions.append(sa.or_(status_change.c.at < before.at, same))
    order = (status_change.c.at.desc(), status_change.c.contact_id.desc(), status_change.c.version.desc())
    query = sa.select(status_change).where(*conditions).order_by(*order)
    return [_change(row) for row in connection.execute(query.limit(wanted.limit))]


def contact_of(subject: str) -> int | None:
    """Return the contact's number that a subject names, or None."""
    number = subject.removeprefix(CONTACT)
    is_one = subject.startswith(CONTACT) and number.isascii() and number.isdigit()
    return int(number) if is_one and int(number) <= LARGEST else None


def _between(at: Any, wanted: Wanted) -> list[Any]:
    conditions = []
    if wanted.since is not None:
        conditions.append(at >= wanted.since)
    if wanted.until is not None:
        conditions.append(at < wanted.until)
    return conditions


def _line(row: Any) -> Line:
    entry = Entry(row.actor, row.action, row.subject, row.before, row.after)
    return Line(Place(row.at, AuditKind.SETUP, row.id), entry)


def _change(row: Any) -> Line:
    after = {
        "marketing": row.after,
        "until": row.until.isoformat() if row.until else None,
        "source": row.source,
        "reason_type": row.reason_type,
        "reason_id": row.reason_id,
    }
    subject = f"{CONTACT}{row.contact_id}"
    entry = Entry(row.actor, row.verdict, subject, {"marketing": row.before}, after)
    return Line(Place(row.at, AuditKind.STATUS, row.contact_id, row.version), entry)
