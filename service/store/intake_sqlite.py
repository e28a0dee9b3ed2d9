"""Records facts on SQLite: the writer's lock comes first, so reading before deciding costs nothing extra.

One transaction a round; a crash or an error in the middle leaves nothing of it.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.documents import dumps
from service.domain.identity import CookieLink, Known
from service.domain.model import Standing, StatusChange, Stint
from service.domain.planning import Findings, Group, Plan
from service.errors import DatabaseAway
from service.store.recording import Earlier, Planner, Round
from service.store.session import Database, patiently

REPEAT_WINDOW = timedelta(minutes=10)

CONTACT_COLUMNS = """contact.id, contact.version, contact.email, contact.status_version, contact.stint,
    contact.since, contact.until, contact.reason_type, contact.reason_id"""

FIND_BY_EMAIL = f"SELECT {CONTACT_COLUMNS} FROM contact WHERE portal_id = ? AND email = ?"
FIND_BY_COOKIE = f"""SELECT {CONTACT_COLUMNS} FROM visitor JOIN contact ON contact.id = visitor.contact_id
    WHERE visitor.portal_id = ? AND visitor.cookie = ?"""
FIND_SUBMISSION = "SELECT id, contact_id, digest, received_at FROM submission WHERE once_key = ?"
CREATE_CONTACT = """INSERT INTO contact (portal_id, email, version, properties, created_at, updated_at,
    status_version, stint, since, until, reason_type, reason_id)
    VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
CHANGE_CONTACT = """UPDATE contact SET email = coalesce(?, email), version = version + 1,
    properties = json_patch(properties, ?), updated_at = ?,
    end_announced = end_announced AND status_version = ?,
    status_version = ?, stint = ?, since = ?, until = ?, reason_type = ?, reason_id = ? WHERE id = ?"""
LINK_COOKIE = """INSERT INTO visitor (portal_id, cookie, contact_id) VALUES (?, ?, ?)
    ON CONFLICT (portal_id, cookie) DO UPDATE SET contact_id = excluded.contact_id"""
KEEP_SUBMISSION = """INSERT INTO submission (id, portal_id, source, source_id, contact_id, verdict, once_key,
    digest, received_at, submitted_at, content, session) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
KEEP_CHANGE = """INSERT INTO status_change (contact_id, version, portal_id, at, before, after, verdict, stint,
    since, until, stint_reason_type, stint_reason_id, source, reason_type, reason_id, actor, default_version,
    submission_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
KEEP_ENDED = """INSERT INTO ended_stint (contact_id, number, portal_id, version, since, until, reason_type,
    reason_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
QUEUE = "INSERT INTO outbox (contact_id, version, created_at) VALUES (?, ?, ?)"


class SqliteRecorder:
    """Writes with one connection of its own; for one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pooled: sa.PoolProxiedConnection | None = None

    def attempt(
        self,
        guesses: Sequence[tuple[Group, Findings]],
        planner: Planner,
        configuration_version: int,
        now: datetime,
    ) -> Round:
        """See `Recorder`; guesses are not needed here, since what is read under the lock stays true."""
        try:
            with self._database.writer_lock():
                return self._write(
                    self._cursor(), [group for group, _ in guesses], planner, configuration_version, now
                )
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)):
                raise
            self.close()
            raise DatabaseAway(type(error).__name__) from error

    def close(self) -> None:
        """Give up the connection."""
        if self._pooled is not None:
            self._pooled.invalidate()
        self._pooled = None

    def _cursor(self) -> sqlite3.Cursor:
        if self._pooled is None:
            self._pooled = self._database.engine.raw_connection()
        connection: Any = self._pooled.driver_connection
        return sqlite3.Cursor(connection)

    def _write(
        self,
        cursor: sqlite3.Cursor,
        groups: Sequence[Group],
        planner: Planner,
        configuration_version: int,
        now: datetime,
    ) -> Round:
        patiently(lambda: cursor.execute("BEGIN IMMEDIATE"))
        try:
            version = cursor.execute("SELECT version FROM configuration WHERE id = 1").fetchone()[0]
            result = Round(configuration_version=version)
            if version == configuration_version:
                _write_groups(cursor, groups, planner, now, result)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        return result


