"""What rows make of contacts: pure, decided in the order of the rows on what is known of the contacts they name.

Several rows of one contact become one draft: the first one may make the contact, and the later one wins for each
property. In an import that only creates, the second row of a contact is refused.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from service.domain.model import NEVER_MARKETING, Cause, Decision, Standing
from service.imports.refusals import Refusal
from service.imports.wanted import Operation
from service.spreadsheets import ImportRow
from service.spreadsheets.reading import EMAIL
from service.store.contact_batches import Person, Write


class Outcome(enum.StrEnum):
    """What one row came to."""

    CREATED = "created"
    RESTORED = "restored"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(slots=True)
class Draft:
    """One contact that rows speak of."""

    person: Person | None
    """None for one to be made."""
    email: str | None = None
    """Of a contact to be made; of one that is there, its new address."""
    restores: bool = False
    properties: dict[str, str] = field(default_factory=dict)
    """To be set."""
    rows: list[ImportRow] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    """One for each row."""

    def take(self, row: ImportRow, properties: Mapping[str, str]) -> None:
        """Let a row set what it says."""
        there = self.person.properties if self.person else {}
        news = {
            name: value
            for name, value in properties.items()
            if self.properties.get(name, there.get(name)) != value
        }
        self.properties.update(news)
        self.rows.append(row)
        self.outcomes.append(self._outcome(is_news=bool(news)))

    @property
    def standing(self) -> Standing:
        """Where the contact stands."""
        return self.person.standing if self.person else NEVER_MARKETING

    @property
    def is_news(self) -> bool:
        """Whether anything is to be written but a status."""
        return self.person is None or self.restores or bool(self.properties) or self.email is not None

    def write(self, decision: Decision | None, cause: Cause) -> Write:
        """Return what is to be written, with what was decided about the status."""
        return Write(
            person=self.person,
            email=self.email,
            properties=self.properties,
            restores=self.restores,
            decision=decision,
            cause=cause,
        )

    def _outcome(self, *, is_news: bool) -> Outcome:
        if not self.outcomes and self.person is None:
            return Outcome.CREATED
        if not self.outcomes and self.restores:
            return Outcome.RESTORED
        return Outcome.UPDATED if is_news else Outcome.UNCHANGED


@dataclass(slots=True)
class Drafts:
    """What a step's rows come to."""

    drafts: list[Draft] = field(default_factory=list)
    """In the order of their first rows."""
    refused: list[tuple[ImportRow, Refusal]] = field(default_factory=list)


def draft_by_email(rows: Iterable[ImportRow], people: Mapping[str, Person], operation: Operation) -> Drafts:
    """Draft rows whose contacts are found by address. A deleted contact is restored where one would be made."""
    found, drafts = Drafts(), dict[int | str, Draft]()
    for row in rows:
        address = row.email or ""
        person = people.get(address)
        key: int | str = person.known.contact_id if person else address
        draft = drafts.get(key)
        refusal = _refuse(person, operation) if draft is None else _refuse_again(operation)
        if refusal is not None:
            found.refused.append((row, refusal))
            continue
        if draft is None:
            draft = drafts[key] = _begin(person, address)
            found.drafts.append(draft)
        draft.take(row, row.properties if person is None else _without_address(row))
    return found


def draft_by_id(
    rows: Iterable[ImportRow],
    people: Mapping[int, Person],
    owners: Mapping[str, int],
) -> Drafts:
    """Draft rows whose contacts are found by Record ID; `owners` says whose address leads to whom already."""
    found, drafts, claimed = Drafts(), dict[int, Draft](), dict(owners)
    for row in rows:
        person = people.get(row.record_id or 0)
        refusal = _refuse_person(person)
        if person is None or refusal is not None:
            found.refused.append((row, refusal or Refusal.UNKNOWN_RECORD_ID))
            continue
        contact_id = person.known.contact_id
        draft = drafts.get(contact_id) or Draft(person)
        address = row.email if row.email not in {None, draft.email or person.known.email} else None
        if address is not None and claimed.get(address, contact_id) != contact_id:
            found.refused.append((row, Refusal.EMAIL_TAKEN))
            continue
        if not draft.rows:
            drafts[contact_id] = draft
            found.drafts.append(draft)
        properties = _without_address(row)
        if address is not None and address == person.known.email:
            draft.email, properties[EMAIL] = None, address
        elif address is not None and address not in owners:
            claimed[address] = contact_id
            draft.email, properties[EMAIL] = address, address
        draft.take(row, properties)
    return found


def _begin(person: Person | None, address: str) -> Draft:
    if person is None:
        return Draft(None, email=address)
    return Draft(person, restores=person.row.deleted_at is not None)


def _refuse(person: Person | None, operation: Operation) -> Refusal | None:
    """Return why the first row of a contact can't be taken, if it can't."""
    if person is not None and (person.row.erased_at is not None or person.row.merged_into is not None):
        return Refusal.CONTACT_GONE
    is_there = person is not None and person.row.deleted_at is None
    if is_there and operation is Operation.CREATE:
        return Refusal.CREATE_ONLY
    if not is_there and operation is Operation.UPDATE:
        return Refusal.UPDATE_ONLY
    return None


def _refuse_again(operation: Operation) -> Refusal | None:
    return Refusal.CREATE_ONLY if operation is Operation.CREATE else None


def _refuse_person(person: Person | None) -> Refusal | None:
    if person is None or person.row.erased_at is not None:
        return Refusal.UNKNOWN_RECORD_ID
    if person.row.deleted_at is not None or person.row.merged_into is not None:
        return Refusal.CONTACT_GONE
    return None


def _without_address(row: ImportRow) -> dict[str, str]:
    return {name: value for name, value in row.properties.items() if name != EMAIL}
