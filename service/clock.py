"""Announces, on the queue, each stint that has ended; nothing that counts waits for it (rule 3)."""

import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from service.domain.marketing import end_stint
from service.domain.model import Decision, Standing
from service.errors import Unavailable
from service.observe import ENDED
from service.store import contacts
from service.store.session import Database

PAGE = 500

log = structlog.get_logger()


class Clock:
    """Looks for ended stints now and then; several may run; for one thread."""

    def __init__(self, database: Database, now: Callable[[], datetime], interval: float) -> None:
        self._database = database
        self._now = now
        self._interval = interval

    def run(self, stop: threading.Event) -> None:
        """Announce until `stop`."""
        while not stop.is_set():
            try:
                announced = self.step()
            except Unavailable as error:
                log.warning("clock_paused", reason=error.reason)
                announced = 0
            if announced < PAGE:
                stop.wait(self._interval)

    def step(self) -> int:
        """Announce one page of stints that have ended; returns how many."""
        now = self._now()

        def decide(standing: Standing) -> Decision:
            return end_stint(standing, now)

        with self._database.writing() as connection:
            ended = contacts.end_stints(connection, decide, now, PAGE)
        if ended:
            ENDED.inc(ended)
            log.info("stints_ended", stints=ended)
        return ended
