"""Notes what was sent to endpoints last, behind the requests: a second may be lost with the process, nothing else.

Requests put the latest delivery of each endpoint aside; a thread writes them now and then, with a preview made only
then, and keeps the fields that were seen for each form.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from service.delivery import Delivery
from service.domain.endpoints import Endpoint, ExternalForm
from service.previews import preview
from service.providers.description import Description
from service.providers.events import Event
from service.store import endpoints, external_forms
from service.store.endpoints import Activity
from service.store.session import Database

INTERVAL = 1.0
"""Seconds between writes."""
MOST_FIELDS = 200
"""Of one form, whose names and labels are kept for those who map them."""
LONGEST_LABEL = 200
MOST_NOTED = 1_000
"""Forms between two writes."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Noted:
    endpoint: Endpoint
    description: Description
    delivery: Delivery
    outcome: str


class ActivityLog:
    """One for each web process; its thread starts with the first note."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._deliveries: dict[int, _Noted] = {}
        self._events: dict[int, tuple[ExternalForm, Event, datetime]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def note(self, endpoint: Endpoint, description: Description, delivery: Delivery, outcome: str) -> None:
        """Note one delivery; `outcome` is 'kept' or a reason's slug."""
        self._deliveries[endpoint.id] = _Noted(endpoint, description, delivery, outcome)
        if self._thread is None:
            self._start()

    def note_events(self, taken: Sequence[tuple[ExternalForm, Event]], at: datetime) -> None:
        """Note which fields forms have."""
        for form, event in taken:
            if len(self._events) < MOST_NOTED or form.id in self._events:
                self._events[form.id] = (form, event, at)

    def flush(self) -> None:
        """Write what was noted since the last time."""
        noted, self._deliveries = self._deliveries, {}
        events, self._events = self._events, {}
        for each in noted.values():
            self._try(lambda each=each: self._write_delivery(each))  # type: ignore[misc]
        for form, event, at in events.values():
            self._try(lambda form=form, event=event, at=at: self._write_form(form, event, at))  # type: ignore[misc]

    def close(self) -> None:
        """Write the rest and stop the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(INTERVAL * 3)
        self.flush()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="activity", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            self.flush()

    @staticmethod
    def _try(write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:  # noqa: BLE001 - no delivery depends on it
            log.warning("activity_not_noted", error=type(error).__name__)

    def _write_delivery(self, noted: _Noted) -> None:
        shown = preview(noted.endpoint, noted.description, noted.delivery)
        activity = Activity(noted.delivery.received_at, noted.outcome, shown)
        with self._database.writing() as connection:
            endpoints.note_activity(connection, noted.endpoint.id, activity)

    def _write_form(self, form: ExternalForm, event: Event, at: datetime) -> None:
        fields = {key: event.labels.get(key, "")[:LONGEST_LABEL] for key in list(event.fields)[:MOST_FIELDS]}
        with self._database.writing() as connection:
            external_forms.note_seen(connection, form.id, name=event.form_name or "", fields=fields, at=at)
