"""Waits for new outbox entries: woken at once by the database, and by itself after a while all the same.

A wake-up is a hint and never a promise; whoever waits looks again when the time is up.
"""

import contextlib
import threading
import time
from typing import Any

import psycopg
import sqlalchemy as sa

from service.errors import DatabaseAway
from service.store.outbox import WAKE_UP_CHANNEL
from service.store.session import Database

SQLITE_LOOK = 0.01
"""Seconds between looks at SQLite's change counter."""
STEP = 0.25
"""Longest wait in one go, in seconds: how soon a stop is noticed."""


class WakeUp:
    """Waits on a connection of its own; for one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pooled: sa.PoolProxiedConnection | None = None
        self._data_version = -1

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Return when something may have been added, at the latest after `seconds` or at `stop`."""
        deadline = time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
                if self._woken(min(left, STEP)):
                    return
        except (psycopg.Error, sa.exc.SQLAlchemyError, DatabaseAway):
            self.close()
            stop.wait(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Give the connection up."""
        if self._pooled is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self._pooled.invalidate()
        self._pooled = None

    def _woken(self, seconds: float) -> bool:
        if self._database.is_sqlite:
            return self._sqlite_changed(seconds)
        return any(True for _ in self._listener().notifies(timeout=seconds, stop_after=1))

    def _listener(self) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = self._driver_connection()
        if not connection.autocommit:
            connection.set_autocommit(True)
            connection.execute(f"LISTEN {WAKE_UP_CHANNEL}")
        return connection

    def _sqlite_changed(self, seconds: float) -> bool:
        time.sleep(min(seconds, SQLITE_LOOK))
        version = self._driver_connection().execute("PRAGMA data_version").fetchone()[0]
        changed = version != self._data_version
        self._data_version = version
        return bool(changed)

    def _driver_connection(self) -> Any:
        if self._pooled is None:
            self._pooled = self._database.engine.raw_connection()
        return self._pooled.driver_connection
