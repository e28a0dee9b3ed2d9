"""Web addresses as strangers write them: understood in one way only, and written anew from their parts."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit

LONGEST_URL = 2_000
"""In characters."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_KEPT_IN_PATHS = "!#$%&'()*+,/:;=?@[]~-._"
_is_doubtful = re.compile(r"[\x00-\x20\x7f\\]").search
_has_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:").match
_is_host = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?").fullmatch


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An address of a page, over http or https."""

    scheme: str
    host: str
    """Lower case and ASCII; an IPv6 address is in brackets."""
    port: int | None
    """None for the one that the scheme has by itself."""
    rest: str
    """Path, query and fragment: empty, or begins with `/`, `?` or `#`."""

    @property
    def origin(self) -> str:
        """As browsers write it."""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    def __str__(self) -> str:
        """Pure ASCII."""
        return self.origin + self.rest


def read_url(text: str) -> WebUrl | None:
    """Return the address; None for what is no web address, or might be read differently by a browser.

    Control characters, spaces, backslashes, user names and hosts that are not in ASCII are such.
    """
    if len(text) > LONGEST_URL or _is_doubtful(text):
        return None
    try:
        parts = urlsplit(text)
        host, port = _read_host(parts.hostname or ""), parts.port
        rest = quote(text.partition("//")[2][len(parts.netloc) :], safe=_KEPT_IN_PATHS)
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or host is None or "@" in parts.netloc:
        return None
    return WebUrl(parts.scheme, host, None if port == _DEFAULT_PORTS[parts.scheme] else port, rest)


def resolve(text: str, base: WebUrl | None) -> WebUrl | None:
    """Return the address that a page at `base` means; None as `read_url`."""
    if base is None or _has_scheme(text):
        return read_url(text)
    if len(text) > LONGEST_URL or _is_doubtful(text) or text.startswith("///"):
        return None
    try:
        return read_url(urljoin(str(base), text))
    except ValueError:
        return None


def _read_host(host: str) -> str | None:
    """Return the host as addresses write it, None for what is none; raises ValueError."""
    if ":" in host:
        return f"[{IPv6Address(host)}]"
    return host if _is_host(host) else None
