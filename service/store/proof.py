"""Compares contacts, ledger lines and counters, and finds what the ledger lacks.

The three are written by different hands: contacts by the intake, lines and counters by the billing count.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.billing import FOREVER
from service.errors import NotFound
from service.store.session import Database
from service.store.tables import (
    contact,
    ended_stint,
    ledger_counter,
    ledger_hour,
    ledger_line,
    portal,
    status_change,
)
from service.store.tables.columns import Instant


@dataclass(frozen=True, slots=True)
class Proof:
    """One portal's count, three ways, and how far they are apart."""

    portal_id: int
    by_contacts: int
    by_lines: int
    by_counter: int
    unequal_stints: int
    """Stints whose line is missing, older or otherwise: errors that cancel out show here."""
    unequal_sums: int
    """Sum of what the counter of each end and reason, and the number of each hour, is off from the lines."""

    @property
    def difference(self) -> int:
        """0 when the count is proved."""
        apart = abs(self.by_contacts - self.by_lines) + abs(self.by_lines - self.by_counter)
        return max(apart, self.unequal_stints + self.unequal_sums)


_Sums = sa.Executable
"""A query of (portal id, number)."""


def _stints() -> sa.Subquery:
    """Return every stint there is: each contact's latest and those it left behind."""
    latest = sa.select(
        contact.c.id.label("contact_id"),
        contact.c.stint.label("number"),
        contact.c.portal_id,
        contact.c.status_version.label("version"),
        contact.c.since,
        contact.c.until,
        contact.c.reason_type,
        contact.c.reason_id,
    ).where(contact.c.stint > 0)
    ended = sa.select(
        ended_stint.c.contact_id,
        ended_stint.c.number,
        ended_stint.c.portal_id,
        ended_stint.c.version,
        ended_stint.c.since,
        ended_stint.c.until,
        ended_stint.c.reason_type,
        ended_stint.c.reason_id,
    )
    return sa.union_all(latest, ended).subquery("stint")


def prove(database: Database, now: datetime, portal_id: int | None = None) -> list[Proof]:
    """Count every portal, or one, three ways at `now`, in one state of the database.

    Portals that only the ledger knows are there as well. Raises NotFound for a portal that nobody knows.
    """
    with database.reading() as connection:
        known = dict.fromkeys(connection.execute(sa.select(portal.c.id)).scalars(), 0)
        sums = [
            _sums(connection, query)
            for query in (
                _contacts_query(now),
                _lines_query(now),
                _counter_query(now),
                _unequal_stints_query(),
                _unequal_sums_query(is_sqlite=database.is_sqlite),
            )
        ]
    ids = set(known).union(*sums)
    if portal_id is not None:
        if portal_id not in ids:
            raise NotFound("portal", portal_id)
        ids = {portal_id}
    return [Proof(each, *(found.get(each, 0) for found in sums)) for each in sorted(ids)]


@dataclass(frozen=True, slots=True)
class Window:
    """Status changes to look at: those between two instants."""

    since: datetime
    before: datetime


