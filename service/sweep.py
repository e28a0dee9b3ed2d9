"""Sends again what the ledger lacks: nothing depends on the broker being perfect.

Compares the version of every stint with the ledger's and queues the missing ones anew. What is merely on its way
may be sent twice; the ledger takes no harm from that.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from service.errors import Unavailable
from service.observe import SWEPT
from service.store import outbox, proof
from service.store.proof import Window
from service.store.session import Database

PAGE = 1_000
PATIENCE = timedelta(seconds=5)
"""How old a change has to be before the periodic sweep takes it for lost."""
LATE = timedelta(seconds=30)
"""How far back a change may commit behind the time it carries."""
LOOK_BACK = timedelta(hours=2)
HOURLY = timedelta(hours=1)
DAILY = timedelta(days=1)

log = structlog.get_logger()


def sweep(
    database: Database,
    now: datetime,
    window: Window | None = None,
    progress: Callable[[int], None] = lambda _swept: None,
) -> int:
    """Queue every stint that the ledger lacks, once; returns how many. `progress` hears the number so far.

    Without a window all stints are looked at, with one those that changed in it.
    """
    swept, after = 0, (0, 0)
    while True:
        with database.reading() as connection:
            page = proof.missing(connection, after, PAGE, window)
        if not page:
            return swept
        with database.writing() as connection:
            queued = outbox.queued(connection, [contact_id for contact_id, _, _ in page])
            lost = [
                (contact_id, version)
                for contact_id, version, _ in page
                if (contact_id, version) not in queued
            ]
            outbox.append(connection, lost, now)
        swept += len(lost)
        SWEPT.inc(len(lost))
        after = (page[-1][0], page[-1][2])
        progress(swept)


class Sweeper:
    """Sweeps now and then; for one thread.

    The first sweep looks at everything, since a process that died may have left something. Later ones look at
    what has changed since the one before, so that a change is sent again once and not with every sweep while a
    consumer is away; once an hour at the last two hours, and once a day at everything again.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], interval: float) -> None:
        self._database = database
        self._now = now
        self._interval = interval
        self._next_full: datetime | None = None
        self._next_long: datetime | None = None
        self._swept_to: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Sweep at each interval until `stop`."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                swept = self.step()
            except Unavailable as error:
                log.warning("sweep_failed", reason=error.reason)
            else:
                if swept:
                    log.info("sweep_finished", swept=swept, seconds=round(time.monotonic() - began, 3))
            stop.wait(self._interval)

    def step(self) -> int:
        """Sweep once; returns how many stints were queued again."""
        now = self._now()
        window = self._window(now)
        swept = sweep(self._database, now, window)
        if window is None:
            self._next_full = now + DAILY
        if window is None or self._is_due(self._next_long, now):
            self._next_long = now + HOURLY
        self._swept_to = now - PATIENCE
        return swept

    def _window(self, now: datetime) -> Window | None:
        if self._swept_to is None or self._is_due(self._next_full, now):
            return None
        since = now - LOOK_BACK if self._is_due(self._next_long, now) else self._swept_to - LATE
        return Window(since, now - PATIENCE)

    @staticmethod
    def _is_due(at: datetime | None, now: datetime) -> bool:
        return at is None or now >= at
