"""How digests are written as text."""

import base64
import enum


class Encoding(enum.StrEnum):
    HEX = "hex"
    BASE64 = "base64"

    def write(self, digest: bytes) -> str:
        return digest.hex() if self is Encoding.HEX else base64.b64encode(digest).decode()

    def read(self, text: str) -> bytes:
        """Return the bytes; raises ValueError unless the text is exactly how they are written (hex in any case)."""
        digest = bytes.fromhex(text) if self is Encoding.HEX else base64.b64decode(text, validate=True)
        if self.write(digest) != (text.lower() if self is Encoding.HEX else text):
            raise ValueError("not the only spelling of these bytes")
        return digest


def encode_base64url(data: bytes) -> str:
    """Return the unpadded form of RFC 7515."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Return the bytes of an unpadded text; raises ValueError unless it is their only spelling."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encode_base64url(data) != text:
        raise ValueError("not the only spelling of these bytes")
    return data
