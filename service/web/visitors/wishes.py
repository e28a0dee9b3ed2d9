"""What a request wants back: a page for a person, or JSON for a script."""

from functools import lru_cache

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from service.delivery import Delivery

LONGEST_ACCEPT = 1_000
"""In characters; browsers send less than 200."""
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_JSON = "application/json"


def wants_page(delivery: Delivery) -> bool:
    """Whether a browser will show the answer to a person.

    A browser that goes to a page asks for HTML by name. A script does not, or its browser says that it is one
    (`Sec-Fetch-Mode`), or it says so itself.
    """
    if (delivery.header("Sec-Fetch-Mode") or "navigate") != "navigate":
        return False
    if (delivery.header("X-Requested-With") or "").lower() == "xmlhttprequest" or _is_json(delivery):
        return False
    html, json = _wishes(",".join(delivery.headers_named("Accept"))[:LONGEST_ACCEPT])
    return html > json


def _is_json(delivery: Delivery) -> bool:
    return delivery.media_type == _JSON or delivery.media_type.endswith("+json")


@lru_cache(maxsize=256)
def _wishes(header: str) -> tuple[float, float]:
    """Return how much HTML and JSON are wanted, by their names; 0 for not at all."""
    wanted = [(name.lower(), quality) for name, quality in parse_accept_header(header, MIMEAccept)]
    html = max((quality for name, quality in wanted if name in _PAGES), default=0.0)
    return html, max((quality for name, quality in wanted if name == _JSON), default=0.0)
