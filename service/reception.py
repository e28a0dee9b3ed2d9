"""Takes deliveries in: proves them, reads them into events, makes facts of those, and has them recorded.

Guarantees: nothing of a delivery is read before it is proved; `accept` returns when every event is durable or
known to be one that was accepted before. An event is kept once: by the sender's id for ever, or by what it says
for ten minutes (rule 14).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from service.configuration import Configuration
from service.delivery import Delivery
from service.documents import dumps
from service.domain.endpoints import Endpoint, ExternalForm, ExternalKind
from service.domain.model import Fact, ReasonType, Recorded, Source, Verdict
from service.errors import ConflictingDelivery, ProviderMissing
from service.identifiers import new_submission_id
from service.once import hash_of, keys_in_window
from service.providers.catalogue import Catalogue
from service.providers.content import stable_content
from service.providers.decode import decode
from service.providers.description import Description
from service.providers.events import Event, EventKind, KeptReason, dump_event
from service.providers.reader import read_document
from service.providers.roles import remap
from service.signatures import Scheme, verify
from service.signatures.signed import Signed
from service.signatures.tokens import BodyHashToken
from service.signatures.ways import Way

PROPERTIES = {
    "email": "email",
    "first_name": "firstname",
    "last_name": "lastname",
    "phone": "phone",
    "company": "company",
}
"""What an event tells of its person, and the contact's property for it."""
KINDS = {EventKind.SUBMISSION: ExternalKind.FORM, EventKind.CHAT: ExternalKind.CHATFLOW}
SOURCES = {
    ExternalKind.FORM: (Source.EXTERNAL_FORM, ReasonType.FORM_SUBMISSION),
    ExternalKind.CHATFLOW: (Source.CHATFLOW, ReasonType.CONVERSATION),
}
MAPPING = "mapping"
"""In a submission's content: the mapping that it was read with, where there was one."""

Record = Callable[[Sequence[Fact]], list[Recorded | Exception]]


@dataclass(frozen=True, slots=True)
class Taken:
    """One event of a delivery, and what became of it."""

    event: Event
    form: ExternalForm
    outcome: Recorded | Exception


class Reception:
    """Takes in the deliveries of all endpoints; safe for threads."""

    def __init__(self, configuration: Configuration, catalogue: Catalogue, record: Record) -> None:
        self._configuration = configuration
        self._catalogue = catalogue
        self._record = record

    def describe(self, endpoint: Endpoint) -> Description:
        """Return the description of an endpoint's provider; raises ProviderMissing."""
        description = self._catalogue.get(endpoint.provider)
        if description is None:
            raise ProviderMissing(endpoint.provider)
        return description

    def prove(self, endpoint: Endpoint, delivery: Delivery, now: datetime) -> None:
        """Raise InvalidSignature unless one of the endpoint's secrets proves the delivery."""
        scheme = self.describe(endpoint).signature
        if scheme.ways:
            tolerance = endpoint.options.tolerance
            verify(
                with_tolerance(scheme, tolerance) if tolerance else scheme, delivery, endpoint.secrets, now
            )

    def decode(self, endpoint: Endpoint, delivery: Delivery) -> Any:
        """Return a proved delivery as a document; raises Unreadable."""
        return decode(self.describe(endpoint), delivery)

    def read(self, endpoint: Endpoint, delivery: Delivery, document: Any) -> list[Event]:
        """Return the events of a decoded delivery; raises Unreadable."""
        events = read_document(self.describe(endpoint), delivery, document)
        traps = endpoint.options.honeypots
        return [_trapped(event, traps) for event in events] if traps else events

    def keep(self, endpoint: Endpoint, events: Sequence[Event], now: datetime) -> list[Taken]:
        """Return when all events are durable or refused; raises what kept an event from being recorded.

        An event whose id was accepted before with another content is refused; that is raised when nothing else
        of the delivery was taken.
        """
        description = self.describe(endpoint)
        forms = [
            self._configuration.see_external_form(endpoint, KINDS[event.kind], event.form_id or "", now)
            for event in events
        ]
        facts = [
            make_fact(endpoint, description, form, event, now)
            for form, event in zip(forms, events, strict=True)
        ]
        outcomes = self._record(facts) if facts else []
        raise_trouble(outcomes)
        return [Taken(*each) for each in zip(events, forms, outcomes, strict=True)]


