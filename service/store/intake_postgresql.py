"""Records facts on PostgreSQL: guess, decide, prove.

Plans are made on a guess of what is known (at first: nothing) and sent in one statement, which commits by itself.
The statement reads the contacts concerned, carries out the plans whose guess proves true, and returns what is
known about the others, to be planned again. Contacts are guarded by their version, cookies and once-keys by
their unique keys; groups come sorted, so that two processes take their locks in the same order.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import errors

from service.documents import dumps
from service.domain.identity import CookieLink, Known
from service.domain.model import Standing, Stint
from service.domain.planning import Findings, Group, Plan
from service.errors import DatabaseAway
from service.store.literals import instant_array, plain_array, text_array
from service.store.outbox import WAKE_UP_CHANNEL
from service.store.recording import Contention, Earlier, Planner, Round
from service.store.session import Database

CONTENTION = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.UniqueViolation,
    errors.DivisionByZero,
    errors.LockNotAvailable,
)

AWAY = (errors.ReadOnlySqlTransaction, errors.UndefinedTable)
"""Errors of a server that is a replica for now, or of a database whose tables are still to be made."""

SESSION = """
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET timezone = 'UTC';
"""
"""Every look-up of the statement is by key; plans made while the tables were small must not outlive that."""

_TEMPLATE = f"""
WITH
g AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::int[], %s::bigint[], %s::int[],
        %s::bool[], %s::text[], %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[]
    ) AS g(place, portal_id, email, cookie, contact_id, based_on, cookie_contact, cookie_link,
           creates, properties, status_version, stint, since, until, reason_type, reason_id)
),
f AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[],
        %s::text[], %s::text[], %s::text[], %s::text[]
    ) AS f(place, id, once_key, earlier_key, digest, received_at, submitted_at,
           source, source_id, verdict, content)
),
c AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::int[], %s::timestamptz[], %s::bool[], %s::bool[], %s::text[], %s::int[],
        %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[],
        %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::uuid[]
    ) AS c(place, version, at, before, after, verdict, stint,
           since, until, stint_reason_type, stint_reason_id,
           source, reason_type, reason_id, actor, default_version, submission_id)
),
e AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[]
    ) AS e(place, number, version, since, until, reason_type, reason_id)
),
repeat AS MATERIALIZED (
    SELECT f.place, f.once_key, s.id, s.contact_id, s.digest
      FROM f JOIN submission s ON s.once_key = f.once_key
    UNION ALL
    SELECT f.place, f.once_key, s.id, s.contact_id, s.digest
      FROM f JOIN submission s ON s.once_key = f.earlier_key
     WHERE s.received_at > f.received_at - interval '10 minutes'
),
seen AS MATERIALIZED (
    SELECT g.*, known.id AS email_contact, visitor.contact_id AS linked
      FROM g
      LEFT JOIN contact known ON known.portal_id = g.portal_id AND known.email = g.email
      LEFT JOIN visitor ON visitor.portal_id = g.portal_id AND visitor.cookie = g.cookie
),
proved AS MATERIALIZED (
    SELECT * FROM seen
     WHERE (SELECT version FROM configuration WHERE id = 1) = %s
       AND coalesce(linked, 0) = cookie_contact
       AND (email_contact IS NULL OR email_contact = contact_id)
       AND NOT EXISTS (SELECT FROM repeat WHERE repeat.place = seen.place)
),
created AS (
    INSERT INTO contact (portal_id, email, version, properties, created_at, updated_at,
                         status_version, stint, since, until, reason_type, reason_id)
    SELECT portal_id, email, 1, properties::jsonb, %s, %s,
           status_version, stint, since, until, reason_type, reason_id
      FROM proved WHERE creates
    ON CONFLICT (portal_id, email) DO NOTHING
    RETURNING id, portal_id, email
),
changed AS (
    UPDATE contact SET
           email = coalesce(proved.email, contact.email),
           version = contact.version + 1,
           properties = contact.properties || proved.properties::jsonb,
           updated_at = %s,
           status_version = proved.status_version, stint = proved.stint,
           since = proved.since, until = proved.until,
           reason_type = proved.reason_type, reason_id = proved.reason_id,
           end_announced = contact.end_announced AND contact.status_version = proved.status_version
      FROM proved
     WHERE contact.id = proved.contact_id AND contact.version = proved.based_on
    RETURNING proved.place, contact.id
),
done AS MATERIALIZED (
    SELECT proved.place, created.id AS contact_id
      FROM created JOIN proved ON proved.portal_id = created.portal_id AND proved.email = created.email
     WHERE proved.creates
    UNION ALL SELECT place, id FROM changed
    UNION ALL SELECT place, NULL FROM proved WHERE contact_id = 0 AND NOT creates
),
attached AS (
    INSERT INTO visitor (portal_id, cookie, contact_id)
    SELECT g.portal_id, g.cookie, done.contact_id
      FROM done JOIN g ON g.place = done.place WHERE g.cookie_link = {CookieLink.ADD}
),
moved AS (
    UPDATE visitor SET contact_id = done.contact_id
      FROM done JOIN g ON g.place = done.place
     WHERE g.cookie_link = {CookieLink.MOVE}
       AND visitor.portal_id = g.portal_id AND visitor.cookie = g.cookie
       AND visitor.contact_id = g.cookie_contact
    RETURNING 1
),
ended AS (
    INSERT INTO ended_stint (contact_id, number, portal_id, version, since, until, reason_type, reason_id)
    SELECT done.contact_id, e.number, g.portal_id, e.version, e.since, e.until, e.reason_type, e.reason_id
      FROM done JOIN e ON e.place = done.place JOIN g ON g.place = done.place
),
submitted AS (
    INSERT INTO submission (id, portal_id, source, source_id, contact_id, verdict, once_key, digest,
                            received_at, submitted_at, content)
    SELECT f.id, g.portal_id, f.source, f.source_id, done.contact_id, f.verdict, f.once_key, f.digest,
           f.received_at, f.submitted_at, f.content::json
      FROM done JOIN f ON f.place = done.place JOIN g ON g.place = done.place
),
status AS (
    INSERT INTO status_change (contact_id, version, portal_id, at, before, after, verdict, stint, since, until,
                               stint_reason_type, stint_reason_id, source, reason_type, reason_id, actor,
                               default_version, submission_id)
    SELECT done.contact_id, c.version, g.portal_id, c.at, c.before, c.after, c.verdict, c.stint, c.since, c.until,
           c.stint_reason_type, c.stint_reason_id, c.source, c.reason_type, c.reason_id, c.actor,
           c.default_version, c.submission_id
      FROM done JOIN c ON c.place = done.place JOIN g ON g.place = done.place
),
queued AS (
    INSERT INTO outbox (contact_id, version, created_at)
    SELECT done.contact_id, c.version, c.at FROM done JOIN c ON c.place = done.place
    RETURNING 1
)
SELECT seen.place,
       done.place IS NOT NULL AS written,
       done.contact_id,
       (SELECT version FROM configuration WHERE id = 1),
       1 / (CASE WHEN (SELECT count(*) FROM moved)
                    = (SELECT count(*) FROM done JOIN g ON g.place = done.place
                        WHERE g.cookie_link = {CookieLink.MOVE})
                 THEN 1 ELSE 0 END),
       one.id, one.version, one.email, one.status_version, one.stint, one.since, one.until,
       one.reason_type, one.reason_id,
       two.id, two.version, two.email, two.status_version, two.stint, two.since, two.until,
       two.reason_type, two.reason_id,
       again.once_key::text, again.id::text, again.contact_id, again.digest::text,
       (SELECT pg_notify('{WAKE_UP_CHANNEL}', '') FROM queued LIMIT 1)
  FROM seen
  LEFT JOIN done ON done.place = seen.place
  LEFT JOIN contact one ON one.id = seen.email_contact AND done.place IS NULL
  LEFT JOIN contact two ON two.id = seen.linked AND done.place IS NULL
  LEFT JOIN repeat again ON again.place = seen.place
