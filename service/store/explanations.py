"""Everything that tells why a contact counts or does not; read by keys, so it is as fast in a large portal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from service.domain.identity import Known
from service.store import names, portals
from service.store.contact_batches import person_from
from service.store.tables import contact, held, ledger_line, status_change


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a contact counts or does not: where it stands, every change, and what the ledger has."""

    contact: Known
    time_zone: str
    row: Any
    """The row of `contact`."""
    changes: tuple[Any, ...]
    """Rows of `status_change`, oldest first."""
    held: tuple[Any, ...]
    """Rows of `held`, oldest first: raises that a brake did not let pass, or not at once."""
    lines: tuple[Any, ...]
    """Rows of `ledger_line`, oldest first."""
    names: Mapping[names.Reason, str]
    """What the reasons of all of these are called, as far as they have a name."""
    actors: Mapping[str, str]
    """What those are called who acted."""


def explain(connection: sa.Connection, portal_id: int, contact_id: int) -> Explanation | None:
    """Return why a contact counts, or None when there is no such contact."""
    here = (contact.c.portal_id == portal_id) & (contact.c.id == contact_id)
    row = connection.execute(sa.select(contact).where(here)).one_or_none()
    if row is None:
        return None
    known = person_from(row).known
    changes = _of_contact(connection, status_change, contact_id, status_change.c.version)
    raises = _of_contact(connection, held, contact_id, held.c.id)
    lines = _of_contact(connection, ledger_line, contact_id, ledger_line.c.stint)
    reasons = {(each.reason_type, each.reason_id) for each in (*changes, *raises, *lines)}
    if known.standing.stint is not None:
        reasons.add((known.standing.stint.reason_type, known.standing.stint.reason_id))
    actors = {each.actor for each in (*changes, *raises)} | {each.settled_by or "" for each in raises}
    return Explanation(
        known,
        portals.get_portal(connection, portal_id).subscription.time_zone,
        row,
        changes,
        raises,
        lines,
        names.of_reasons(connection, portal_id, reasons),
        names.of_actors(connection, portal_id, actors),
    )


def _of_contact(
    connection: sa.Connection, table: sa.Table, contact_id: int, order: sa.ColumnElement[Any]
) -> tuple[Any, ...]:
    query = sa.select(table).where(table.c.contact_id == contact_id).order_by(order)
    return tuple(connection.execute(query).all())
