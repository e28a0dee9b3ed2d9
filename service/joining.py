"""Joins what visitors of chats did before they said who they are to their contacts, soon after they did.

A session is looked at when something has linked it lately; and, in passing, all that is unjoined is gone through
page by page, so that nothing depends on the first look having seen everything. Nothing is joined twice, several
may run, and a join changes nobody's marketing status.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from service.errors import Unavailable
from service.observe import JOINED
from service.providers.events import load_event
from service.providers.roles import remap
from service.reception import properties_of
from service.store import sessions_joined
from service.store.look_ups import first_id_of
from service.store.session import Database
from service.store.sessions_joined import BEFORE_ALL, Session, Unjoined

INTERVAL = 3.0
"""Seconds between looks."""
PAGE = 500
"""Submissions joined in one transaction, and submissions looked at in one step."""
LATE = timedelta(seconds=15)
"""How far back a submission may commit behind the time in its id: longer than any request waits for a commit."""
LOOK_BACK = timedelta(hours=1)
"""Where the first look of a process begins, and how far any goes back."""

log = structlog.get_logger()


class Joiner:
    """Joins now and then; for one thread."""

    def __init__(self, database: Database, now: Callable[[], datetime], interval: float = INTERVAL) -> None:
        self._database = database
        self._now = now
        self._interval = interval
        self._looked_to: datetime | None = None
        self._page_after: Session = BEFORE_ALL

    def run(self, stop: threading.Event) -> None:
        """Join at each interval until `stop`."""
        while not stop.is_set():
            try:
                self.step()
            except Unavailable as error:
                log.warning("joining_paused", reason=error.reason)
            stop.wait(self._interval)

    def step(self) -> int:
        """Join what can be joined of a look at the latest links and of one page; returns how many submissions."""
        now = self._now()
        joined = self._look_at_links(now) + self._look_at_page(now)
        if joined:
            JOINED.inc(joined)
            log.info("submissions_joined", submissions=joined)
        return joined

    def _look_at_links(self, now: datetime) -> int:
        joined = 0
        after: str | None = first_id_of(max(self._looked_to or now - LOOK_BACK, now - LOOK_BACK) - LATE)
        while after is not None:
            with self._database.reading() as connection:
                sessions, after = sessions_joined.linked_lately(connection, after, PAGE)
            joined += self._join(sessions, now)
        self._looked_to = now
        return joined

    def _look_at_page(self, now: datetime) -> int:
        with self._database.reading() as connection:
            sessions, last = sessions_joined.page_of_unjoined(connection, self._page_after, PAGE)
        self._page_after = last or BEFORE_ALL
        return self._join(sessions, now)

    def _join(self, sessions: set[Session], now: datetime) -> int:
        """Join all of these sessions, batch by batch; what somebody else is writing is left for another time."""
        joined = 0
        while sessions:
            with self._database.reading() as connection:
                ids = sessions_joined.unjoined(connection, sessions, PAGE)
            if not ids:
                break
            with self._database.writing() as connection:
                of_batch = sessions_joined.join(connection, ids, told_by, now)
            joined += of_batch
            if of_batch == 0 or len(ids) < PAGE:
                break
        return joined


def told_by(unjoined: Unjoined) -> dict[str, str]:
    """Return what a stored event tells beside an address; nothing if another version has stored it."""
    try:
        event = load_event(unjoined.content)
    except (TypeError, ValueError):
        return {}
    told = properties_of(remap(event, unjoined.mapping))
    return {name: value for name, value in told.items() if name != "email"}
