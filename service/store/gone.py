"""What is written when a contact goes: deleted, merged, erased; and what is noted of its mailings.

Its row stays: it counts on by rule 13, and a stale guess of the intake would insert it anew.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.brake import HeldState
from service.store import workflow_due
from service.store.tables import (
    conflicting_delivery,
    contact,
    held,
    look_up,
    submission,
    visitor,
)


def delete(connection: sa.Connection, portal_id: int, ids: Sequence[int], now: datetime) -> None:
    """Mark contacts as deleted; their cookies lead nowhere, and what a brake held for them is off."""
    _set(connection, ids, deleted_at=now, updated_at=now)
    _unlink(connection, portal_id, ids)
    _settle(connection, ids, now)


def merge(
    connection: sa.Connection,
    portal_id: int,
    primary_id: int,
    other_id: int,
    now: datetime,
    *,
    free_address: bool,
) -> None:
    """Let everything that leads to the other contact lead to the primary, whose own changes the caller writes."""
    moved = (contact.c.portal_id == portal_id) & (contact.c.merged_into == other_id)
    connection.execute(sa.update(contact).where(moved).values(merged_into=primary_id))
    values: dict[str, Any] = {"merged_into": primary_id, "updated_at": now}
    if free_address:
        values["email"] = None
    _set(connection, [other_id], **values)
    here = (visitor.c.portal_id == portal_id) & (visitor.c.contact_id == other_id)
    connection.execute(sa.update(visitor).where(here).values(contact_id=primary_id))
    noted = sa.select(contact.c.unsubscribed_at, contact.c.bounced_at).where(contact.c.id == other_id)
    unsubscribed_at, bounced_at = connection.execute(noted).one()
    _set(
        connection,
        [primary_id],
        unsubscribed_at=sa.func.coalesce(contact.c.unsubscribed_at, unsubscribed_at),
        bounced_at=sa.func.coalesce(contact.c.bounced_at, bounced_at),
    )
    _settle(connection, [other_id], now)


def erase(connection: sa.Connection, portal_id: int, contact_id: int, now: datetime) -> list[int]:
    """Take everything personal out of a contact and those that merged into it; returns their numbers."""
    merged = sa.select(contact.c.id).where(
        contact.c.portal_id == portal_id, contact.c.merged_into == contact_id
    )
    ids = [contact_id, *connection.execute(merged).scalars()]
    nothing: dict[str, Any] = {
        "email": None,
        "properties": {},
        "unsubscribed_at": None,
        "bounced_at": None,
        "active_at": None,
    }
    _set(connection, ids, **nothing, erased_at=now, updated_at=now)
    _set(connection, [contact_id], deleted_at=sa.func.coalesce(contact.c.deleted_at, now))
    _unlink(connection, portal_id, ids)
    _settle(connection, ids, now)
    return ids


def page_of_submissions(
    connection: sa.Connection, portal_id: int, ids: Collection[int], after: str | None, limit: int
) -> tuple[list[str], str | None]:
    """Go through the next `limit` submissions of all; return those of the contacts, and where to go on."""
    query = sa.select(submission.c.id, submission.c.portal_id, submission.c.contact_id).order_by(
        submission.c.id
    )
    query = query.limit(limit) if after is None else query.where(submission.c.id > after).limit(limit)
    rows = connection.execute(query).all()
    found = [row.id for row in rows if row.portal_id == portal_id and row.contact_id in ids]
    return found, rows[-1].id if len(rows) == limit else None


def erase_submissions(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Take the content out of submissions, and of what came under their ids with another body."""
    if not ids:
        return
    here = submission.c.id.in_(ids)
    keys = sa.select(submission.c.once_key).where(here)
    erased = {"erased": True}
    evidence = conflicting_delivery.c.once_key.in_(keys)
    connection.execute(sa.update(conflicting_delivery).where(evidence).values(content=erased))
    connection.execute(sa.update(submission).where(here).values(content=erased, session=None))
    connection.execute(sa.delete(look_up).where(look_up.c.submission_id.in_(ids)))


def note_mailing(
    connection: sa.Connection,
    ids: Sequence[int],
    now: datetime,
    *,
    unsubscribed: bool | None,
    bounced: bool | None,
) -> None:
    """Note that contacts have unsubscribed or bounced: the first time stands; False takes it away, None leaves it."""
    values: dict[str, Any] = {}
    for column, value in (("unsubscribed_at", unsubscribed), ("bounced_at", bounced)):
        if value is not None:
            values[column] = sa.func.coalesce(contact.c[column], now) if value else None
    if values and ids:
        _set(connection, ids, **values)
        workflow_due.note(connection, ids, now)


def _set(connection: sa.Connection, ids: Collection[int], **values: Any) -> None:
    here = contact.c.id.in_(ids)
    connection.execute(sa.update(contact).where(here).values(version=contact.c.version + 1, **values))


def _unlink(connection: sa.Connection, portal_id: int, ids: Collection[int]) -> None:
    here = (visitor.c.portal_id == portal_id) & visitor.c.contact_id.in_(ids)
    connection.execute(sa.delete(visitor).where(here))


def _settle(connection: sa.Connection, ids: Collection[int], now: datetime) -> None:
    waiting = held.c.contact_id.in_(ids) & (held.c.state == HeldState.HELD.value)
    connection.execute(
        sa.update(held).where(waiting).values(state=HeldState.LAPSED.value, settled_at=now, settled_by="gone")
    )
    # That a contact is due for workflows is left to their runner: it locks what is due first and the contact then.
