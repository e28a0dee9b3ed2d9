"""Says what an import would come to, and changes nothing.

It goes through all rows as the import does, and reads contacts without locking them. What it counts are contacts as
they are at that moment, and a brake is not asked: an import may raise fewer.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.domain.brake import OPEN
from service.domain.jobs import Job, Step
from service.domain.marketing import decide
from service.domain.model import Cause, Intent, ReasonType, Source
from service.domain.portals import Portal
from service.imports.applying import draft, is_raise
from service.imports.drafts import Draft, Drafts, Outcome
from service.imports.refusals import Refusal
from service.imports.rows import Chunk, Place, RowReader, load_place
from service.imports.wanted import Operation, Wanted, load
from service.jobs.kind import JobKind
from service.store import import_files, portals
from service.store.contact_batches import ContactBatch
from service.store.session import Database

CHUNK = 1_000
MARKETING, ROWS = "marketing", "rows"
REASON = "reason:"
"""Before a refusal's slug, among the counts."""
_CAUSE = Cause(Intent.RAISE, Source.IMPORT, ReasonType.CONTACT_IMPORT, "0")
_KEYS = "Q"
_BEGIN = Place()


class Estimation:
    """A pass over the rows; what it holds is a number for each contact of one file."""

    def __init__(self, wanted: Wanted, portal: Portal, place: Place = _BEGIN) -> None:
        self.counts: Counter[str] = Counter()
        self._wanted = wanted
        self._portal = portal
        self._reader = RowReader(wanted, place)
        self._file = place.file
        self._seen: set[int] = set()
        self._new = array(_KEYS)

    @property
    def place(self) -> Place:
        """How far it has come."""
        return self._reader.place

    def take(self, connection: Any, now: datetime) -> int:
        """Go on by some rows; returns how many, 0 at the end."""
        self._new = array(_KEYS)
        chunk = self._reader.take(connection, CHUNK)
        if chunk is None:
            return 0
        if chunk.place.file != self._file:
            self._file, self._seen = chunk.place.file, set()
        self.counts[ROWS] += chunk.number
        self._refuse(chunk)
        batch = ContactBatch(connection, self._portal, now, OPEN, locks=False)
        self._count(draft(batch, self._wanted, chunk.rows), now)
        return chunk.number

    def seen_last(self) -> bytes:
        """Return which contacts the last rows spoke of first, for `remember`."""
        return self._new.tobytes()

    def remember(self, keys: bytes) -> None:
        """Take it that contacts were seen before."""
        found = array(_KEYS)
        found.frombytes(keys)
        self._seen.update(found)

    def _refuse(self, chunk: Chunk) -> None:
        self.counts[Outcome.REFUSED.value] += chunk.refused
        lines = set[int]()
        for each in chunk.problems:
            if each.line not in lines:
                lines.add(each.line)
                self.counts[REASON + each.fault.value] += 1

    def _count(self, found: Drafts, now: datetime) -> None:
        self.counts[Outcome.REFUSED.value] += len(found.refused)
        for _, refusal in found.refused:
            self.counts[REASON + refusal.value] += 1
        for each in found.drafts:
            key = _key_of(each)
            outcomes = [outcome.value for outcome in each.outcomes]
            if key in self._seen:
                outcomes = self._of_seen(outcomes)
            else:
                self._seen.add(key)
                self._new.append(key)
                raised = decide(each.standing, _CAUSE, is_new=each.person is None, now=now, update_date=now)
                self.counts[MARKETING] += int(is_raise(raised))
            self.counts.update(outcomes)

    def _of_seen(self, outcomes: list[str]) -> list[str]:
        """Return what becomes of rows whose contact an earlier part of the file has made or changed already."""
        if self._wanted.operation is Operation.CREATE:
            self.counts[REASON + Refusal.CREATE_ONLY.value] += len(outcomes)
            return [Outcome.REFUSED.value] * len(outcomes)
        first = {Outcome.CREATED.value, Outcome.RESTORED.value}
        return [Outcome.UPDATED.value if outcome in first else outcome for outcome in outcomes]


def estimate(
    database: Database,
    wanted: Wanted,
    portal: Portal,
    now: datetime,
    progress: Callable[[int], None] = lambda number: None,  # noqa: ARG005 - nobody looks
) -> Counter[str]:
    """Go through all rows at once; `progress` is told how many each time."""
    estimation = Estimation(wanted, portal)
    number = -1
    while number:
        with database.reading() as connection:
            number = estimation.take(connection, now)
        progress(number)
    return estimation.counts


def as_document(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return counts as people are told them."""
    return {
        "rows": counts.get(ROWS, 0),
        **{each.value: counts.get(each.value, 0) for each in Outcome},
        "marketing": counts.get(MARKETING, 0),
        "reasons": {
            name.removeprefix(REASON): number
            for name, number in sorted(counts.items())
            if name.startswith(REASON) and number
        },
    }


@dataclass(slots=True)
class Estimator(JobKind):
    """The kind of job for large files.

    Which contacts it has seen is kept with its progress, so any process can go on with it.
    """

    most_at_once = 1
    _running: dict[int, Estimation] = field(default_factory=dict)

    def step(self, connection: Any, job: Job, now: datetime) -> Step:
        """Count the next rows."""
        running = self._estimation(connection, job)
        before = running.counts.copy()
        number = running.take(connection, now)
        if number:
            import_files.add_seen(connection, job.id, running.seen_last())
        else:
            import_files.forget_seen(connection, job.id)
        counts = running.counts.copy()
        counts.subtract(before)
        return Step(
            cursor=running.place.dump(),
            done=number,
            counts={name: change for name, change in counts.items() if change},
            finished=number == 0,
        )

    def forget(self, job: Job) -> None:
        """Let go of what was seen."""
        self._running.pop(job.id, None)

    def _estimation(self, connection: Any, job: Job) -> Estimation:
        """Return the one at hand, unless another process or a fault came between."""
        place = load_place(job.cursor)
        running = self._running.get(job.id)
        if running is None or running.place != place:
            self._running.clear()
            portal = portals.get_portal(connection, job.portal_id)
            running = self._running[job.id] = Estimation(load(job.request), portal, place)
            for keys in import_files.seen(connection, job.id):
                running.remember(keys)
        return running


def _key_of(each: Draft) -> int:
    """Return a number for a contact, the same in every process: two of a million are alike once in 10**7 files."""
    name = f"{each.person.known.contact_id}" if each.person else each.email or ""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
