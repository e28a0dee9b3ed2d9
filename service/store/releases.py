"""Who could be set to non-marketing with the least loss: those whom no mail reaches, and those who are silent.

Candidates are contacts that count with no end known, in the order of their numbers. Those who bounced or unsubscribed
come from an index that holds nobody else. For the silent there is no index, on purpose: each submission would have
to move an entry of it. So they are looked for in the order of the contacts' numbers, the oldest first, and a page
says how far it has looked.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.store.pages import IS_LIVE
from service.store.tables import contact

MOST_LOOKED_AT = 20_000
"""Contacts that one page, or one count, looks at: a few hundredths of a second."""
MOST_COUNTED = 10_000


class Kind(enum.StrEnum):
    """Why a contact is worth little as a marketing contact."""

    BOUNCED = "bounced"
    UNSUBSCRIBED = "unsubscribed"
    SILENT = "silent"


COLUMNS = (
    "id",
    "email",
    "since",
    "reason_type",
    "reason_id",
    "created_at",
    "active_at",
    "bounced_at",
    "unsubscribed_at",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some candidates, and where to go on."""

    rows: Sequence[Any]
    next_after: int | None
    """The number of the contact to go on after; None: this was the end."""


@dataclass(frozen=True, slots=True)
class Number:
    """How many candidates there are, as far as was looked."""

    contacts: int
    or_more: bool
    """There may be more: it was enough, or too much was to be looked at."""
    looked_at: int


def page(
    connection: sa.Connection, portal_id: int, kind: Kind, silent_since: datetime, *, after: int, limit: int
) -> Page:
    """Return the next candidates after a contact; a page may be short, and even empty, before the end.

    Silent are those who did nothing since `silent_since`; their submissions and chats, or else their creation, tell.
    """
    columns = [contact.c[name] for name in COLUMNS]
    found = _in_question(portal_id, kind, after, [*columns, _fits(kind, silent_since)])
    query = sa.select(found).where(found.c.fits).order_by(found.c.id).limit(limit)
    rows = connection.execute(query).all()
    if len(rows) == limit:
        return Page(rows, rows[-1].id)
    looked_at, last = _end(connection, portal_id, kind, after)
    return Page(rows, last if looked_at == MOST_LOOKED_AT else None)


def count(connection: sa.Connection, portal_id: int, kind: Kind, silent_since: datetime) -> Number:
    """Count the candidates, `MOST_COUNTED` at the most, among the first `MOST_LOOKED_AT` contacts in question."""
    found = _in_question(portal_id, kind, 0, [contact.c.id, _fits(kind, silent_since)])
    fitting = sa.func.count(sa.case((found.c.fits, 1)))
    looked_at, number = connection.execute(sa.select(sa.func.count(), fitting).select_from(found)).one()
    or_more = number > MOST_COUNTED or looked_at == MOST_LOOKED_AT
    return Number(min(number, MOST_COUNTED), or_more, looked_at)


def _end(connection: sa.Connection, portal_id: int, kind: Kind, after: int) -> tuple[int, int | None]:
    """Return how many contacts a page has looked at, and the number of the last one."""
    found = _in_question(portal_id, kind, after, [contact.c.id])
    query = sa.select(sa.func.count(), sa.func.max(found.c.id)).select_from(found)
    looked_at, last = connection.execute(query).one()
    return looked_at, last


def _in_question(portal_id: int, kind: Kind, after: int, columns: Sequence[Any]) -> sa.Subquery:
    """Select the next contacts by number that an index holds for the kind, whether they are candidates or not."""
    query = sa.select(*columns).where(contact.c.portal_id == portal_id, contact.c.id > after)
    if kind is not Kind.SILENT:
        noted = contact.c.bounced_at if kind is Kind.BOUNCED else contact.c.unsubscribed_at
        query = query.where(noted.is_not(None))
    return query.order_by(contact.c.id).limit(MOST_LOOKED_AT).subquery("in_question")


def _fits(kind: Kind, silent_since: datetime) -> sa.Label[bool]:
    """Whether a contact is a candidate: it is there, counts, and no end is known."""
    fits = sa.and_(IS_LIVE, contact.c.stint > 0, contact.c.until.is_(None))
    if kind is Kind.SILENT:
        last_seen = sa.func.coalesce(contact.c.active_at, contact.c.created_at)
        fits = sa.and_(fits, last_seen < silent_since)
    return fits.label("fits")