"""


def _numbered(template: str) -> str:
    """Number the placeholders, so that the driver need not parse a statement of this length for every batch."""
    first, *rest = template.split("%s")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, start=1))


STATEMENT = _numbered(_TEMPLATE)


class PostgresqlRecorder:
    """Writes with one connection of its own and one prepared statement; for one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pooled: sa.PoolProxiedConnection | None = None
        self._connection: psycopg.Connection[Any] | None = None

    def attempt(
        self,
        guesses: Sequence[tuple[Group, Findings]],
        planner: Planner,
        configuration_version: int,
        now: datetime,
    ) -> Round:
        """See `Recorder`; a guess is planned before anything is read."""
        plans = [planner(group, findings) for group, findings in guesses]
        rows = self._execute(_parameters(plans, configuration_version, now))
        return _read_round(plans, rows)

    def close(self) -> None:
        """Give up the connection."""
        if self._pooled is not None:
            self._pooled.invalidate()
        self._pooled = self._connection = None

    def _execute(self, parameters: list[Any]) -> list[tuple[Any, ...]]:
        """Run the statement; on a connection that has broken since, once more on a new one.

        Should the first run have committed after all, the second finds its facts as repeats and writes nothing.
        """
        if self._connection is not None:
            with contextlib.suppress(DatabaseAway):
                return self._run(parameters)
        return self._run(parameters)

    def _run(self, parameters: list[Any]) -> list[tuple[Any, ...]]:
        try:
            cursor: psycopg.Cursor[Any] = psycopg.RawCursor(self._connection or self._connect())
            return cursor.execute(STATEMENT, parameters, prepare=True).fetchall()
        except CONTENTION as error:
            raise Contention(type(error).__name__) from error
        except (psycopg.OperationalError, psycopg.InterfaceError, *AWAY) as error:
            self.close()
            raise DatabaseAway(type(error).__name__) from error
        except sa.exc.TimeoutError as error:
            raise DatabaseAway("TimeoutError") from error
        except sa.exc.DBAPIError as error:
            self.close()
            raise DatabaseAway(type(error.orig).__name__) from error

    def _connect(self) -> psycopg.Connection[Any]:
        pooled = self._database.engine.raw_connection()
        connection = pooled.driver_connection
        if not isinstance(connection, psycopg.Connection):
            message = "the PostgreSQL recorder needs psycopg"
            raise TypeError(message)
        self._pooled, self._connection = pooled, connection
        connection.set_autocommit(True)
        connection.execute(SESSION)
        return connection


