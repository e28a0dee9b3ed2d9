"""What the intake has to come to, in plain Python: one fact after the other, no batches, no database.

Written from the rules in `docs/architecture.md`, not from the code: 1, 2, 6, 14 and the order of identities.
"""

import copy
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.domain.billing import next_update_date
from service.domain.model import Fact, Recorded
from service.errors import ConflictingDelivery
from service.store.tables import (
    conflicting_delivery,
    contact,
    ended_stint,
    outbox,
    status_change,
    submission,
    visitor,
)
from tests.facts import FORM, make_portal
from tests.world import World

State = dict[str, Any]


@dataclass
class Person:
    """A contact of the model; equal to nobody but itself."""

    email: str
    properties: dict[str, str] = field(default_factory=dict)
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    stint: int = 0
    since: datetime | None = None
    until: datetime | None = None
    ended: list[tuple[Any, ...]] = field(default_factory=list)

    def counts(self, now: datetime) -> bool:
        return self.since is not None and (self.until is None or now < self.until)

    def change(self, verdict: str, now: datetime, submission_id: str | None, *, before: bool) -> str:
        line = (before, True, verdict, self.stint, self.since, self.until, now, submission_id)
        self.changes.append((len(self.changes) + 1, *line))
        return verdict


@dataclass
class Model:
    """Contacts, cookies and submissions as they should be."""

    people: list[Person] = field(default_factory=list)
    cookies: dict[str, Person] = field(default_factory=dict)
    kept: dict[str, tuple[str, Person | None]] = field(default_factory=dict)
    once: dict[str, Fact] = field(default_factory=dict)
    evidence: dict[tuple[str, str], str] = field(default_factory=dict)

    def apply(self, fact: Fact, now: datetime) -> str | None:
        """Apply one fact; returns its verdict, None for a repeat, or 'conflict'."""
        earlier = self.once.get(fact.once_key) or self._within_ten_minutes(fact)
        if earlier is not None:
            if earlier.digest == fact.digest:
                return None
            self.evidence.setdefault((fact.once_key, fact.digest), fact.submission_id)
            return "conflict"
        person = self._whose(fact)
        verdict = "no_address" if person is None else self._decide(person, fact, now)
        self.once[fact.once_key] = fact
        self.kept[fact.submission_id] = (verdict, person)
        return verdict

    def lower(self, email: str, now: datetime) -> None:
        """Ask for a lowering by hand."""
        person = self.find(email)
        if person is not None and person.counts(now) and person.until is None:
            person.until = next_update_date(make_portal().subscription, now)
            person.change("lowering_requested", now, None, before=True)

    def find(self, email: str | None) -> Person | None:
        return next((person for person in self.people if person.email == email), None)

    def _within_ten_minutes(self, fact: Fact) -> Fact | None:
        earlier = self.once.get(fact.earlier_key or "")
        if earlier is not None and earlier.received_at > fact.received_at - timedelta(minutes=10):
            return earlier
        return None

    def _whose(self, fact: Fact) -> Person | None:
        by_email, by_cookie = self.find(fact.email), self.cookies.get(fact.cookie or "")
        if fact.email is None:
            return by_cookie
        person = by_email
        if person is None and by_cookie is not None and not fact.new_contact_for_new_email:
            person = by_cookie
            person.email = fact.email
        if person is None:
            person = Person(fact.email)
            self.people.append(person)
        if fact.cookie is not None:
            self.cookies[fact.cookie] = person
        return person

    def _decide(self, person: Person, fact: Fact, now: datetime) -> str:
        person.properties.update(fact.properties)
        if fact.source_id != FORM:
            return "already_marketing" if person.counts(now) else "default_off"
        if person.counts(now):
            if person.until is None:
                return "already_marketing"
            person.until = None
            return person.change("lowering_cancelled", now, fact.submission_id, before=True)
        if person.stint:
            person.ended.append((person.stint, len(person.changes), person.since, person.until))
        person.stint, person.since, person.until = person.stint + 1, now, None
        return person.change("raised", now, fact.submission_id, before=False)

    def state(self) -> State:
        """Return all of it in the shape of `stored`; a contact is named by its address."""
        people = sorted(self.people, key=lambda person: person.email)
        return {
            "contacts": [(p.email, p.properties, len(p.changes), p.stint, p.since, p.until) for p in people],
            "cookies": {cookie: person.email for cookie, person in self.cookies.items()},
            "changes": [(p.email, *change) for p in people for change in p.changes],
            "ended": [(p.email, *stint) for p in people for stint in p.ended],
            "submissions": {
                key: (verdict, None if person is None else person.email)
                for key, (verdict, person) in self.kept.items()
            },
            "outbox": [(p.email, version + 1) for p in people for version in range(len(p.changes))],
            "evidence": sorted(self.evidence.values()),
        }


def stored(world: World) -> State:
    """Read from the database what `Model.state` says of the model."""
    emails = {row.id: row.email for row in world.rows(contact)}
    emails[None] = None
    c = contact.c
    columns = (c.email, c.properties, c.status_version, c.stint, c.since, c.until)
    with world.database.reading() as connection:
        people = [tuple(row) for row in connection.execute(sa.select(*columns))]
    changes = [
        (
            emails[row.contact_id], row.version, row.before, row.after, row.verdict, row.stint, row.since,
            row.until, row.at, row.submission_id and uuid.UUID(row.submission_id).hex,
        )
        for row in world.rows(status_change)
    ]  # fmt: skip
    ended = [
        (emails[row.contact_id], row.number, row.version, row.since, row.until)
        for row in world.rows(ended_stint)
    ]
    return {
        "contacts": sorted(people, key=lambda row: str(row[0])),
        "cookies": {row.cookie: emails[row.contact_id] for row in world.rows(visitor)},
        "changes": sorted(changes),
        "ended": sorted(ended),
        "submissions": {
            uuid.UUID(row.id).hex: (row.verdict, emails[row.contact_id]) for row in world.rows(submission)
        },
        "outbox": sorted((emails[row.contact_id], row.version) for row in world.rows(outbox)),
        "evidence": sorted(uuid.UUID(row.id).hex for row in world.rows(conflicting_delivery)),
    }


def told(outcome: Recorded | Exception) -> str | None:
    """Return what a sender was told, as `Model.apply` says it."""
    if isinstance(outcome, ConflictingDelivery):
        return "conflict"
    if isinstance(outcome, Exception):
        raise outcome
    return outcome.verdict


def orders(model: Model, facts: Sequence[Fact], now: datetime) -> Iterator[tuple[list[Fact], Model]]:
    """Yield every order in which concurrent facts may be taken, with the model afterwards.

    Facts that share an address, a cookie or an id keep their order; others came at the same time.
    """
    if not facts:
        yield [], model
    for place, fact in enumerate(facts):
        if any(_share(fact, earlier) for earlier in facts[:place]):
            continue
        after = copy.deepcopy(model)
        after.apply(fact, now)
        rest = [*facts[:place], *facts[place + 1 :]]
        for order, final in orders(after, rest, now):
            yield [fact, *order], final


def _share(one: Fact, other: Fact) -> bool:
    pairs = ((one.email, other.email), (one.cookie, other.cookie), (one.once_key, other.once_key))
    return any(mine is not None and mine == theirs for mine, theirs in pairs)
