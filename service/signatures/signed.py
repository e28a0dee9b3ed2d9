"""A signature over bytes of the request, beside a time or an id that it covers as well: most providers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from service.delivery import Delivery
from service.errors import InvalidInput
from service.signatures.algorithms import Algorithm, Signer
from service.signatures.encodings import Encoding
from service.signatures.keys import SecretPair
from service.signatures.refusals import Reason, refused
from service.signatures.templates import BARE_FORM, HeaderForm, Slot, Template
from service.signatures.times import SignedTime
from service.signatures.ways import HeaderWay, as_bytes, one_header, usable


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed(HeaderWay):
    algorithm: Algorithm
    form: HeaderForm = BARE_FORM
    encoding: Encoding = Encoding.HEX
    templates: tuple[Template, ...]
    """Each is tried, for senders of whom it isn't sure; the first is what is signed here."""
    time: SignedTime | None = None
    id_header: str = ""
    unescape: str = ""
    """Characters that the sender takes as themselves where the URL has them percent-escaped."""

    def prove(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """Raise InvalidSignature; the age of a time is told only of a signature that is right."""
        text = one_header(delivery, self.header, Reason.SIGNATURE_MISSING)
        written, listed_time = self.form.read(text)
        signatures = self._decode(written)
        values = self._values(delivery)
        if self.id_header:
            values[Slot.ID] = one_header(delivery, self.id_header, Reason.SIGNATURE_MISSING).encode()
        seconds = None
        if self.time is not None:
            time_text = self._time_text(delivery, listed_time)
            values[Slot.TIMESTAMP] = time_text.encode()
            seconds = self.time.read(time_text)
        if not self._matches(values, secrets, signatures):
            raise refused(Reason.SIGNATURE_WRONG)
        if self.time is not None:
            self.time.check(seconds, now)

    def sign(self, delivery: Delivery, secret: str, now: datetime, delivery_id: str) -> Delivery:
        signer = self.algorithm.signer(secret)
        timestamp = self.time.write(now) if self.time else ""
        delivery = self.with_marks(delivery)
        values = self._values(delivery) | {Slot.TIMESTAMP: timestamp.encode(), Slot.SECRET: secret.encode()}
        if self.id_header:
            values[Slot.ID] = _check_id(delivery_id).encode()
            delivery = delivery.with_header(self.id_header, delivery_id)
        if self.time and self.time.header:
            delivery = delivery.with_header(self.time.header, timestamp)
        signature = self.encoding.write(signer(self.templates[0].render(values)))
        return delivery.with_header(self.header, self.form.write(signature, timestamp))

    def sign_text(self, text: str, secret: str) -> str:
        """Return the bare signature of a text; raises ValueError for a secret that can't sign."""
        signer: Signer = self.algorithm.signer(secret)
        return self.encoding.write(signer(as_bytes(text)))

    def check_secret(self, secret: str) -> None:
        self.algorithm.prover(secret)

    def new_secret(self) -> SecretPair:
        return self.algorithm.new_secret()

    @property
    def secret_parts(self) -> tuple[str, ...]:
        return self.algorithm.secret_parts

    def _decode(self, texts: Sequence[str]) -> list[bytes]:
        signatures = [signature for text in texts for signature in self._decode_one(text)]
        if not signatures:
            raise refused(Reason.SIGNATURE_MALFORMED)
        return signatures

    def _decode_one(self, text: str) -> Iterator[bytes]:
        """Yield the signature, or nothing: of several, one that is written wrong does not spoil the others."""
        try:
            signature = self.encoding.read(text)
        except ValueError:
            return
        if self.algorithm.fits(signature):
            yield signature

    def _time_text(self, delivery: Delivery, listed: str | None) -> str:
        if self.time is not None and self.time.header:
            return one_header(delivery, self.time.header, Reason.TIMESTAMP_MISSING)
        if not listed:
            raise refused(Reason.TIMESTAMP_MISSING)
        return listed

    def _values(self, delivery: Delivery) -> dict[Slot, bytes]:
        return {
            Slot.BODY: delivery.body,
            Slot.METHOD: as_bytes(delivery.method),
            Slot.URL: as_bytes(_unescape(delivery.url, self.unescape)),
        }

    def _matches(
        self, values: dict[Slot, bytes], secrets: Sequence[str], signatures: Sequence[bytes]
    ) -> bool:
        for secret, is_right in usable(self.algorithm, secrets):
            values[Slot.SECRET] = secret.encode()
            messages = [template.render(values) for template in self.templates]
            if any(is_right(message, signature) for message in messages for signature in signatures):
                return True
        return False


def _unescape(url: str, characters: str) -> str:
    """Undo the percent-escapes of these characters, in either case, and of no others."""
    for character in characters if "%" in url else "":
        url = re.sub(quote(character, safe=""), character, url, flags=re.IGNORECASE)
    return url


def _check_id(delivery_id: str) -> str:
    if not delivery_id or not delivery_id.isascii() or not delivery_id.isprintable():
        raise InvalidInput(
            "the delivery's id can't stand in a header",
            field="delivery_id",
            mend="use printable ASCII characters",
        )
    return delivery_id
