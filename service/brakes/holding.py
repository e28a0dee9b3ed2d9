"""Lists, releases and refuses raises that a brake holds.

A release is a person's word: it passes above the limits, counts towards them, and names both the form that asked and
the person. Whatever is not waiting any more, or whose contact counts already or is gone, is left as it is.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from service.brakes.limits import names_of
from service.domain.actors import Actor, check_marketing_contacts
from service.domain.billing import next_update_date
from service.domain.brake import HeldState
from service.domain.jobs import Job, Step
from service.domain.marketing import decide
from service.domain.model import Cause, Default, Intent, ReasonType, Source, Verdict
from service.domain.reading import is_storable
from service.errors import InvalidInput, UnexpectedNumber
from service.jobs.kind import JobKind
from service.store import audit, held, jobs, portals
from service.store.contact_batches import ContactBatch, Write
from service.store.held import Wanted
from service.store.session import Database

RELEASE_HELD, REFUSE_HELD = "release_held", "refuse_held"
STATES = {RELEASE_HELD: HeldState.RELEASED, REFUSE_HELD: HeldState.REFUSED}
CHUNK = 250
"""Raises settled in one transaction; more than that are a job's."""
MOST_IDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a release or refusal came to: what was done at once, or the job that does it."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """By `HeldState`."""
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A raise that is or was held, and what the form that asked for it is called."""

    row: Any
    source_name: str


class Holding:
    """The use cases; one instance for any number of calls."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def page(
        self, portal_id: int, wanted: Wanted, *, state: HeldState | None, after: int, limit: int
    ) -> list[HeldLine]:
        """Return raises that are or were held, the oldest first; raises NotFound, InvalidInput."""
        _check(wanted)
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            rows = held.page(
                connection, portal_id, wanted, self._now(), state=state, after=after, limit=limit
            )
            names = names_of(connection, portal_id, {(row.source, row.reason_id) for row in rows})
        return [HeldLine(row, names.get((row.source, row.reason_id), "")) for row in rows]

    def release(
        self, actor: Actor, portal_id: int, wanted: Wanted, *, most: int | None, expected: int | None
    ) -> Settled:
        """Raise contacts whose raise is held, the oldest first, `most` of them at most.

        Who names neither numbers nor `most` says how many are `expected`. Raises InvalidInput, NotFound,
        UnexpectedNumber, NoMarketingAccess, NotIncluded.
        """
        return self._settle(actor, portal_id, wanted, RELEASE_HELD, most=most, expected=expected)

    def refuse(
        self, actor: Actor, portal_id: int, wanted: Wanted, *, most: int | None, expected: int | None
    ) -> Settled:
        """Leave contacts as they are whose raise is held; what asks for it later is decided anew. As `release`."""
        return self._settle(actor, portal_id, wanted, REFUSE_HELD, most=most, expected=expected)

    def _settle(
        self,
        actor: Actor,
        portal_id: int,
        wanted: Wanted,
        kind: str,
        *,
        most: int | None,
        expected: int | None,
    ) -> Settled:
        actor.check_marketing_access()
        _check(wanted)
        if wanted.ids is None and most is None and expected is None:
            mend = "give ids, most, or the number that is expected"
            raise InvalidInput("it is not said how many", field="expected", mend=mend)
        now = self._now()
        with self._database.writing() as connection:
            portal = portals.get_portal(connection, portal_id)
            if kind == RELEASE_HELD:
                check_marketing_contacts(portal)
            waiting = held.waiting(connection, portal_id, wanted, now)
            if expected is not None and waiting.can_be_raised != expected:
                raise UnexpectedNumber(expected, waiting.can_be_raised)
            left = waiting.can_be_raised if most is None else min(most, waiting.can_be_raised)
            request = {"upto": waiting.newest, "left": left, **_dump(wanted)}
            if max(left, waiting.number - waiting.can_be_raised) > CHUNK:
                job = jobs.add(connection, portal_id, kind, str(actor), request, now, total=left)
                self._note(connection, portal_id, actor, kind, {**request, "job": job.id}, now)
                return Settled(job=job)
            counts = _settle_all(connection, _Work(portal_id, kind, str(actor), request), now)
            self._note(connection, portal_id, actor, kind, {**request, **counts}, now)
        return Settled(counts=counts)

    @staticmethod
    def _note(
        connection: Any, portal_id: int, actor: Actor, kind: str, told: Mapping[str, Any], now: datetime
    ) -> None:
        action = f"held_{STATES[kind].value}"
        # The raises themselves tell who settled them, so their numbers need not be told again.
        told = {name: len(value) if name == "ids" else value for name, value in told.items()}
        audit.note(
            connection, portal_id, audit.Entry(str(actor), action, f"portal:{portal_id}", None, told), now
        )


class HeldSettler(JobKind):
    """The kind of job that `Holding` starts for many."""

    def step(self, connection: Any, job: Job, now: datetime) -> Step:
        """Settle the next raises that are held."""
        return _step(connection, _Work(job.portal_id, job.kind, job.actor, job.request, job.cursor), now)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be settled, and how far that is; of a job or of one transaction."""

    portal_id: int
    kind: str
    actor: str
    request: Mapping[str, Any]
    cursor: Mapping[str, Any] = field(default_factory=dict)


