"""Derives a statement again, by two hands: from the ledger's lines, and from the contacts' stints.

What has come late since the statement was issued is undone by its adjustments. All is read in one state of the
database, as streams: memory does not grow with the number of contacts, only with that of the adjustments.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import itemgetter
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


def derive(connection: sa.Connection, portal_id: int, ends_at: datetime) -> tuple[Derived, Derived]:
    """Derive a statement from the ledger's lines, and from the contacts' stints."""
    late = adjustments.net(connection, portal_id, ends_at)
    lines = _derive(_by_lines(connection, portal_id, ends_at), late)
    return lines, _derive(_by_stints(connection, portal_id, ends_at), late)


def difference(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Difference:
    """Return the contacts whose lines and stints don't say the same of a period's last instant."""
    in_lines = ((contact_id, True) for contact_id in _by_lines(connection, portal_id, ends_at))
    in_stints = ((contact_id, False) for contact_id in _by_stints(connection, portal_id, ends_at))
    found: dict[bool, list[int]] = {True: [], False: []}
    number = 0
    for contact_id, pairs in groupby(merge(in_lines, in_stints), key=itemgetter(0)):
        hands = {is_line for _, is_line in pairs}
        if len(hands) == 1:
            number += 1
            only = found[hands.pop()]
            if len(only) < MOST_SHOWN:
                only.append(contact_id)
    return Difference(tuple(found[True]), tuple(found[False]), number)


def _derive(contacts: Iterable[int], late: Mapping[int, int]) -> Derived:
    """Sum up contacts, which are sorted, as they were before what has come late."""
    digest = Digest()
    for contact_id in statements.undo(contacts, late):
        digest.add(contact_id)
    return Derived(digest.number, digest.text())


def _by_lines(connection: sa.Connection, portal_id: int, ends_at: datetime) -> Iterator[int]:
    for part in statements.lines(connection, portal_id, ends_at):
        yield from (row.contact_id for row in part)


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
    yield from connection.execute(streamed).scalars()


def _covers(stint: Any, ends_at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return stint.since < ends_at, sa.or_(stint.until.is_(None), stint.until >= ends_at)
