"""Selects contacts of one portal: by their numbers or by a filter; those who are gone are never among them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.domain.filters import Filter
from service.store import pages
from service.store.among import among
from service.store.filters import compile_filter
from service.store.tables import contact

IS_LIVE = pages.IS_LIVE
SECONDS = 0.05
"""That a stretch may take, or little more."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which contacts: those with these numbers, or those that match; exactly one of the two is given."""

    ids: tuple[int, ...] | None = None
    filter: Filter | None = None


def count(connection: sa.Connection, portal_id: int, wanted: Filter, now: datetime) -> int:
    """Count the contacts that match: a slice at a time, for as long as it takes."""
    search = pages.open_search(connection, portal_id, wanted, now)
    return pages.count(search, pages.Budget(None)).number


@dataclass(frozen=True, slots=True)
class Stretch:
    """Selected contacts among those that were looked at."""

    ids: list[int]
    """In order."""
    after: int
    """All numbers up to here have been looked at."""
    is_last: bool


def stretch(
    connection: sa.Connection,
    portal_id: int,
    wanted: Selection,
    now: datetime,
    *,
    after: int,
    upto: int,
    limit: int,
) -> Stretch:
    """Return the next selected contacts, in their order: none of them is left out, but there may be few, or none.

    Those who were named by their numbers are given as they were named, gone or not. It takes about `SECONDS`, however
    few contacts match.
    """
    if wanted.filter is None:
        ids = sorted(number for number in set(wanted.ids or ()) if after < number <= upto)[:limit]
        return Stretch(ids, ids[-1] if ids else upto, is_last=len(ids) < limit)
    search = pages.open_search(connection, portal_id, wanted.filter, now, upto)
    found = pages.find(search, after, limit, pages.Budget(SECONDS), ascending=True)
    return Stretch(found.ids, upto if found.after is None else found.after, is_last=found.after is None)


def newest(connection: sa.Connection, portal_id: int) -> int:
    """Return the number of the portal's newest contact, 0 without any."""
    query = sa.select(contact.c.id).where(*pages.between(portal_id, 0, pages.LARGEST))
    query = query.order_by(contact.c.portal_id.desc(), contact.c.id.desc()).limit(1)
    return connection.execute(query).scalar() or 0


def page(
    connection: sa.Connection,
    portal_id: int,
    wanted: Selection,
    now: datetime,
    *,
    after: int,
    upto: int,
    limit: int,
) -> list[int]:
    """Return the next numbers of selected contacts, in their order, after one and up to another."""
    if wanted.filter is None:
        fits = among(connection, contact.c.id, wanted.ids or ())
    else:
        fits = compile_filter(wanted.filter, now)
    here = (contact.c.portal_id == portal_id) & IS_LIVE & (contact.c.id > after) & (contact.c.id <= upto)
    query = sa.select(contact.c.id).where(here, fits).order_by(contact.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def window(connection: sa.Connection, portal_id: int, *, after: int, upto: int, size: int) -> int:
    """Return the number of the contact `size` further on, selected or not, and `upto` at the most."""
    here = (contact.c.portal_id == portal_id) & (contact.c.id > after) & (contact.c.id <= upto)
    query = sa.select(contact.c.id).where(here).order_by(contact.c.id).offset(size - 1).limit(1)
    return connection.execute(query).scalar() or upto
