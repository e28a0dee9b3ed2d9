"""Records facts on PostgreSQL: guess, decide, prove.

Plans are made on a guess of what is known (at first: nothing) and sent in one statement, which commits by itself.
Where most visitors have been known of late, the guess is looked up first, which saves the second round.
The statement reads the contacts concerned, carries out the plans whose guess proves true, and returns what is
known about the others, to be planned again. Contacts are guarded by their version, cookies and once-keys by
their unique keys; groups come sorted, so that two processes take their locks in the same order.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import errors

from service.documents import dumps
from service.domain.brake import OPEN, Gate
from service.domain.identity import CookieLink, Known
from service.domain.model import Standing, Stint
from service.domain.planning import NOTHING_KNOWN, Findings, Group, Plan
from service.errors import DatabaseAway
from service.store import brakes, intake_braked
from service.store.change_columns import change_columns, ended_columns, stint_columns
from service.store.intake_statement import (
    BEGIN_AS_WRITER,
    LOOK_UP,
    LOOK_UP_LOCKED,
    SESSION,
    Shape,
    statement,
)
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
        braked: Collection[int] = (),
    ) -> Round:
        """See `Recorder`; a guess is planned before anything is read."""
        findings = [findings for _, findings in guesses]
        groups = [group for group, _ in guesses]
        if braked:
            return self._attempt_braked(groups, planner, configuration_version, now, braked)
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

    def _attempt_braked(
        self,
        groups: Sequence[Group],
        planner: Planner,
        configuration_version: int,
        now: datetime,
        braked: Collection[int],
    ) -> Round:
        """Record in a transaction of several statements, on a connection that others use, too."""
        try:
            with self._database.writing() as connection, _patient(connection) as cursor:
                cursor.execute(BEGIN_AS_WRITER)
                gates = brakes.lock_rows(connection, braked)
                result = _write_under_locks(cursor, groups, planner, configuration_version, now, gates)
                intake_braked.keep(connection, gates, result, now)
                return result
        except intake_braked.HeldInVain as found:
            return replace(found.result, written={})
        except CONTENTION as error:
            raise Contention(type(error).__name__) from error
        except (psycopg.OperationalError, psycopg.InterfaceError, *AWAY) as error:
            raise DatabaseAway(type(error).__name__) from error

    def _look_up(self, groups: Sequence[Group]) -> list[Findings]:
        """Read what is known before planning: two small statements cost less than the large one twice."""
        return [_findings(row) for row in self._execute(LOOK_UP, _look_up_columns(groups))]

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


def _write_under_locks(
    cursor: psycopg.Cursor[Any],
    groups: Sequence[Group],
    planner: Planner,
    configuration_version: int,
    now: datetime,
    gates: Mapping[int, Gate],
) -> Round:
    """Decide under the locks of brakes and contacts, and write what was decided.

    Of two groups that lead to one contact the later one is left for another round, on what the first one left.
    """
    rows = cursor.execute(LOOK_UP_LOCKED, _look_up_columns(groups), prepare=True).fetchall()
    plans: dict[int, Plan] = {}
    taken: set[int] = set()
    for place in intake_braked.in_order_of_arrival(groups):
        findings = _findings(rows[place])
        ids = {known.contact_id for known in (findings.by_email, findings.by_cookie) if known is not None}
        if taken.isdisjoint(ids):
            plans[place] = planner(groups[place], findings, gates.get(groups[place].portal_id, OPEN))
            taken |= ids
    places = sorted(plans)
    ordered = [plans[place] for place in places]
    shape = _shape(ordered)
    parameters = [configuration_version, now, *_columns(ordered, shape)]
    result = _read_round(ordered, cursor.execute(statement(shape), parameters, prepare=True).fetchall())
    result = intake_braked.at(places, result)
    intake_braked.check(plans, result, now)
    return result


@contextlib.contextmanager
def _patient(connection: sa.Connection) -> Iterator[psycopg.Cursor[Any]]:
    """Give the driver's cursor; the server may take as long as for other batches, whatever else is said for it."""
    driver: Any = connection.connection.driver_connection
    patience, driver.patience = driver.patience, PATIENCE
    try:
        yield psycopg.RawCursor(driver)
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, CONTENTION):
            raise Contention(type(error.orig).__name__) from error
        raise
    finally:
        driver.patience = patience


def _look_up_columns(groups: Sequence[Group]) -> list[str]:
    return [
        plain_array(range(len(groups))),
        plain_array([group.portal_id for group in groups]),
        text_array([group.email for group in groups]),
        text_array([group.cookie for group in groups]),
    ]


def _findings(row: tuple[Any, ...]) -> Findings:
    return Findings(_known(row[:9]), _known(row[9:]))


def _shape(plans: Sequence[Plan]) -> Shape:
    links = {plan.identity.cookie_link for plan in plans}
    return Shape(
        changes=any(plan.identity.contact is not None for plan in plans),
        statuses=any(plan.changes for plan in plans),
        links=CookieLink.ADD in links,
        moves=CookieLink.MOVE in links,
        ended=any(plan.ended for plan in plans),
        due=any(plan.is_watched for plan in plans),
    )


def _columns(plans: Sequence[Plan], shape: Shape) -> list[str]:
    columns = _group_columns(plans) + _fact_columns(plans)
    if shape.statuses:
        columns += change_columns(
            [
                (place, plan.group.portal_id, change, submission_id)
                for place, plan in enumerate(plans)
                for change, submission_id in plan.changes
            ]
        )
    if shape.ended:
        columns += ended_columns(
            [
                (place, plan.group.portal_id, stint, version)
                for place, plan in enumerate(plans)
                for stint, version in plan.ended
            ]
        )
    if shape.due:
        watched = [(place, plan.group.portal_id) for place, plan in enumerate(plans) if plan.is_watched]
        columns += [plain_array([place for place, _ in watched]), plain_array([of for _, of in watched])]
    return columns


def _group_columns(plans: Sequence[Plan]) -> list[str]:
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
        text_array([plan.identity.email for plan in plans]),
        plain_array([plan.identity.creates for plan in plans]),
        text_array([dumps(plan.properties) for plan in plans]),
        plain_array([plan.standing.version for plan in plans]),
        *stint_columns([plan.standing.stint for plan in plans]),
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
