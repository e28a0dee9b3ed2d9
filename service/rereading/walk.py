"""Goes through submissions and finds what reading each of them again changes; writes nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from service.documents import dumps
from service.domain.endpoints import ExternalForm
from service.domain.model import Fact, Verdict
from service.domain.rereading import UNTOUCHED, Change, Said, choose_properties, judge
from service.identifiers import new_submission_id
from service.once import hash_of
from service.providers.events import Event, load_event
from service.providers.roles import remap
from service.reception import MAPPING, SOURCES, properties_of
from service.store import rereading as store
from service.store.rereading import READ_AGAIN_OF, Kept, Person, Scratch

LOOK_UPS = frozenset({Verdict.LOOK_UP_PENDING, Verdict.LOOK_UP_FAILED, Verdict.LOOKED_UP})
"""Their person, if there is one, is told by another submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A submission, as it was read and as it reads now."""

    kept: Kept
    latest: Kept
    """What it was read again as last, else the submission itself."""
    change: Change = Change.NOTHING
    """Set where there is nothing to compare."""
    before: Said | None = None
    after: Said | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What becomes of one submission."""

    reading: Reading
    change: Change
    person: Person | None = None
    is_made: bool = False
    """This is the first submission of a contact that doesn't exist yet."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """To be set; the address is not among them."""
    fact: Fact | None = None


class Walk:
    """Goes through the submissions of one form, and finds what each of them changes."""

    def __init__(
        self, form: ExternalForm, mapping: Mapping[str, str], scratch: Scratch, now: Callable[[], datetime]
    ) -> None:
        self._form = form
        self._mapping = mapping
        self._fingerprint = hash_of(orjson.dumps(mapping, option=orjson.OPT_SORT_KEYS))
        self._scratch = scratch
        self._now = now

    def look(self, connection: Any, page: Sequence[Kept]) -> list[Found]:
        """Return what becomes of a page of submissions, in their order."""
        again = {kept.id: number for kept in page if (number := self._scratch.latest(kept.id))}
        latest = store.find_all(connection, list(again.values()))
        readings = [
            read_again(kept, latest.get(again.get(kept.id, ""), kept), self._mapping) for kept in page
        ]
        emails = {each.after.email for each in readings if each.after and each.after.email}
        ids = {each.latest.contact_id for each in readings if each.latest.contact_id is not None}
        by_email, by_id = store.people(connection, self._form.portal_id, emails, ids)
        return [self._find(reading, by_email, by_id) for reading in readings]

    def _find(self, reading: Reading, by_email: Mapping[str, Person], by_id: Mapping[int, Person]) -> Found:
        before, after = reading.before, reading.after
        if before is None or after is None:
            return Found(reading=reading, change=reading.change)
        contact_before = reading.latest.contact_id
        if after.email == before.email:
            person = by_id.get(contact_before or 0)
            # It may have another address by now, or none.
            address = person.known.email if person else None
        else:
            person, address = by_email.get(after.email or ""), after.email
        if address is None:
            lost = contact_before is not None and after.email != before.email
            return Found(reading=reading, change=Change.ADDRESS_LOST if lost else Change.NOTHING)
        return self._change(reading, before, after, person, address)

    def _change(
        self, reading: Reading, before: Said, after: Said, person: Person | None, address: str
    ) -> Found:
        contact_before = reading.latest.contact_id
        is_same = person is not None and person.known.contact_id == contact_before
        note = self._scratch.note_of(key_of(address))
        present = person.properties if person else {}
        properties = choose_properties(before, after, present, note.settled, is_same_contact=is_same)
        change = judge(before, after, properties, contact_before=contact_before, is_same_contact=is_same)
        is_made = person is None and not note.is_made
        settled = note.settled | after.properties.keys()
        self._scratch.note(key_of(address), replace(note, settled=settled, is_made=note.is_made or is_made))
        if change in UNTOUCHED:
            return Found(reading=reading, change=change)
        told = properties if is_same else {"email": address, **properties}
        fact = self._fact(reading, address, told, is_refused=after.is_refused)
        return Found(
            reading=reading, change=change, person=person, is_made=is_made, properties=properties, fact=fact
        )

    def _fact(
        self, reading: Reading, address: str, properties: Mapping[str, str], *, is_refused: bool
    ) -> Fact:
        now = self._now()
        source, reason_type = SOURCES[self._form.kind]
        again = {MAPPING: self._mapping, READ_AGAIN_OF: reading.kept.id}
        once_key = hash_of(f"read_again/{reading.latest.id}/{self._fingerprint}".encode())
        return Fact(
            submission_id=new_submission_id(now),
            portal_id=self._form.portal_id,
            source=source,
            source_id=str(self._form.id),
            email=address,
            cookie=None,
            properties=properties,
            content=dumps({**reading.kept.content, **again}),
            received_at=now,
            submitted_at=reading.kept.submitted_at,
            once_key=once_key,
            earlier_key=None,
            digest=once_key,
            reason_type=reason_type,
            new_contact_for_new_email=True,
            is_refused=is_refused,
        )


def read_again(kept: Kept, latest: Kept, mapping: Mapping[str, str]) -> Reading:
    """Return how a submission was read, and how it reads with another mapping."""
    try:
        event = load_event(kept.content)
    except (TypeError, ValueError):
        return Reading(kept=kept, latest=latest, change=Change.UNREADABLE)
    if event.kept is not None or kept.verdict in LOOK_UPS:
        return Reading(kept=kept, latest=latest, change=Change.KEPT_ONLY)
    before, after = (_said(remap(event, each)) for each in (latest.content.get(MAPPING) or {}, mapping))
    return Reading(kept=kept, latest=latest, before=before, after=after)


def _said(event: Event) -> Said:
    properties = {name: value for name, value in properties_of(event).items() if name != "email"}
    return Said(email=event.email, properties=properties, is_refused=event.consent is False)


def key_of(address: str) -> str:
    """Return by what the walk notes a person: no address gets into its scratch file."""
    return hash_of(address.encode())
