"""Rows of status changes as SQLite keeps them, written with a cursor of the driver's: several times faster."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

from service.domain.model import StatusChange, Stint

KEEP_CHANGE = """INSERT INTO status_change (contact_id, version, portal_id, at, before, after, verdict, stint,
    since, until, stint_reason_type, stint_reason_id, source, reason_type, reason_id, actor, default_version,
    submission_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
KEEP_ENDED = """INSERT INTO ended_stint (contact_id, number, portal_id, version, since, until, reason_type,
    reason_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
QUEUE = "INSERT INTO outbox (contact_id, version, created_at) VALUES (?, ?, ?)"


def keep_change(
    cursor: sqlite3.Cursor,
    contact_id: int | None,
    portal_id: int,
    change: StatusChange,
    submission_id: str | None,
) -> None:
    """Write a status change, and its entry in the outbox."""
    cursor.execute(KEEP_CHANGE, _change_row(contact_id, portal_id, change, submission_id))
    cursor.execute(QUEUE, (contact_id, change.version, as_text(change.at)))


def keep_ended(
    cursor: sqlite3.Cursor, contact_id: int | None, portal_id: int, stint: Stint, version: int
) -> None:
    """Write a stint that a new one leaves behind, with the version of its last change."""
    number, *columns = stint_columns(stint)
    cursor.execute(KEEP_ENDED, (contact_id, number, portal_id, version, *columns))


def _change_row(
    contact_id: int | None, portal_id: int, change: StatusChange, submission_id: str | None
) -> tuple[Any, ...]:
    """Return the values of `KEEP_CHANGE`."""
    stint = stint_columns(change.stint)
    cause = change.cause
    return (
        contact_id, change.version, portal_id, as_text(change.at), change.before, change.after,
        change.verdict.value, *stint, cause.source.value, cause.reason_type.value, cause.reason_id,
        cause.actor, cause.default.version, submission_id,
    )  # fmt: skip


def stint_columns(stint: Stint | None) -> tuple[Any, ...]:
    """Return number, since, until, reason type and reason id; a contact without a stint has number 0."""
    if stint is None:
        return (0, None, None, None, None)
    until = None if stint.until is None else as_text(stint.until)
    return (stint.number, as_text(stint.since), until, str(stint.reason_type), stint.reason_id)


def as_text(instant: datetime) -> str:
    """Write an instant as the `Instant` type of `tables` does on SQLite."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def from_text(text: str) -> datetime:
    """Read what `as_text` wrote."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
