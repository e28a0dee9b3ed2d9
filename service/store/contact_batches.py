"""Changes many contacts of one portal in the caller's transaction: what bulk, imports, workflows and people do.

Guarantees: contacts are locked in the order of their numbers before anything is decided about them; a status change,
its entry in the outbox and its contact are written together; new contacts never take an address that somebody has.
Submissions do not come this way: they have `service.intake`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.documents import dumps
from service.domain.billing import Product, next_update_date
from service.domain.brake import BrakeGate, Gate, HeldRaise, OpenGate
from service.domain.identity import Known
from service.domain.marketing import decide
from service.domain.model import (
    NEVER_MARKETING,
    Cause,
    Decision,
    Default,
    ReasonType,
    Standing,
    Stint,
    Verdict,
)
from service.domain.portals import Portal
from service.store import brakes, change_columns, workflow_due
from service.store.intake_statement import CHANGE, ENDED
from service.store.literals import plain_array, text_array
from service.store.outbox import WAKE_UP_CHANNEL
from service.store.sqlite_rows import as_text, keep_change, keep_ended, stint_columns
from service.store.tables import contact

BY_INDEX = sa.text(
    "SELECT set_config(name, 'off', true)"
    " FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) AS name"
)
"""For the transaction: plans made while the tables were small must not outlive that."""


HAVE_ID = sa.text("contact.id = ANY (ARRAY(SELECT unnest(CAST(:these AS bigint[]))))")
HAVE_EMAIL = sa.text(
    "contact.id = ANY (ARRAY(SELECT found.id FROM unnest(CAST(:these AS text[])) AS wanted (email)"
    " CROSS JOIN LATERAL (SELECT one.id FROM contact AS one"
    " WHERE one.portal_id = :here AND one.email = wanted.email OFFSET 0) AS found))"
)
"""Each value is looked up in its index, whatever the server believes of the table.

Told a plain list, it reads the whole portal where it knows of few rows, as it does of a table that is being filled.
"""
Condition = sa.ColumnElement[bool] | sa.TextClause
NOT_ASKED = OpenGate()
ENDINGS = frozenset({Verdict.STINT_ENDED, Verdict.ENDED_AT_ONCE})


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as it is under its lock."""

    known: Known
    properties: Mapping[str, str]
    row: Any
    """The whole row of `contact`."""

    @property
    def standing(self) -> Standing:
        """Where the contact stands."""
        return self.known.standing

    @property
    def is_live(self) -> bool:
        """Whether the contact is neither deleted, nor erased, nor merged into another."""
        return self.row.deleted_at is None and self.row.merged_into is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What becomes of one contact; one without `person` is made."""

    person: Person | None = None
    email: str | None = None
    """Of a contact to be made, or the new address of one that is there, which nobody else has; normalised."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Set on top of those it has."""
    restores: bool = False
    """A deleted contact is back."""
    decision: Decision | None = None
    cause: Cause | None = None
    """Of the decision; a raise that is held is kept with it."""
    submission_id: str | None = None
    """The submission that asked for it, if it was one."""

    @property
    def before(self) -> Standing:
        """Where the contact stood."""
        return self.person.standing if self.person else NEVER_MARKETING

    @property
    def after(self) -> Standing:
        """Where it stands then."""
        return self.decision.standing if self.decision else self.before

    @property
    def is_news(self) -> bool:
        """Whether the decision leaves anything to write: a change, or a raise that is held."""
        decision = self.decision
        return decision is not None and (decision.change is not None or decision.verdict is Verdict.HELD)

    @property
    def is_by_workflow(self) -> bool:
        """Whether a workflow has set the status: that is no change to run workflows on, so none can loop."""
        return self.cause is not None and self.cause.reason_type is ReasonType.WORKFLOW

    @property
    def announces(self) -> bool:
        """Whether the status change itself says that the stint has ended."""
        return self.decision is not None and self.decision.verdict in ENDINGS


