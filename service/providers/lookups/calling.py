"""One question to a vendor over HTTP: bounded in time and size, asked once, never sent on to another address."""

import base64
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from service import __version__
from service.errors import Unreadable
from service.providers.bodies import load_json
from service.providers.lookups.refusals import (
    DelayedReason,
    LookUpDelayed,
    LookUpError,
    LookUpRefused,
    RefusedReason,
)

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 10.0
READS = 3
"""A body may take as long as so many reads: a read timeout alone lets it trickle in for ever."""
LARGEST_ANSWER = 1024 * 1024
LONGEST_WAIT = 86_400.0
"""What a vendor may ask for in Retry-After, in seconds."""

_CHUNK = 65_536
_SCHEMES = ("https://", "http://")
_OK = range(200, 300)
_FOR_NOW = {
    **dict.fromkeys(range(300, 400), DelayedReason.VENDOR_AWAY),
    **dict.fromkeys((401, 403), DelayedReason.ACCESS_TOKEN_REFUSED),
    **dict.fromkeys((408, 423, 425, 477), DelayedReason.VENDOR_AWAY),
    426: DelayedReason.VERSION_RETIRED,
    429: DelayedReason.RATE_LIMITED,
    **dict.fromkeys(range(500, 600), DelayedReason.VENDOR_AWAY),
}
"""An API that wants to be asked elsewhere has moved, or `api_url` has a slip: either can be mended.

477 is HubSpot's word for an account that is being moved.
"""
_SAID = {
    DelayedReason.VENDOR_AWAY: "the vendor's API can't answer now",
    DelayedReason.ACCESS_TOKEN_REFUSED: "the vendor refused the access token",
    DelayedReason.VERSION_RETIRED: "the vendor no longer serves the version of its API that was asked",
    DelayedReason.RATE_LIMITED: "the vendor was asked too often",
}
_GONE = frozenset({404, 410})
_is_token = re.compile(r"[\x21-\x7e]{1,4000}").fullmatch
_is_seconds = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?").fullmatch

_pool = urllib3.PoolManager(num_pools=20, maxsize=8, retries=False)
"""Shared by threads; it keeps connections and no tokens."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_ok(self) -> bool:
        return self.status in _OK

    def document(self) -> dict[str, Any]:
        """Return the JSON object of the body; raises LookUpRefused."""
        if len(self.body) > LARGEST_ANSWER:
            raise _unreadable(f"is over {LARGEST_ANSWER} bytes")
        try:
            document = load_json(self.body)
        except Unreadable:
            raise _unreadable("is no JSON that can be read") from None
        if not isinstance(document, dict):
            raise _unreadable("is no JSON object")
        return document


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks one vendor with one access token."""

    base: str
    token: str = field(repr=False)
    authorization: str = field(repr=False)
    read_timeout: float = READ_TIMEOUT

    def get(self, path: str, query: Mapping[str, str] | None = None, **headers: str) -> dict[str, Any]:
        """Return the object that stands at a path; raises LookUpError. `Api_Version` stands for `Api-Version`."""
        answer = self.request(path, query, **headers)
        if not answer.is_ok:
            raise failure(answer)
        return answer.document()

    def request(self, path: str, query: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """Return the answer whatever its status; raises LookUpDelayed when there is none."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.fetch(self.base + path, query, {"Authorization": self.authorization, **named})

    def fetch(self, url: str, query: Any, headers: Mapping[str, str]) -> Answer:
        """Do what `request` does for a whole URL, with all headers but our own name."""
        named = {**headers, "Accept": "application/json", "User-Agent": f"marketable/{__version__}"}
        if not url.startswith(_SCHEMES):
            raise _away("has no address that begins with https://")
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=self.read_timeout)
        try:
            response = _pool.request(
                "GET",
                url,
                fields=query,
                headers=named,
                timeout=timeout,
                redirect=False,
                preload_content=False,
            )
            with response:
                return Answer(response.status, response.headers, _read(response, READS * self.read_timeout))
        except HTTPError:
            raise _away("can't be reached") from None


def authorization(token: str, *, basic: bool) -> str:
    """Return the header's value; raises LookUpDelayed for a token that is missing or can't be one."""
    if not token:
        raise LookUpDelayed(DelayedReason.ACCESS_TOKEN_MISSING, "the endpoint has no access token")
    if _is_token(token) is None or (basic and ":" not in token):
        shape = "of the form user:password" if basic else "a token"
        raise LookUpDelayed(DelayedReason.ACCESS_TOKEN_REFUSED, f"the access token is not {shape}")
    return f"Basic {base64.b64encode(token.encode()).decode()}" if basic else f"Bearer {token}"


def failure(answer: Answer) -> LookUpError:
    """Return what a status that is not 2xx means."""
    status = answer.status
    passing = _FOR_NOW.get(status)
    if passing is not None:
        return delayed(passing, answer)
    if status in _GONE:
        return LookUpRefused(RefusedReason.NOT_FOUND, f"the vendor knows nobody by this id ({status})")
    return LookUpRefused(RefusedReason.REFUSED, f"the vendor refused the question ({status})")


def delayed(reason: DelayedReason, answer: Answer) -> LookUpDelayed:
    """Return what the vendor meant, with the time that it asks for."""
    return LookUpDelayed(reason, f"{_SAID[reason]} ({answer.status})", retry_after(answer.headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a vendor asks for; a date is read against the answer's own date."""
    text = headers.get("Retry-After", "").strip()
    if _is_seconds(text):
        return min(float(text), LONGEST_WAIT)
    try:
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("Date", ""))
        seconds = (until - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _read(response: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
    """Return the body; of one that is too large the beginning, one byte longer than what is allowed."""
    body = bytearray()
    end = time.monotonic() + seconds
    while len(body) <= LARGEST_ANSWER:
        chunk = response.read1(_CHUNK, decode_content=False)
        if not chunk:
            break
        body += chunk
        if time.monotonic() > end:
            raise _away("is too slow")
    return bytes(body[: LARGEST_ANSWER + 1])


def _away(what: str) -> LookUpDelayed:
    return LookUpDelayed(DelayedReason.VENDOR_AWAY, f"the vendor's API {what}")


def _unreadable(what: str) -> LookUpRefused:
    return LookUpRefused(RefusedReason.UNREADABLE_ANSWER, f"the vendor's answer {what}")
