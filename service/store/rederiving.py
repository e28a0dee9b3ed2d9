"""Derives a statement again, by two hands: from the ledger's lines, and from the contacts' stints.

What has come late since the statement was issued is undone by its adjustments. All is read in one state of the
database, as streams: memory does not grow with the number of contacts, only with that of the adjustments.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

import sqlalchemy as sa

from service.store import adjustments, statements
from service.store.statements import PART, Digest
from service.store.tables import contact, ended_stint

MOST_SHOWN = 100
"""Contacts that differ, of either side."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A number and its digest, as they follow from what is there today."""

    contacts: int
    digest: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Contacts that count by one hand only: the first of each side, and how many there are."""

    only_in_lines: tuple[int, ...]
    only_in_stints: tuple[int, ...]
    number: int


def from_lines(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Derived:
    """Derive a statement from the ledger's lines."""
    return _derive(_by_lines(connection, portal_id, ends_at), _late(connection, portal_id, ends_at))


def from_stints(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Derived:
    """Derive a statement from the contacts' stints."""
    return _derive(_by_stints(connection, portal_id, ends_at), _late(connection, portal_id, ends_at))


def difference(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Difference:
    """Return the contacts whose lines and stints don't say the same of a period's last instant."""
    in_lines = ((contact_id, True) for contact_id in _by_lines(connection, portal_id, ends_at))
    in_stints = ((contact_id, False) for contact_id in _by_stints(connection, portal_id, ends_at))
    found: dict[bool, list[int]] = {True: [], False: []}
    number, single = 0, None
    for contact_id, is_line in merge(in_lines, in_stints, key=lambda pair: pair[0]):
        if single is not None and single[0] == contact_id:
            single = None if single[1] != is_line else single
            continue
        number += _keep(found, single)
        single = (contact_id, is_line)
    number += _keep(found, single)
    return Difference(tuple(found[True]), tuple(found[False]), number)


def _keep(found: dict[bool, list[int]], single: tuple[int, bool] | None) -> int:
    if single is None:
        return 0
    if len(found[single[1]]) < MOST_SHOWN:
        found[single[1]].append(single[0])
    return 1


def _late(connection: sa.Connection, portal_id: int, ends_at: datetime) -> dict[int, int]:
    return adjustments.net(connection, portal_id, ends_at)


def _derive(contacts: Iterable[int], late: dict[int, int]) -> Derived:
    """Sum up contacts, which are sorted, as they were before what has come late."""
    came = {contact_id for contact_id, change in late.items() if change > 0}
    went = sorted(contact_id for contact_id, change in late.items() if change < 0)
    digest = Digest()
    for contact_id in merge((each for each in contacts if each not in came), went):
        digest.add(contact_id)
    return Derived(digest.number, digest.text())


def _by_lines(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Iterator[int]:
    parts = statements.lines(connection, portal_id, ends_at)
    yield from _once(row[0] for part in parts for row in part)


def _by_stints(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Iterator[int]:
    latest = sa.select(contact.c.id.label("contact_id")).where(
        contact.c.portal_id == portal_id, contact.c.stint > 0, *_covers(contact.c, ends_at)
    )
    ended = sa.select(ended_stint.c.contact_id).where(
        ended_stint.c.portal_id == portal_id, *_covers(ended_stint.c, ends_at)
    )
    both = sa.union_all(latest, ended).subquery("stint")
    query = sa.select(both.c.contact_id).order_by(both.c.contact_id)
    streamed = query.execution_options(stream_results=True, yield_per=PART)
    yield from _once(row[0] for row in connection.execute(streamed))


def _covers(stint: Any, ends_at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return stint.since < ends_at, sa.or_(stint.until.is_(None), stint.until >= ends_at)


def _once(sorted_ids: Iterable[int]) -> Iterator[int]:
    last = None
    for contact_id in sorted_ids:
        if contact_id != last:
            yield contact_id
        last = contact_id
