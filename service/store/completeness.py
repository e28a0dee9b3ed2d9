"""Whether the ledger has all that happened in a portal before an instant: what a statement is issued on.

A stint lacks when its line is missing or older, and the version that is missing belongs to a change made before the
instant. What has changed since then may be on its way: it is about a later period. An entry that waits in the outbox
needs no look of its own: if the ledger lacks it, it lacks here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.store.session import Database
from service.store.tables import contact, ended_stint, ledger_line, status_change

CONTACTS = 20_000
"""Of which one statement looks at the stints: so it takes a moment, however large the portal."""
ENOUGH = 1_000
"""Stints that lack; nobody needs to know how many more."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Contacts of a portal: those after the one and up to the other."""

    portal_id: int
    after: int
    upto: int


def lacking(database: Database, portal_id: int, before: datetime) -> int:
    """Count the stints of a portal that the ledger lacks or has older, as they were before an instant.

    0 when it is complete; counting ends at `ENOUGH`.
    """
    found, after = 0, 0
    while found < ENOUGH:
        with database.reading() as connection:
            upto = _end_of_stretch(connection, portal_id, after)
            if upto is None:
                break
            query = _lacking(_Stretch(portal_id, after, upto), before)
            found += int(connection.execute(query).scalar_one())
        after = upto
    return min(found, ENOUGH)


def _end_of_stretch(connection: sa.Connection, portal_id: int, after: int) -> int | None:
    some = (
        sa.select(contact.c.id)
        .where(contact.c.portal_id == portal_id, contact.c.id > after)
        .order_by(contact.c.id)
        .limit(CONTACTS)
        .subquery()
    )
    found: int | None = connection.execute(sa.select(sa.func.max(some.c.id))).scalar_one()
    return found


def _lacking(stretch: _Stretch, before: datetime) -> sa.Select[Any]:
    stint, line, change = _stints(stretch, before), ledger_line.c, status_change.c
    same = sa.and_(
        line.contact_id == stint.c.contact_id,
        line.stint == stint.c.number,
        line.contact_id > stretch.after,
        line.contact_id <= stretch.upto,
    )
    changed_before = sa.exists().where(
        change.contact_id == stint.c.contact_id,
        change.stint == stint.c.number,
        change.version > sa.func.coalesce(line.version, 0),
        change.at < before,
    )
    return (
        sa.select(sa.func.count())
        .select_from(stint.outerjoin(ledger_line, same))
        .where(sa.or_(line.version.is_(None), line.version < stint.c.version), changed_before)
    )


def _stints(stretch: _Stretch, before: datetime) -> sa.Subquery:
    """Return the stints of a stretch that began before an instant."""
    here = sa.and_(
        contact.c.portal_id == stretch.portal_id, contact.c.id > stretch.after, contact.c.id <= stretch.upto
    )
    latest = sa.select(
        contact.c.id.label("contact_id"),
        contact.c.stint.label("number"),
        contact.c.status_version.label("version"),
    ).where(here, contact.c.stint > 0, contact.c.since < before)
    ended = (
        sa.select(ended_stint.c.contact_id, ended_stint.c.number, ended_stint.c.version)
        .select_from(contact.join(ended_stint, ended_stint.c.contact_id == contact.c.id))
        .where(
            here,
            ended_stint.c.since < before,
            ended_stint.c.contact_id > stretch.after,
            ended_stint.c.contact_id <= stretch.upto,
        )
    )
    return sa.union_all(latest, ended).subquery("stint")
