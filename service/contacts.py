"""What people and programs do to single contacts: make, change, set the status, delete, merge, erase.

Each is one transaction, decided on the contact under its lock. A contact that is gone goes on counting by rule 13.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.addresses import normalise_email
from service.domain.actors import Actor, check_marketing_contacts
from service.domain.contacts import check_properties
from service.domain.jobs import Job
from service.domain.model import NEVER_MARKETING, Decision, Intent, Verdict
from service.domain.portals import DeleteCounts
from service.erasing import ERASE
from service.errors import Conflict, InvalidInput, NotFound
from service.store import audit, contacts, gone, jobs, portals
from service.store.contact_batches import ContactBatch, Person, Write
from service.store.session import Database
from service.store.taken_addresses import write_unless_taken

MOST_EMAILS = 10_000
INTENTS = {True: Intent.RAISE, False: Intent.LOWER}


@dataclass(frozen=True, slots=True)
class Made:
    """A contact that was made, or restored."""

    contact_id: int
    verdict: Verdict


class Contacts:
    """The use cases; one instance for any number of calls."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def make(
        self,
        actor: Actor,
        portal_id: int,
        email: str,
        properties: Mapping[str, str],
        *,
        marketing: bool | None = None,
    ) -> Made:
        """Make a contact; `marketing` sets its status, None leaves it to the default of the actor (rule 5).

        One that was deleted is restored. Raises Conflict when the address is somebody's; NoMarketingAccess and
        NotIncluded when the status can't be set.
        """
        address = _address(email)
        check_properties(properties)
        if marketing:
            actor.check_marketing_access()
        cause = actor.cause(Intent.RAISE if marketing else Intent.DEFAULT)
        with self._changing(portal_id) as batch:
            if marketing:
                check_marketing_contacts(batch.portal)
            known = batch.by_email([address]).get(address)
            if known is not None and known.row.deleted_at is None:
                raise Conflict(f"Contact already exists. Existing ID: {known.known.contact_id}")
            standing = known.standing if known else NEVER_MARKETING
            decision = None if marketing is False else batch.decide(standing, cause, is_new=known is None)
            # One that is restored keeps its address: this one may be that of a contact that merged into it.
            write = Write(
                person=known,
                email=None if known else address,
                properties=properties if known else {"email": address, **properties},
                restores=True,
                decision=decision,
                cause=cause,
            )
            (contact_id,) = batch.write([write])
        if contact_id is None:
            # Somebody else has made it between our look and our write.
            return self.make(actor, portal_id, email, properties, marketing=marketing)
        return Made(contact_id, decision.verdict if decision else Verdict.ALREADY_NON_MARKETING)

    def change(
        self,
        actor: Actor,
        portal_id: int,
        contact_id: int,
        properties: Mapping[str, str],
        email: str | None = None,
    ) -> None:
        """Set properties, an empty value clears one, and the address; raises NotFound and Conflict."""
        address = None if email is None else _address(email)
        check_properties(properties)
        with self._changing(portal_id) as batch:
            person = _live(batch, contact_id)
            told = dict(properties)
            if address is not None and address != person.known.email:
                other = batch.by_email([address]).get(address)
                if other is not None:
                    raise Conflict(f"{address} is the address of contact {other.known.contact_id}")
                told["email"] = address
            if write_unless_taken(batch, [Write(person=person, email=address, properties=told)]) is None:
                raise Conflict(f"{address} has just become somebody else's address")
            self._note(batch, actor, "contact_changed", f"contact:{contact_id}", {"names": sorted(told)})

    def set_status(self, actor: Actor, portal_id: int, contact_id: int, *, marketing: bool) -> Decision:
        """Raise the contact, or ask for its lowering on the update date (rule 2)."""
        actor.check_marketing_access()
        cause = actor.cause(INTENTS[marketing])
        with self._changing(portal_id) as batch:
            check_marketing_contacts(batch.portal)
            person = _live(batch, contact_id)
            decision = batch.decide(person.standing, cause)
            write = Write(person=person, decision=decision, cause=cause)
            if write.is_news:
                batch.write([write])
        return decision

    def delete(self, actor: Actor, portal_id: int, contact_id: int) -> Decision:
        """Delete a contact; it counts on until the update date, or not, as the portal has it (rule 13)."""
        with self._changing(portal_id) as batch:
            person = _live(batch, contact_id)
            decision = self._let_go(batch, actor, person)
            gone.delete(batch.connection, portal_id, [contact_id], batch.now)
            self._note(batch, actor, "contact_deleted", f"contact:{contact_id}")
        return decision

    def merge(self, actor: Actor, portal_id: int, primary_id: int, other_id: int) -> Decision:
        """Let one contact go on for both; returns what became of the other's status (rule 13).

        The primary keeps its status and its values, and takes values of the other where it has none. The other's
        addresses and cookies lead to the primary from now on.
        """
        if primary_id == other_id:
            raise InvalidInput("a contact can't merge with itself", field="other", mend="name two contacts")
        with self._changing(portal_id) as batch:
            people = batch.by_id([primary_id, other_id])
            primary, other = (_alive(people.get(number), number) for number in (primary_id, other_id))
            decision = self._let_go(batch, actor, other)
            address = other.known.email if primary.known.email is None else None
            gone.merge(
                batch.connection, portal_id, primary_id, other_id, batch.now, free_address=address is not None
            )
            told = {
                name: value for name, value in other.properties.items() if not primary.properties.get(name)
            }
            batch.write([Write(person=primary, email=address, properties=told)])
            self._note(batch, actor, "contact_merged", f"contact:{other_id}", {"into": primary_id})
        return decision

    def erase(self, actor: Actor, portal_id: int, contact_id: int) -> Job:
        """Forget the person (GDPR): at once in the contact, by the job that is returned in what was submitted.

        What counts goes on by rule 13 under the contact's number, which is all that is left. Deleted contacts, and
        those that merged into this one, are erased too.
        """
        with self._changing(portal_id) as batch:
            person = batch.by_id([contact_id]).get(contact_id)
            if person is None or person.row.erased_at is not None or person.row.merged_into is not None:
                raise NotFound("contact", contact_id)
            if person.row.deleted_at is None:
                self._let_go(batch, actor, person)
            everybody = gone.erase(batch.connection, portal_id, contact_id, batch.now)
            self._note(batch, actor, "contact_erased", f"contact:{contact_id}")
            request = {"contacts": everybody}
            return jobs.add(batch.connection, portal_id, ERASE, str(actor), request, batch.now)

    def note_mailing(
        self,
        actor: Actor,
        portal_id: int,
        emails: Sequence[str],
        *,
        unsubscribed: bool | None = None,
        bounced: bool | None = None,
    ) -> dict[str, int]:
        """Note that addresses have unsubscribed or bounced, or have not; who counts goes on counting (rule 12).

        Returns how many contacts were noted and how many addresses nobody has. Raises InvalidInput for a text that
        is no address.
        """
        if len(emails) > MOST_EMAILS:
            raise InvalidInput(
                f"{len(emails)} addresses", field="emails", mend=f"send at most {MOST_EMAILS} at a time"
            )
        addresses = {_address(email, field=f"emails.{place}") for place, email in enumerate(emails)}
        with self._changing(portal_id) as batch:
            people = batch.by_email(addresses)
            ids = sorted({person.known.contact_id for person in people.values()})
            gone.note_mailing(batch.connection, ids, batch.now, unsubscribed=unsubscribed, bounced=bounced)
            told = {"unsubscribed": unsubscribed, "bounced": bounced, "contacts": len(ids)}
            self._note(batch, actor, "mailing_noted", f"portal:{portal_id}", told)
        return {"contacts": len(ids), "unknown_addresses": len(addresses - people.keys())}

    def find(self, portal_id: int, contact_id: int) -> Person:
        """Return a contact, deleted ones too; raises NotFound, for erased ones as well."""
        with self._database.reading() as connection:
            person = contacts.find_person(connection, portal_id, contact_id)
        if person is None or person.row.erased_at is not None:
            raise NotFound("contact", contact_id)
        return person

    @contextmanager
    def _changing(self, portal_id: int) -> Iterator[ContactBatch]:
        now = self._now()
        with self._database.writing() as connection:
            yield ContactBatch(connection, portals.get_portal(connection, portal_id), now)

    @staticmethod
    def _let_go(batch: ContactBatch, actor: Actor, person: Person) -> Decision:
        """End the stint of a contact that goes, or ask for its end, as the portal has it."""
        at_once = batch.portal.delete_counts is DeleteCounts.NOT
        cause = actor.cause(Intent.END if at_once else Intent.LOWER)
        decision = batch.decide(person.standing, cause)
        if decision.change is not None:
            actor.check_marketing_access()
            batch.write([Write(person=person, decision=decision, cause=cause)])
        return decision

    @staticmethod
    def _note(
        batch: ContactBatch, actor: Actor, action: str, subject: str, after: Mapping[str, Any] | None = None
    ) -> None:
        entry = audit.Entry(str(actor), action, subject, after=after)
        audit.note(batch.connection, batch.portal.id, entry, batch.now)


def _live(batch: ContactBatch, contact_id: int) -> Person:
    return _alive(batch.by_id([contact_id]).get(contact_id), contact_id)


def _alive(person: Person | None, contact_id: int) -> Person:
    if person is None or person.row.deleted_at is not None:
        raise NotFound("contact", contact_id)
    if person.row.merged_into is not None:
        raise Conflict(f"contact {contact_id} has merged into contact {person.row.merged_into}")
    return person


def _address(email: str, field: str = "email") -> str:
    address = normalise_email(email)
    if address is None:
        raise InvalidInput("this is no e-mail address", field=field, mend="give one, as ada@example.com")
    return address
