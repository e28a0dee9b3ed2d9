"""Relay and consumer, in messages per second, against kombu alone; round by round on real entries and messages."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from bench import bare
from bench.machine import Watch
from bench.plan import Plan
from bench.report import Bar, Figure, Report, Section, ratio
from bench.stage import Stage, bench_form, furnish, say
from bench.traffic import body
from consumers.billing_count import BillingCount
from consumers.outcome import Handled, Outcome
from consumers.runner import Runner
from service.broker import BILLING_COUNT, Publisher, Topology, connect, declare
from service.configuration import Configuration
from service.instants import utc_now
from service.intake import Intake
from service.messages import dump
from service.relay import Relay
from service.store import outbox
from service.store.proof import prove
from service.store.session import Database
from service.web.hubspot.deliveries import make_fact
from service.web.hubspot.parsing import parse_submission

BATCH = bare.BATCH
CONSUME_SECONDS = 60.0
RELAY, CONSUMER = "relay", "billing count"
BATCHED, SINGLE, CONSUMED = (
    "kombu, confirms per 500",
    "kombu, confirm of each",
    "kombu, acknowledging per 500",
)
TO_BATCHED = (Bar(0.75, "goal"), Bar(1.0, "stretch"))
TO_SINGLE = (Bar(6, "goal"), Bar(8, "stretch"))
TO_CONSUMED = (Bar(0.7, "goal"), Bar(0.85, "stretch"))
QUEUE_AGAIN = (
    "TRUNCATE outbox",
    """
    INSERT INTO outbox (contact_id, version, created_at)
    SELECT contact_id, version, at FROM status_change ORDER BY contact_id
    """,
    "ANALYZE outbox",
)
FORGET_LEDGER = ("TRUNCATE ledger_line, ledger_counter, ledger_hour, notice, spike",)


@dataclass(frozen=True, slots=True)
class Pipe:
    """Status changes that can be sent again and again, and queues to send them to."""

    watch: Watch
    database: Database
    url: str
    ours: Topology
    kombus: Topology
    bodies: list[bytes]
    """One message for each status change."""

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction."""
        with self.database.writing() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def empty_queues(self) -> None:
        """Throw away what waits in the queues."""
        connection = connect(self.url)
        with connection.channel() as channel:
            for topology in (self.ours, self.kombus):
                topology.queue(BILLING_COUNT)(channel).purge()
        connection.release()

    def fill_queue(self, topology: Topology) -> None:
        """Put every message into a queue."""
        bare.publish_in_batches(self.url, topology, self.bodies)


@contextmanager
def open_pipe(stage: Stage, plan: Plan) -> Iterator[Pipe]:
    """Record contacts through the intake, and declare the queues; all of it goes at the end."""
    url, names = stage.postgres_database(), [stage.topology(), stage.topology()]
    database = furnish(url)
    try:
        ours, kombus = (Topology(each.prefix) for each in names)
        connection = connect(names[0].broker_url)
        for topology in (ours, kombus):
            declare(connection, topology)
        connection.release()
        say(f"recording {plan.messages} contacts for relay and consumer")
        bodies = _record_contacts(database, plan.messages)
        yield Pipe(stage.watch, database, names[0].broker_url, ours, kombus, bodies)
    finally:
        for each in names:
            each.delete()
        database.dispose()
        stage.drop(url)


def _record_contacts(database: Database, number: int) -> list[bytes]:
    """Record so many new contacts; returns the messages about them."""
    form, now = bench_form(), utc_now()
    intake = Intake(database, Configuration(database), utc_now)
    milliseconds = int(now.timestamp() * 1_000)
    for first in range(0, number, BATCH):
        contacts = range(first, min(first + BATCH, number))
        parsed = [parse_submission(body(each, each, milliseconds), form, now) for each in contacts]
        facts = [make_fact(form, submission, now, None) for submission in parsed]
        failed = [outcome for _, outcome in intake.record(facts) if isinstance(outcome, Exception)]
        if failed:
            raise failed[0]
    intake.close()
    with database.writing() as connection:
        connection.execute(text("ANALYZE"))
    with outbox.claim(database, number, now) as messages:
        return [dump(message) for message in messages]


