"""What turns a key and a message into a signature."""

import enum
import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from service.signatures import asymmetric
from service.signatures.keys import PLAIN_KEY, Key, SecretPair

Prover = Callable[[bytes, bytes], bool]
"""Whether a signature, the second, is that of a message, the first. Constant in time for what is secret."""
Signer = Callable[[bytes], bytes]
"""Returns a message's signature."""


class Hash(enum.StrEnum):
    SHA256 = "sha256"
    SHA1 = "sha1"
    SHA512 = "sha512"

    @property
    def size(self) -> int:
        """In bytes."""
        return hashlib.new(self).digest_size

    def digest(self, message: bytes) -> bytes:
        return hashlib.new(self, message, usedforsecurity=False).digest()


class Algorithm(ABC):
    """One way to sign; the stored secret may be for verifying only."""

    @abstractmethod
    def prover(self, secret: str) -> Prover:
        """Raise ValueError, with a fault, for a secret that can't verify."""

    @abstractmethod
    def signer(self, secret: str) -> Signer:
        """Raise ValueError, with a fault, for a secret that can't sign."""

    @abstractmethod
    def new_secret(self) -> SecretPair: ...

    @abstractmethod
    def fits(self, signature: bytes) -> bool:
        """Whether a signature has a length that this algorithm makes."""

    @property
    def secret_parts(self) -> tuple[str, ...]:
        """What the user has to give, part by part; empty when the secret is one text."""
        return ()


@lru_cache(maxsize=1_000)
def _prover(algorithm: Algorithm, secret: str) -> Prover:
    """Return what compares with a signature of one's own; put together once, for it runs for each delivery."""
    sign = algorithm.signer(secret)
    return lambda message, signature: hmac.compare_digest(sign(message), signature)


@dataclass(frozen=True, slots=True)
class HmacAlgorithm(Algorithm):
    hash: Hash = Hash.SHA256
    key: Key = PLAIN_KEY

    def prover(self, secret: str) -> Prover:
        return _prover(self, secret)

    def signer(self, secret: str) -> Signer:
        begun = hmac.new(self.key.read(secret), digestmod=self.hash)

        def sign(message: bytes) -> bytes:
            signing = begun.copy()
            signing.update(message)
            return signing.digest()

        return sign

    def new_secret(self) -> SecretPair:
        secret = self.key.make()
        return SecretPair(secret, secret)

    def fits(self, signature: bytes) -> bool:
        return len(signature) == self.hash.size

    @property
    def secret_parts(self) -> tuple[str, ...]:
        return self.key.parts


@dataclass(frozen=True, slots=True)
class HashAlgorithm(HmacAlgorithm):
    """A plain hash of a message that the secret is part of."""

    def signer(self, secret: str) -> Signer:
        self.key.read(secret)
        return self.hash.digest


@dataclass(frozen=True, slots=True)
class RsaAlgorithm(Algorithm):
    """PKCS #1 v1.5; the stored secret is the sender's public key as PEM."""

    hash: Hash = Hash.SHA256

    def prover(self, secret: str) -> Prover:
        return asymmetric.rsa_prover(secret, self.hash)

    def signer(self, secret: str) -> Signer:
        return asymmetric.rsa_signer(secret, self.hash)

    def new_secret(self) -> SecretPair:
        return SecretPair(*asymmetric.new_rsa_keys())

    def fits(self, signature: bytes) -> bool:
        return bool(signature)


@dataclass(frozen=True, slots=True)
class Ed25519Algorithm(Algorithm):
    """As Standard Webhooks writes keys: `whpk_` and the public key, `whsk_` and the private one."""

    def prover(self, secret: str) -> Prover:
        return asymmetric.ed25519_prover(secret)

    def signer(self, secret: str) -> Signer:
        return asymmetric.ed25519_signer(secret)

    def new_secret(self) -> SecretPair:
        return SecretPair(*asymmetric.new_ed25519_keys())

    def fits(self, signature: bytes) -> bool:
        return len(signature) == asymmetric.ED25519_SIGNATURE_SIZE