def _settle_all(connection: Any, work: _Work, now: datetime) -> Counter[str]:
    counts: Counter[str] = Counter()
    while True:
        step = _step(connection, work, now)
        counts.update(step.counts)
        if step.finished:
            return counts
        work = replace(work, cursor=step.cursor)


def _step(connection: Any, work: _Work, now: datetime) -> Step:
    """Settle up to a chunk of what waits, in the order in which it was held."""
    portal, request = portals.get_portal(connection, work.portal_id), work.request
    after, left = work.cursor.get("after", 0), work.cursor.get("left", request["left"])
    # The batch locks the brake, which comes before everything else.
    batch = ContactBatch(connection, portal, now)
    limit = min(CHUNK, left)
    rows = held.next_waiting(
        connection, portal.id, _load(request), after=after, upto=request["upto"], limit=limit
    )
    settle = _release if work.kind == RELEASE_HELD else _refuse
    counts = settle(batch, rows, work.actor)
    done = counts[STATES[work.kind].value]
    return Step(
        cursor={"after": rows[-1].id if rows else request["upto"], "left": left - done},
        done=done,
        counts=counts,
        finished=len(rows) < limit or left == done,
    )


def _release(batch: ContactBatch, rows: Sequence[Any], actor: str) -> Counter[str]:
    check_marketing_contacts(batch.portal)
    update_date = next_update_date(batch.portal.subscription, batch.now)
    people = batch.by_id({row.contact_id for row in rows})
    writes, lapsed = [], []
    for row in rows:
        person, cause = people.get(row.contact_id), _cause(row, actor)
        if person is None or not person.is_live:
            lapsed.append(row.id)
            continue
        decision = decide(person.standing, cause, is_new=False, now=batch.now, update_date=update_date)
        if decision.verdict is not Verdict.RAISED:
            lapsed.append(row.id)
            continue
        writes.append(Write(person=person, decision=decision, cause=cause, submission_id=row.submission_id))
    batch.write(writes)
    held.settle(batch.connection, lapsed, HeldState.LAPSED, actor, batch.now)
    held.settle(batch.connection, [row.id for row in rows], HeldState.RELEASED, actor, batch.now)
    return Counter({HeldState.RELEASED.value: len(writes), HeldState.LAPSED.value: len(lapsed)})


def _refuse(batch: ContactBatch, rows: Sequence[Any], actor: str) -> Counter[str]:
    ids = [row.id for row in rows]
    number = held.settle(batch.connection, ids, HeldState.REFUSED, actor, batch.now)
    return Counter({HeldState.REFUSED.value: number})


def _cause(row: Any, actor: str) -> Cause:
    """Return what asked for the raise, with the person who lets it pass."""
    default = Default(on=True, version=row.default_version)
    return Cause(
        Intent.RAISE,
        Source(row.source),
        ReasonType(row.reason_type),
        row.reason_id,
        actor=actor,
        default=default,
    )


def _check(wanted: Wanted) -> None:
    """Raise InvalidInput for what the database can't be asked."""
    if not is_storable(wanted.source_id or ""):
        mend = "take it out"
        raise InvalidInput("the id holds a NUL character or half a character", field="source_id", mend=mend)


def _dump(wanted: Wanted) -> dict[str, Any]:
    if wanted.ids is not None:
        return {"ids": sorted(set(wanted.ids))}
    named = {"source": wanted.source, "source_id": wanted.source_id}
    return {name: value for name, value in named.items() if value is not None}


def _load(request: Mapping[str, Any]) -> Wanted:
    ids = request.get("ids")
    return Wanted(
        ids=None if ids is None else tuple(ids),
        source=request.get("source"),
        source_id=request.get("source_id"),
    )
