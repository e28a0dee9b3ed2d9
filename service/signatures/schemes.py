"""A provider's scheme: verifies deliveries, and signs them as the provider does.

The first way whose carrier is there decides. Ways with the same carrier are tried together, and one is enough; ways
with another carrier are not looked at any more: a weaker proof never stands in for a stronger one that failed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.delivery import Delivery
from service.errors import InvalidInput, InvalidSignature
from service.signatures.keys import SecretPair
from service.signatures.refusals import Reason, refused
from service.signatures.shared import Shared
from service.signatures.signed import Signed
from service.signatures.ways import HeaderWay, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The ways in which one provider proves its deliveries, the best first; none when it has no way."""

    ways: tuple[Way, ...] = ()
    optional: bool = False
    """An endpoint without a stored secret takes unproved deliveries. With one, nothing passes unproved."""

    @property
    def needs_secret(self) -> bool:
        """Whether an endpoint must have a secret to take anything in."""
        return bool(self.ways) and not self.optional

    @property
    def secret_parts(self) -> tuple[str, ...]:
        """What the user has to give, part by part; empty when the secret is one text."""
        return next((way.secret_parts for way in self.ways if way.secret_parts), ())

    @property
    def secret_places(self) -> tuple[Shared, ...]:
        """Where secrets travel in the clear: what must be blanked before a delivery is stored or shown."""
        return tuple(way for way in self.ways if isinstance(way, Shared))


NO_SCHEME = Scheme()

_is_challenge = re.compile(r"[0-9A-Za-z_-]{1,200}").fullmatch


def verify(scheme: Scheme, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
    """Raise InvalidSignature unless one of the endpoint's secrets proves the delivery."""
    if not scheme.ways or (scheme.optional and not secrets):
        return
    if not any(secrets):
        raise refused(Reason.SECRET_MISSING)
    refusals = []
    for way in _ways_meant(scheme, delivery):
        try:
            way.prove(delivery, secrets, now)
        except InvalidSignature as refusal:
            refusals.append(Reason(refusal.reason))
        else:
            return
    raise refused(max(refusals, key=list(Reason).index, default=Reason.SIGNATURE_MISSING))


def sign(
    scheme: Scheme,
    delivery: Delivery,
    secret: str,
    now: datetime,
    delivery_id: str,
    *,
    way: int | None = None,
) -> Delivery:
    """Return the delivery with what its sender adds, by the first way that the secret fits, or by the one numbered.

    A secret that only verifies, a public key, can't sign: raises InvalidInput.
    """
    ways = scheme.ways if way is None else scheme.ways[way : way + 1]
    faults = []
    bare = delivery.without_headers(*(way.header for way in scheme.ways if isinstance(way, HeaderWay)))
    for candidate in ways:
        try:
            return candidate.sign(bare, secret, now, delivery_id)
        except ValueError as fault:
            faults.append(str(fault))
        except InvalidSignature as refusal:
            raise InvalidInput(f"the delivery can't be signed: {refusal}", field="delivery") from None
    if faults:
        raise _unfit(faults)
    return delivery


def sign_challenge(scheme: Scheme, challenge: str, secret: str) -> str:
    """Return the bare signature of a challenge, in the scheme's encoding.

    A challenge comes from anybody. One that could be what a delivery's signature covers is never signed: raises
    InvalidInput for anything but letters, digits, dashes and underscores.
    """
    if not _is_challenge(challenge):
        raise InvalidInput(
            "the challenge is no plain identifier", field="challenge", mend="send letters and digits"
        )
    for way in scheme.ways:
        if isinstance(way, Signed):
            try:
                return way.sign_text(challenge, secret)
            except ValueError as fault:
                raise _unfit([str(fault)]) from None
    raise InvalidInput("the scheme signs nothing", field="signature", mend="choose a kind that signs")


def check_secret(scheme: Scheme, secret: str) -> None:
    """Raise InvalidInput for a secret that could never prove a delivery, without repeating it."""
    faults = list(_faults(scheme, secret))
    if scheme.ways and len(faults) == len(scheme.ways):
        raise _unfit(faults)


def new_secret(scheme: Scheme) -> SecretPair:
    """Make a random secret for the scheme's first way."""
    if not scheme.ways:
        raise InvalidInput("the scheme has no secret", field="signature", mend="choose a kind that proves")
    return scheme.ways[0].new_secret()


def _faults(scheme: Scheme, secret: str) -> Iterator[str]:
    """Yield what each way that can't use the secret says of it."""
    for way in scheme.ways:
        try:
            way.check_secret(secret)
        except ValueError as fault:
            yield str(fault)


def _ways_meant(scheme: Scheme, delivery: Delivery) -> list[Way]:
    for number, way in enumerate(scheme.ways):
        if way.is_presented(delivery):
            others = scheme.ways[number + 1 :]
            return [
                way,
                *(other for other in others if other.carrier == way.carrier and other.is_presented(delivery)),
            ]
    return []


def _unfit(faults: Sequence[str]) -> InvalidInput:
    said = ", and ".join(dict.fromkeys(faults))
    return InvalidInput(
        f"the secret {said}", field="secret", mend="copy it again from the provider's settings"
    )
