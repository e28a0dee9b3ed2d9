"""Does imports: the kind of job that writes what files say of contacts.

Guarantees: what a step writes and how far the import has come commit together, so no row is taken twice and none
is left out, whenever a process is killed; rows are taken in their order; contacts that stay as they are, are not
written.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.domain.actors import check_marketing_contacts
from service.domain.brake import OPEN
from service.domain.jobs import Job, Problem, Step
from service.domain.model import Cause, Decision, Intent, ReasonType, Source, Verdict
from service.domain.portals import Portal
from service.errors import Unavailable
from service.imports import refusals
from service.imports.drafts import Draft, Drafts, Outcome, draft_by_email, draft_by_id
from service.imports.rows import Chunk, RowReader, load_place
from service.imports.wanted import Wanted, load
from service.jobs.kind import JobKind
from service.spreadsheets import ImportRow
from service.store import portals
from service.store.contact_batches import ContactBatch, Person, Write
from service.store.taken_addresses import write_unless_taken

MOST_AT_ONCE = 3
"""Of one portal's imports; HubSpot defers a fourth one, too."""
MOST_PROBLEMS = 10_000
"""Are kept of one import; the others are counted."""
LEAST_ROWS, FIRST_ROWS, MOST_ROWS = 500, 500, 2_000
LEAST_ROWS_ON_SQLITE = 100
"""Of a step."""
STEP_SECONDS, STEP_SECONDS_ON_SQLITE = 0.08, 0.03
"""What a step should take: nobody else writes to SQLite meanwhile."""
ROUNDS = 10
"""In which a step reads again what others have taken; they would have to be very many."""
RAISED, HELD, PROBLEMS, VALUES = "raised", "held", "problems", "values"
"""Counts beside the outcomes: contacts that became marketing, raises that are held, faults, values written."""


@dataclass(slots=True)
class Importer(JobKind):
    """The kind of job; one for each runner."""

    most_at_once = MOST_AT_ONCE
    _readers: dict[int, RowReader] = field(default_factory=dict)
    _rows: int = FIRST_ROWS

    def step(self, connection: Any, job: Job, now: datetime) -> Step:
        """Import the next rows."""
        began = time.monotonic()
        wanted = load(job.request)
        reader = self._reader(job, wanted)
        chunk = reader.take(connection, self._rows)
        if chunk is None:
            return Step(cursor=reader.place.dump(), done=0, finished=True)
        portal = portals.get_portal(connection, job.portal_id)
        if wanted.marketing:
            check_marketing_contacts(portal)
        work = _Work(wanted, chunk, _batch(connection, portal, now, wanted), _cause(job))
        work.do()
        self._pace(time.monotonic() - began, is_sqlite=connection.dialect.name == "sqlite")
        return Step(
            cursor=reader.place.dump(),
            done=chunk.number,
            counts=work.counts,
            problems=tuple(work.problems[: max(0, MOST_PROBLEMS - job.problems)]),
            finished=reader.is_at_end,
        )

    def forget(self, job: Job) -> None:
        """Let go of the rows that were read ahead."""
        self._readers.pop(job.id, None)

    def _reader(self, job: Job, wanted: Wanted) -> RowReader:
        """Return a reader at the job's place: the one at hand, unless another process or a fault came between."""
        place = load_place(job.cursor)
        reader = self._readers.get(job.id)
        if reader is None or reader.place != place:
            if len(self._readers) >= MOST_AT_ONCE:
                self._readers.clear()
            reader = self._readers[job.id] = RowReader(wanted, place)
        return reader

    def _pace(self, seconds: float, *, is_sqlite: bool) -> None:
        """Take more rows while steps are short, and fewer when they are long."""
        wanted = STEP_SECONDS_ON_SQLITE if is_sqlite else STEP_SECONDS
        least = LEAST_ROWS_ON_SQLITE if is_sqlite else LEAST_ROWS
        factor = min(1.5, max(0.5, wanted / max(seconds, 0.001)))
        self._rows = round(min(MOST_ROWS, max(least, self._rows * factor)))