def _write_groups(
    cursor: sqlite3.Cursor, groups: Sequence[Group], planner: Planner, now: datetime, result: Round
) -> None:
    for place, group in enumerate(groups):
        repeats = _repeats(cursor, group)
        if repeats:
            result.repeats.update(repeats)
            result.findings[place] = Findings()
            continue
        plan = planner(group, _find(cursor, group))
        contact_id = _write_contact(cursor, plan, now)
        _write_facts(cursor, plan, contact_id)
        result.written[place] = (plan, contact_id)


def _repeats(cursor: sqlite3.Cursor, group: Group) -> dict[str, Earlier]:
    found: dict[str, Earlier] = {}
    for fact in group.facts:
        for key in (fact.once_key, fact.earlier_key):
            row = cursor.execute(FIND_SUBMISSION, (key,)).fetchone() if key else None
            if row is None:
                continue
            if key == fact.once_key or _instant(row[3]) > fact.received_at - REPEAT_WINDOW:
                found[fact.once_key] = Earlier(row[0], row[1], row[2])
                break
    return found


def _find(cursor: sqlite3.Cursor, group: Group) -> Findings:
    by_email = by_cookie = None
    if group.email is not None:
        by_email = _known(cursor.execute(FIND_BY_EMAIL, (group.portal_id, group.email)).fetchone())
    if group.cookie is not None:
        by_cookie = _known(cursor.execute(FIND_BY_COOKIE, (group.portal_id, group.cookie)).fetchone())
    return Findings(by_email, by_cookie)


def _write_contact(cursor: sqlite3.Cursor, plan: Plan, now: datetime) -> int | None:
    if not plan.has_contact:
        return None
    group, stint = plan.group, plan.standing.stint
    status = (plan.standing.version, *_stint_columns(stint))
    properties, at = dumps(plan.properties), _text(now)
    contact = plan.identity.contact
    if contact is None:
        cursor.execute(CREATE_CONTACT, (group.portal_id, group.email, properties, at, at, *status))
        contact_id = cursor.lastrowid
    else:
        contact_id = contact.contact_id
        values = (group.email, properties, at, plan.standing.version, *status, contact_id)
        cursor.execute(CHANGE_CONTACT, values)
    if plan.identity.cookie_link is not CookieLink.KEEP:
        cursor.execute(LINK_COOKIE, (group.portal_id, group.cookie, contact_id))
    return contact_id


def _write_facts(cursor: sqlite3.Cursor, plan: Plan, contact_id: int | None) -> None:
    portal_id = plan.group.portal_id
    for fact, verdict in zip(plan.group.facts, plan.verdicts, strict=True):
        cursor.execute(
            KEEP_SUBMISSION,
            (
                fact.submission_id, portal_id, fact.source.value, fact.source_id, contact_id, verdict.value,
                fact.once_key, fact.digest, _text(fact.received_at), _text(fact.submitted_at), fact.content,
                fact.session,
            ),
        )  # fmt: skip
    for change, submission_id in plan.changes:
        cursor.execute(KEEP_CHANGE, _change_row(contact_id, portal_id, change, submission_id))
        cursor.execute(QUEUE, (contact_id, change.version, _text(change.at)))
    for stint, version in plan.ended:
        number, *columns = _stint_columns(stint)
        cursor.execute(KEEP_ENDED, (contact_id, number, portal_id, version, *columns))


def _change_row(
    contact_id: int | None, portal_id: int, change: StatusChange, submission_id: str | None
) -> tuple[Any, ...]:
    """Return the values of `KEEP_CHANGE`."""
    stint = _stint_columns(change.stint)
    cause = change.cause
    return (
        contact_id, change.version, portal_id, _text(change.at), change.before, change.after,
        change.verdict.value, *stint, cause.source.value, cause.reason_type.value, cause.reason_id,
        cause.actor, cause.default.version, submission_id,
    )  # fmt: skip


def _stint_columns(stint: Stint | None) -> tuple[Any, ...]:
    if stint is None:
        return (0, None, None, None, None)
    until = None if stint.until is None else _text(stint.until)
    return (stint.number, _text(stint.since), until, str(stint.reason_type), stint.reason_id)


def _known(row: tuple[Any, ...] | None) -> Known | None:
    if row is None:
        return None
    contact_id, version, email, status_version, number, since, until, reason_type, reason_id = row
    stint = None
    if number:
        stint = Stint(number, _instant(since), _instant(until) if until else None, reason_type, reason_id)
    return Known(contact_id, version, email, Standing(stint, status_version))


def _text(instant: datetime) -> str:
    """Write an instant as the `Instant` type of `tables` does on SQLite."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
