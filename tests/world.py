"""One test's service without its processes: a database, a broker, and a time that only the test moves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from consumers.billing_count import BillingCount
from service.broker import Publisher, Topology
from service.clock import Clock
from service.configuration import Configuration
from service.domain.model import (
    Cause,
    Decision,
    Fact,
    Intent,
    ReasonType,
    Recorded,
    Source,
    Verdict,
)
from service.intake import Intake
from service.messages import StatusMessage, dump
from service.relay import Relay
from service.store import ledger, outbox, portals, proof, schema
from service.store.contact_batches import ContactBatch, Write
from service.store.proof import Proof
from service.store.session import Database
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, PORTAL, make_form, make_portal
from tests.services.plugin import Stack

on_postgresql = pytest.mark.parametrize("engine_urls", ["postgresql+rabbitmq"], indirect=True)
"""For a test that is about PostgreSQL or RabbitMQ."""
on_sqlite = pytest.mark.parametrize("engine_urls", ["sqlite+memory"], indirect=True)
"""For a test that is about SQLite or the in-memory broker."""


@dataclass
class World:
    """What a test needs of the service, with the names of its own stack."""

    stack: Stack
    database: Database
    time: datetime = NOW
    closed: list[Any] = field(default_factory=list)
    """What has to be closed at the end."""

    def now(self) -> datetime:
        return self.time

    def pass_by(self, **lapse: float) -> datetime:
        """Let time pass; returns the time then."""
        self.time += timedelta(**lapse)
        return self.time

    def furnish(self) -> None:
        """Make the portal with a form that is on and one that is off."""
        with self.database.writing() as connection:
            portals.add_portal(connection, make_portal())
            portals.save_form(connection, make_form(FORM), NOW)
            portals.save_form(connection, make_form(FORM_THAT_IS_OFF, marketing=False), NOW)

    def intake(self) -> Intake:
        """Open an intake with a cache of its own, as each process has it."""
        intake = Intake(self.database, Configuration(self.database), self.now)
        self.closed.append(intake)
        return intake

    def record(self, *facts: Fact) -> list[Recorded | Exception]:
        """Record facts as one batch; returns their outcomes in the order of the facts."""
        intake = self.intake()
        outcomes = {fact.submission_id: outcome for fact, outcome in intake.record(facts)}
        intake.close()
        return [outcomes[fact.submission_id] for fact in facts]

    def verdicts(self, *facts: Fact) -> list[Verdict | None]:
        """Record facts as one batch and return what was decided; all of them have to be kept."""
        return [outcome.verdict for outcome in self.record(*facts) if isinstance(outcome, Recorded)]

    def set_status(self, email: str, intent: Intent) -> Decision:
        """Raise or lower a contact by hand."""
        cause = Cause(intent, Source.BY_HAND, ReasonType.USER_SET, "7", actor="user:7")
        with self.database.writing() as connection:
            batch = ContactBatch(connection, portals.get_portal(connection, PORTAL), self.now())
            person = batch.by_email([email])[email]
            decision = batch.decide(person.standing, cause)
            batch.write([Write(person=person, decision=decision, cause=cause)])
        return decision

    def announce_ends(self) -> int:
        """Have the clock look once."""
        return Clock(self.database, self.now, interval=1).step()

    def take_messages(self, most: int = 10_000) -> list[StatusMessage]:
        """Take all entries out of the outbox, as a relay does, and return them."""
        with outbox.claim(self.database, most, self.now()) as messages:
            return list(messages)

    def count_up(self) -> list[StatusMessage]:
        """Bring all entries of the outbox into the ledger without a broker between; returns them."""
        messages = self.take_messages()
        BillingCount(self.database, self.now).handle([dump(message) for message in messages])
        return messages

    def count(self, at: datetime | None = None) -> int:
        """Return the portal's count, now or at a later time, by its counters."""
        with self.database.reading() as connection:
            return ledger.read_counts(connection, [PORTAL])[PORTAL].at(at or self.now())

    def proof(self) -> Proof:
        """Count the portal three ways."""
        (found,) = proof.prove(self.database, self.now(), PORTAL)
        return found

    def topology(self) -> Topology:
        return Topology(self.stack.topology.prefix)

    def publisher(self) -> Publisher:
        publisher = Publisher(self.stack.broker_url, self.topology())
        self.closed.append(publisher)
        return publisher

    def relay(self, batch: int = 500) -> Relay:
        return Relay(self.database, self.publisher(), self.now, batch=batch)

    def rows(self, table: sa.Table, *order: sa.ColumnElement[Any]) -> Sequence[sa.Row[Any]]:
        """Return all rows of a table."""
        with self.database.reading() as connection:
            return connection.execute(sa.select(table).order_by(*order)).all()

    def number_of(self, table: sa.Table) -> int:
        with self.database.reading() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

    def write(self, statement: sa.Executable) -> None:
        """Write past the service, as an error would."""
        with self.database.writing() as connection:
            connection.execute(statement)

    def close(self) -> None:
        for each in self.closed:
            each.close()
        self.database.dispose()


END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
"""Has PostgreSQL end every connection to the database but the one that asks for it."""


def break_connections(database: Database) -> None:
    """Have PostgreSQL end every connection to the database but the one that asks for it."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql(END_OTHERS)


@contextmanager
def opened_database(url: str, **options: Any) -> Iterator[Database]:
    """Open a database; its connections are closed at the end, whatever happens."""
    database = Database(url, **options)
    try:
        yield database
    finally:
        database.dispose()


def migrate(url: str) -> None:
    """Bring an empty database to the shape that the code works with."""
    with opened_database(url) as database:
        schema.migrate(database)


@contextmanager
def opened(stack: Stack) -> Iterator[World]:
    """Open the world of a stack; what it opened is closed at the end."""
    world = World(stack, Database(stack.database_url))
    try:
        yield world
    finally:
        world.close()