@dataclass(slots=True)
class _Work:
    """One step's rows, written."""

    wanted: Wanted
    chunk: Chunk
    batch: ContactBatch
    cause: Cause
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def do(self) -> None:
        self.problems += [refusals.misread(self.chunk.file, each) for each in self.chunk.problems]
        self._count(Outcome.REFUSED, self.chunk.refused)
        rows: list[ImportRow] = self.chunk.rows
        for _ in range(ROUNDS):
            if not rows:
                break
            rows = self._take(rows)
        if rows:
            raise Unavailable("others make the same contacts at this moment")
        self.problems.sort(key=lambda problem: problem.line or 0)
        self._count(PROBLEMS, len(self.problems))

    def _take(self, rows: Sequence[ImportRow]) -> list[ImportRow]:
        """Write rows, and return those to be decided again since others took their addresses meanwhile."""
        found = draft(self.batch, self.wanted, rows)
        decided = [(each, each.write(self._decide(each), self.cause)) for each in found.drafts]
        news = [(each, write) for each, write in decided if each.is_news or write.is_news]
        ids = self._write([write for _, write in news])
        if ids is None:
            # What the gate has counted is undone as well, so it is read anew.
            old = self.batch
            self.batch = _batch(old.connection, old.portal, old.now, self.wanted)
            return list(rows)
        numbers = {id(each): number for (each, _), number in zip(news, ids, strict=True)}
        again: list[ImportRow] = []
        for each, write in decided:
            if id(each) in numbers and numbers[id(each)] is None:
                again += each.rows
            else:
                self._note(each, write.decision, numbers.get(id(each)))
        self.problems += [
            refusals.problem_of(self.wanted, self.chunk.file, row, refusal) for row, refusal in found.refused
        ]
        self._count(Outcome.REFUSED, len(found.refused))
        return sorted(again, key=lambda row: row.line)

    def _decide(self, each: Draft) -> Decision | None:
        """Decide about the status: without the wish for marketing a contact stays, or begins, as it is."""
        if not self.wanted.marketing:
            return None
        return self.batch.decide(each.standing, self.cause, is_new=each.person is None)

    def _write(self, writes: list[Write]) -> list[int | None] | None:
        """Write new contacts by address, as everybody does: two that wait for one another would be in vain."""
        if any(each.person is not None and each.email is not None for each in writes):
            return write_unless_taken(self.batch, writes)
        order = sorted(range(len(writes)), key=lambda place: writes[place].email or "")
        found = self.batch.write([writes[place] for place in order])
        ids: list[int | None] = [None] * len(writes)
        for place, contact_id in zip(order, found, strict=True):
            ids[place] = contact_id
        return ids

    def _note(self, each: Draft, decision: Decision | None, contact_id: int | None) -> None:
        outcomes = Counter(outcome.value for outcome in each.outcomes)
        if decision is not None and decision.change is not None:
            if set(each.outcomes) == {Outcome.UNCHANGED}:
                outcomes[Outcome.UNCHANGED] -= 1
                outcomes[Outcome.UPDATED] += 1
            self._count(RAISED, int(is_raise(decision)))
        if decision is not None and decision.verdict is Verdict.HELD:
            self._count(HELD, 1)
            self.problems.append(refusals.held(self.chunk.file, each.rows[0], contact_id))
        for name, number in outcomes.items():
            self._count(name, number)
        self._count(VALUES, len(each.properties))

    def _count(self, name: str, number: int) -> None:
        if number:
            self.counts[str(name)] += number


def draft(batch: ContactBatch, wanted: Wanted, rows: Sequence[ImportRow]) -> Drafts:
    """Find the contacts that rows name, and draft what becomes of them."""
    if wanted.identified_by == "email":
        people = batch.by_email({row.email for row in rows if row.email})
        return draft_by_email(rows, people, wanted.operation)
    by_id = _people_by_id(batch, {row.record_id for row in rows if row.record_id})
    owners = {person.known.email: person.known.contact_id for person in by_id.values() if person.known.email}
    addresses = {row.email for row in rows if row.email and row.email not in owners}
    if addresses:
        # No lock, which would have to be taken in the order of all contacts' numbers: the write proves it.
        found = ContactBatch(batch.connection, batch.portal, batch.now, OPEN, locks=False).by_email(addresses)
        owners |= {address: person.known.contact_id for address, person in found.items()}
    return draft_by_id(rows, by_id, owners)


def is_raise(decision: Decision) -> bool:
    """Whether a contact becomes a marketing contact that was none."""
    return decision.change is not None and decision.change.after and not decision.change.before


def _people_by_id(batch: ContactBatch, ids: set[int]) -> dict[int, Person]:
    """Return contacts by Record ID; that of one that merged into another leads to the other."""
    found = batch.by_id(ids) if ids else {}
    others = {
        person.row.merged_into for person in found.values() if person.row.merged_into is not None
    } - found.keys()
    everybody = {**batch.by_id(others), **found} if others else found
    return {
        number: everybody.get(person.row.merged_into, person) if person.row.merged_into else person
        for number, person in found.items()
    }


def _batch(connection: Any, portal: Portal, now: datetime, wanted: Wanted) -> ContactBatch:
    """Return what writes contacts; where no status is set, no brake is asked."""
    if wanted.marketing:
        return ContactBatch(connection, portal, now)
    return ContactBatch(connection, portal, now, OPEN)


def _cause(job: Job) -> Cause:
    return Cause(Intent.RAISE, Source.IMPORT, ReasonType.CONTACT_IMPORT, str(job.id), actor=job.actor)
