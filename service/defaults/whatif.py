"""What would have come of the last days' submissions, had defaults been others: asked before they are set.

Every submission is decided anew by the rules themselves. Guarantees: nothing is written; without a difference in
defaults there is no difference in the count; a change that is replayed into an empty database comes to the same.
What is not modelled stands in `docs/defaults.md`.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from service.billing import Bill
from service.defaults.comparison import compare
from service.defaults.replaying import Sums, Walk, Window
from service.defaults.timeline import read_timeline
from service.domain.actors import Actor, check_marketing_contacts
from service.domain.billing import next_update_date
from service.domain.defaults import EXTERNAL_FORMS, Subject, SubjectKind, Value, read_subject, read_value
from service.domain.jobs import Job, Step
from service.domain.portals import Portal
from service.errors import InvalidInput, NotFound
from service.jobs.kind import JobKind
from service.store import defaults, jobs, ledger, portals, whatif
from service.store.look_ups import first_id_of
from service.store.session import Database

WHAT_IF = "what_if"
MOST_DAYS = 90
MOST_CHANGES = 1_000
MOST_AT_ONCE = 20_000
"""Submissions of the portal that a request looks at; more are a job's."""
MOST_SCANNED = 100_000
"""Submissions of all portals that a request goes through to find them."""
PATIENCE = timedelta(seconds=30)
"""How long the process that follows a job may be silent before another one begins anew."""
WITH_SUBMISSIONS = frozenset({SubjectKind.FORM, SubjectKind.EXTERNAL_FORM, SubjectKind.CHATFLOW})
Changes = Mapping[Subject, bool | None]
Progress = Callable[[int], None]
"""Called after each page with how many submissions it had."""


class WhatIf:
    """Asks at once."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def ask(
        self, portal_id: int, changes: Changes, days: int, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Return what would count with these defaults, as a document; raises NotFound, NotIncluded, InvalidInput."""
        with self._database.reading() as connection:
            walk = open_walk(connection, portal_id, changes, days, self._now())
        try:
            while not walk.is_done:
                with self._database.reading() as connection:
                    number = walk.step(connection)
                if progress is not None and number:
                    progress(number)
            with self._database.reading() as connection:
                return compare(connection, walk.window, walk.sums)
        finally:
            walk.close()

    def start(self, actor: Actor, portal_id: int, changes: Changes, days: int) -> Job | None:
        """Start the job that asks, if there is too much to look at for one request; else return None.

        Raises what `ask` raises.
        """
        now = self._now()
        with self._database.reading() as connection:
            window = _window(connection, portal_id, changes, days, now)
            number = whatif.number(connection, portal_id, window.after, window.upto, MOST_SCANNED)
        if number is not None and number <= MOST_AT_ONCE:
            return None
        request = {"changes": {str(subject): value for subject, value in changes.items()}, "days": days}
        with self._database.writing() as connection:
            return jobs.add(connection, portal_id, WHAT_IF, str(actor), request, now, total=number)

    def result(self, portal_id: int, job_id: int) -> tuple[Job, dict[str, Any] | None]:
        """Return a job that asks, with what it came to once it is done; raises NotFound."""
        with self._database.reading() as connection:
            job = jobs.find(connection, portal_id, job_id)
        if job is None or job.kind != WHAT_IF:
            raise NotFound("job", job_id)
        return job, job.cursor.get("result")


