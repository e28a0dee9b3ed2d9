"""Signing schemes as data: one description verifies what a provider sends, and signs as the provider does."""

from service.errors import InvalidSignature
from service.signatures.keys import SecretPair
from service.signatures.reading import read_scheme, read_signature
from service.signatures.reading_common import KEYS, Kind
from service.signatures.refusals import SENTENCES, Reason
from service.signatures.schemes import (
    NO_SCHEME,
    Scheme,
    check_secret,
    new_secret,
    sign,
    sign_challenge,
    verify,
)

__all__ = [
    "KEYS",
    "NO_SCHEME",
    "SENTENCES",
    "InvalidSignature",
    "Kind",
    "Reason",
    "Scheme",
    "SecretPair",
    "check_secret",
    "new_secret",
    "read_scheme",
    "read_signature",
    "sign",
    "sign_challenge",
    "verify",
]