@dataclass(slots=True)
class ContactBatch:
    """Contacts of one portal that one transaction changes."""

    connection: sa.Connection
    portal: Portal
    """As this transaction has read it: it tells whether changes are noted for workflows."""
    now: datetime
    gate: Gate = field(default=NOT_ASKED)
    """What raises have to pass. If none is given, the portal's brake is locked here: so make the batch first."""
    update_date: datetime | None = field(default=None, init=False)
    """The portal's next one, from the first decision on."""
    locks: bool = True
    """False for who only reads and decides, on a gate of its own, and never writes."""

    def __post_init__(self) -> None:
        if self.gate is NOT_ASKED:
            self.gate = brakes.lock(self.connection, self.portal.id)

    def by_id(self, ids: Collection[int]) -> dict[int, Person]:
        """Lock the contacts with these numbers and return them by number; others are left out."""
        return {person.known.contact_id: person for person in self._lock(self._have_id(ids))}

    def by_email(self, emails: Collection[str]) -> dict[str, Person]:
        """Lock the contacts that these addresses lead to and return them by address; others are left out.

        The address of a contact that merged into another leads to the other.
        """
        wanted = set(emails)
        # One may have had its address changed between the look and the lock.
        found = [person for person in self._lock(self._have_email(wanted)) if person.row.email in wanted]
        others = {person.row.merged_into for person in found if person.row.merged_into is not None}
        primary = self.by_id(others) if others else {}
        return {
            person.row.email: primary.get(person.row.merged_into, person) if others else person
            for person in found
        }

    def decide(self, standing: Standing, cause: Cause, *, is_new: bool = False) -> Decision:
        """Decide by the rules, and ask the brake; a held raise leaves the contact as it stands.

        Without a product no default raises (rule 9).
        """
        if self.portal.product is Product.NONE:
            cause = replace(cause, default=Default(on=False))
        if self.update_date is None:
            self.update_date = next_update_date(self.portal.subscription, self.now)
        decision = decide(standing, cause, is_new=is_new, now=self.now, update_date=self.update_date)
        return self.gate.admit(standing, decision, cause, self.now)

    def write(self, writes: Sequence[Write]) -> list[int | None]:
        """Write, and return each contact's number: None for a new one whose address was taken meanwhile.

        Nothing is written for those; the caller reads them and decides again.
        """
        if self.connection.dialect.name == "sqlite":
            ids = self._write_sqlite(writes)
        else:
            ids = self._write_postgresql(writes)
        if isinstance(self.gate, BrakeGate):
            self._keep_count(self.gate, zip(ids, writes, strict=True))
        if self.portal.runs_workflows:
            written = zip(ids, writes, strict=True)
            changed = [number for number, each in written if number and not each.is_by_workflow]
            workflow_due.note(self.connection, changed, self.now)
        return ids

    def _keep_count(self, gate: BrakeGate, written: Iterable[tuple[int | None, Write]]) -> None:
        outcomes = []
        for contact_id, each in written:
            if contact_id is not None:
                outcomes.append(_outcome(contact_id, each))
            elif each.decision is not None and each.decision.change is not None:
                gate.take_back(each.decision.change.cause)
        brakes.keep(self.connection, gate, outcomes, self.now)

    def _have_id(self, ids: Collection[int]) -> Condition:
        if self.connection.dialect.name == "sqlite":
            return contact.c.id.in_(ids)
        return HAVE_ID.bindparams(these=plain_array(ids))

    def _have_email(self, emails: Collection[str]) -> Condition:
        if self.connection.dialect.name == "sqlite":
            return contact.c.email.in_(emails)
        return HAVE_EMAIL.bindparams(these=text_array(emails), here=self.portal.id)

    def _lock(self, condition: Condition) -> list[Person]:
        query = (
            sa.select(contact).where(contact.c.portal_id == self.portal.id, condition).order_by(contact.c.id)
        )
        query = query.with_for_update() if self.locks else query
        if self.connection.dialect.name != "sqlite":
            self.connection.execute(BY_INDEX)
        return [person_from(row) for row in self.connection.execute(query)]

    def _write_sqlite(self, writes: Sequence[Write]) -> list[int | None]:
        driver: Any = self.connection.connection.driver_connection
        cursor, at, ids = driver.cursor(), as_text(self.now), list[int | None]()
        for each in writes:
            status = (each.after.version, *stint_columns(each.after.stint))
            properties = dumps(dict(each.properties))
            if each.person is None:
                row = (self.portal.id, each.email, properties, at, at, *status)
                cursor.execute(CREATE_ON_SQLITE, row)
                contact_id = cursor.lastrowid if cursor.rowcount else None
            else:
                contact_id = each.person.known.contact_id
                options = (each.email, each.restores, properties, at, each.announces, each.after.version)
                cursor.execute(CHANGE_ON_SQLITE, (*options, *status, contact_id))
            ids.append(contact_id)
            if contact_id is None or each.decision is None:
                continue
            if each.decision.change is not None:
                keep_change(cursor, contact_id, self.portal.id, each.decision.change, each.submission_id)
            if each.decision.ended is not None:
                keep_ended(cursor, contact_id, self.portal.id, each.decision.ended, each.before.version)
        cursor.close()
        return ids

    def _write_postgresql(self, writes: Sequence[Write]) -> list[int | None]:
        self.connection.execute(BY_INDEX)
        made = self._create([each for each in writes if each.person is None])
        self._change([each for each in writes if each.person is not None])
        ids = [each.person.known.contact_id if each.person else made.get(each.email) for each in writes]
        decided = [
            (number, each, each.decision)
            for number, each in zip(ids, writes, strict=True)
            if number is not None and each.decision is not None
        ]
        changes = [
            (number, self.portal.id, decision.change, each.submission_id)
            for number, each, decision in decided
            if decision.change
        ]
        if changes:
            self._send(KEEP_CHANGES, CHANGE, change_columns.change_columns(changes))
        ended = [
            (number, self.portal.id, decision.ended, each.before.version)
            for number, each, decision in decided
            if decision.ended
        ]
        if ended:
            self._send(KEEP_ENDED, ENDED, change_columns.ended_columns(ended))
        return ids

    def _create(self, writes: Sequence[Write]) -> dict[str | None, int]:
        if not writes:
            return {}
        rows = self._send(CREATE, CONTACT, self._contact_columns(writes))
        return {row.email: row.id for row in rows}

    def _change(self, writes: Sequence[Write]) -> None:
        if writes:
            ids = plain_array([each.person.known.contact_id for each in writes if each.person])
            self._send(
                CHANGE_CONTACTS, {"contact_id": "bigint", **CONTACT}, [ids, *self._contact_columns(writes)]
            )

    def _contact_columns(self, writes: Sequence[Write]) -> list[str]:
        standings = [each.after for each in writes]
        return [
            text_array([each.email for each in writes]),
            plain_array([each.restores for each in writes]),
            plain_array([each.announces for each in writes]),
            text_array([dumps(dict(each.properties)) for each in writes]),
            plain_array([standing.version for standing in standings]),
            *change_columns.stint_columns([standing.stint for standing in standings]),
        ]

    def _send(self, statement: str, kinds: Mapping[str, str], columns: Iterable[str]) -> Sequence[Any]:
        """Run a statement on a set of rows `x`, given as one array for each column."""
        arrays = ", ".join(f"CAST(:c{place} AS {kind}[])" for place, kind in enumerate(kinds.values()))
        rows = f"unnest({arrays}) AS x({', '.join(kinds)})"
        values = {f"c{place}": column for place, column in enumerate(columns)}
        query = sa.text(statement.replace("ROWS", rows))
        result = self.connection.execute(query, {**values, "portal_id": self.portal.id, "now": self.now})
        return result.all() if result.returns_rows else []


