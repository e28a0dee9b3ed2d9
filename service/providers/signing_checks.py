"""Checks a provider's signing scheme on its samples: what it signs holds, and nothing that was changed does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from service.delivery import Delivery
from service.errors import InvalidInput, InvalidSignature
from service.providers.description import Description
from service.providers.findings import Finding
from service.providers.samples import SAMPLES, SIGNED_AT, USUAL_SECRET, Sample
from service.signatures import Scheme, sign, verify
from service.signatures.shared import AUTHORIZATION, Shared
from service.signatures.signed import Signed
from service.signatures.tokens import BodyHashToken
from service.signatures.ways import HeaderWay, Way

_FORM = "application/x-www-form-urlencoded"


def check_signing(description: Description, samples: list[Sample], secret: str | None) -> Iterator[Finding]:
    """`secret` is that of the samples, None when no file has one."""
    scheme = description.signature
    deliveries = [
        sample for sample in samples if sample.delivery.method == "POST" and not sample.is_handshake
    ]
    if not scheme.ways:
        yield from _check_unread(deliveries)
        return
    if not deliveries:
        return
    for sample in deliveries:
        yield from _check_as_sent(scheme, sample, secret)
    for number, way in enumerate(scheme.ways):
        yield from _check_anew(scheme, number, way, deliveries[0].delivery)
    first = deliveries[0].delivery
    if scheme.needs_secret and holds(scheme, first, [], SIGNED_AT):
        yield Finding("signature", "a delivery passes at an endpoint that has no secret")


def holds(scheme: Scheme, delivery: Delivery, secrets: list[str], now: datetime) -> bool:
    try:
        verify(scheme, delivery, secrets, now)
    except InvalidSignature:
        return False
    return True


def without_clock(scheme: Scheme) -> Scheme:
    """Return the scheme that takes any time: a capture is older than a delivery may be."""
    return replace(scheme, ways=tuple(map(_timeless, scheme.ways)))


def _timeless(way: Way) -> Way:
    if isinstance(way, Signed) and way.time is not None:
        return replace(way, time=replace(way.time, tolerance=0))
    return replace(way, tolerance=0) if isinstance(way, BodyHashToken) else way


def without_proof(way: Way, delivery: Delivery) -> Delivery:
    """Return the delivery without what proves it by this way."""
    if isinstance(way, HeaderWay):
        return delivery.without_headers(way.header)
    if not isinstance(way, Shared):
        return delivery
    bare = delivery.without_headers(AUTHORIZATION, way.name or AUTHORIZATION)
    empty = b"a=1" if delivery.media_type == _FORM else b"{}"
    return replace(bare, url=bare.url.partition("?")[0], body=empty if way.place == "body" else bare.body)


def _check_unread(samples: list[Sample]) -> Iterator[Finding]:
    for sample in samples:
        for name, _ in sample.delivery.headers:
            if "signature" in name.lower():
                message = f"{name} is sent and nothing looks at it: [signature]"
                yield Finding(f"{SAMPLES}/{sample.name}.http", message, is_warning=True)


def _check_as_sent(scheme: Scheme, sample: Sample, secret: str | None) -> Iterator[Finding]:
    place, delivery = f"{SAMPLES}/{sample.name}.http", sample.delivery
    timeless, secrets = without_clock(scheme), [secret or USUAL_SECRET]
    presented = [way for way in scheme.ways if way.is_presented(delivery)]
    if not presented:
        if not scheme.optional:
            yield Finding(place, "carries no proof: sign it with 'marketable provider try --sign --write'")
        return
    if not holds(timeless, delivery, secrets, SIGNED_AT):
        known = secret is not None
        mend = "" if known else f"; write the secret that it was signed with to {SAMPLES}/secret.txt"
        yield Finding(place, f"its proof doesn't hold with the samples' secret{mend}", is_warning=not known)
    elif any(not isinstance(way, Shared) for way in presented) and delivery.body:
        middle = len(delivery.body) // 2
        changed = delivery.body[:middle] + bytes([delivery.body[middle] ^ 1]) + delivery.body[middle + 1 :]
        if holds(timeless, replace(delivery, body=changed), secrets, SIGNED_AT):
            yield Finding(place, "its signature holds for another body as well")


def _check_anew(scheme: Scheme, number: int, way: Way, delivery: Delivery) -> Iterator[Finding]:
    """Sign with new secrets: only with the right one, in time and whole, does it hold."""
    place = f"signature, way {number + 1}"
    bare = delivery
    for other_way in scheme.ways:
        bare = without_proof(other_way, bare)
    ours, other = way.new_secret(), way.new_secret()
    try:
        sent = sign(scheme, bare, ours.signing, SIGNED_AT, "evt_1", way=number)
    except InvalidInput as problem:
        yield Finding(place, f"the first sample can't be signed: {problem}")
        return
    if not holds(scheme, sent, [ours.verifying], SIGNED_AT):
        yield Finding(place, "its own signature doesn't hold")
    if not holds(scheme, sent, [other.verifying, ours.verifying], SIGNED_AT):
        yield Finding(place, "the older of two secrets doesn't hold")
    if holds(scheme, sent, [other.verifying], SIGNED_AT):
        yield Finding(place, "another secret holds as well")
    if holds(scheme, without_proof(way, sent), [ours.verifying], SIGNED_AT):
        yield Finding(place, "a delivery without it holds as well")
    if isinstance(way, Signed) and way.time is not None and way.time.tolerance:
        for late in (way.time.tolerance + 1, -way.time.tolerance - 1):
            if holds(scheme, sent, [ours.verifying], SIGNED_AT + timedelta(seconds=late)):
                yield Finding(place, f"it holds {late} s later as well")