def _parameters(plans: Sequence[Plan], configuration_version: int, now: datetime) -> list[Any]:
    return [
        *_group_columns(plans),
        *_fact_columns(plans),
        *_change_columns(plans),
        *_ended_columns(plans),
        configuration_version,
        now,
        now,
        now,
    ]


def _group_columns(plans: Sequence[Plan]) -> list[str]:
    stints = [plan.standing.stint for plan in plans]
    contacts = [plan.identity.contact for plan in plans]
    linked = [plan.findings.by_cookie for plan in plans]
    return [
        plain_array(range(len(plans))),
        plain_array([plan.group.portal_id for plan in plans]),
        text_array([plan.group.email for plan in plans]),
        text_array([plan.group.cookie for plan in plans]),
        plain_array([contact.contact_id if contact else 0 for contact in contacts]),
        plain_array([contact.version if contact else 0 for contact in contacts]),
        plain_array([known.contact_id if known else 0 for known in linked]),
        plain_array([plan.identity.cookie_link.value for plan in plans]),
        plain_array([plan.identity.creates for plan in plans]),
        text_array([dumps(plan.properties) for plan in plans]),
        plain_array([plan.standing.version for plan in plans]),
        plain_array([stint.number if stint else 0 for stint in stints]),
        instant_array([stint.since if stint else None for stint in stints]),
        instant_array([stint.until if stint else None for stint in stints]),
        text_array([stint.reason_type if stint else None for stint in stints]),
        text_array([stint.reason_id if stint else None for stint in stints]),
    ]


