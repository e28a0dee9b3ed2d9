"""What every process says of itself: whether it lives, whether it can work, and its figures."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service import __version__
from service.errors import Unavailable
from service.store import held, ledger, outbox, portals, schema, workflow_due
from service.store.session import Database

PASS, WARN, FAIL = "pass", "warn", "fail"
WORST = {PASS: 0, WARN: 1, FAIL: 2}
OLD_ENTRY = 60.0
"""Age in seconds of the oldest outbox entry from which health warns."""

Check = dict[str, Any]
Checks = Mapping[str, Callable[[], Check]]
"""By name, as `broker:connection`."""


@dataclass(slots=True)
class Health:
    """The checks of one process."""

    process: str
    database: Database
    now: Callable[[], datetime]
    further: Checks = field(default_factory=dict)
    """Checks of the process's own, by name."""

    def is_ready(self) -> tuple[bool, str]:
        """Whether the database answers and has the tables of this version."""
        try:
            revision = schema.current_revision(self.database)
        except Unavailable as error:
            return False, error.reason
        if revision != schema.newest_revision():
            return False, "migration_missing"
        return True, ""

    def report(self) -> dict[str, Any]:
        """Return all checks in the form of `application/health+json`."""
        checks = {"database:responseTime": [self._database()], "outbox:age": [self._outbox()]}
        checks |= {name: [check()] for name, check in self.further.items()}
        worst = max((each[0]["status"] for each in checks.values()), key=WORST.__getitem__)
        return {
            "status": worst,
            "version": "1",
            "releaseId": __version__,
            "serviceId": f"marketable-{self.process}",
            "checks": checks,
        }

    def _database(self) -> Check:
        began = time.perf_counter()
        try:
            with self.database.reading() as connection:
                portals.version(connection)
        except Unavailable as error:
            return {"componentType": "datastore", "status": FAIL, "output": error.reason}
        milliseconds = round((time.perf_counter() - began) * 1000, 2)
        return {
            "componentType": "datastore",
            "status": PASS,
            "observedValue": milliseconds,
            "observedUnit": "ms",
        }

    def _outbox(self) -> Check:
        try:
            with self.database.reading() as connection:
                depth = outbox.depth(connection, most=100_000)
        except Unavailable as error:
            return {"componentType": "component", "status": FAIL, "output": error.reason}
        return {**_age(depth.oldest, self.now(), OLD_ENTRY), "entries": depth.entries}


def age_check(
    database: Database,
    now: Callable[[], datetime],
    oldest: Callable[[Any, datetime], datetime | None],
    longest: float,
) -> Callable[[], Check]:
    """Return the check that warns when something has waited longer than so many seconds.

    `oldest` reads, on a connection, since when what has waited longest waits; None when nothing does.
    """

    def check() -> Check:
        at = now()
        try:
            with database.reading() as connection:
                since = oldest(connection, at)
        except Unavailable as error:
            return {"componentType": "component", "status": FAIL, "output": error.reason}
        return _age(since, at, longest)

    return check


def _age(since: datetime | None, now: datetime, longest: float) -> Check:
    age = max((now - since).total_seconds(), 0.0) if since else 0.0
    return {
        "componentType": "component",
        "status": WARN if age > longest else PASS,
        "observedValue": round(age, 3),
        "observedUnit": "s",
    }


@dataclass(frozen=True, slots=True)
class Figures:
    """What is read from the database when metrics are asked for."""

    outbox_entries: int
    outbox_age: float
    counts: dict[int, tuple[int, int]]
    """Portal id to (count, tier)."""
    held: dict[int, int]
    """Portal id to raises that a brake holds."""
    workflows_age: float
    """How many seconds the contact that has waited longest for workflows has waited."""


def figures(database: Database, now: datetime) -> Figures:
    """Read the figures; raises Unavailable."""
    with database.reading() as connection:
        depth = outbox.depth(connection, most=100_000)
        known = portals.list_portals(connection)
        counts = ledger.read_counts(connection, [portal.id for portal in known], now)
        waiting = held.count_all(connection)
        due = workflow_due.longest(connection)
    age = (now - depth.oldest).total_seconds() if depth.oldest else 0.0
    by_portal = {portal.id: (counts[portal.id].at(now), portal.tier) for portal in known}
    waited = (now - due.since).total_seconds() if due else 0.0
    of_portals = {each.id: waiting.get(each.id, 0) for each in known}
    return Figures(depth.entries, max(age, 0.0), by_portal, of_portals, max(waited, 0.0))
