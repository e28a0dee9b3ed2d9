"""Twilio's way: a signature over the URL and, sorted by name, the parameters of a form body.

Any other body is covered by its SHA-256, which the sender puts into the query. A body without it is read as a form,
whatever its content type says, so that none goes unproved.
Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qsl

from service.delivery import Delivery
from service.signatures.algorithms import Algorithm
from service.signatures.bodies import FORM
from service.signatures.encodings import Encoding
from service.signatures.keys import SecretPair
from service.signatures.refusals import Reason, refused
from service.signatures.ways import HeaderWay, as_bytes, one_header, usable

MOST_PARAMETERS = 1_000

_split_url = re.compile(r"(https?)(://)([^/?#]*?)(:\d+)?(?=[/?#]|$)").match
_USUAL_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedParameters(HeaderWay):
    algorithm: Algorithm
    encoding: Encoding = Encoding.BASE64
    body_hash_query: str = "bodySHA256"

    def prove(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """Raise InvalidSignature; the URL may be signed with or without its scheme's usual port."""
        del now
        signature = self._read_signature(delivery)
        parameters = self._covered_parameters(delivery)
        messages = [as_bytes(url) + parameters for url in _with_and_without_port(delivery.url)]
        for _, is_right in usable(self.algorithm, secrets):
            if any(is_right(message, signature) for message in messages):
                return
        raise refused(Reason.SIGNATURE_WRONG)

    def sign(self, delivery: Delivery, secret: str, now: datetime, delivery_id: str) -> Delivery:
        del now, delivery_id
        signer = self.algorithm.signer(secret)
        delivery = self.with_marks(delivery)
        if delivery.media_type != FORM and delivery.body and delivery.query(self.body_hash_query) is None:
            joint = "&" if "?" in delivery.url else "?"
            url = f"{delivery.url}{joint}{self.body_hash_query}={_hash(delivery.body)}"
            delivery = replace(delivery, url=url)
        signature = signer(as_bytes(delivery.url) + self._covered_parameters(delivery))
        return delivery.with_header(self.header, self.encoding.write(signature))

    def check_secret(self, secret: str) -> None:
        self.algorithm.prover(secret)

    def new_secret(self) -> SecretPair:
        return self.algorithm.new_secret()

    def _read_signature(self, delivery: Delivery) -> bytes:
        text = one_header(delivery, self.header, Reason.SIGNATURE_MISSING)
        try:
            signature = self.encoding.read(text)
        except ValueError:
            signature = b""
        if not self.algorithm.fits(signature):
            raise refused(Reason.SIGNATURE_MALFORMED)
        return signature

    def _covered_parameters(self, delivery: Delivery) -> bytes:
        hashes = delivery.queries_named(self.body_hash_query)
        if not hashes:
            return _sorted_parameters(delivery.body)
        if len(hashes) > 1:
            raise refused(Reason.SIGNATURE_MALFORMED)
        if not hmac.compare_digest(as_bytes(hashes[0].lower()), _hash(delivery.body).encode()):
            raise refused(Reason.SIGNATURE_WRONG)
        return b""


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _sorted_parameters(body: bytes) -> bytes:
    """Join names and values, each pair once, in the order of their characters."""
    try:
        text = body.decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise refused(Reason.BODY_UNREADABLE) from None
    return "".join(name + value for name, value in sorted(set(pairs))).encode()


def _with_and_without_port(url: str) -> list[str]:
    match = _split_url(url)
    if match is None:
        return [url]
    scheme, separator, host, port = match.groups()
    usual = _USUAL_PORTS[scheme]
    if port not in {None, usual}:
        return [url]
    other = usual if port is None else ""
    return [url, f"{scheme}{separator}{host}{other}{url[match.end() :]}"]
