"""Indexes of properties: who asks for one, and the kind of job that makes it.

A property is worth an index when a view asks for few contacts by it among many. The index costs every write of a
contact a little, so there are at most `MOST`, and none is asked for while a portal has few contacts.
"""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from service.domain.actors import Actor
from service.domain.filters.indexing import check_indexable, worth_an_index
from service.domain.jobs import Job, Step
from service.domain.views import View
from service.errors import Conflict, NotFound
from service.jobs.kind import JobKind
from service.store import jobs, pages, property_indexes
from service.store.property_indexes import Built, IndexedProperty
from service.store.session import Database

INDEX_PROPERTY = "index_property"
MOST = 20
MANY_CONTACTS = 50_000
"""Up to here every page is quick without an index."""
MOST_TRIES = 3
LOOK_EVERY = 0.05
"""Seconds between two looks at an index that is being made."""

log = structlog.get_logger()


class Indexing:
    """The use cases; one instance for any number of calls."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def every(self) -> list[IndexedProperty]:
        """Return the properties that have an index, or will have one."""
        with self._database.reading() as connection:
            return property_indexes.every(connection)

    def make(self, name: str) -> Built:
        """Make an index now, which may take minutes; raises InvalidInput and Conflict."""
        check_indexable(name)
        with self._database.writing() as connection:
            if not property_indexes.is_asked_for(connection, name):
                _check_room(connection)
            property_indexes.ask(connection, name, self._now())
        built = property_indexes.build(self._database, name)
        if built is Built.READY:
            with self._database.writing() as connection:
                property_indexes.note_ready(connection, name, self._now())
        return built

    def drop(self, name: str) -> None:
        """Drop an index; raises NotFound."""
        with self._database.reading() as connection:
            if not property_indexes.is_asked_for(connection, name):
                raise NotFound("index of the property", name)
        property_indexes.drop(self._database, name)

    def ask_for_view(self, actor: Actor, view: View, *, is_slow: bool = False) -> list[str]:
        """Start jobs for the indexes that make a view quick, as far as there is room; returns the properties.

        `is_slow` says that it was; otherwise only a portal with many contacts is worth it.
        """
        with self._database.reading() as connection:
            known = {each.name for each in property_indexes.every(connection)}
            wanted = [name for name in worth_an_index(view.filter) if name not in known]
            asked = wanted[: max(MOST - len(known), 0)]
            if asked and not (is_slow or pages.has_more_than(connection, view.portal_id, MANY_CONTACTS)):
                return []
        for name in asked:
            with self._database.writing() as connection:
                if not property_indexes.is_asked_for(connection, name):
                    now, request = self._now(), {"property": name}
                    property_indexes.ask(connection, name, now)
                    jobs.add(connection, view.portal_id, INDEX_PROPERTY, str(actor), request, now, total=1)
        return asked


def _check_room(connection: Any) -> None:
    """Raise Conflict when there are as many indexes as there may be."""
    known = property_indexes.every(connection)
    if len(known) >= MOST:
        names = ", ".join(each.name for each in known)
        raise Conflict(f"{MOST} properties have an index, which is the most: {names}; drop one")


class PropertyIndexer(JobKind):
    """The kind of job that makes an index; on PostgreSQL in a thread of its own, which steps look after.

    A process that dies takes its thread with it. The next one that takes the job up makes the index anew. After
    `MOST_TRIES` the index is given up.
    """

    most_at_once = 1

    def __init__(self, database: Database) -> None:
        self._database = database
        self._builders: dict[int, threading.Thread] = {}
        self._failures: Counter[int] = Counter()

    def step(self, connection: Any, job: Job, now: datetime) -> Step:
        """Begin to make the index, or look whether it is there."""
        name = str(job.request["property"])
        if not property_indexes.is_asked_for(connection, name):
            return Step(cursor={}, done=0, counts={"given_up": 1}, finished=True)
        if self._database.is_sqlite:
            property_indexes.build_within(connection, name)
        if property_indexes.is_built(connection, name):
            property_indexes.note_ready(connection, name, now)
            return Step(cursor={}, done=1, counts={"ready": 1}, finished=True)
        builder = self._builders.get(job.id)
        if builder is None or not builder.is_alive():
            builder = threading.Thread(target=self._build, args=(job.id, name), name=name, daemon=True)
            self._builders[job.id] = builder
            builder.start()
        builder.join(LOOK_EVERY)
        return Step(cursor={}, done=0)

    def end(self, connection: Any, job: Job) -> None:
        """Give up an index that is not ready; a thread that still makes it drops it."""
        property_indexes.give_up(connection, str(job.request["property"]))

    def forget(self, job: Job) -> None:
        """Let go of the thread; it ends by itself."""
        self._builders.pop(job.id, None)
        self._failures.pop(job.id, None)

    def _build(self, job_id: int, name: str) -> None:
        try:
            property_indexes.build(self._database, name)
            with self._database.reading() as connection:
                is_wanted = property_indexes.is_asked_for(connection, name)
            if not is_wanted:
                property_indexes.drop(self._database, name)
        except Exception as error:  # noqa: BLE001 - the next step tries again, or sees that it is given up
            log.warning("index_failed", job_id=job_id, error=type(error).__name__)
            self._failures[job_id] += 1
            if self._failures[job_id] >= MOST_TRIES:
                property_indexes.drop(self._database, name)
