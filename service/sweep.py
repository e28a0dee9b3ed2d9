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
OVERLAP = timedelta(hours=1)
"""How far a periodic sweep looks back behind the one before it."""
FULL_EVERY = timedelta(days=1)

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

    The first sweep looks at everything, since a process that died may have left something; later ones at what
    has changed since, and once a day at everything again.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], interval: float) -> None:
        self._database = database
        self._now = now
        self._interval = interval
        self._last_full: datetime | None = None
        self._last: datetime | None = None

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
        if self._last is None or self._last_full is None or now - self._last_full >= FULL_EVERY:
            swept = sweep(self._database, now)
            self._last_full = now
        else:
            swept = sweep(self._database, now, Window(self._last - OVERLAP, now - PATIENCE))
        self._last = now
        return swept
