"""Forgets refused deliveries, and what else is kept for a time, when that time is over."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from service.errors import Unavailable
from service.observe import PURGED
from service.store import deliveries
from service.store.session import Database

INTERVAL = 3_600.0
"""Seconds."""
STEP = timedelta(days=1)
"""What one transaction may forget: the deliveries of a day."""
MOST_STEPS = 30
"""Beyond them, all that is older goes in one."""

log = structlog.get_logger()


class Purger:
    """Forgets at its start and every hour; several may run. For one thread."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        days: int,
        others: Sequence[Callable[[], object]] = (),
    ) -> None:
        """`days` is how long refused deliveries are kept; each of `others` forgets something else."""
        self._others = others
        self._database = database
        self._now = now
        self._age = timedelta(days=days)

    def run(self, stop: threading.Event) -> None:
        """Forget until `stop`."""
        while not stop.is_set():
            try:
                self.step()
                for forget in self._others:
                    forget()
            except Unavailable as error:
                log.warning("purge_paused", reason=error.reason)
            stop.wait(INTERVAL)

    def step(self) -> int:
        """Forget all that is too old, day by day, the oldest first; returns how many deliveries."""
        last = self._now() - self._age
        forgotten = sum(self._forget(last - STEP * steps) for steps in reversed(range(MOST_STEPS)))
        if forgotten:
            PURGED.inc(forgotten)
            log.info("refused_deliveries_forgotten", deliveries=forgotten)
        return forgotten

    def _forget(self, before: datetime) -> int:
        with self._database.writing() as connection:
            return deliveries.purge(connection, before)
