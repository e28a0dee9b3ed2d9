"""Statements: who counted at the last instant of each closed period. Begun and issued in two transactions.

1. `begin`, under the portal's lock, closes the period: from then on whatever changes who counted in it is written as
   an adjustment. Before that transaction ends the caller opens another, whose view of the ledger is the statement's.
2. `draw` reads number, split and digest from that view, and `issue` writes them.

Whoever is stopped in between leaves a row without `issued_at`. The next one begins it again: with a new view, and
without the adjustments since, which are in the numbers then.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

import sqlalchemy as sa

from service.domain.billing import step_tier
from service.domain.periods import Period, period_from
from service.domain.portals import Portal
from service.errors import NotFound
from service.store import adjustments, ledger, renewals
from service.store.ledger import TierChange
from service.store.portals import portal_from
from service.store.tables import ledger_line, portal, statement

PART = 10_000
"""Lines that are read at once."""


@dataclass(frozen=True, slots=True)
class Due:
    """The oldest period of a portal that has no statement."""

    portal: Portal
    period: Period
    is_closed: bool
    """It was closed before, and its numbers were not written."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A period that is closed, and whose numbers are to be drawn."""

    portal: Portal
    period: Period
    number: int
    """How often this was begun: only the latest may write its numbers."""
    tier: int
    """At the period's end; what counted then may have gone over it."""
    renewed: TierChange | None


