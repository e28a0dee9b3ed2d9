"""The shared secret itself travels: in a header, the query or the body. It proves who sent, and nothing of what."""

import base64
import enum
import hmac
import secrets as randomness
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from service.delivery import Delivery
from service.errors import InvalidInput, InvalidSignature
from service.signatures.bodies import parse_pointer
from service.signatures.keys import NEW_KEY_SIZE, SecretPair
from service.signatures.refusals import Reason, refused
from service.signatures.ways import Way, as_bytes, one_header

AUTHORIZATION = "Authorization"
USER = "marketable"
"""The user's name in Basic authentication where only the password matters."""


class Place(enum.StrEnum):
    HEADER = "header"
    BEARER = "bearer"
    BASIC = "basic"
    """Basic authentication: user, colon and password together."""
    BASIC_USER = "basic-user"
    BASIC_PASSWORD = "basic-password"  # noqa: S105 - a place
    QUERY = "query"
    BODY = "body"


NAMED_PLACES = frozenset({Place.HEADER, Place.QUERY, Place.BODY})
UNICODE_PLACES = frozenset({Place.QUERY, Place.BODY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared(Way):
    place: Place
    name: str = ""
    """A header's or query parameter's name, or a JSON Pointer; empty for the other places."""

    @property
    def carrier(self) -> str:
        return f"{self.place} {self.name.lower() if self.place is Place.HEADER else self.name}".strip()

    def carries(self, delivery: Delivery) -> bool:
        """Look whether anything stands in the place, right or wrong."""
        try:
            return bool(_FIND[self.place](self.name, delivery))
        except InvalidSignature as refusal:
            return refusal.reason != Reason.SIGNATURE_MISSING

    def prove(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        del now
        keys = [as_bytes(secret) for secret in secrets if secret]
        if not keys:
            raise refused(Reason.SECRET_MISSING)
        given = as_bytes(_FIND[self.place](self.name, delivery))
        # All are compared, whichever it is, so that the time tells nothing.
        matches = [hmac.compare_digest(key, given) for key in keys]
        if not any(matches):
            raise refused(Reason.SIGNATURE_WRONG)

    def sign(self, delivery: Delivery, secret: str, now: datetime, delivery_id: str) -> Delivery:
        """Put the secret into its place."""
        del now, delivery_id
        self.check_secret(secret)
        return _PUT[self.place](self.name, self.with_marks(delivery), secret)

    def check_secret(self, secret: str) -> None:
        if not secret:
            raise ValueError("is empty")
        if self.place not in UNICODE_PLACES and not secret.isascii():
            raise ValueError("holds more than ASCII, which a header can't carry")
        if self.place is Place.BASIC and ":" not in secret:
            raise ValueError("is not user:password")
        if self.place is Place.BASIC_USER and ":" in secret:
            raise ValueError("holds a colon, which a user's name can't")

    def new_secret(self) -> SecretPair:
        secret = randomness.token_urlsafe(NEW_KEY_SIZE)
        secret = f"{USER}:{secret}" if self.place is Place.BASIC else secret
        return SecretPair(secret, secret)


def _find_in_header(name: str, delivery: Delivery) -> str:
    return one_header(delivery, name, Reason.SIGNATURE_MISSING)


def _find_bearer(name: str, delivery: Delivery) -> str:
    del name
    return _authorization(delivery, "bearer")


def _find_basic(name: str, delivery: Delivery) -> str:
    del name
    return ":".join(_user_and_password(delivery))


def _find_user(name: str, delivery: Delivery) -> str:
    del name
    return _user_and_password(delivery)[0]


def _find_password(name: str, delivery: Delivery) -> str:
    del name
    return _user_and_password(delivery)[1]


def _find_in_query(name: str, delivery: Delivery) -> str:
    values = delivery.queries_named(name)
    if len(values) > 1:
        raise refused(Reason.SIGNATURE_MALFORMED)
    return _present(values[0] if values else "")


def _find_in_body(name: str, delivery: Delivery) -> str:
    try:
        value = parse_pointer(name).find(delivery)
    except ValueError:
        raise refused(Reason.BODY_UNREADABLE) from None
    if value is not None and not isinstance(value, str):
        raise refused(Reason.SIGNATURE_MALFORMED)
    return _present(value or "")


def _authorization(delivery: Delivery, scheme: str) -> str:
    """Return the credentials of this authentication scheme; another one is as good as none."""
    given, _, credentials = one_header(delivery, AUTHORIZATION, Reason.SIGNATURE_MISSING).partition(" ")
    return _present(credentials.strip(" ") if given.lower() == scheme else "")


def _user_and_password(delivery: Delivery) -> tuple[str, str]:
    credentials = _authorization(delivery, "basic")
    try:
        user, colon, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        raise refused(Reason.SIGNATURE_MALFORMED) from None
    if not colon:
        raise refused(Reason.SIGNATURE_MALFORMED)
    return user, password


def _present(text: str) -> str:
    if not text:
        raise refused(Reason.SIGNATURE_MISSING)
    return text


_FIND: Mapping[Place, Callable[[str, Delivery], str]] = {
    Place.HEADER: _find_in_header,
    Place.BEARER: _find_bearer,
    Place.BASIC: _find_basic,
    Place.BASIC_USER: _find_user,
    Place.BASIC_PASSWORD: _find_password,
    Place.QUERY: _find_in_query,
    Place.BODY: _find_in_body,
}
"""Each returns what stands there, or raises InvalidSignature."""


def _put_into_query(name: str, delivery: Delivery, secret: str) -> Delivery:
    joint = "&" if "?" in delivery.url else "?"
    return replace(delivery, url=f"{delivery.url}{joint}{urlencode({name: secret})}")


def _put_into_body(name: str, delivery: Delivery, secret: str) -> Delivery:
    try:
        return parse_pointer(name).put(delivery, secret)
    except ValueError:
        raise InvalidInput(
            f"the body has no place {name}", field="body", mend="begin with a body like the provider's"
        ) from None


def _put_basic(delivery: Delivery, credentials: str) -> Delivery:
    encoded = base64.b64encode(credentials.encode()).decode()
    return delivery.with_header(AUTHORIZATION, f"Basic {encoded}")


_PUT: Mapping[Place, Callable[[str, Delivery, str], Delivery]] = {
    Place.HEADER: lambda name, delivery, secret: delivery.with_header(name, secret),
    Place.BEARER: lambda _, delivery, secret: delivery.with_header(AUTHORIZATION, f"Bearer {secret}"),
    Place.BASIC: lambda _, delivery, secret: _put_basic(delivery, secret),
    Place.BASIC_USER: lambda _, delivery, secret: _put_basic(delivery, f"{secret}:"),
    Place.BASIC_PASSWORD: lambda _, delivery, secret: _put_basic(delivery, f"{USER}:{secret}"),
    Place.QUERY: _put_into_query,
    Place.BODY: _put_into_body,
}
