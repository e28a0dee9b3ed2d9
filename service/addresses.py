"""E-mail addresses in the one spelling that contacts are found by."""

import re

from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email

LONGEST_ADDRESS = 254
"""RFC 5321, in bytes: a path of 256 less its angle brackets."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ordinary_address = re.compile(
    rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?:[a-z0-9](?:[a-z0-9-]{{0,61}})?)?[a-z]"
).fullmatch
_RESERVED = tuple(f".{domain}" for domain in SPECIAL_USE_DOMAIN_NAMES if domain != "test")


def normalise_email(text: str) -> str | None:
    """Return the address trimmed, in lower case and with its domain in ASCII, or None when it is no address.

    No look-up is made. Domains reserved for tests (`example.test`) are taken, other reserved ones are not.
    """
    address = text.strip().lower()
    if len(address) > LONGEST_ADDRESS:
        return None
    return address if is_ordinary(address) else normalise_unusual(address)


def is_ordinary(address: str) -> bool:
    """Whether a trimmed lower-case address is plainly right; False says nothing, the slow way has to look.

    Two dashes in a row are left to the slow way: they may begin an internationalised domain.
    """
    return _ordinary_address(address) is not None and "--" not in address and not address.endswith(_RESERVED)


def normalise_unusual(address: str) -> str | None:
    """Do for any trimmed lower-case address what `is_ordinary` spares the ordinary ones."""
    try:
        parts = validate_email(address, check_deliverability=False, test_environment=True, strict=True)
    except ValueError:
        return None
    return f"{parts.local_part}@{parts.ascii_domain}".lower()
