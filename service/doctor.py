"""Looks into a deployment: settings, database, tables, broker, queue; each finding says how to mend it."""

import enum
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from service.broker import BILLING_COUNT, Inspection, Topology, inspect
from service.errors import InvalidInput, SealBroken, Unavailable
from service.store import dead_letters, deliveries, endpoints, external_forms, outbox, portals, schema
from service.store.session import Database
from service.vault import Vault

OLDEST_PYTHON = (3, 11)
OLD_ENTRY = 60.0


class Level(enum.StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    what: str
    detail: str
    mend: str = ""


def examine(
    database: Database,
    broker_url: str,
    topology: Topology,
    unknown: list[str],
    now: datetime,
    open_vault: Callable[[], Vault],
) -> Iterator[Finding]:
    """Look at one thing after the other; `unknown` are variables that look like settings and are none."""
    yield _python()
    for name in unknown:
        yield Finding(
            Level.WARN, "settings", f"{name} is not a setting", "see docs/settings.md for the names"
        )
    yield from _database(database, now, open_vault)
    yield from _broker(broker_url, topology)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info >= OLDEST_PYTHON:
        return Finding(Level.OK, "python", version)
    return Finding(Level.FAIL, "python", version, "use Python 3.11 or newer")


def _database(database: Database, now: datetime, open_vault: Callable[[], Vault]) -> Iterator[Finding]:
    name = database.url.render_as_string(hide_password=True)
    try:
        with database.reading() as connection:
            server = database.server_version(connection)
    except Unavailable as error:
        mend = "start it, or correct MARKETABLE_DATABASE_URL"
        yield Finding(Level.FAIL, "database", f"{name} does not answer ({error})", mend)
        return
    yield Finding(Level.OK, "database", f"{name} answers, {server}")
    durability = database.durability()
    level = Level.OK if durability.is_durable else Level.FAIL
    yield Finding(level, "durability", durability.detail, "" if durability.is_durable else durability.mend)
    current, newest = schema.current_revision(database), schema.newest_revision()
    if current != newest:
        detail = f"at {current or 'nothing'}, this version needs {newest}"
        yield Finding(Level.FAIL, "tables", detail, "run 'marketable migrate'")
        return
    yield Finding(Level.OK, "tables", f"at {current}")
    yield from _contents(database, now)
    yield from _endpoints(database, open_vault)


def _contents(database: Database, now: datetime) -> Iterator[Finding]:
    with database.reading() as connection:
        depth = outbox.depth(connection)
        letters = dead_letters.count(connection)
        number = len(portals.list_portals(connection))
    age = (now - depth.oldest).total_seconds() if depth.oldest else 0.0
    level = Level.WARN if age > OLD_ENTRY else Level.OK
    mend = "are relay and broker running?" if level is Level.WARN else ""
    yield Finding(level, "outbox", f"{depth.entries} entries, the oldest {age:.0f} s old", mend)
    if letters:
        yield Finding(Level.WARN, "dead letters", f"{letters}", "see the table dead_letter for reasons")
    if not number:
        yield Finding(Level.WARN, "portals", "none", "run 'marketable portal create'")


def _endpoints(database: Database, open_vault: Callable[[], Vault]) -> Iterator[Finding]:
    with database.reading() as connection:
        number, waiting, new = (
            endpoints.count(connection),
            deliveries.waiting(connection),
            external_forms.new(connection),
        )
    if not number:
        return
    try:
        with database.reading() as connection:
            endpoints.try_seals(connection, open_vault())
    except (SealBroken, InvalidInput) as error:
        mend = "restore the key that sealed them: no delivery is taken without it"
        yield Finding(Level.FAIL, "endpoints", f"{number}, whose secrets can't be read ({error})", mend)
        return
    yield Finding(Level.OK, "endpoints", f"{number}, their secrets can be read")
    if waiting:
        mend = "look with 'marketable delivery list', mend the cause, then run 'marketable replay'"
        yield Finding(Level.WARN, "deliveries", f"{waiting} were refused and are kept", mend)
    if new:
        yield Finding(
            Level.OK, "external forms", f"{new} are new: 'marketable external-form list --new' shows them"
        )


def _broker(url: str, topology: Topology) -> Iterator[Finding]:
    try:
        found = inspect(url, topology, BILLING_COUNT)
    except Unavailable as error:
        mend = "start it, or correct MARKETABLE_BROKER_URL"
        yield Finding(Level.FAIL, "broker", f"does not answer or refuses ({error})", mend)
        return
    yield Finding(Level.OK, "broker", found.server)
    if found.is_embedded:
        detail = "inside the worker process; what it loses the sweep sends again"
        yield Finding(Level.OK, "queue", detail)
        return
    yield from _queue(found, topology)


def _queue(found: Inspection, topology: Topology) -> Iterator[Finding]:
    confirms = Level.OK if found.confirms else Level.FAIL
    yield Finding(
        confirms, "confirms", "offered" if found.confirms else "not offered",
        "" if found.confirms else "use a broker with publisher confirms, as RabbitMQ",
    )  # fmt: skip
    name = topology.queue(BILLING_COUNT).name
    if found.refusal:
        mend = f"delete the queue {name} once it is empty, or choose another MARKETABLE_TOPOLOGY"
        yield Finding(Level.FAIL, "queue", f"{name} exists otherwise: {found.refusal}", mend)
        return
    yield Finding(Level.OK, "queue", f"{name} is a durable quorum queue, {found.messages} messages")
    if not found.consumers:
        yield Finding(Level.WARN, "consumers", "none", "run 'marketable consume billing-count'")
    if found.dead:
        yield Finding(Level.WARN, "dead queue", f"{found.dead} messages", f"look into {name}.dead")
