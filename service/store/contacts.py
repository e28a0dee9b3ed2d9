"""Reads and changes single contacts, outside the path of submissions."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from service.domain.brake import OPEN
from service.domain.identity import Known
from service.domain.model import Decision, Standing
from service.store import portals
from service.store.contact_batches import ContactBatch, Person, Write, person_from
from service.store.tables import contact


def find_person(connection: sa.Connection, portal_id: int, contact_id: int) -> Person | None:
    """Return the contact with all that is kept of it, those that are gone too, or None."""
    here = (contact.c.portal_id == portal_id) & (contact.c.id == contact_id)
    row = connection.execute(sa.select(contact).where(here)).one_or_none()
    return None if row is None else person_from(row)


def find_by_email(connection: sa.Connection, portal_id: int, email: str) -> Known | None:
    """Return the contact with this normalised address, or None."""
    here = (contact.c.portal_id == portal_id) & (contact.c.email == email)
    row = connection.execute(sa.select(contact).where(here)).one_or_none()
    return None if row is None else person_from(row).known


def end_stints(
    connection: sa.Connection, decide: Callable[[Standing], Decision], now: datetime, limit: int
) -> int:
    """Write the announcement of up to `limit` stints whose end has passed; returns how many."""
    query = (
        sa.select(contact)
        .where(contact.c.until <= now, sa.not_(contact.c.end_announced))
        .order_by(contact.c.until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    by_portal: dict[int, list[Person]] = {}
    for row in connection.execute(query):
        by_portal.setdefault(row.portal_id, []).append(person_from(row))
    for portal_id, people in by_portal.items():
        # What has ended counts no more already, so no brake has to be asked.
        batch = ContactBatch(connection, portals.get_portal(connection, portal_id), now, OPEN)
        batch.write([Write(person=person, decision=decide(person.standing)) for person in people])
    return sum(map(len, by_portal.values()))
