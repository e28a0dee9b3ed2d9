"""Records facts on PostgreSQL: guess, decide, prove.

Plans are made on a guess of what is known (at first: nothing) and sent in one statement, which commits by itself.
Where most visitors have been known of late, the guess is looked up first, which saves the second round.
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
from service.domain.planning import NOTHING_KNOWN, Findings, Group, Plan
from service.errors import DatabaseAway
from service.store.intake_statement import LOOK_UP, SESSION, Shape, statement
from service.store.literals import instant_array, plain_array, text_array
from service.store.recording import Contention, Earlier, Planner, Round
from service.store.session import Database, Impatient

CONTENTION = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.UniqueViolation,
    errors.DivisionByZero,
)

AWAY = (errors.ReadOnlySqlTransaction, errors.UndefinedTable)
"""Errors of a server that is a replica for now, or of a database whose tables are still to be made."""


WITHOUT_CONTACT = -1
WORTH_A_LOOK = 0.4
"""Share of known visitors from which it pays to look before guessing."""
REMEMBERED = 16
"""Batches that the share is an average of, more or less."""
PATIENCE = 10.0
"""Seconds that the server may take for one batch."""


class PostgresqlRecorder:
    """Writes with one connection of its own and one prepared statement; for one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pooled: sa.PoolProxiedConnection | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._share_known = 0.0

    def attempt(
        self,
        guesses: Sequence[tuple[Group, Findings]],
        planner: Planner,
        configuration_version: int,
        now: datetime,
    ) -> Round:
        """See `Recorder`; a guess is planned before anything is read."""
        findings = [findings for _, findings in guesses]
        groups = [group for group, _ in guesses]
        is_first = all(each is NOTHING_KNOWN for each in findings)
        if is_first and self._share_known > WORTH_A_LOOK:
            findings = self._look_up(groups)
        plans = [planner(group, each) for group, each in zip(groups, findings, strict=True)]
        shape = _shape(plans)
        parameters = [configuration_version, now, *_columns(plans, shape)]
        result = _read_round(plans, self._execute(statement(shape), parameters))
        if is_first:
            self._learn(findings, result)
        return result

    def _look_up(self, groups: Sequence[Group]) -> list[Findings]:
        """Read what is known before planning: two small statements cost less than the large one twice."""
        columns = [
            plain_array(range(len(groups))),
            plain_array([group.portal_id for group in groups]),
            text_array([group.email for group in groups]),
            text_array([group.cookie for group in groups]),
        ]
        return [Findings(_known(row[:9]), _known(row[9:])) for row in self._execute(LOOK_UP, columns)]

    def _learn(self, findings: Sequence[Findings], result: Round) -> None:
        """Follow how large a share of visitors has been known of late."""
        known = sum(each != NOTHING_KNOWN for each in findings) or len(result.findings)
        self._share_known += (known / len(findings) - self._share_known) / REMEMBERED

    def close(self) -> None:
        """Give up the connection."""
        if self._pooled is not None:
            self._pooled.invalidate()
        self._pooled = self._connection = None

    def _execute(self, text: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        """Run the statement; on a connection that has broken since, once more on a new one.

        Should the first run have committed after all, the second finds its facts as repeats and writes nothing.
        """
        if self._connection is not None:
            with contextlib.suppress(DatabaseAway):
                return self._run(text, parameters)
        return self._run(text, parameters)

    def _run(self, text: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        try:
            cursor: psycopg.Cursor[Any] = psycopg.RawCursor(self._connection or self._connect())
            return cursor.execute(text, parameters, prepare=True).fetchall()
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
        if isinstance(connection, Impatient):
            connection.patience = PATIENCE
        connection.execute(SESSION)
        return connection


def _shape(plans: Sequence[Plan]) -> Shape:
    links = {plan.identity.cookie_link for plan in plans}
    return Shape(
        changes=any(plan.identity.contact is not None for plan in plans),
        statuses=any(plan.changes for plan in plans),
        links=CookieLink.ADD in links,
        moves=CookieLink.MOVE in links,
        ended=any(plan.ended for plan in plans),
    )


def _columns(plans: Sequence[Plan], shape: Shape) -> list[str]:
    columns = _group_columns(plans) + _fact_columns(plans)
    if shape.statuses:
        columns += _change_columns(plans)
    if shape.ended:
        columns += _ended_columns(plans)
    return columns


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
        plain_array([fact.portal_id for _, fact, _ in rows]),
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
        text_array([fact.session for _, fact, _ in rows]),
    ]


def _change_columns(plans: Sequence[Plan]) -> list[str]:
    rows = [
        (place, change, submission_id)
        for place, plan in enumerate(plans)
        for change, submission_id in plan.changes
    ]
    return [
        plain_array([place for place, _, _ in rows]),
        plain_array([plans[place].group.portal_id for place, _, _ in rows]),
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
        plain_array([plans[place].group.portal_id for place, _, _ in rows]),
        plain_array([stint.number for _, stint, _ in rows]),
        plain_array([version for _, _, version in rows]),
        instant_array([stint.since for _, stint, _ in rows]),
        instant_array([stint.until for _, stint, _ in rows]),
        text_array([stint.reason_type for _, stint, _ in rows]),
        text_array([stint.reason_id for _, stint, _ in rows]),
    ]


def _read_round(plans: Sequence[Plan], rows: Sequence[tuple[Any, ...]]) -> Round:
    result = Round(configuration_version=rows[0][2])
    for row in rows:
        place: int = row[0]
        contact_id: int = row[1]
        if contact_id:
            result.written[place] = (plans[place], None if contact_id == WITHOUT_CONTACT else contact_id)
            continue
        result.findings[place] = Findings(_known(row[3:12]), _known(row[12:21]))
        if row[21] is not None:
            key, submission_id, repeated, digest = row[21:25]
            result.repeats[_hex(key)] = Earlier(_hex(submission_id), repeated, _hex(digest))
    return result


def _known(row: tuple[Any, ...]) -> Known | None:
    contact_id, version, email, status_version, number, since, until, reason_type, reason_id = row
    if contact_id is None:
        return None
    stint = Stint(number, since, until, reason_type, reason_id) if number else None
    return Known(contact_id, version, email, Standing(stint, status_version))


def _hex(text: str) -> str:
    return text.replace("-", "")
