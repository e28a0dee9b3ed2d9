"""Reads and changes single contacts, outside the path of submissions."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.identity import Known
from service.domain.model import Decision, Source, Standing, StatusChange, Stint
from service.store import external_forms, outbox, portals
from service.store.tables import contact, ended_stint, ledger_line, status_change


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a contact counts or does not: where it stands, every change, and what the ledger has."""

    contact: Known
    portal_id: int
    changes: tuple[Any, ...]
    """Rows of `status_change`, oldest first."""
    lines: tuple[Any, ...]
    """Rows of `ledger_line`, oldest first."""
    sources: Mapping[tuple[str, str], str]
    """What the forms and chatflows of the changes are called: names by source and reason id."""


def find(connection: sa.Connection, portal_id: int, contact_id: int) -> Known | None:
    """Return the contact, or None."""
    here = (contact.c.portal_id == portal_id) & (contact.c.id == contact_id)
    row = connection.execute(sa.select(contact).where(here)).one_or_none()
    return None if row is None else _known(row)


def find_by_email(connection: sa.Connection, portal_id: int, email: str) -> Known | None:
    """Return the contact with this normalised address, or None."""
    here = (contact.c.portal_id == portal_id) & (contact.c.email == email)
    row = connection.execute(sa.select(contact).where(here)).one_or_none()
    return None if row is None else _known(row)


def explain(connection: sa.Connection, portal_id: int, contact_id: int) -> Explanation | None:
    """Return why a contact counts, or None when there is no such contact."""
    known = find(connection, portal_id, contact_id)
    if known is None:
        return None
    changes = connection.execute(
        sa.select(status_change)
        .where(status_change.c.contact_id == contact_id)
        .order_by(status_change.c.version)
    )
    lines = connection.execute(
        sa.select(ledger_line).where(ledger_line.c.contact_id == contact_id).order_by(ledger_line.c.stint)
    )
    rows = tuple(changes)
    return Explanation(known, portal_id, rows, tuple(lines), _name_sources(connection, portal_id, rows))


def _name_sources(
    connection: sa.Connection, portal_id: int, changes: Sequence[Any]
) -> dict[tuple[str, str], str]:
    """Return what the sources of changes are called, as far as they have a name."""
    names: dict[tuple[str, str], str] = {}
    for source, reason_id in {(row.source, row.reason_id) for row in changes}:
        if source == Source.HUBSPOT_FORM:
            with contextlib.suppress(ValueError):  # a reason that is no GUID has no form
                form = portals.find_form(connection, portal_id, reason_id)
                names[source, reason_id] = form.name if form else ""
        elif source in {Source.EXTERNAL_FORM, Source.CHATFLOW}:
            external = external_forms.find(connection, int(reason_id))
            names[source, reason_id] = (external.name or external.key) if external else ""
    return names


def change_status(
    connection: sa.Connection,
    portal_id: int,
    known: Known,
    decide: Callable[[Standing], Decision],
    now: datetime,
) -> Decision:
    """Decide on the contact as it is under its lock, and write what was decided."""
    row = connection.execute(
        sa.select(contact).where(contact.c.id == known.contact_id).with_for_update()
    ).one()
    standing = _known(row).standing
    decision = decide(standing)
    _write(connection, portal_id, known.contact_id, before=standing, after=decision, now=now)
    return decision


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
    rows = list(connection.execute(query))
    for row in rows:
        standing = _known(row).standing
        decision = decide(standing)
        _write(connection, row.portal_id, row.id, before=standing, after=decision, now=now)
    ids = [row.id for row in rows]
    connection.execute(sa.update(contact).where(contact.c.id.in_(ids)).values(end_announced=True))
    return len(rows)


def _write(
    connection: sa.Connection,
    portal_id: int,
    contact_id: int,
    *,
    before: Standing,
    after: Decision,
    now: datetime,
) -> None:
    if after.change is None:
        return
    values = {
        "version": contact.c.version + 1,
        "updated_at": now,
        "end_announced": False,
        "status_version": after.standing.version,
        "stint": after.change.stint.number,
        **_stint_values(after.change.stint),
    }
    connection.execute(sa.update(contact).where(contact.c.id == contact_id).values(**values))
    if after.ended is not None:
        keys = {"contact_id": contact_id, "number": after.ended.number, "portal_id": portal_id}
        ended = {**keys, "version": before.version, **_stint_values(after.ended)}
        connection.execute(sa.insert(ended_stint).values(**ended))
    connection.execute(sa.insert(status_change).values(**_change_values(portal_id, contact_id, after.change)))
    outbox.append(connection, [(contact_id, after.change.version)], now)


def _stint_values(stint: Stint) -> dict[str, Any]:
    return {
        "since": stint.since,
        "until": stint.until,
        "reason_type": str(stint.reason_type),
        "reason_id": stint.reason_id,
    }


def _change_values(portal_id: int, contact_id: int, change: StatusChange) -> dict[str, Any]:
    cause = change.cause
    return {
        "contact_id": contact_id,
        "version": change.version,
        "portal_id": portal_id,
        "at": change.at,
        "before": change.before,
        "after": change.after,
        "verdict": change.verdict.value,
        "stint": change.stint.number,
        "since": change.stint.since,
        "until": change.stint.until,
        "stint_reason_type": str(change.stint.reason_type),
        "stint_reason_id": change.stint.reason_id,
        "source": cause.source.value,
        "reason_type": cause.reason_type.value,
        "reason_id": cause.reason_id,
        "actor": cause.actor,
        "default_version": cause.default.version,
    }


def _known(row: Any) -> Known:
    stint = None
    if row.stint:
        stint = Stint(row.stint, row.since, row.until, row.reason_type, row.reason_id)
    return Known(row.id, row.version, row.email, Standing(stint, row.status_version))
