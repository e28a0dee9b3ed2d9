"""Statements of closed periods: made when the ledger is provably complete, and never changed once issued.

In time, for each portal and each period that has ended, oldest first:

1. Wait `GRACE` after its end: longer than any transaction that began before it may last.
2. Prove that the ledger has all that happened before its end; if not, wait, and say so (`statement_waits`).
3. Cut: close the period under the portal's lock, and take a view of the ledger while it is held. Whatever comes from
   then on becomes an adjustment. The subscription's renewal, if the period ends with one, is done in the same moment.
4. Draw number, split and digest from that view, and issue them.

Guarantee: an issued statement is exactly what the ledger had at the cut, however many make statements and wherever
one of them is stopped. Number and adjustments of a period sum to what the lines say today.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from service.domain.portals import Portal
from service.errors import InvalidInput, NotFound, Unavailable
from service.health import PASS, WARN, Check, Checks
from service.observe import RENEWALS, STATEMENTS, STATEMENTS_WAITING
from service.store import adjustments, completeness, portals, rederiving, statements
from service.store.adjustments import Adjustments
from service.store.rederiving import Derived, Difference
from service.store.session import Database
from service.store.statements import Cut, Drawn, Due

GRACE = timedelta(minutes=2)
"""More than a statement may run and a request may wait for its commit, together."""
INTERVAL = 60.0
"""Seconds between looks. A period ends once a month: a look is one small query."""
PAGE = 10_000
"""Contacts that are read at once."""

log = structlog.get_logger()


class StatementMaker:
    """Issues what is due now and then; several may run. For one thread."""

    def __init__(self, database: Database, now: Callable[[], datetime], interval: float = INTERVAL) -> None:
        self._database = database
        self._now = now
        self._interval = interval
        self.waiting = 0
        """Portals whose next statement could not be issued at the last look, though its period has ended."""

    def run(self, stop: threading.Event) -> None:
        """Issue statements until `stop`."""
        while not stop.is_set():
            try:
                self.step(stop)
            except Unavailable as error:
                log.warning("statements_paused", reason=error.reason)
            stop.wait(self._interval)

    def step(self, stop: threading.Event | None = None) -> int:
        """Issue all statements that are due and can be issued; returns how many."""
        issued, waiting, goes_on = 0, set[int](), True
        while goes_on:
            goes_on = False
            with self._database.reading() as connection:
                due = statements.due(connection, self._now() - GRACE)
            for each in due:
                if stop and stop.is_set():
                    return issued
                if each.portal.id in waiting:
                    continue
                if self._is_ready(each) and self._make(each):
                    issued, goes_on = issued + 1, True
                else:
                    waiting.add(each.portal.id)
        self.waiting = len(waiting)
        STATEMENTS_WAITING.set(self.waiting)
        return issued

    def _is_ready(self, due: Due) -> bool:
        if due.is_closed:
            return True
        lacking = completeness.lacking(self._database, due.portal.id, due.period.ends_at)
        if lacking:
            log.warning(
                "statement_waits",
                portal_id=due.portal.id,
                ends_at=due.period.ends_at.isoformat(),
                lacking=lacking,
            )
        return lacking == 0

    def _make(self, due: Due) -> bool:
        made = cut(self._database, due, self._now())
        if made is None:
            return False
        begun, drawn = made
        _report_renewal(begun)
        with self._database.writing() as connection:
            issued = statements.issue(connection, begun, drawn, self._now())
        if issued:
            STATEMENTS.inc()
            log.info(
                "statement_issued",
                portal_id=due.portal.id,
                ends_at=due.period.ends_at.isoformat(),
                contacts=drawn.contacts,
            )
        return issued


def cut(database: Database, due: Due, now: datetime) -> tuple[Cut, Drawn] | None:
    """Close a period and draw its numbers from the ledger as it is at that moment; None when another has done it."""
    with ExitStack() as stack:
        with database.writing() as connection:
            begun = statements.begin(connection, due, now)
            if begun is None:
                return None
            view = stack.enter_context(database.reading())
            statements.look(view)
        return begun, statements.draw(view, due.portal.id, due.period.ends_at)


def waiting_check(maker: StatementMaker) -> Checks:
    """Return the check of health that warns while a statement waits."""

    def waiting() -> Check:
        status = WARN if maker.waiting else PASS
        return {"componentType": "component", "status": status, "observedValue": maker.waiting}

    return {"statements:waiting": waiting}


def _report_renewal(begun: Cut) -> None:
    renewed = begun.renewed
    if renewed is None:
        return
    RENEWALS.inc()
    log.info(
        "subscription_renewed",
        portal_id=begun.portal.id,
        renewal=begun.period.ends_at.isoformat(),
        before=renewed.before,
        after=renewed.after,
        count=renewed.count,
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """An issued statement with what has come late to its period, and what it carries for earlier ones."""

    row: Any
    """Of the table `statement`."""
    late: Adjustments
    carried: Adjustments

    def document(self) -> dict[str, Any]:
        """Return the statement as the API and `marketable statement show` have it."""
        return summary(self.row) | {
            "split": self.row.split,
            "late": _adjustments(self.late),
            "carried": _adjustments(self.carried),
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """A statement beside what follows from the ledger and from the contacts today."""

    statement: Statement
    lines: Derived
    stints: Derived
    difference: Difference | None
    """None when all agree."""

    @property
    def is_ok(self) -> bool:
        """Whether number and digest are proved by both hands."""
        return self.difference is None


def listed(database: Database, portal_id: int, *, before: str | None = None, limit: int = 100) -> list[Any]:
    """Return the rows of issued statements, the newest first; those of periods that end before a day or instant.

    Raises NotFound for an unknown portal, and InvalidInput.
    """
    with database.reading() as connection:
        portal = portals.get_portal(connection, portal_id)
        end = None if before is None else end_of(portal, before)
        return list(statements.list_issued(connection, portal_id, end, limit))


def show(database: Database, portal_id: int, period: str) -> Statement:
    """Return the statement of a period, named as `end_of` says; raises NotFound, InvalidInput."""
    with database.reading() as connection:
        return _find(connection, portal_id, period)


def contacts(
    database: Database, portal_id: int, period: str, after: int = 0, limit: int = PAGE
) -> tuple[list[int], int | None]:
    """Return contacts that a statement has counted, sorted, after a number, and where to go on, if at all."""
    with database.reading() as connection:
        row = _row(connection, portal_id, period)
        return statements.contacts_of(connection, portal_id, row.ends_at, after, limit)


def all_contacts(database: Database, portal_id: int, period: str) -> Iterator[str]:
    """Yield all that a statement has counted as text: one contact to a line, which is what its digest is made of."""
    after: int | None = 0
    while after is not None:
        page, after = contacts(database, portal_id, period, after)
        yield "".join(f"{contact_id}\n" for contact_id in page)


def verify(database: Database, portal_id: int, period: str) -> Verification:
    """Derive a statement again from the ledger and from the contacts, and compare; raises NotFound, InvalidInput."""
    with database.reading() as connection:
        statement = _find(connection, portal_id, period)
        ends_at = statement.row.ends_at
        lines, stints = rederiving.derive(connection, portal_id, ends_at)
        issued = Derived(statement.row.contacts, statement.row.digest)
        difference = None
        if not issued == lines == stints:
            difference = rederiving.difference(connection, portal_id, ends_at)
    return Verification(statement, lines, stints, difference)


def end_of(portal: Portal, period: str) -> datetime:
    """Return the instant that ends a period: given as one, or as the day that begins then where the portal is.

    Raises InvalidInput.
    """
    try:
        instant = datetime.fromisoformat(period.replace(" ", "+"))
        zone = UTC if "T" in period else ZoneInfo(portal.subscription.time_zone)
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        mend = "give the day or the instant that ends it, as 2026-02-01 or 2026-02-01T00:00:00Z"
        raise InvalidInput(f"the period is {period!r}", field="period", mend=mend) from None


def summary(row: Any) -> dict[str, Any]:
    """Return a statement in short, as lists of them have it."""
    return {
        "portal": row.portal_id,
        "begins_at": row.begins_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "issued_at": row.issued_at.isoformat(),
        "contacts": row.contacts,
        "tier": row.tier,
        "digest": row.digest,
        "renews": row.renews,
    }


def _row(connection: Any, portal_id: int, period: str) -> Any:
    ends_at = end_of(portals.get_portal(connection, portal_id), period)
    row = statements.find(connection, portal_id, ends_at)
    if row is None:
        raise NotFound("statement", period)
    return row


def _find(connection: Any, portal_id: int, period: str) -> Statement:
    row = _row(connection, portal_id, period)
    return Statement(
        row,
        adjustments.of_period(connection, portal_id, row.ends_at),
        adjustments.carried_by(connection, portal_id, row.ends_at),
    )


def _adjustments(found: Adjustments) -> dict[str, Any]:
    return {
        "number": found.number,
        "sum": found.sum,
        "lines": [
            {
                "period": row.ends_at.isoformat(),
                "contact": row.contact_id,
                "change": row.change,
                "reason_type": row.reason_type,
                "reason_id": row.reason_id,
                "at": row.at.isoformat(),
                "carried_by": row.carried_by.isoformat() if row.carried_by else None,
            }
            for row in found.lines
        ],
    }
