"""The kinds of ways, the keys that each reads, and how the keys are read that several kinds share."""

import enum
import re
from collections.abc import Mapping

from service.domain.reading import Reader
from service.signatures.times import DEFAULT_TOLERANCE


class Kind(enum.StrEnum):
    """The value of the key `kind`."""

    NONE = "none"
    HMAC = "hmac"
    HASH = "hash"
    RSA = "rsa"
    ED25519 = "ed25519"
    JWT_BODY_HASH = "jwt-body-hash"
    SORTED_PARAMETERS = "sorted-parameters"
    EQUAL = "equal"


_COMMON = frozenset({"kind", "when"})
_SIGNED = _COMMON | {"header", "form", "separator", "encoding", "signed", "unescape", "id_header"}
_SIGNED |= {"timestamp_header", "timestamp_unit", "tolerance"}
KEYS: Mapping[Kind, frozenset[str]] = {
    Kind.NONE: frozenset({"kind"}),
    Kind.HMAC: _SIGNED | {"hash", "key", "key_prefix", "key_parts", "key_separator"},
    Kind.HASH: _SIGNED | {"hash"},
    Kind.RSA: _SIGNED | {"hash"},
    Kind.ED25519: _SIGNED,
    Kind.JWT_BODY_HASH: _COMMON | {"header", "issuer", "claim", "tolerance"},
    Kind.SORTED_PARAMETERS: _COMMON | {"header", "hash", "encoding", "body_hash_query"},
    Kind.EQUAL: _COMMON | {"place", "name"},
}
"""What each kind reads, beside `ways` and `optional`, which are the whole scheme's."""

_is_header_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}").fullmatch


def read_needed(reader: Reader, key: str, mend: str) -> str:
    """Read a text that must be there and hold something."""
    noted = len(reader.mistakes)
    text = reader.text(key)
    if not text and len(reader.mistakes) == noted:
        reader.note(key, "is missing", mend)
    return text


def read_header_name(reader: Reader, key: str) -> str:
    name = read_needed(reader, key, "write a header's name")
    if name and not _is_header_name(name):
        reader.note(key, f"is {name[:50]!r}", "write a header's name, without spaces and colon")
    return name


def read_when(reader: Reader) -> tuple[tuple[str, str], ...]:
    headers = reader.child("when")
    for name in headers.document:
        if not _is_header_name(name):
            headers.note(name, "is no header's name", "write it without spaces and colon")
    return tuple((name, read_needed(headers, name, "write the header's value")) for name in headers.document)


def read_tolerance(reader: Reader) -> int:
    tolerance = reader.whole("tolerance")
    return DEFAULT_TOLERANCE if tolerance is None else tolerance
