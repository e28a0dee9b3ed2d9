"""Joins what a visitor did before anybody knew who it was to the contact that the session has led to since.

Nothing here looks at sessions that lead nowhere more often than in passing: what has linked a session lately is
found by an index of its own, and the unjoined ones are gone through page by page. Every look-up is by key, one for
each session: a list of sessions makes PostgreSQL read all of a portal while its statistics are still young.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from service.store import workflow_due
from service.store.tables import contact, external_form, submission, visitor

Session = tuple[int, str]
"""Portal and session."""
BEFORE_ALL: Session = (0, "")
IS_JOINED = sa.text("submission.contact_id IS NOT NULL AND submission.session IS NOT NULL")
IS_UNJOINED = sa.text("submission.contact_id IS NULL AND submission.session IS NOT NULL")
"""As their indexes have it, word for word."""
OTHER = submission.alias("other")
OTHER_IS_UNJOINED = sa.text("other.contact_id IS NULL AND other.session IS NOT NULL")
BY_INDEX = sa.text(
    "SELECT set_config(name, 'off', true)"
    " FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) AS name"
)
"""For the transaction: plans made while the table was small must not outlive that."""


@dataclass(frozen=True, slots=True)
class Unjoined:
    """A submission that has a contact now."""

    submission_id: str
    contact_id: int
    submitted_at: datetime
    content: Any
    mapping: Mapping[str, str]
    """Of the form or chatflow, as a person has it today."""


PropertiesOf = Callable[[Unjoined], Mapping[str, str]]


def linked_lately(connection: sa.Connection, after: str, limit: int) -> tuple[set[Session], str | None]:
    """Return open sessions that a page of submissions, from an id on, has linked; and its last id if there are more.

    A session is open when it has submissions without a contact.
    """
    _go_by_index(connection)
    page = (
        sa.select(submission.c.id, submission.c.portal_id, submission.c.session)
        .where(IS_JOINED, submission.c.id > after)
        .order_by(submission.c.id)
        .limit(limit)
        .subquery()
    )
    one_open = (
        sa.select(sa.literal(1))
        .where(OTHER_IS_UNJOINED, OTHER.c.portal_id == page.c.portal_id, OTHER.c.session == page.c.session)
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(sa.select(page, one_open.label("is_open"))).all()
    last = max(row.id.replace("-", "") for row in rows) if len(rows) == limit else None
    return {(row.portal_id, row.session) for row in rows if row.is_open}, last


def page_of_unjoined(
    connection: sa.Connection, after: Session, limit: int
) -> tuple[set[Session], Session | None]:
    """Return the linked ones of the next open sessions, and where the page ends if there are more."""
    _go_by_index(connection)
    key = sa.tuple_(submission.c.portal_id, submission.c.session)
    page = (
        sa.select(submission.c.portal_id, submission.c.session)
        .where(IS_UNJOINED, key > sa.tuple_(*after))
        .order_by(submission.c.portal_id, submission.c.session)
        .limit(limit)
        .subquery()
    )
    rows = connection.execute(sa.select(page, _linked(page).label("linked"))).all()
    last = max((row.portal_id, row.session) for row in rows) if len(rows) == limit else None
    return {(row.portal_id, row.session) for row in rows if row.linked is not None}, last


def unjoined(connection: sa.Connection, sessions: AbstractSet[Session], limit: int) -> list[str]:
    """Return ids of up to `limit` submissions of these sessions that have no contact."""
    _go_by_index(connection)
    found: list[str] = []
    for portal_id, name in sorted(sessions):
        if len(found) >= limit:
            break
        query = (
            sa.select(submission.c.id)
            .where(IS_UNJOINED, submission.c.portal_id == portal_id, submission.c.session == name)
            .limit(limit - len(found))
        )
        found += connection.execute(query).scalars()
    return found


def join(
    connection: sa.Connection, submission_ids: Sequence[str], properties_of: PropertiesOf, now: datetime
) -> int:
    """Give unjoined submissions the contacts of their sessions, and fill what is blank in those; returns how many.

    Of several values the latest counts; none overwrites what a contact has. Contacts that somebody else is writing
    are left for another time, so that nobody waits for anybody here.
    """
    found = _read(connection, submission_ids)
    known = _lock_contacts(connection, {each.contact_id for each in found})
    joined = [each for each in found if each.contact_id in known]
    for contact_id, submissions in groupby(joined, key=lambda each: each.contact_id):
        of_contact = list(submissions)
        _fill(connection, contact_id, known[contact_id], map(properties_of, of_contact), now)
        here = submission.c.id.in_([each.submission_id for each in of_contact])
        connection.execute(sa.update(submission).where(here).values(contact_id=contact_id))
    return len(joined)


def _go_by_index(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(BY_INDEX)


def _linked(rows: Any) -> sa.ScalarSelect[Any]:
    """Return the contact that the session of each of the rows leads to."""
    columns = rows.c
    here = (visitor.c.portal_id == columns.portal_id) & (visitor.c.cookie == columns.session)
    return sa.select(visitor.c.contact_id).where(here).correlate(rows).scalar_subquery()


def _read(connection: sa.Connection, submission_ids: Sequence[str]) -> list[Unjoined]:
    """Return submissions by contact, each contact's in the order of time, locked."""
    columns = (
        submission.c.id,
        submission.c.source_id,
        submission.c.submitted_at,
        submission.c.content,
        _linked(submission).label("linked"),
    )
    query = sa.select(*columns).where(submission.c.id.in_(submission_ids), submission.c.contact_id.is_(None))
    rows = connection.execute(query.with_for_update(of=submission, skip_locked=True)).all()
    mappings = _mappings(connection, {int(row.source_id) for row in rows})
    found = [
        Unjoined(row.id, row.linked, row.submitted_at, row.content, mappings.get(int(row.source_id), {}))
        for row in rows
        if row.linked is not None
    ]
    return sorted(found, key=lambda each: (each.contact_id, each.submitted_at))


def _mappings(connection: sa.Connection, form_ids: AbstractSet[int]) -> dict[int, Mapping[str, str]]:
    query = sa.select(external_form.c.id, external_form.c.mapping)
    rows = connection.execute(query.where(external_form.c.id.in_(sorted(form_ids))))
    return {row.id: row.mapping for row in rows}


def _lock_contacts(connection: sa.Connection, ids: AbstractSet[int]) -> dict[int, Mapping[str, str]]:
    """Return the properties of the contacts that could be locked."""
    query = sa.select(contact.c.id, contact.c.properties).where(contact.c.id.in_(sorted(ids)))
    rows = connection.execute(query.with_for_update(skip_locked=True))
    return {row.id: row.properties for row in rows}


def _fill(
    connection: sa.Connection,
    contact_id: int,
    known: Mapping[str, str],
    told: Iterable[Mapping[str, str]],
    now: datetime,
) -> None:
    latest = {name: value for properties in told for name, value in properties.items()}
    blank = {name: value for name, value in latest.items() if not known.get(name)}
    if blank:
        values = {"properties": {**known, **blank}, "version": contact.c.version + 1, "updated_at": now}
        connection.execute(sa.update(contact).where(contact.c.id == contact_id).values(**values))
        workflow_due.note(connection, [contact_id], now)
