"""Tries one request on a description, for people to see: does its signature hold, and what would be read from it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from service.delivery import Delivery
from service.errors import InvalidSignature, Unreadable
from service.providers.decode import decode
from service.providers.description import Description, Role
from service.providers.events import Event
from service.providers.handshakes import HandshakeReply, shake_hands
from service.providers.names import split_name
from service.providers.reader import read_document
from service.providers.redaction import redact
from service.providers.roles import FITS, remap
from service.providers.samples import Sample
from service.providers.signing_checks import without_clock
from service.signatures import verify

PERSON = (Role.EMAIL, Role.FIRST_NAME, Role.LAST_NAME, Role.PHONE, Role.COMPANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What would become of a request."""

    proof: str
    proved: bool | None
    """None when nothing was looked at: no secret is given, or none is needed."""
    handshake: HandshakeReply | None
    events: tuple[Event, ...] = ()
    refusal: str = ""
    """Why nothing can be read; empty when something could."""
    redacted: tuple[str, ...] = ()
    """Places that are blanked before the delivery is stored or shown."""


def try_delivery(
    description: Description,
    delivery: Delivery,
    secrets: list[str],
    now: datetime,
    mapping: Mapping[str, str],
) -> Trial:
    """Do with a request what an endpoint would do; `mapping` has roles to keys of fields."""
    proof, proved = _prove(description, delivery, secrets, now)
    token = Sample("request", delivery).token
    handshake = shake_hands(description, delivery, secrets, token)
    if handshake is not None:
        return Trial(proof=proof, proved=proved, handshake=handshake)
    try:
        document = decode(description, delivery)
        events = read_document(description, delivery, document)
    except Unreadable as refusal:
        return Trial(
            proof=proof, proved=proved, handshake=None, refusal=f"{refusal.reason}: {refusal.message}"
        )
    places = (
        pointer.text
        for pointer in description.redact
        if redact(replace(description, redact=(pointer,)), document) != document
    )
    mapped = tuple(remap(event, mapping) for event in events)
    return Trial(proof=proof, proved=proved, handshake=None, events=mapped, redacted=tuple(places))


def _prove(
    description: Description, delivery: Delivery, secrets: list[str], now: datetime
) -> tuple[str, bool | None]:
    scheme = description.signature
    if not scheme.ways:
        return "this provider doesn't sign: the address is the only secret", None
    if not secrets:
        needs = "an endpoint must have one" if scheme.needs_secret else "an endpoint may do without"
        return f"not looked at, for no secret is given; {needs}", None
    try:
        verify(scheme, delivery, secrets, now)
    except InvalidSignature as refusal:
        return _refusal(description, delivery, secrets, now, refusal), False
    return "it holds", True


def _refusal(
    description: Description, delivery: Delivery, secrets: list[str], now: datetime, refusal: InvalidSignature
) -> str:
    try:
        verify(without_clock(description.signature), delivery, secrets, now)
    except InvalidSignature:
        return f"refused, {refusal.reason}: {refusal}"
    return f"it holds but for its time, {refusal.reason}: a capture is as old as this, a delivery may not be"


def origins(event: Event) -> dict[Role, str]:
    """Return the keys of the fields that the roles seem to come from: those with the same value."""
    found = {}
    for role in PERSON:
        value = getattr(event, role)
        key = next((key for key, text in event.fields.items() if value and _gives(role, text, value)), None)
        if key is not None:
            found[role] = key
    return found


def _gives(role: Role, text: str, value: str) -> bool:
    if FITS[role](text) == value:
        return True
    return role in {Role.FIRST_NAME, Role.LAST_NAME} and value in split_name(text)