def missing(
    connection: sa.Connection, after: tuple[int, int], limit: int, window: Window | None = None
) -> list[tuple[int, int, int]]:
    """Return stints that the ledger lacks or has older, as (contact id, version, stint), after a (contact, stint).

    Without a window every stint is looked at; with one, only those that changed in it.
    """
    stint = _stints() if window is None else _changed_stints(window)
    place = sa.tuple_(stint.c.contact_id, stint.c.number)
    query = (
        sa.select(stint.c.contact_id, stint.c.version, stint.c.number)
        .select_from(stint.outerjoin(ledger_line, _same_stint(stint)))
        .where(sa.or_(ledger_line.c.version.is_(None), ledger_line.c.version < stint.c.version))
        .where(place > sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
        .order_by(stint.c.contact_id, stint.c.number)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def _changed_stints(window: Window) -> sa.Subquery:
    change = status_change.c
    return (
        sa.select(
            change.contact_id, change.stint.label("number"), sa.func.max(change.version).label("version")
        )
        .where(change.at > window.since, change.at < window.before)
        .group_by(change.contact_id, change.stint)
        .subquery("stint")
    )


def _same_stint(stint: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(ledger_line.c.contact_id == stint.c.contact_id, ledger_line.c.stint == stint.c.number)


def _sums(connection: sa.Connection, query: _Sums) -> dict[int, int]:
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _contacts_query(now: datetime) -> _Sums:
    until = contact.c.until
    covers = sa.and_(contact.c.since <= now, sa.or_(until.is_(None), until > now))
    return sa.select(contact.c.portal_id, sa.func.count()).where(covers).group_by(contact.c.portal_id)


def _lines_query(now: datetime) -> _Sums:
    covers = sa.and_(ledger_line.c.since <= now, ledger_line.c.until > now)
    distinct = sa.func.count(sa.distinct(ledger_line.c.contact_id))
    return sa.select(ledger_line.c.portal_id, distinct).where(covers).group_by(ledger_line.c.portal_id)


def _counter_query(now: datetime) -> _Sums:
    return (
        sa.select(ledger_counter.c.portal_id, sa.func.sum(ledger_counter.c.contacts))
        .where(ledger_counter.c.until > now)
        .group_by(ledger_counter.c.portal_id)
    )


def _unequal_stints_query() -> _Sums:
    stint, line = _stints(), ledger_line.c
    same = _same_stint(stint)
    unequal = sa.or_(
        line.version.is_(None),
        line.version != stint.c.version,
        line.portal_id != stint.c.portal_id,
        line.since != stint.c.since,
        line.until != sa.func.coalesce(stint.c.until, sa.literal(FOREVER, line.until.type)),
        line.reason_type != stint.c.reason_type,
        line.reason_id != stint.c.reason_id,
    )
    wrong = sa.select(stint.c.portal_id).select_from(stint.outerjoin(ledger_line, same)).where(unequal)
    unfounded = (
        sa.select(line.portal_id)
        .select_from(ledger_line.outerjoin(stint, same))
        .where(stint.c.version.is_(None))
    )
    either = sa.union_all(wrong, unfounded).subquery("either")
    return sa.select(either.c.portal_id, sa.func.count()).group_by(either.c.portal_id)


def _unequal_sums_query(*, is_sqlite: bool) -> _Sums:
    off = sa.union_all(_unequal_counters(), _unequal_hours(is_sqlite=is_sqlite)).subquery("off")
    return sa.select(off.c.portal_id, sa.func.sum(off.c.off)).group_by(off.c.portal_id)


def _unequal_counters() -> sa.Select[Any]:
    line, counter = ledger_line.c, ledger_counter.c
    lines = sa.select(
        line.portal_id, line.until, line.reason_type, line.reason_id, sa.literal(1).label("number")
    )
    counted = sa.select(
        counter.portal_id,
        counter.until,
        counter.reason_type,
        counter.reason_id,
        (-counter.contacts).label("number"),
    )
    return _off(sa.union_all(lines, counted).subquery("counted"), "until", "reason_type", "reason_id")


def _unequal_hours(*, is_sqlite: bool) -> sa.Select[Any]:
    line, hour = ledger_line.c, ledger_hour.c
    begun: sa.ColumnElement[Any]
    if is_sqlite:
        begun = sa.type_coerce(sa.func.substr(line.since, 1, 13) + ":00:00.000000", Instant)
    else:
        begun = sa.func.date_trunc("hour", line.since, "UTC", type_=Instant)
    lines = sa.select(line.portal_id, begun.label("hour"), sa.literal(1).label("number"))
    counted = sa.select(hour.portal_id, hour.hour, (-hour.raised).label("number"))
    return _off(sa.union_all(lines, counted).subquery("begun"), "hour")


def _off(both: sa.Subquery, *keys: str) -> sa.Select[Any]:
    """Select (portal id, off): how far lines and sums are apart for each key, where they are."""
    apart = sa.func.sum(both.c.number)
    return (
        sa.select(both.c.portal_id, sa.func.abs(apart).label("off"))
        .group_by(both.c.portal_id, *(both.c[key] for key in keys))
        .having(apart != 0)
    )
