"""Compares contacts, ledger lines and counters, and finds what the ledger lacks.

The three are written by different hands: contacts by the intake, lines and counters by the billing count.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.domain.billing import FOREVER
from service.store.session import Database
from service.store.tables import contact, ended_stint, ledger_counter, ledger_line, portal, status_change


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
    """Sum of what each end's counter is off from the lines."""

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
    ).where(contact.c.stint > 0)
    ended = sa.select(
        ended_stint.c.contact_id,
        ended_stint.c.number,
        ended_stint.c.portal_id,
        ended_stint.c.version,
        ended_stint.c.since,
        ended_stint.c.until,
    )
    return sa.union_all(latest, ended).subquery("stint")


def prove(database: Database, now: datetime, portal_id: int | None = None) -> list[Proof]:
    """Count every portal, or one, three ways at `now`, in one state of the database."""
    with database.reading() as connection:
        ids = sa.select(portal.c.id).order_by(portal.c.id)
        if portal_id is not None:
            ids = ids.where(portal.c.id == portal_id)
        by_contacts = _sums(connection, _contacts_query(now))
        by_lines = _sums(connection, _lines_query(now))
        by_counter = _sums(connection, _counter_query(now))
        stints = _sums(connection, _unequal_stints_query())
        sums = _sums(connection, _unequal_sums_query())
        return [
            Proof(
                each,
                by_contacts.get(each, 0),
                by_lines.get(each, 0),
                by_counter.get(each, 0),
                stints.get(each, 0),
                sums.get(each, 0),
            )
            for each in connection.execute(ids).scalars()
        ]


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
    stint = _stints()
    joined = stint.join(ledger_line, _same_stint(stint), full=True)
    unequal = sa.or_(
        ledger_line.c.version.is_(None),
        stint.c.version.is_(None),
        ledger_line.c.version != stint.c.version,
        ledger_line.c.since != stint.c.since,
        ledger_line.c.until != sa.func.coalesce(stint.c.until, sa.literal(FOREVER, ledger_line.c.until.type)),
    )
    portal_id = sa.func.coalesce(stint.c.portal_id, ledger_line.c.portal_id)
    return sa.select(portal_id, sa.func.count()).select_from(joined).where(unequal).group_by(portal_id)


def _unequal_sums_query() -> _Sums:
    lines = (
        sa.select(ledger_line.c.portal_id, ledger_line.c.until, sa.func.count().label("contacts"))
        .group_by(ledger_line.c.portal_id, ledger_line.c.until)
        .subquery("lines")
    )
    same = sa.and_(lines.c.portal_id == ledger_counter.c.portal_id, lines.c.until == ledger_counter.c.until)
    off = sa.func.abs(sa.func.coalesce(ledger_counter.c.contacts, 0) - sa.func.coalesce(lines.c.contacts, 0))
    portal_id = sa.func.coalesce(ledger_counter.c.portal_id, lines.c.portal_id)
    joined = ledger_counter.join(lines, same, full=True)
    return sa.select(portal_id, sa.func.sum(off)).select_from(joined).where(off > 0).group_by(portal_id)
