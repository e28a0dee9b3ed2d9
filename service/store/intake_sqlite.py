"""Records facts on SQLite: the writer's lock comes first, so reading before deciding costs nothing extra.

One transaction a round; a crash or an error in the middle leaves nothing of it.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.documents import dumps
from service.domain.brake import OPEN, Gate
from service.domain.identity import CookieLink, Known
from service.domain.model import Standing, Stint
from service.domain.planning import Findings, Group, Plan
from service.errors import DatabaseAway
from service.store import brakes, intake_braked
from service.store.recording import Earlier, Planner, Round
from service.store.session import Database, patiently
from service.store.sqlite_rows import as_text, from_text, keep_change, keep_ended, stint_columns

REPEAT_WINDOW = timedelta(minutes=10)
NO_GATES: Mapping[int, Gate] = {}

CONTACT_COLUMNS = """contact.id, contact.version, contact.email, contact.status_version, contact.stint,
    contact.since, contact.until, contact.reason_type, contact.reason_id"""

FIND_BY_EMAIL = f"""SELECT {CONTACT_COLUMNS} FROM contact AS named JOIN contact
    ON contact.id = coalesce(named.merged_into, named.id) WHERE named.portal_id = ? AND named.email = ?"""
FIND_BY_COOKIE = f"""SELECT {CONTACT_COLUMNS} FROM visitor JOIN contact ON contact.id = visitor.contact_id
    WHERE visitor.portal_id = ? AND visitor.cookie = ?"""
FIND_SUBMISSION = "SELECT id, contact_id, digest, received_at FROM submission WHERE once_key = ?"
CREATE_CONTACT = """INSERT INTO contact (portal_id, email, version, properties, created_at, updated_at, active_at,
    status_version, stint, since, until, reason_type, reason_id)
    VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
CHANGE_CONTACT = """UPDATE contact SET email = coalesce(?, email), version = version + 1,
    properties = json_patch(properties, ?), updated_at = ?, active_at = ?, deleted_at = NULL,
    end_announced = end_announced AND status_version = ?,
    status_version = ?, stint = ?, since = ?, until = ?, reason_type = ?, reason_id = ? WHERE id = ?"""
NOTE_DUE = """INSERT INTO workflow_due (contact_id, portal_id, since) VALUES (?, ?, ?)
    ON CONFLICT (contact_id) DO NOTHING"""
LINK_COOKIE = """INSERT INTO visitor (portal_id, cookie, contact_id) VALUES (?, ?, ?)
    ON CONFLICT (portal_id, cookie) DO UPDATE SET contact_id = excluded.contact_id"""
KEEP_SUBMISSION = """INSERT INTO submission (id, portal_id, source, source_id, contact_id, verdict, once_key,
    digest, received_at, submitted_at, content, session) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


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
        braked: Collection[int] = (),
    ) -> Round:
        """See `Recorder`; guesses are not needed here, since what is read under the lock stays true."""
        groups = [group for group, _ in guesses]
        try:
            if braked:
                return self._write_braked(groups, planner, configuration_version, now, braked)
            with self._database.writer_lock():
                return self._write(self._cursor(), groups, planner, configuration_version, now)
        except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
            if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)):
                raise
            self.close()
            raise DatabaseAway(type(error).__name__) from error

    def _write_braked(
        self,
        groups: Sequence[Group],
        planner: Planner,
        configuration_version: int,
        now: datetime,
        braked: Collection[int],
    ) -> Round:
        with self._database.writing() as connection:
            driver: Any = connection.connection.driver_connection
            cursor = sqlite3.Cursor(driver)
            result = Round(configuration_version=_version(cursor))
            if result.configuration_version == configuration_version:
                gates = brakes.lock_all(connection, braked)
                _write_groups(cursor, groups, planner, now, result, gates)
                intake_braked.keep(connection, gates, result, now)
            cursor.close()
        return result

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
            result = Round(configuration_version=_version(cursor))
            if result.configuration_version == configuration_version:
                _write_groups(cursor, groups, planner, now, result, NO_GATES)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        return result


def _version(cursor: sqlite3.Cursor) -> int:
    version: int = cursor.execute("SELECT version FROM configuration WHERE id = 1").fetchone()[0]
    return version


def _write_groups(
    cursor: sqlite3.Cursor,
    groups: Sequence[Group],
    planner: Planner,
    now: datetime,
    result: Round,
    gates: Mapping[int, Gate],
) -> None:
    for place in intake_braked.in_order_of_arrival(groups) if gates else range(len(groups)):
        group = groups[place]
        repeats = _repeats(cursor, group)
        if repeats:
            result.repeats.update(repeats)
            result.findings[place] = Findings()
            continue
        plan = planner(group, _find(cursor, group), gates.get(group.portal_id, OPEN))
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
            if key == fact.once_key or from_text(row[3]) > fact.received_at - REPEAT_WINDOW:
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
    status = (plan.standing.version, *stint_columns(stint))
    properties, at = dumps(plan.properties), as_text(now)
    contact = plan.identity.contact
    if contact is None:
        cursor.execute(CREATE_CONTACT, (group.portal_id, group.email, properties, at, at, at, *status))
        contact_id = cursor.lastrowid
    else:
        contact_id = contact.contact_id
        values = (plan.identity.email, properties, at, at, plan.standing.version, *status, contact_id)
        cursor.execute(CHANGE_CONTACT, values)
    if plan.identity.cookie_link is not CookieLink.KEEP:
        cursor.execute(LINK_COOKIE, (group.portal_id, group.cookie, contact_id))
    if plan.is_watched:
        cursor.execute(NOTE_DUE, (contact_id, group.portal_id, at))
    return contact_id


def _write_facts(cursor: sqlite3.Cursor, plan: Plan, contact_id: int | None) -> None:
    portal_id = plan.group.portal_id
    for fact, verdict in zip(plan.group.facts, plan.verdicts, strict=True):
        cursor.execute(
            KEEP_SUBMISSION,
            (
                fact.submission_id, portal_id, fact.source.value, fact.source_id, contact_id, verdict.value,
                fact.once_key, fact.digest, as_text(fact.received_at), as_text(fact.submitted_at), fact.content,
                fact.session,
            ),
        )  # fmt: skip
    for change, submission_id in plan.changes:
        keep_change(cursor, contact_id, portal_id, change, submission_id)
    for stint, version in plan.ended:
        keep_ended(cursor, contact_id, portal_id, stint, version)


def _known(row: tuple[Any, ...] | None) -> Known | None:
    if row is None:
        return None
    contact_id, version, email, status_version, number, since, until, reason_type, reason_id = row
    stint = None
    if number:
        stint = Stint(number, from_text(since), from_text(until) if until else None, reason_type, reason_id)
    return Known(contact_id, version, email, Standing(stint, status_version))
