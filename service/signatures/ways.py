"""What every way to prove a delivery has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.delivery import Delivery
from service.signatures.algorithms import Algorithm, Prover
from service.signatures.keys import SecretPair
from service.signatures.refusals import Reason, refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(ABC):
    """One way in which a provider proves its deliveries."""

    when: tuple[tuple[str, str], ...] = ()
    """Headers and the values they must have for this way to be meant."""

    @property
    @abstractmethod
    def carrier(self) -> str:
        """Where the proof stands: ways with the same carrier are tried together."""

    @abstractmethod
    def carries(self, delivery: Delivery) -> bool:
        """Whether anything stands there, right or wrong."""

    @abstractmethod
    def prove(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """Raise InvalidSignature unless one of the secrets proves the delivery."""

    @abstractmethod
    def sign(self, delivery: Delivery, secret: str, now: datetime, delivery_id: str) -> Delivery:
        """Return the delivery as its sender sends it; raises ValueError for a secret that can't sign."""

    @abstractmethod
    def check_secret(self, secret: str) -> None:
        """Raise ValueError, with a fault, for a secret that can't verify."""

    @abstractmethod
    def new_secret(self) -> SecretPair:
        """Make a random secret."""

    @property
    def secret_parts(self) -> tuple[str, ...]:
        """What the user has to give, part by part; empty when the secret is one text."""
        return ()

    def is_presented(self, delivery: Delivery) -> bool:
        """Whether the sender meant this way."""
        return self._is_meant(delivery) and self.carries(delivery)

    def _is_meant(self, delivery: Delivery) -> bool:
        return all(delivery.headers_named(name) == (value,) for name, value in self.when)

    def with_marks(self, delivery: Delivery) -> Delivery:
        """Return the delivery with the headers that say that this way is meant."""
        for name, value in self.when:
            delivery = delivery.with_header(name, value)
        return delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderWay(Way):
    """A signature in a header."""

    header: str

    @property
    def carrier(self) -> str:
        return f"header {self.header.lower()}"

    def carries(self, delivery: Delivery) -> bool:
        return bool(delivery.headers_named(self.header))


def one_header(delivery: Delivery, name: str, missing: Reason) -> str:
    """Return the only header of this name, which holds ASCII and something; raises InvalidSignature."""
    values = delivery.headers_named(name)
    if not any(values):
        raise refused(missing)
    if len(values) > 1 or not values[0].isascii():
        malformed = missing is Reason.TIMESTAMP_MISSING
        raise refused(Reason.TIMESTAMP_MALFORMED if malformed else Reason.SIGNATURE_MALFORMED)
    return values[0]


def as_bytes(text: str) -> bytes:
    """Return UTF-8; half a character, which has none, is written all the same: nothing sent may raise an error."""
    return text.encode("utf-8", "surrogatepass")


def usable(algorithm: Algorithm, secrets: Sequence[str]) -> Iterator[tuple[str, Prover]]:
    """Yield the secrets that can verify; raises InvalidSignature when there is none."""
    found = False
    for secret in secrets:
        try:
            prover = algorithm.prover(secret)
        except ValueError:
            continue
        found = True
        yield secret, prover
    if not found:
        raise refused(Reason.SECRET_MISSING)
