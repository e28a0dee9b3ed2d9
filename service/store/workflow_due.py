"""Contacts that have changed since workflows looked at them, noted in the transaction of the change itself.

Guarantee: a contact that changes after it was looked at is noted again. Whoever writes here, or takes a row away,
holds the lock of the contact; so a row that is taken away is of a change that was seen, and a later change waits
and adds its row anew. A row that is left over by mistake leads to one look more, which changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.domain.actors import WITH_WORKFLOWS
from service.store.among import among
from service.store.tables import contact, portal, workflow_due
from service.store.upserts import insert

RUNS = sa.and_(portal.c.runs_workflows, portal.c.product.in_(sorted(WITH_WORKFLOWS)))
"""A workflow is on, and the product includes workflows. Elsewhere what is due waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A portal's contact that has waited longest."""

    portal_id: int
    since: datetime


def note(connection: sa.Connection, ids: Collection[int], now: datetime) -> None:
    """Note that contacts have changed, where workflows are on; the caller has their locks."""
    if ids:
        _note(connection, among(connection, contact.c.id, ids), now)


def note_newer(connection: sa.Connection, portal_id: int, than: int, now: datetime) -> None:
    """Note all contacts of a portal that are newer than one: a change that nobody noted is seen by that."""
    _note(connection, (contact.c.portal_id == portal_id) & (contact.c.id > than), now)


def longest(connection: sa.Connection, skip: Collection[int] = ()) -> Waiting | None:
    """Return who has waited longest of all portals where workflows run, contacts in `skip` left out; or None."""
    first = (
        sa.select(sa.func.min(workflow_due.c.since))
        .where(workflow_due.c.portal_id == portal.c.id, workflow_due.c.contact_id.not_in(skip))
        .correlate(portal)
        .scalar_subquery()
    )
    each = sa.select(portal.c.id, first.label("since")).where(RUNS).subquery("each")
    row = connection.execute(
        sa.select(each).where(each.c.since.is_not(None)).order_by(each.c.since, each.c.id).limit(1)
    ).one_or_none()
    return None if row is None else Waiting(row.id, row.since)


def claim(connection: sa.Connection, portal_id: int, limit: int, skip: Collection[int] = ()) -> Sequence[int]:
    """Lock up to `limit` rows that nobody else has locked, the oldest first, and return their contacts."""
    query = (
        sa.select(workflow_due.c.contact_id)
        .where(workflow_due.c.portal_id == portal_id, workflow_due.c.contact_id.not_in(skip))
        .order_by(workflow_due.c.since)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(query).scalars().all()


def done(connection: sa.Connection, ids: Collection[int]) -> None:
    """Take rows away, of contacts that were looked at; the caller has their locks."""
    connection.execute(sa.delete(workflow_due).where(among(connection, workflow_due.c.contact_id, ids)))


def _note(connection: sa.Connection, which: sa.ColumnElement[bool], now: datetime) -> None:
    changed = (
        sa.select(contact.c.id, contact.c.portal_id, sa.literal(now, workflow_due.c.since.type))
        .join(portal, portal.c.id == contact.c.portal_id)
        .where(which, portal.c.runs_workflows)
        .order_by(contact.c.id)
    )
    statement = insert(connection, workflow_due).from_select(["contact_id", "portal_id", "since"], changed)
    connection.execute(statement.on_conflict_do_nothing())