def as_spam(events: Sequence[Event]) -> list[Event]:
    """Return events as what no person sent."""
    return [replace(event, kept=event.kept or KeptReason.SPAM) for event in events]


def raise_trouble(outcomes: Sequence[Recorded | Exception]) -> None:
    """Raise the first failure; a conflict only when no event of the delivery was taken."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    for error in errors:
        if not isinstance(error, ConflictingDelivery):
            raise error
    if errors and len(errors) == len(outcomes):
        raise errors[0]


def make_fact(
    endpoint: Endpoint, description: Description, form: ExternalForm, event: Event, now: datetime
) -> Fact:
    """Return the fact that an event happened; `form` is where, and its mapping tells whose it is."""
    digest = hash_of(stable_content(description, event))
    once_key, earlier_key = _once_keys(form, event, digest, now)
    return fact_of(
        remap(event, form.mapping),
        form,
        now,
        submission_id=new_submission_id(now),
        content=content_of(endpoint, form, event),
        once_key=once_key,
        earlier_key=earlier_key,
        digest=digest,
        kept=kept_as(event),
        cookie=cookie_of(endpoint.id, event),
    )


def content_of(endpoint: Endpoint, form: ExternalForm, event: Event, **more: str) -> str:
    """Return an event as it is kept: as it was read before the form's mapping, which stands beside it."""
    read_with = {MAPPING: form.mapping} if form.mapping else {}
    return dumps({"provider": endpoint.provider, **more, **read_with, **dump_event(event)})


def fact_of(event: Event, form: ExternalForm, now: datetime, *, cookie: str | None, **more: Any) -> Fact:
    """Return the fact of an event that is read already, its mapping included."""
    source, reason_type = SOURCES[form.kind]
    kept: Verdict | None = more["kept"]
    is_open = kept is None or kept is Verdict.LOOK_UP_PENDING
    return Fact(
        portal_id=form.portal_id,
        source=source,
        source_id=str(form.id),
        email=None if kept else event.email,
        cookie=None if kept else cookie,
        properties={} if kept else properties_of(event),
        received_at=now,
        submitted_at=min(event.occurred_at or now, now),
        reason_type=reason_type,
        new_contact_for_new_email=True,
        is_refused=event.consent is False,
        session=cookie if is_open else None,
        **more,
    )


def kept_as(event: Event) -> Verdict | None:
    """Return why an event raises nobody, or that its person is still to be asked for; None for the usual case."""
    if event.kept is not None:
        return Verdict(event.kept.value)
    return Verdict.LOOK_UP_PENDING if event.fetch is not None else None


def properties_of(event: Event) -> dict[str, str]:
    """Return the contact's properties that an event tells."""
    values = {name: getattr(event, role) for role, name in PROPERTIES.items()}
    return {name: value for name, value in values.items() if value is not None}


def cookie_of(endpoint_id: int, event: Event) -> str | None:
    """Return what joins the events of one visitor; one endpoint's sessions are nobody else's."""
    return f"{endpoint_id}:{event.session}" if event.session else None


@lru_cache(maxsize=1_000)
def with_tolerance(scheme: Scheme, tolerance: int) -> Scheme:
    """Return the scheme with another age that signatures may have, in seconds."""
    return replace(scheme, ways=tuple(_way_with_tolerance(way, tolerance) for way in scheme.ways))


def _way_with_tolerance(way: Way, tolerance: int) -> Way:
    if isinstance(way, Signed) and way.time is not None:
        return replace(way, time=replace(way.time, tolerance=tolerance))
    if isinstance(way, BodyHashToken):
        return replace(way, tolerance=tolerance)
    return way


def _trapped(event: Event, traps: Sequence[str]) -> Event:
    if event.kept is None and any(event.fields.get(name) for name in traps):
        return replace(event, kept=KeptReason.SPAM)
    return event


def _once_keys(form: ExternalForm, event: Event, digest: str, now: datetime) -> tuple[str, str | None]:
    place = f"{form.endpoint_id}/{event.kind}/{event.form_id or ''}"
    if event.event_id is not None:
        return hash_of(f"event/{place}/{event.event_id}".encode()), None
    return keys_in_window(f"said/{place}/{digest}", now)
