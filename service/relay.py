"""Moves outbox entries to the broker, in batches, at least once; it decides nothing.

Several relays may run: each claims entries of its own. While the broker is away the entries stay and the relay
backs off; while the outbox is empty it is woken by the database and looks by itself now and then.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from service.backoff import BackOff
from service.broker import Publisher
from service.errors import Unavailable
from service.observe import PUBLISH_FAILURES, PUBLISHED
from service.store import outbox
from service.store.session import Database
from service.store.wakeup import WakeUp

GATHER = 0.02
"""Seconds that entries may gather after a batch that was not full: a message after a pause goes out at once, a
stream of them in batches instead of one by one."""

log = structlog.get_logger()


class Relay:
    """One relay; for one thread."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        now: Callable[[], datetime],
        *,
        batch: int = 500,
        poll_interval: float = 0.5,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._now = now
        self._batch = batch
        self._poll_interval = poll_interval
        self._wake_up = WakeUp(database)
        self._back_off = BackOff()

    def run(self, stop: threading.Event) -> None:
        """Relay until `stop` is set; the batch at hand is finished.

        The broker's exchanges and queues are declared first, so that a wrong one is found at the start.
        """
        self._take_over(stop)
        while not stop.is_set():
            try:
                self._publisher.open()
                published = self.step()
            except Unavailable as error:
                pause = self._back_off.next_pause()
                PUBLISH_FAILURES.labels(error.reason).inc()
                log.warning("relay_paused", reason=error.reason, cause=str(error), seconds=round(pause, 2))
                stop.wait(pause)
            else:
                self._back_off.reset()
                if not published:
                    self._publisher.keep_alive()
                    self._wake_up.wait(self._poll_interval, stop)
                elif published < self._batch:
                    stop.wait(GATHER)
        self._publisher.close()
        self._wake_up.close()

    def _take_over(self, stop: threading.Event) -> None:
        """Free what a relay that was killed had claimed; should it live after all, an entry is published twice."""
        while not stop.is_set():
            try:
                outbox.release(self._database)
            except Unavailable as error:
                log.warning("relay_paused", reason=error.reason, cause=str(error), seconds=1)
                stop.wait(1)
            else:
                return

    def step(self) -> int:
        """Publish one batch; return how many entries it had. Raises Unavailable, and the entries stay."""
        with outbox.claim(self._database, self._batch, self._now()) as messages:
            if messages:
                self._publisher.publish(messages)
        PUBLISHED.inc(len(messages))
        return len(messages)
