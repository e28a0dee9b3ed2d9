"""What another default would have come to: reads submissions and status changes page by page, and writes nothing.

Notes of the walk are in a file of SQLite's own that goes with it, so that any number takes the same memory.
"""

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from service.domain.model import NEVER_MARKETING, ReasonType, Source, Standing, Stint, Verdict
from service.domain.whatif import DECIDED, Changed
from service.store.among import among
from service.store.tables import contact, status_change, submission

FIRST, LAST = "0" * 32, "f" * 32
"""Before and after all ids of submissions."""
_SCRATCH = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE track (
    contact INTEGER PRIMARY KEY, passed INTEGER, number INTEGER, since TEXT, until TEXT, type TEXT, id TEXT);
CREATE TABLE seen (contact INTEGER PRIMARY KEY);
"""
_KEEP_TRACK = "INSERT OR REPLACE INTO track VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission of a contact's."""

    id: str
    source: Source
    source_id: str
    contact_id: int
    verdict: Verdict
    at: datetime
    contact_made_at: datetime


@dataclass(frozen=True, slots=True)
class Other:
    """How far a contact's other track has come."""

    passed: int
    standing: Standing


def newest(connection: sa.Connection) -> str:
    """Return the newest submission's id, of all portals."""
    query = sa.select(submission.c.id).order_by(submission.c.id.desc()).limit(1)
    return _digits(connection.execute(query).scalar() or FIRST)


def boundary(connection: sa.Connection, after: str, upto: str, limit: int) -> str:
    """Return the id of the last of the next `limit` submissions of all portals, or `upto`."""
    query = sa.select(submission.c.id).where(submission.c.id > after, submission.c.id <= upto)
    query = query.order_by(submission.c.id).offset(limit - 1).limit(1)
    return _digits(connection.execute(query).scalar() or upto)


def number(connection: sa.Connection, portal_id: int, after: str, upto: str, most: int) -> int | None:
    """Return how many of the next `most` submissions of all are the portal's; None if there are more to look at."""
    here = (
        sa.select(submission.c.portal_id)
        .where(submission.c.id > after, submission.c.id <= upto)
        .order_by(submission.c.id)
        .limit(most + 1)
        .subquery()
    )
    ours = sa.func.count().filter(here.c.portal_id == portal_id)
    every, found = connection.execute(sa.select(sa.func.count(), ours).select_from(here)).one()
    return None if every > most else int(found)


def page(connection: sa.Connection, portal_id: int, after: str, upto: str) -> tuple[int, list[Submitted]]:
    """Return how many submissions of the portal there are, and those for which a default had its say, in order."""
    columns = submission.c
    query = (
        sa.select(
            *(columns.id, columns.source, columns.source_id, columns.contact_id, columns.verdict),
            columns.received_at,
            contact.c.created_at,
        )
        .select_from(submission.outerjoin(contact, contact.c.id == columns.contact_id))
        .where(columns.id > after, columns.id <= upto, columns.portal_id == portal_id)
        .order_by(columns.id)
    )
    rows = connection.execute(query).all()
    found = [
        Submitted(
            _digits(row.id),
            Source(row.source),
            row.source_id,
            row.contact_id,
            Verdict(row.verdict),
            row.received_at,
            row.created_at,
        )
        for row in rows
        if row.contact_id is not None and row.verdict in DECIDED
    ]
    return len(rows), found


def changes_of(connection: sa.Connection, ids: Collection[int]) -> dict[int, list[Changed]]:
    """Return all status changes of contacts, by version."""
    query = (
        sa.select(status_change)
        .where(among(connection, status_change.c.contact_id, ids))
        .order_by(status_change.c.contact_id, status_change.c.version)
    )
    rows = connection.execute(query)
    return {
        contact_id: [_changed(row) for row in of_contact]
        for contact_id, of_contact in groupby(rows, key=lambda row: row.contact_id)
    }


def contents(connection: sa.Connection, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Return what submissions are kept as, by id."""
    if not ids:
        return {}
    query = sa.select(submission.c.id, submission.c.content).where(submission.c.id.in_(ids))
    return {_digits(row.id): row.content for row in connection.execute(query)}


def gone(connection: sa.Connection, ids: Collection[int]) -> dict[int, datetime]:
    """Return since when those of the contacts are gone that were deleted or merged into others."""
    columns = contact.c
    query = sa.select(columns.id, columns.deleted_at, columns.merged_into, columns.updated_at).where(
        among(connection, columns.id, ids),
        sa.or_(columns.deleted_at.is_not(None), columns.merged_into.is_not(None)),
    )
    return {row.id: row.deleted_at or row.updated_at for row in connection.execute(query)}


class Scratch:
    """Notes of one walk; for one thread."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        with closing(self._connection.executescript(_SCRATCH)):
            pass

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def is_first(self, contact_id: int) -> bool:
        """Whether this is asked for the first time."""
        query = "INSERT OR IGNORE INTO seen VALUES (?)"
        with closing(self._connection.execute(query, (contact_id,))) as cursor:
            return cursor.rowcount == 1

    def others(self, ids: Collection[int]) -> dict[int, Other]:
        """Return the other tracks of contacts that have one."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT * FROM track WHERE contact IN ({marks})"  # noqa: S608 - marks only
        with closing(self._connection.execute(query, tuple(ids))) as cursor:
            return {row[0]: _other(row) for row in cursor.fetchall()}

    def next_others(self, after: int, limit: int) -> dict[int, Other]:
        """Return the next contacts that have another track, in their order."""
        query = "SELECT * FROM track WHERE contact > ? ORDER BY contact LIMIT ?"
        with closing(self._connection.execute(query, (after, limit))) as cursor:
            return {row[0]: _other(row) for row in cursor.fetchall()}

    def keep(self, contact_id: int, other: Other | None) -> None:
        """Keep a contact's other track; None for one that has none any more."""
        if other is None:
            self._connection.execute("DELETE FROM track WHERE contact = ?", (contact_id,)).close()
            return
        stint = other.standing.stint
        values: tuple[Any, ...] = (0, None, None, None, None)
        if stint is not None:
            until = stint.until.isoformat() if stint.until else None
            values = (stint.number, stint.since.isoformat(), until, str(stint.reason_type), stint.reason_id)
        self._connection.execute(_KEEP_TRACK, (contact_id, other.passed, *values)).close()


def _other(row: tuple[Any, ...]) -> Other:
    _, passed, stint_number, since, until, reason_type, reason_id = row
    if not stint_number:
        return Other(passed, NEVER_MARKETING)
    end = datetime.fromisoformat(until) if until else None
    stint = Stint(stint_number, datetime.fromisoformat(since), end, reason_type, reason_id)
    return Other(passed, Standing(stint))


def _changed(row: Any) -> Changed:
    stint = Stint(row.stint, row.since, row.until, row.stint_reason_type, row.stint_reason_id)
    # Who has released what a brake held stands in the change, and the submission of long ago with it.
    is_submitted = row.submission_id is not None and not row.actor
    return Changed(
        row.version,
        row.at,
        Verdict(row.verdict),
        stint,
        Source(row.source),
        ReasonType(row.reason_type),
        row.reason_id,
        _digits(row.submission_id) if is_submitted else None,
    )


def _digits(identifier: str) -> str:
    return identifier.replace("-", "")