class WhatIfAsker(JobKind):
    """The kind of job that `WhatIf.start` starts.

    The walk's notes are in the process that began it. Others leave its job alone; when that process has been silent
    for a while, one of them begins anew.
    """

    most_at_once = 1

    def __init__(self) -> None:
        self._walks: dict[int, tuple[str, Walk]] = {}

    def step(self, connection: Any, job: Job, now: datetime) -> Step:
        """Look at the next page."""
        run, walk = self._walks.get(job.id, ("", None))
        cursor = job.cursor
        if walk is None or (cursor.get("run"), cursor.get("place")) != (run, walk.place):
            if cursor and run != cursor["run"] and now - datetime.fromisoformat(cursor["at"]) < PATIENCE:
                return Step(cursor=cursor, done=0)
            return self._begin(connection, job, now)
        done = walk.step(connection)
        if walk.is_done:
            result = compare(connection, walk.window, walk.sums)
            return Step(cursor={"result": result}, done=done, counts=_counts(walk.sums), finished=True)
        return Step(cursor=_cursor(run, walk, now), done=done)

    def forget(self, job: Job) -> None:
        """Let go of the walk's notes."""
        _, walk = self._walks.pop(job.id, ("", None))
        if walk is not None:
            walk.close()

    def _begin(self, connection: Any, job: Job, now: datetime) -> Step:
        self.forget(job)
        changes = read_changes(job.request["changes"])
        walk = open_walk(connection, job.portal_id, changes, job.request["days"], now)
        run = uuid.uuid4().hex
        self._walks[job.id] = run, walk
        return Step(cursor=_cursor(run, walk, now), done=-job.done)


def read_changes(document: Mapping[str, Any]) -> dict[Subject, bool | None]:
    """Read which default is to be what, by subject; raises InvalidInput."""
    changes: dict[Subject, bool | None] = {}
    for text, value in document.items():
        subject = read_subject(text)
        if subject.kind not in WITH_SUBMISSIONS and subject != EXTERNAL_FORMS:
            raise InvalidInput(
                f"no submission goes by {subject}",
                field="changes",
                mend="name forms, external forms, chatflows or portal:external_forms",
            )
        changes[subject] = _flag(read_value(subject, value, f"changes.{subject}"))
    if not changes or len(changes) > MOST_CHANGES:
        raise InvalidInput(
            f"{len(changes)} defaults are named", field="changes", mend=f"name 1 to {MOST_CHANGES}"
        )
    return changes


def open_walk(connection: Any, portal_id: int, changes: Changes, days: int, now: datetime) -> Walk:
    """Return the walk over the last days; raises NotFound, NotIncluded, InvalidInput."""
    window = _window(connection, portal_id, changes, days, now)
    return Walk(window, read_timeline(connection, portal_id, changes, window.start))


def _window(connection: Any, portal_id: int, changes: Changes, days: int, now: datetime) -> Window:
    if not 0 < days <= MOST_DAYS:
        raise InvalidInput(f"{days} days", field="days", mend=f"ask for 1 to {MOST_DAYS}")
    portal = portals.get_portal(connection, portal_id)
    check_marketing_contacts(portal)
    known = {kept.subject for kept in defaults.list_all(connection, portal_id, with_gone=True)}
    for subject in changes:
        if subject not in known:
            raise InvalidInput(
                f"there is no {subject}", field="changes", mend="'GET /defaults' lists what there is"
            )
    start = now - timedelta(days=days)
    return Window(
        portal=portal,
        changes=changes,
        days=days,
        start=start,
        at=now,
        after=first_id_of(start),
        upto=whatif.newest(connection),
        bill=_bill(connection, portal, now),
    )


def _bill(connection: Any, portal: Portal, now: datetime) -> Bill:
    update_date = next_update_date(portal.subscription, now)
    counted = ledger.read_counts(connection, [portal.id], now)[portal.id]
    count, after = counted.at(now), counted.at(update_date)
    return Bill(portal.id, now, count, portal.tier, count - after, after, update_date)


def _flag(value: Value) -> bool | None:
    return None if value is None else bool(value)


def _cursor(run: str, walk: Walk, now: datetime) -> dict[str, Any]:
    return {"run": run, "place": walk.place, "at": now.isoformat()}


def _counts(sums: Sums) -> dict[str, int]:
    return {
        "submissions": sums.submissions,
        "unexplained": sums.unexplained,
        **{f"{way}_now": number for way, number in sums.now.items()},
        **{f"{way}_at_update_date": number for way, number in sums.later.items()},
    }