def _fact_columns(plans: Sequence[Plan]) -> list[str]:
    rows = [
        (place, fact, verdict)
        for place, plan in enumerate(plans)
        for fact, verdict in zip(plan.group.facts, plan.verdicts, strict=True)
    ]
    return [
        plain_array([place for place, _, _ in rows]),
        plain_array([fact.submission_id for _, fact, _ in rows]),
        plain_array([fact.once_key for _, fact, _ in rows]),
        plain_array([fact.earlier_key for _, fact, _ in rows]),
        plain_array([fact.digest for _, fact, _ in rows]),
        instant_array([fact.received_at for _, fact, _ in rows]),
        instant_array([fact.submitted_at for _, fact, _ in rows]),
        plain_array([fact.source.value for _, fact, _ in rows]),
        text_array([fact.source_id for _, fact, _ in rows]),
        plain_array([verdict.value for _, _, verdict in rows]),
        text_array([fact.content for _, fact, _ in rows]),
    ]


def _change_columns(plans: Sequence[Plan]) -> list[str]:
    rows = [
        (place, change, submission_id)
        for place, plan in enumerate(plans)
        for change, submission_id in plan.changes
    ]
    return [
        plain_array([place for place, _, _ in rows]),
        plain_array([change.version for _, change, _ in rows]),
        instant_array([change.at for _, change, _ in rows]),
        plain_array([change.before for _, change, _ in rows]),
        plain_array([change.after for _, change, _ in rows]),
        plain_array([change.verdict.value for _, change, _ in rows]),
        plain_array([change.stint.number for _, change, _ in rows]),
        instant_array([change.stint.since for _, change, _ in rows]),
        instant_array([change.stint.until for _, change, _ in rows]),
        text_array([change.stint.reason_type for _, change, _ in rows]),
        text_array([change.stint.reason_id for _, change, _ in rows]),
        plain_array([change.cause.source.value for _, change, _ in rows]),
        plain_array([change.cause.reason_type.value for _, change, _ in rows]),
        text_array([change.cause.reason_id for _, change, _ in rows]),
        text_array([change.cause.actor for _, change, _ in rows]),
        plain_array([change.cause.default.version for _, change, _ in rows]),
        plain_array([submission_id for _, _, submission_id in rows]),
    ]


def _ended_columns(plans: Sequence[Plan]) -> list[str]:
    rows = [(place, stint, version) for place, plan in enumerate(plans) for stint, version in plan.ended]
    return [
        plain_array([place for place, _, _ in rows]),
        plain_array([stint.number for _, stint, _ in rows]),
        plain_array([version for _, _, version in rows]),
        instant_array([stint.since for _, stint, _ in rows]),
        instant_array([stint.until for _, stint, _ in rows]),
        text_array([stint.reason_type for _, stint, _ in rows]),
        text_array([stint.reason_id for _, stint, _ in rows]),
    ]


def _read_round(plans: Sequence[Plan], rows: Sequence[tuple[Any, ...]]) -> Round:
    result = Round(configuration_version=rows[0][3])
    for row in rows:
        place: int = row[0]
        if row[1]:
            result.written[place] = (plans[place], row[2])
            continue
        result.findings[place] = Findings(_known(row[5:14]), _known(row[14:23]))
        if row[23] is not None:
            key, submission_id, contact_id, digest = row[23:27]
            result.repeats[_hex(key)] = Earlier(_hex(submission_id), contact_id, _hex(digest))
    return result


def _known(row: tuple[Any, ...]) -> Known | None:
    contact_id, version, email, status_version, number, since, until, reason_type, reason_id = row
    if contact_id is None:
        return None
    stint = Stint(number, since, until, reason_type, reason_id) if number else None
    return Known(contact_id, version, email, Standing(stint, status_version))


def _hex(text: str) -> str:
    return text.replace("-", "")
