"""Which pages may submit to an endpoint, and which may read its answers."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from service.delivery import Delivery
from service.domain.endpoints import Endpoint
from service.web.urls import WebUrl, read_url

ALL_ORIGINS: Mapping[str, str] = {"Access-Control-Allow-Origin": "*"}
_BY_ORIGIN: Mapping[str, str] = {"Vary": "Origin"}
_NOTHING: Mapping[str, str] = {}
_WILDCARD = "*."


def page_of(delivery: Delivery) -> WebUrl | None:
    """Return the page that a browser tells of; its origin only, where the page's own policy hides the rest."""
    for name in ("Referer", "Origin"):
        found = read_url(delivery.header(name) or "")
        if found is not None:
            return found
    return None


def origin_of(delivery: Delivery) -> WebUrl | None:
    """Return the origin of the page; `Origin: null` tells as little as none."""
    origin = delivery.header("Origin") or "null"
    return page_of(delivery) if origin == "null" else read_url(origin)


def is_trusted(endpoint: Endpoint, delivery: Delivery) -> bool:
    """Whether the page may submit: all may when the endpoint names none, and else none that hides its origin."""
    allowed = endpoint.options.allowed_origins
    if not allowed:
        return True
    origin = origin_of(delivery)
    return origin is not None and _is_among(origin, allowed)


def origin_headers(endpoint: Endpoint | None, origin: str | None) -> Mapping[str, str]:
    """Return what lets pages of an allowed origin read the answer; without an endpoint, all may."""
    allowed = endpoint.options.allowed_origins if endpoint is not None else ()
    if not allowed:
        return ALL_ORIGINS if origin else _NOTHING
    page = read_url(origin or "")
    if page is None or not _is_among(page, allowed):
        return _BY_ORIGIN
    return {"Access-Control-Allow-Origin": page.origin, **_BY_ORIGIN}


def is_host_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Whether a host is listed, or is below one that is listed as `*.example.com`."""
    return any(host.endswith(each[1:]) if each.startswith(_WILDCARD) else host == each for each in allowed)


def _is_among(page: WebUrl, allowed: Sequence[str]) -> bool:
    return any(_is_meant(page, _read_allowed(each)) for each in allowed)


def _is_meant(page: WebUrl, allowed: WebUrl | None) -> bool:
    if allowed is None or (page.scheme, page.port) != (allowed.scheme, allowed.port):
        return False
    return is_host_allowed(page.host, [allowed.host])


@lru_cache(maxsize=1_000)
def _read_allowed(origin: str) -> WebUrl | None:
    """Return an origin of the options; the host of `https://*.example.com` keeps its wildcard."""
    scheme, _, host = origin.partition("://")
    found = read_url(f"{scheme}://{host.removeprefix(_WILDCARD)}")
    if found is None or not host.startswith(_WILDCARD):
        return found
    return WebUrl(found.scheme, _WILDCARD + found.host, found.port, found.rest)
