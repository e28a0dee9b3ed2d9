"""Adjustments: what came to the ledger after the period it belongs to had been closed.

Guarantee: an adjustment is written in the transaction that changes the line, under the portal's lock. So the number
of a statement and the adjustments of its period always sum to what the lines say of the period's last instant.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from service.domain.portals import Portal
from service.store.tables import adjustment, ledger_line, statement

MOST_LINES = 1_000
"""Of those that a statement shows."""


class ChangedLine(NamedTuple):
    """A line as a message has changed it."""

    portal_id: int
    contact_id: int
    stint: int
    since: datetime
    until: datetime
    reason_type: str
    reason_id: str
    replaced_until: datetime | None
    """The end that it had before; None for a new line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a contact."""

    stint: int
    since: datetime
    until: datetime
    reason_type: str
    reason_id: str


def adjust(
    connection: sa.Connection, portals: Mapping[int, Portal], changed: Sequence[ChangedLine], now: datetime
) -> int:
    """Write what changed lines change in closed periods; returns how many adjustments.

    The portals' rows are locked, and as they were read under the lock. Without late facts nothing is asked of the
    database.
    """
    closed = {portal_id: portal.closed_until for portal_id, portal in portals.items()}
    late: dict[tuple[int, int], list[ChangedLine]] = {}
    for line in changed:
        if _is_late(line, closed[line.portal_id]):
            late.setdefault((line.portal_id, line.contact_id), []).append(line)
    if not late:
        return 0
    lines = _lines_of(connection, {contact_id for _, contact_id in late})
    ends = {portal_id: _closed_ends(connection, portal_id, closed[portal_id]) for portal_id, _ in late}
    rows = [
        {"portal_id": portal_id, "contact_id": contact_id, "at": now, **values}
        for (portal_id, contact_id), of_contact in late.items()
        for values in _changes(ends[portal_id], lines[contact_id], of_contact)
    ]
    if rows:
        connection.execute(sa.insert(adjustment), rows)
    return len(rows)


def _is_late(line: ChangedLine, closed_until: datetime | None) -> bool:
    """Whether the line may change who counts in a period that ends at `closed_until` or before."""
    if closed_until is None or line.since >= closed_until:
        return False
    replaced = line.replaced_until
    return replaced is None or (replaced != line.until and min(replaced, line.until) < closed_until)


def _changes(
    ends: Sequence[datetime], lines: Sequence[Line], changed: Sequence[ChangedLine]
) -> Iterator[dict[str, Any]]:
    """Yield the values of a contact's adjustments: for each period in which it counts now and did not, or did.

    A contact counts once, however many of its lines cover an instant: those of two stints may for a while, when the
    end of the first is on its way still.
    """
    replaced = {line.stint: line.replaced_until for line in changed}
    then = [(line, replaced.get(line.stint, line.until)) for line in lines]
    before = [replace(line, until=until) for line, until in then if until is not None]
    for ends_at in ends:
        was, counts = _covering(before, ends_at), _covering(lines, ends_at)
        line = counts or was
        if line is not None and (was is None or counts is None):
            yield {
                "ends_at": ends_at,
                "stint": line.stint,
                "change": 1 if counts else -1,
                "reason_type": line.reason_type,
                "reason_id": line.reason_id,
            }


def _covering(lines: Iterable[Line], ends_at: datetime) -> Line | None:
    """Return the line that covers the last instant of a period, if one does."""
    return next((line for line in lines if line.since < ends_at <= line.until), None)


def _lines_of(connection: sa.Connection, contacts: Iterable[int]) -> dict[int, list[Line]]:
    columns = (
        ledger_line.c[name] for name in ("contact_id", "stint", "since", "until", "reason_type", "reason_id")
    )
    query = sa.select(*columns).where(ledger_line.c.contact_id.in_(list(contacts)))
    found: dict[int, list[Line]] = {}
    for contact_id, *values in connection.execute(
        query.order_by(ledger_line.c.contact_id, ledger_line.c.stint)
    ):
        found.setdefault(contact_id, []).append(Line(*values))
    return found


def _closed_ends(
    connection: sa.Connection, portal_id: int, closed_until: datetime | None
) -> Sequence[datetime]:
    query = sa.select(statement.c.ends_at).where(
        statement.c.portal_id == portal_id, statement.c.ends_at <= closed_until
    )
    return connection.execute(query.order_by(statement.c.ends_at)).scalars().all()


@dataclass(frozen=True, slots=True)
class Adjustments:
    """Adjustments that stand together: those of a period, or those that a statement carries for earlier ones."""

    number: int
    sum: int
    lines: Sequence[Any]
    """Rows of the table, oldest first, `MOST_LINES` at the most."""


def of_period(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Adjustments:
    """Return what came late to a period."""
    return _read(connection, (adjustment.c.portal_id == portal_id) & (adjustment.c.ends_at == ends_at))


def carried_by(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Adjustments:
    """Return what the statement of a period carries for earlier ones."""
    return _read(connection, (adjustment.c.portal_id == portal_id) & (adjustment.c.carried_by == ends_at))


def _read(connection: sa.Connection, here: sa.ColumnElement[bool]) -> Adjustments:
    sums = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(adjustment.c.change), 0)).where(here)
    number, total = connection.execute(sums).one()
    query = sa.select(adjustment).where(here).order_by(adjustment.c.id).limit(MOST_LINES)
    return Adjustments(int(number), int(total), connection.execute(query).all())


def net(
    connection: sa.Connection, portal_id: int, ends_at: datetime, after: int = 0, upto: int | None = None
) -> dict[int, int]:
    """Return what adjustments have made of each contact of a period, by its number: +1, -1, or 0.

    `after` and `upto` bound the contacts: those after the one and up to the other.
    """
    query = sa.select(adjustment.c.contact_id, sa.func.sum(adjustment.c.change)).where(
        adjustment.c.portal_id == portal_id,
        adjustment.c.ends_at == ends_at,
        adjustment.c.contact_id > after,
    )
    if upto is not None:
        query = query.where(adjustment.c.contact_id <= upto)
    return {row[0]: int(row[1]) for row in connection.execute(query.group_by(adjustment.c.contact_id))}


def forget(connection: sa.Connection, portal_id: int, ends_at: datetime) -> None:
    """Delete the adjustments of a period whose numbers are made anew: they are in them then."""
    here = (adjustment.c.portal_id == portal_id) & (adjustment.c.ends_at == ends_at)
    connection.execute(sa.delete(adjustment).where(here))


def carry(connection: sa.Connection, portal_id: int, ends_at: datetime) -> None:
    """Have the statement of a period carry all that has come late so far and no other statement carries."""
    here = (adjustment.c.portal_id == portal_id) & adjustment.c.carried_by.is_(None)
    connection.execute(sa.update(adjustment).where(here).values(carried_by=ends_at))
