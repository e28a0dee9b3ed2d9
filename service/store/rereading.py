"""What reading submissions again needs to know of them and of their contacts, a page at a time."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from service.domain.identity import Known
from service.domain.model import Standing, Stint
from service.store.tables import contact, submission

READ_AGAIN_OF = "read_again_of"
"""In the content of a submission that says anew what another one says: that one's id."""

_EXTERNAL = sa.text("submission.source IN ('external_form', 'chatflow')")
"""As `ix_submission_external` has it, letter by letter."""
_SCRATCH = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE reading (origin TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE note (person TEXT PRIMARY KEY, settled TEXT NOT NULL, made INTEGER, raised INTEGER) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A submission as it is kept."""

    id: str
    contact_id: int | None
    verdict: str
    submitted_at: datetime
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """A contact and what is known of it."""

    known: Known
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What one walk has come to for one person so far."""

    settled: frozenset[str] = frozenset()
    """Properties that a newer submission has spoken for."""
    is_made: bool = False
    """The walk makes this contact."""
    is_raised: bool = False


def page(
    connection: sa.Connection, form_id: int, *, before: str | None, since: datetime | None, limit: int
) -> list[Kept]:
    """Return what came to a form or chatflow, the newest first, without what was read again of it."""
    query = _of_form(form_id).where(_origin().is_(None)).order_by(submission.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(submission.c.id < before)
    if since is not None:
        query = query.where(submission.c.received_at >= since)
    return [_kept(row) for row in connection.execute(query)]


def rereadings(
    connection: sa.Connection, form_id: int, *, after: str | None, limit: int
) -> list[tuple[str, str]]:
    """Return what was read again before, the oldest first: which submission, and the id it has now."""
    query = _of_form(form_id).with_only_columns(_origin(), submission.c.id)
    query = query.where(_origin().is_not(None)).order_by(submission.c.id).limit(limit)
    if after is not None:
        query = query.where(submission.c.id > after)
    return [(origin, _digits(number)) for origin, number in connection.execute(query)]


def count(connection: sa.Connection, form_id: int, *, since: datetime | None, most: int) -> int:
    """Return how many submissions `page` would give, and `most` if they are more."""
    query = sa.select(sa.literal(1)).where(*_here(form_id), _origin().is_(None))
    if since is not None:
        query = query.where(submission.c.received_at >= since)
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(query.limit(most).subquery())).scalar_one()
    )


def find_all(connection: sa.Connection, ids: Collection[str]) -> dict[str, Kept]:
    """Return the submissions with these ids, by id."""
    query = sa.select(*_columns()).where(submission.c.id.in_(ids))
    return {kept.id: kept for kept in map(_kept, connection.execute(query))} if ids else {}


def people(
    connection: sa.Connection, portal_id: int, emails: Collection[str], ids: Collection[int]
) -> tuple[dict[str, Person], dict[int, Person]]:
    """Return the contacts with these addresses, and those with these ids."""
    named = sa.select(contact).where(contact.c.portal_id == portal_id, contact.c.email.in_(emails))
    numbered = sa.select(contact).where(contact.c.portal_id == portal_id, contact.c.id.in_(ids))
    by_email = {row.email: _person(row) for row in connection.execute(named)} if emails else {}
    by_id = {row.id: _person(row) for row in connection.execute(numbered)} if ids else {}
    return by_email, by_id


class Scratch:
    """Notes of one walk, in a file of SQLite's own that nobody else sees and that goes with it.

    So a walk over any number of submissions takes the same memory. For one thread.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        with closing(self._connection.executescript(_SCRATCH)):
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def note_readings(self, readings: Iterable[tuple[str, str]]) -> None:
        """Keep what was read again; a later one of the same submission replaces the one before."""
        self._connection.executemany("INSERT OR REPLACE INTO reading VALUES (?, ?)", readings).close()

    def latest(self, origin: str) -> str | None:
        """Return the id that a submission was read again as last."""
        row = self._one("SELECT id FROM reading WHERE origin = ?", origin)
        return None if row is None else row[0]

    def note_of(self, person: str) -> Note:
        """Return what was noted of a person."""
        row = self._one("SELECT settled, made, raised FROM note WHERE person = ?", person)
        return Note() if row is None else Note(frozenset(row[0].split()), bool(row[1]), bool(row[2]))

    def note(self, person: str, note: Note) -> None:
        """Keep it."""
        row = (person, " ".join(sorted(note.settled)), note.is_made, note.is_raised)
        self._connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)", row).close()

    def _one(self, query: str, key: str) -> tuple[Any, ...] | None:
        with closing(self._connection.execute(query, (key,))) as cursor:
            row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def _columns() -> tuple[sa.ColumnElement[Any], ...]:
    columns = submission.c
    return columns.id, columns.contact_id, columns.verdict, columns.submitted_at, columns.content


def _here(form_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return submission.c.source_id == str(form_id), _EXTERNAL  # type: ignore[return-value]


def _of_form(form_id: int) -> sa.Select[Any]:
    return sa.select(*_columns()).where(*_here(form_id))


def _origin() -> sa.ColumnElement[str]:
    origin: sa.ColumnElement[str] = submission.c.content[READ_AGAIN_OF].as_string()
    return origin


def _kept(row: Any) -> Kept:
    return Kept(_digits(row.id), row.contact_id, row.verdict, row.submitted_at, row.content)


def _person(row: Any) -> Person:
    stint = None
    if row.stint:
        stint = Stint(row.stint, row.since, row.until, row.reason_type, row.reason_id)
    return Person(Known(row.id, row.version, row.email, Standing(stint, row.status_version)), row.properties)


def _digits(identifier: str) -> str:
    return identifier.replace("-", "")