class Digest:
    """SHA-256 over the sorted numbers of contacts: decimal, one to a line, each line ended; each contact once."""

    def __init__(self) -> None:
        self.number = 0
        self._hash = hashlib.sha256()
        self._last: int | None = None

    def add(self, contact_id: int) -> bool:
        """Add the next contact; False when it is the one before again."""
        if contact_id == self._last:
            return False
        self._last = contact_id
        self.number += 1
        self._hash.update(b"%d\n" % contact_id)
        return True

    def text(self) -> str:
        """Return the digest so far, in hex."""
        return self._hash.hexdigest()


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a statement says."""

    contacts: int
    digest: str
    split: dict[str, Any]


def due(connection: sa.Connection, now: datetime) -> list[Due]:
    """Return, for each portal, its oldest period without a statement, where that has ended by `now`."""
    unissued = (
        sa.select(statement).where(statement.c.issued_at.is_(None)).order_by(statement.c.ends_at.desc())
    )
    oldest = {row.portal_id: row for row in connection.execute(unissued)}
    rows = connection.execute(sa.select(portal).order_by(portal.c.id))
    found = [_due(portal_from(row), oldest.get(row.id)) for row in rows]
    return [each for each in found if each.period.ends_at <= now]


def begin(connection: sa.Connection, expected: Due, now: datetime) -> Cut | None:
    """Close a period, renew at its end, and return what is to be drawn; None when somebody else was faster."""
    of = lock(connection, expected.portal.id)
    here = _row_of(of.id, expected.period.ends_at)
    unissued = (
        sa.select(statement)
        .where(statement.c.portal_id == of.id, statement.c.issued_at.is_(None))
        .order_by(statement.c.ends_at)
        .limit(1)
    )
    row = connection.execute(unissued).one_or_none()
    period = _due(of, row).period
    if period != expected.period:
        return None
    if row is None:
        _add(connection, of.id, [period])
    tier = row.tier if row is not None and row.cuts else renewals.tier_then(connection, of, period.ends_at)
    values = {"cuts": statement.c.cuts + 1, "tier": tier}
    number = connection.execute(
        sa.update(statement).where(here).values(**values).returning(statement.c.cuts)
    ).scalar_one()
    adjustments.forget(connection, of.id, period.ends_at)
    adjustments.carry(connection, of.id, period.ends_at)
    connection.execute(sa.update(portal).where(portal.c.id == of.id).values(closed_until=period.ends_at))
    return Cut(of, period, number, tier, renewals.renew(connection, of, period, now))


def lock(connection: sa.Connection, portal_id: int) -> Portal:
    """Lock a portal as the consumers do, and return it; raises NotFound."""
    found = ledger.lock_portals(connection, [portal_id]).get(portal_id)
    if found is None:
        raise NotFound("portal", portal_id)
    return found


def look(connection: sa.Connection) -> None:
    """Make the first query of a reading transaction: what is committed after it is not seen."""
    connection.execute(sa.select(statement.c.cuts).limit(1)).all()


def draw(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Drawn:
    """Read the number, the split and the digest of a period, with steady memory."""
    digest, reasons = Digest(), Counter[tuple[str, str]]()
    for part in lines(connection, portal_id, ends_at):
        for contact_id, reason_type, reason_id in part:
            if digest.add(contact_id):
                reasons[reason_type, reason_id] += 1
    return Drawn(digest.number, digest.text(), _split(reasons))


def issue(connection: sa.Connection, cut: Cut, drawn: Drawn, now: datetime) -> bool:
    """Write what was drawn; False when the period was begun again meanwhile: then that one counts."""
    values = {
        "contacts": drawn.contacts,
        "digest": drawn.digest,
        "split": drawn.split,
        "issued_at": now,
        "tier": step_tier(cut.tier, cut.portal.product, drawn.contacts),
    }
    latest = (statement.c.cuts == cut.number) & statement.c.issued_at.is_(None)
    here = _row_of(cut.portal.id, cut.period.ends_at) & latest
    return connection.execute(sa.update(statement).where(here).values(**values)).rowcount > 0


def reserve(connection: sa.Connection, of: Portal, past: Sequence[Period], running: Period) -> None:
    """Keep periods as they are today, since the subscription that they follow from is about to change.

    `running` takes the place of what was kept of the running period before.
    """
    running_before = (
        (statement.c.portal_id == of.id)
        & (statement.c.cuts == 0)
        & (statement.c.begins_at == running.begins_at)
    )
    connection.execute(sa.delete(statement).where(running_before))
    _add(connection, of.id, [*past, running])


def last_kept(connection: sa.Connection, of: Portal, now: datetime) -> datetime:
    """Return where the last period ends that is kept and has ended; where the portal begins, if none is."""
    query = sa.select(sa.func.max(statement.c.ends_at)).where(
        statement.c.portal_id == of.id, statement.c.ends_at <= now
    )
    found: datetime | None = connection.execute(query).scalar_one()
    return found or of.created_at


def find(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Any:
    """Return the row of an issued statement, or None."""
    query = sa.select(statement).where(_row_of(portal_id, ends_at), statement.c.issued_at.is_not(None))
    return connection.execute(query).one_or_none()


def list_issued(
    connection: sa.Connection, portal_id: int, before: datetime | None, limit: int
) -> Sequence[Any]:
    """Return issued statements, the newest first; those of periods that end before an instant, if one is given."""
    query = sa.select(statement).where(statement.c.portal_id == portal_id, statement.c.issued_at.is_not(None))
    if before is not None:
        query = query.where(statement.c.ends_at < before)
    return connection.execute(query.order_by(statement.c.ends_at.desc()).limit(limit)).all()


def lines(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Iterator[Sequence[Any]]:
    """Yield the lines that count in a period, as (contact, reason type, reason id), by contact, part by part."""
    query = _lines(connection, portal_id, ends_at).execution_options(stream_results=True, yield_per=PART)
    yield from connection.execute(query).partitions()


def contacts_of(
    connection: sa.Connection, portal_id: int, ends_at: datetime, after: int, limit: int
) -> tuple[list[int], int | None]:
    """Return contacts that a statement has counted, sorted, from after a number on, and where to go on, if at all.

    About `limit` of them, as the statement was issued: what has come late is left out again.
    """
    query = _lines(connection, portal_id, ends_at).where(ledger_line.c.contact_id > after).limit(limit)
    found = [row.contact_id for row in connection.execute(query)]
    upto = found[-1] if len(found) == limit else None
    late = adjustments.net(connection, portal_id, ends_at, after, upto)
    return list(dict.fromkeys(undo(found, late))), upto


def undo(contacts: Iterable[int], late: Mapping[int, int]) -> Iterator[int]:
    """Yield sorted contacts as they were before what adjustments have made of them (`adjustments.net`)."""
    came = {contact_id for contact_id, change in late.items() if change > 0}
    went = sorted(contact_id for contact_id, change in late.items() if change < 0)
    yield from merge((each for each in contacts if each not in came), went)


def _lines(connection: sa.Connection, portal_id: int, ends_at: datetime) -> sa.Select[Any]:
    line: Any = ledger_line.c
    # SQLite is to walk along the contacts: by the index of the portal it would have to sort them all in memory.
    mine = line.portal_id + 0 if connection.dialect.name == "sqlite" else line.portal_id
    return (
        sa.select(line.contact_id, line.reason_type, line.reason_id)
        .where(mine == portal_id, line.since < ends_at, line.until >= ends_at)
        .order_by(line.contact_id, line.stint)
    )


def _due(of: Portal, row: Any) -> Due:
    """Return what is due by a portal's oldest row without `issued_at`, if there is one."""
    if row is not None:
        return Due(of, Period(row.begins_at, row.ends_at, row.renews), row.cuts > 0)
    return Due(of, period_from(of.subscription, of.closed_until or of.created_at), is_closed=False)


def _add(connection: sa.Connection, portal_id: int, periods: Sequence[Period]) -> None:
    rows = [
        {"portal_id": portal_id, "begins_at": each.begins_at, "ends_at": each.ends_at, "renews": each.renews}
        for each in periods
    ]
    connection.execute(sa.insert(statement), rows)


def _row_of(portal_id: int, ends_at: datetime) -> sa.ColumnElement[bool]:
    return (statement.c.portal_id == portal_id) & (statement.c.ends_at == ends_at)


def _split(reasons: Counter[tuple[str, str]]) -> dict[str, Any]:
    """Return the split by reason type, and by reason, each sorted; each sums to the number."""
    by_type = Counter[str]()
    for (reason_type, _), number in reasons.items():
        by_type[reason_type] += number
    return {
        "by_type": dict(sorted(by_type.items())),
        "by_reason": [
            {"reason_type": reason_type, "reason_id": reason_id, "contacts": number}
            for (reason_type, reason_id), number in sorted(reasons.items())
        ],
    }
