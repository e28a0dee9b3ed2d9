"""Asks a captcha's service whether a person filled in a form.

No lead is lost for a service that is away, or that refuses the endpoint's secret: what can't be checked counts as
solved, and the log says so. A repeat of one request is judged as it was at first, for a captcha's answer is good
only once.
"""

import re
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import ip_address
from typing import Any

import structlog
import urllib3
from urllib3.exceptions import HTTPError

from service import __version__
from service.delivery import Delivery
from service.documents import loads
from service.domain.endpoints import Captcha, Endpoint

TIMEOUT = 3.0
"""Seconds that a visitor may have to wait, for all of it."""
LARGEST_REPLY = 65_536
"""Of the service, in bytes."""
MOST_AT_ONCE = 64
REMEMBERED_FOR = 600.0
"""Seconds; after them the same content counts as another submission anyhow (rule 14)."""
MOST_REMEMBERED = 10_000
_CHUNK = 16_384
_MOST_CODES = 10
_OUR_FAULTS = frozenset({"missing-input-secret", "invalid-input-secret", "internal-error"})
"""Of the codes of both services those that no visitor can bring about."""
_is_answer = re.compile(r"[\x21-\x7e]{1,16384}").fullmatch
_is_code = re.compile(r"[a-z-]{1,60}").fullmatch

log = structlog.get_logger()

_connections = urllib3.PoolManager(num_pools=10, maxsize=8, retries=False)
_askers = ThreadPoolExecutor(MOST_AT_ONCE, "captcha")
"""urllib3's timeouts leave out the look-up of the service's address; waiting for a thread does not."""


@dataclass(frozen=True, slots=True)
class _Service:
    base: str
    path: str
    takes_idempotency_key: bool = False


_SERVICES: Mapping[Captcha, _Service] = {
    Captcha.TURNSTILE: _Service(
        "https://challenges.cloudflare.com", "/turnstile/v0/siteverify", takes_idempotency_key=True
    ),
    Captcha.HCAPTCHA: _Service("https://api.hcaptcha.com", "/siteverify"),
}


class Solved:
    """Requests whose captcha was solved, for a while; safe for threads. `now` is in seconds, of any clock."""

    def __init__(self) -> None:
        self._until: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def knows(self, key: bytes, now: float) -> bool:
        return now < self._until.get(key, float("-inf"))

    def add(self, key: bytes, now: float) -> None:
        with self._lock:
            while len(self._until) >= MOST_REMEMBERED:
                del self._until[next(iter(self._until))]
            self._until[key] = now + REMEMBERED_FOR


_solved = Solved()


def is_solved(endpoint: Endpoint, answer: str | None, delivery: Delivery) -> bool:
    """Whether the endpoint's captcha was solved, or nobody can say; `answer` is what its widget gave the form."""
    if answer is None or _is_answer(answer) is None:
        return False
    key = key_of(endpoint, answer, delivery)
    if _solved.knows(key, time.monotonic()):
        return True
    reply = _ask(endpoint, answer, delivery, key)
    if reply.get("success") is True:
        _solved.add(key, time.monotonic())
        return True
    return _is_unchecked(endpoint, reply)


def key_of(endpoint: Endpoint, answer: str, delivery: Delivery) -> bytes:
    """Return what stands for one request, its answer to the captcha included: 16 bytes."""
    return blake2b(
        b"%d %b %b" % (endpoint.id, answer.encode(), delivery.body),
        digest_size=16,
        key=endpoint.captcha_secret.encode()[:64],
    ).digest()


def _is_unchecked(endpoint: Endpoint, reply: Mapping[str, Any]) -> bool:
    """Whether the reply says nothing of the visitor; False when it says that the answer is wrong."""
    codes = _codes(reply)
    if reply.get("success") is False and _OUR_FAULTS.isdisjoint(codes):
        log.info("captcha_refused", endpoint=endpoint.id, codes=codes)
        return False
    log.warning("captcha_not_checked", endpoint=endpoint.id, cause=reply.get("cause"), codes=codes)
    return True


def _codes(reply: Mapping[str, Any]) -> list[str]:
    codes = reply.get("error-codes")
    texts = codes if isinstance(codes, list) else []
    return [code for code in texts[:_MOST_CODES] if isinstance(code, str) and _is_code(code)]


def _ask(endpoint: Endpoint, answer: str, delivery: Delivery, key: bytes) -> Mapping[str, Any]:
    """Return the service's reply; one with a `cause` only when there is none that can be read."""
    service = _SERVICES[endpoint.options.captcha]
    fields = {"secret": endpoint.captcha_secret, "response": answer}
    if _is_address(delivery.remote_address):
        fields["remoteip"] = delivery.remote_address
    if service.takes_idempotency_key:
        fields["idempotency_key"] = str(uuid.UUID(bytes=key))
    url = (endpoint.options.api_url or service.base).rstrip("/") + service.path
    asked = _askers.submit(_post, url, fields)
    try:
        reply = loads(asked.result(TIMEOUT))
    except (HTTPError, TimeoutError) as error:
        asked.cancel()
        return {"cause": type(error).__name__}
    except ValueError:
        return {"cause": "unreadable"}
    return reply if isinstance(reply, dict) else {"cause": "unreadable"}


def _post(url: str, fields: Mapping[str, str]) -> bytes:
    """Return the body of the answer, whatever its status: the services tell what was wrong with any."""
    end = time.monotonic() + TIMEOUT
    body = bytearray()
    with _connections.request(
        "POST",
        url,
        fields=fields,
        encode_multipart=False,
        headers={"Accept": "application/json", "User-Agent": f"marketable/{__version__}"},
        timeout=urllib3.Timeout(total=TIMEOUT),
        redirect=False,
        preload_content=False,
    ) as response:
        while len(body) <= LARGEST_REPLY and (chunk := response.read1(_CHUNK, decode_content=False)):
            body += chunk
            if time.monotonic() > end:
                raise TimeoutError
    return bytes(body[: LARGEST_REPLY + 1])


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False
