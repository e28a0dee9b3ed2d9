"""Turns a request into a delivery: the raw bytes, the headers, and the address as the sender used it."""

from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from service.delivery import Delivery
from service.web.hubspot.requests import Environment

_SAFE_IN_PATH = "/:@!$&'()*+,;=~-._%"
_FIRST = "HTTP_"
_WITHOUT_PREFIX = ("CONTENT_TYPE", "CONTENT_LENGTH")


def make_delivery(environment: Environment, body: bytes, public_url: str, now: datetime) -> Delivery:
    """Return what was sent; `public_url` is the setting, which proxies can't garble."""
    headers = [(_header_name(key), value) for key, value in environment.items() if key[:5] == _FIRST]
    headers += [(_header_name(key), environment[key]) for key in _WITHOUT_PREFIX if environment.get(key)]
    return Delivery(
        method=environment["REQUEST_METHOD"],
        url=_origin(environment, public_url) + _target(environment),
        headers=tuple(headers),
        body=body,
        received_at=now,
        remote_address=environment.get("REMOTE_ADDR") or "",
    )


def _origin(environment: Environment, public_url: str) -> str:
    if public_url:
        return public_url
    scheme = environment["wsgi.url_scheme"]
    host = environment.get("HTTP_HOST") or f"{environment['SERVER_NAME']}:{environment['SERVER_PORT']}"
    return f"{scheme}://{host}"


def _target(environment: Environment) -> str:
    """Return path and query as they were sent where the server tells, else as they are usually written."""
    raw: str = environment.get("RAW_URI") or environment.get("REQUEST_URI") or ""
    if raw.startswith("/"):
        return raw
    path = quote(environment.get("PATH_INFO", "").encode("latin-1"), safe=_SAFE_IN_PATH)
    query = environment.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


@lru_cache(maxsize=500)
def _header_name(key: str) -> str:
    return key.removeprefix(_FIRST).replace("_", "-").title()
