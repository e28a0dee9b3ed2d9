"""Netlify's way: a JSON Web Token (RFC 7519, HS256) that holds the SHA-256 of the body.

Source: https://docs.netlify.com/manage/forms/notifications
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.delivery import Delivery
from service.documents import dumps, loads
from service.signatures.algorithms import HmacAlgorithm
from service.signatures.encodings import decode_base64url, encode_base64url
from service.signatures.keys import SecretPair
from service.signatures.refusals import Reason, refused
from service.signatures.times import DEFAULT_TOLERANCE
from service.signatures.ways import HeaderWay, as_bytes, one_header, usable

_ALGORITHM = HmacAlgorithm()
_HEADER = {"alg": "HS256", "typ": "JWT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyHashToken(HeaderWay):
    issuer: str
    claim: str = "sha256"
    """The claim that holds the body's hash, in hex digits."""
    tolerance: int = DEFAULT_TOLERANCE
    """Seconds that `exp` and `nbf`, where there are any, may be passed or still to come."""

    def prove(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """Raise InvalidSignature; no other algorithm than HS256 is taken, whatever the token says."""
        signed, signature, claims = _read_token(one_header(delivery, self.header, Reason.SIGNATURE_MISSING))
        if not any(is_right(signed, signature) for _, is_right in usable(_ALGORITHM, secrets)):
            raise refused(Reason.SIGNATURE_WRONG)
        given = claims.get(self.claim)
        if not isinstance(given, str):
            raise refused(Reason.SIGNATURE_MALFORMED)
        same_body = hmac.compare_digest(as_bytes(given.lower()), _hash(delivery.body).encode())
        if not same_body or claims.get("iss") != self.issuer:
            raise refused(Reason.SIGNATURE_WRONG)
        self._check_times(claims, now.timestamp())

    def sign(self, delivery: Delivery, secret: str, now: datetime, delivery_id: str) -> Delivery:
        del now, delivery_id
        claims = {"iss": self.issuer, self.claim: _hash(delivery.body)}
        signed = ".".join(encode_base64url(dumps(part).encode()) for part in (_HEADER, claims))
        signature = encode_base64url(_ALGORITHM.signer(secret)(signed.encode()))
        return self.with_marks(delivery).with_header(self.header, f"{signed}.{signature}")

    def check_secret(self, secret: str) -> None:
        _ALGORITHM.prover(secret)

    def new_secret(self) -> SecretPair:
        return _ALGORITHM.new_secret()

    def _check_times(self, claims: Mapping[str, object], now: float) -> None:
        expires, begins = _seconds(claims, "exp"), _seconds(claims, "nbf")
        if self.tolerance and expires is not None and now > expires + self.tolerance:
            raise refused(Reason.TIMESTAMP_TOO_OLD)
        if self.tolerance and begins is not None and now < begins - self.tolerance:
            raise refused(Reason.TIMESTAMP_IN_FUTURE)


def _read_token(token: str) -> tuple[bytes, bytes, Mapping[str, object]]:
    """Return what is signed, the signature and the claims; raises InvalidSignature."""
    signed, _, signature = token.rpartition(".")
    head, _, payload = signed.partition(".")
    try:
        header, claims = (loads(decode_base64url(part)) for part in (head, payload))
        digest = decode_base64url(signature)
    except ValueError:
        raise refused(Reason.SIGNATURE_MALFORMED) from None
    if not isinstance(header, dict) or not isinstance(claims, dict) or header.get("alg") != _HEADER["alg"]:
        raise refused(Reason.SIGNATURE_MALFORMED)
    return signed.encode(), digest, claims


def _seconds(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(Reason.TIMESTAMP_MALFORMED)
    return value


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
