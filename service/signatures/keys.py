"""How a stored secret becomes the bytes of a key."""

import base64
import enum
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

NEW_KEY_SIZE = 32
"""Bytes of a key made here."""


class SecretPair(NamedTuple):
    """A secret made here: what a sender signs with and what is stored to verify. Mostly they are the same."""

    signing: str
    verifying: str


class KeyForm(enum.StrEnum):
    UTF8 = "utf8"
    BASE64 = "base64"
    HEX = "hex"
    JOINED = "joined"
    """Several texts with a separator between them, stored as one secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """How the stored text is to be read; a message about it never repeats it."""

    form: KeyForm = KeyForm.UTF8
    prefix: str = ""
    """Taken off before the rest is decoded; a secret without it is read as well."""
    parts: tuple[str, ...] = ()
    """What the user has to give, part by part, of a joined secret."""
    separator: str = "&"

    def read(self, secret: str) -> bytes:
        """Return the key; raises ValueError with what is wrong with the secret."""
        key = self._decode(secret.removeprefix(self.prefix))
        if not key:
            raise ValueError("is empty")
        return key

    def _decode(self, text: str) -> bytes:
        if self.form is KeyForm.HEX:
            return _or_fault(bytes.fromhex, text, f"is not hex digits{self._after_prefix}")
        if self.form is KeyForm.BASE64:
            return _or_fault(_decode_base64, text, f"is not base64{self._after_prefix}")
        if self.form is KeyForm.JOINED:
            given = text.split(self.separator, len(self.parts) - 1)
            if len(given) < len(self.parts) or not all(given):
                raise ValueError(f"is not {self.separator.join(self.parts)}")
        return _or_fault(str.encode, text, "is no text")

    @property
    def _after_prefix(self) -> str:
        return f" after {self.prefix!r}" if self.prefix else ""

    def make(self) -> str:
        """Return a new random secret in this form."""
        if self.form is KeyForm.HEX:
            return self.prefix + secrets.token_hex(NEW_KEY_SIZE)
        if self.form is KeyForm.BASE64:
            return self.prefix + base64.b64encode(secrets.token_bytes(NEW_KEY_SIZE)).decode()
        return self.separator.join(secrets.token_urlsafe(NEW_KEY_SIZE) for _ in self.parts or ("secret",))


PLAIN_KEY = Key()
"""The secret as it stands."""


def _decode_base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _or_fault(decode: Callable[[str], bytes], text: str, fault: str) -> bytes:
    try:
        return decode(text)
    except ValueError:
        raise ValueError(fault) from None
