"""Runs workflows on contacts that have changed; any number of runners, in any number of processes, may run.

Guarantees: what is due goes in the transaction that looks at the contact, under the contact's lock, so a kill at any
instant leaves it due, and a change that comes meanwhile makes it due again; a contact that can't be looked at stays
due and stands in nobody's way.
"""

import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import structlog

from service.errors import Unavailable
from service.observe import WORKFLOW_ENROLLED, WORKFLOW_LOOKS
from service.store import portals, workflow_due, workflows
from service.store.contact_batches import ContactBatch
from service.store.session import Database
from service.workflows.evaluation import Outcome, evaluate

PAGE = 150
BREATH = 0.002
"""Seconds between two steps, in which others may write to SQLite."""
PUT_OFF = timedelta(minutes=1)
"""Until a contact that could not be looked at is tried again."""

log = structlog.get_logger()


class WorkflowRunner:
    """For one thread."""

    def __init__(self, database: Database, now: Callable[[], datetime], interval: float) -> None:
        """`interval` is how many seconds pass between looks for contacts that have changed."""
        self._database = database
        self._now = now
        self._interval = interval
        self._put_off: dict[int, datetime] = {}

    def run(self, stop: threading.Event) -> None:
        """Look at contacts until `stop`."""
        while not stop.is_set():
            try:
                did = self.step()
            except Unavailable as error:
                log.warning("workflows_paused", reason=error.reason)
                did = False
            stop.wait(BREATH if did else self._interval)

    def step(self) -> bool:
        """Look at a page of one portal's contacts that have changed; False when there were none."""
        self._put_off = {each: until for each, until in self._put_off.items() if until > self._now()}
        with self._database.reading() as connection:
            waiting = workflow_due.longest(connection, self._put_off)
        if waiting is None:
            return False
        ids: list[int] = []
        try:
            outcome = self._look(waiting.portal_id, ids)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other contacts have nothing to do with it
            self._isolate(waiting.portal_id, ids, error)
            return True
        _report(outcome)
        return outcome is not None

    def _look(self, portal_id: int, ids: list[int], only: Collection[int] = ()) -> Outcome | None:
        """Look at the next contacts, or at one; `ids` is filled with them, whatever happens then."""
        with self._database.writing() as connection:
            claimed = only or workflow_due.claim(connection, portal_id, PAGE, self._put_off)
            ids.extend(claimed)
            return look_at(connection, portal_id, ids, self._now()) if ids else None

    def _isolate(self, portal_id: int, ids: list[int], error: Exception) -> None:
        """Look at contacts one by one, and put off those at which that fails."""
        for contact_id in ids:
            try:
                _report(self._look(portal_id, [], [contact_id]))
            except Unavailable:
                raise
            except Exception as own:  # noqa: BLE001 - the same
                # No traceback: it may hold personal data.
                log.error("workflow_look_failed", contact_id=contact_id, error=type(own).__name__)  # noqa: TRY400
                self._put_off[contact_id] = self._now() + PUT_OFF
        if not ids:
            raise error


def look_at(connection: Any, portal_id: int, ids: Collection[int], now: datetime) -> Outcome:
    """Look at contacts that are due with all workflows of their portal that are on."""
    portal = portals.get_portal(connection, portal_id)
    batch = ContactBatch(connection, portal, now)
    people = batch.by_id(ids).values()
    running = workflows.switched_on(connection, portal_id)
    outcome = evaluate(connection, batch, people, running)
    workflow_due.done(connection, ids)
    return outcome


def _report(outcome: Outcome | None) -> None:
    if outcome is not None:
        WORKFLOW_LOOKS.inc(outcome.looked_at)
        for name, number in outcome.counts().items():
            WORKFLOW_ENROLLED.labels(name).inc(number)