def _outcome(contact_id: int, write: Write) -> brakes.Outcome:
    decision, cause = write.decision, write.cause
    held: tuple[HeldRaise, ...] = ()
    if decision is not None and decision.verdict is Verdict.HELD and cause is not None:
        held = (HeldRaise(cause, decision.limit, write.submission_id),)
    changes = (decision.change,) if decision is not None and decision.change is not None else ()
    return brakes.Outcome(contact_id, write.before, write.after, changes, held)


def person_from(row: Any) -> Person:
    """Return the contact that a row of the table holds."""
    stint = None
    if row.stint:
        stint = Stint(row.stint, row.since, row.until, row.reason_type, row.reason_id)
    known = Known(row.id, row.version, row.email, Standing(stint, row.status_version))
    return Person(known, row.properties, row)


CONTACT = {
    "email": "text",
    "restores": "bool",
    "announces": "bool",
    "properties": "text",
    "status_version": "int",
    "stint": "int",
    "since": "timestamptz",
    "until": "timestamptz",
    "reason_type": "text",
    "reason_id": "text",
}
CREATE = """
    INSERT INTO contact (portal_id, email, version, properties, created_at, updated_at,
                         status_version, stint, since, until, reason_type, reason_id)
    SELECT :portal_id, email, 1, CAST(properties AS jsonb), :now, :now,
           status_version, stint, since, until, reason_type, reason_id
      FROM ROWS
    ON CONFLICT (portal_id, email) DO NOTHING
    RETURNING id, email
"""
CHANGE_CONTACTS = """
    UPDATE contact SET
           version = contact.version + 1,
           email = coalesce(x.email, contact.email),
           deleted_at = CASE WHEN x.restores THEN NULL ELSE contact.deleted_at END,
           properties = contact.properties || CAST(x.properties AS jsonb),
           updated_at = :now,
           status_version = x.status_version, stint = x.stint, since = x.since, until = x.until,
           reason_type = x.reason_type, reason_id = x.reason_id,
           end_announced = x.announces OR contact.end_announced AND contact.status_version = x.status_version
      FROM ROWS WHERE contact.id = x.contact_id
"""
KEEP_CHANGES = f"""
    WITH x AS MATERIALIZED (SELECT * FROM ROWS),
    kept AS (
        INSERT INTO status_change (contact_id, {", ".join([*list(CHANGE)[2:], "portal_id"])})
        SELECT place, {", ".join([*list(CHANGE)[2:], "portal_id"])} FROM x
    ),
    queued AS (
        INSERT INTO outbox (contact_id, version, created_at) SELECT place, version, at FROM x RETURNING 1
    )
    SELECT pg_notify('{WAKE_UP_CHANNEL}', '') FROM queued LIMIT 1
"""
KEEP_ENDED = f"""
    INSERT INTO ended_stint (contact_id, {", ".join(list(ENDED)[1:])})
    SELECT place, {", ".join(list(ENDED)[1:])} FROM ROWS
"""
CREATE_ON_SQLITE = """INSERT INTO contact (portal_id, email, version, properties, created_at, updated_at,
    status_version, stint, since, until, reason_type, reason_id)
    VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (portal_id, email) DO NOTHING"""
CHANGE_ON_SQLITE = """UPDATE contact SET version = version + 1, email = coalesce(?, email),
    deleted_at = CASE WHEN ? THEN NULL ELSE deleted_at END, properties = json_patch(properties, ?),
    updated_at = ?, end_announced = ? OR end_announced AND status_version = ?,
    status_version = ?, stint = ?, since = ?, until = ?, reason_type = ?, reason_id = ? WHERE id = ?"""