def measure_relay(pipe: Pipe, plan: Plan, report: Report) -> None:
    """Measure the relay against publishing alone."""
    rates: dict[str, list[float]] = {RELAY: [], BATCHED: [], SINGLE: []}
    for number in pipe.watch.rounds(plan.rounds):
        pipe.execute(QUEUE_AGAIN)
        rates[RELAY].append(_relay(pipe))
        rates[BATCHED].append(bare.publish_in_batches(pipe.url, pipe.kombus, pipe.bodies))
        rates[SINGLE].append(bare.publish_singly(pipe.url, pipe.kombus, pipe.bodies[: plan.single]))
        pipe.empty_queues()
        say(f"relay: round {number}, " + _last(rates))
    section = Section(
        f"Relay: {len(pipe.bodies)} outbox entries from PostgreSQL to a quorum queue, per round"
    )
    section.figures += [Figure(name, tuple(values)) for name, values in rates.items()]
    section.figures.append(ratio(f"{RELAY} / {BATCHED}", rates[RELAY], rates[BATCHED], TO_BATCHED))
    section.figures.append(ratio(f"{RELAY} / {SINGLE}", rates[RELAY], rates[SINGLE], TO_SINGLE))
    section.notes.append(f"bodies of {len(pipe.bodies[0])} bytes, persistent")
    section.notes.append(pipe.watch.note())
    section.was_quiet = pipe.watch.was_quiet
    report.sections.append(section)


def measure_consumer(pipe: Pipe, plan: Plan, report: Report) -> None:
    """Measure the billing count against consuming alone, and prove the count of each round."""
    rates: dict[str, list[float]] = {CONSUMER: [], CONSUMED: []}
    section = Section(f"Consumer: {len(pipe.bodies)} messages from a quorum queue into the ledger, per round")
    for number in pipe.watch.rounds(plan.rounds):
        pipe.execute(FORGET_LEDGER)
        pipe.fill_queue(pipe.ours)
        rates[CONSUMER].append(_consume(pipe))
        _prove(pipe, number, section, report)
        pipe.fill_queue(pipe.kombus)
        rates[CONSUMED].append(bare.consume(pipe.url, pipe.kombus, len(pipe.bodies)))
        pipe.empty_queues()
        say(f"consumer: round {number}, " + _last(rates))
    section.figures += [Figure(name, tuple(values)) for name, values in rates.items()]
    section.figures.append(ratio(f"{CONSUMER} / {CONSUMED}", rates[CONSUMER], rates[CONSUMED], TO_CONSUMED))
    section.notes.append(pipe.watch.note())
    section.was_quiet = pipe.watch.was_quiet
    report.sections.append(section)


def _relay(pipe: Pipe) -> float:
    """Publish the whole outbox; returns entries per second."""
    publisher = Publisher(pipe.url, pipe.ours)
    relay = Relay(pipe.database, publisher, utc_now, batch=BATCH)
    published, began = 0, time.perf_counter()
    while step := relay.step():
        published += step
    seconds = time.perf_counter() - began
    publisher.close()
    if published != len(pipe.bodies):
        raise RuntimeError(f"the relay published {published} of {len(pipe.bodies)} entries")
    return published / seconds


class _Counting:
    """The billing count, and when it had handled everything."""

    def __init__(self, pipe: Pipe) -> None:
        self._handler = BillingCount(pipe.database, utc_now)
        self._left = len(pipe.bodies)
        self.is_done = threading.Event()
        self.done_at = 0.0

    def handle(self, bodies: Sequence[bytes]) -> list[Handled]:
        """Hand the messages on."""
        outcomes = self._handler.handle(bodies)
        self._left -= sum(1 for handled in outcomes if handled.outcome is Outcome.ACK)
        if self._left <= 0:
            self.done_at = time.perf_counter()
            self.is_done.set()
        return outcomes


def _consume(pipe: Pipe) -> float:
    """Apply all messages of the queue; returns messages per second, connecting included."""
    counting, stop = _Counting(pipe), threading.Event()
    runner = Runner(BILLING_COUNT, counting, pipe.database, pipe.url, pipe.ours, utc_now, batch=BATCH)
    thread = threading.Thread(target=runner.run, args=(stop,), daemon=True)
    began = time.perf_counter()
    thread.start()
    is_done = counting.is_done.wait(CONSUME_SECONDS)
    stop.set()
    thread.join(CONSUME_SECONDS)
    if not is_done:
        raise RuntimeError(f"the billing count was not through after {CONSUME_SECONDS:g} s")
    return len(pipe.bodies) / (counting.done_at - began)


def _prove(pipe: Pipe, number: int, section: Section, report: Report) -> None:
    for each in prove(pipe.database, utc_now()):
        section.notes.append(f"round {number}: count {each.by_counter}, difference: {each.difference}")
        if each.difference or each.by_counter != len(pipe.bodies):
            report.problems.append(f"consumer, round {number}: the count is not proved: {each}")


def _last(rates: dict[str, list[float]]) -> str:
    return ", ".join(f"{name} {values[-1]:.0f}/s" for name, values in rates.items())
